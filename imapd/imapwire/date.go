package imapwire

import (
	"strings"
	"time"
)

const (
	dateLayout     = "2-Jan-2006"
	dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"
)

// Date reads a date such as 1-Apr-2026, quoted or not, as that day in UTC.
func (d *Decoder) Date() time.Time {
	t, err := time.Parse(dateLayout, d.Astring())
	if err != nil {
		d.Fail("Expected a date such as 1-Apr-2026")
	}
	return t
}

// DateTime reads a date-time such as " 1-Apr-2026 10:20:30 +0200".
func (d *Decoder) DateTime() time.Time {
	t, err := time.Parse("2-Jan-2006 15:04:05 -0700", strings.TrimLeft(d.String(), " "))
	if err != nil {
		d.Fail(`Expected a date and time such as " 1-Apr-2026 10:20:30 +0200"`)
	}
	return t
}

// FormatDateTime renders an INTERNALDATE, without quotes.
func FormatDateTime(t time.Time) string { return t.Format(dateTimeLayout) }
