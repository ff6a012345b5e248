package message

import (
	"strconv"
	"strings"
	"time"
)

// FormatDate renders t as a date-time of RFC 5322 section 3.3.
func FormatDate(t time.Time) string {
	return t.Format("Mon, 2 Jan 2006 15:04:05 -0700")
}

// ParseDate reads a date-time of RFC 5322 sections 3.3 and 4.3 and what is
// near it: two-digit years, missing day names, zone names, comments, missing
// seconds or zone (taken as UTC), and asctime's order. The time keeps the
// sender's offset.
func ParseDate(value string) (time.Time, bool) {
	d := dateParts{day: -1, year: -1, month: -1, hour: -1}
	for _, word := range dateWords(value) {
		d.take(word)
	}
	if d.day < 1 || d.day > 31 || d.month < 1 || d.year < 0 || d.year > 9999 {
		return time.Time{}, false
	}
	if d.hour < 0 {
		d.hour = 0
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.FixedZone("", d.offset))
	return t, true
}

// dateWords splits at white space and commas, without comments. A date is
// short: a longer value is cut.
func dateWords(value string) []string {
	if len(value) > 200 {
		value = value[:200]
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
			b.WriteByte(' ')
		case depth > 0:
		case c == ',' || c < ' ':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	return strings.Fields(b.String())
}

type dateParts struct {
	year, month, day     int
	hour, minute, second int
	offset               int // seconds east of UTC
}

// take gives a word to the part that it can only be.
func (d *dateParts) take(word string) {
	switch {
	case strings.IndexByte(word, ':') > 0:
		d.takeClock(word)
	case (word[0] == '+' || word[0] == '-') && len(word) == 5:
		if n, err := strconv.Atoi(word[1:]); err == nil && n <= 2359 && n%100 < 60 {
			d.offset = (n/100*60 + n%100) * 60
			if word[0] == '-' {
				d.offset = -d.offset
			}
		}
	case '0' <= word[0] && word[0] <= '9':
		d.takeNumber(word)
	default:
		d.takeName(word)
	}
}

func (d *dateParts) takeClock(word string) {
	fields := strings.SplitN(word, ":", 3)
	var n [3]int
	for i, f := range fields {
		f, _, _ = strings.Cut(f, ".")
		v, err := strconv.Atoi(f)
		if err != nil || v < 0 || v > 60 {
			return
		}
		n[i] = v
	}
	if n[0] < 24 && n[1] < 60 {
		d.hour, d.minute, d.second = n[0], n[1], min(n[2], 59)
	}
}

// takeNumber reads a day or a year, also joined as in "1-Jan-2026".
func (d *dateParts) takeNumber(word string) {
	if strings.Count(word, "-") == 2 {
		for _, w := range strings.Split(word, "-") {
			if w != "" {
				d.take(w)
			}
		}
		return
	}
	n, err := strconv.Atoi(word)
	switch {
	case err != nil:
	case d.day < 0 && len(word) <= 2:
		d.day = n
	case d.year < 0 && len(word) <= 4:
		d.year = fullYear(n, len(word))
	}
}

// fullYear completes years of two and three digits, RFC 5322 section 4.3.
func fullYear(n, digits int) int {
	switch {
	case digits == 3 || digits == 2 && n >= 50:
		return 1900 + n
	case digits <= 2:
		return 2000 + n
	}
	return n
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

// zoneNames are those of RFC 5322 section 4.3 that mean something.
const zoneNames = "edt-4 est-5 cdt-5 cst-6 mdt-6 mst-7 pdt-7 pst-8 "

func (d *dateParts) takeName(word string) {
	lower := strings.ToLower(word)
	if len(lower) >= 3 && d.month < 0 {
		if i := strings.Index(monthNames, lower[:3]); i >= 0 && i%3 == 0 {
			d.month = i/3 + 1
			return
		}
	}
	if i := strings.Index(zoneNames, lower); i >= 0 && i%6 == 0 && len(lower) == 3 {
		d.offset = -int(zoneNames[i+4]-'0') * 3600
	}
}
