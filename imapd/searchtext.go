package imapd

import (
	"strings"
	"time"

	"gomail/message"
)

// textKey reads a condition on text. Text is compared in Unicode without
// regard to case, after encoded words, transfer encodings and charsets are
// undone.
func (p *searchParser) textKey(word string) (searchKey, bool) {
	switch word {
	case "SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "TEXT", "HEADER":
	default:
		return searchKey{}, false
	}
	dec := &p.s.dec
	dec.Space()
	field := ""
	if word == "HEADER" {
		field = dec.Astring()
		dec.Space()
	}
	needle := fold(dec.Astring())
	switch word {
	case "BODY":
		return searchKey{costContent, func(c *candidate) (bool, error) { return c.bodyContains(needle) }}, true
	case "TEXT":
		return searchKey{costContent, func(c *candidate) (bool, error) { return c.textContains(needle) }}, true
	case "HEADER":
		return headerKey(field, needle), true
	}
	if word == "SUBJECT" {
		return searchKey{costRow, func(c *candidate) (bool, error) { return c.subjectContains(needle) }}, true
	}
	return searchKey{costRow, func(c *candidate) (bool, error) {
		e, err := c.envelope()
		return err == nil && strings.Contains(envelopeText(e, word), needle), err
	}}, true
}

// headerKey looks into the message's header; what stands in the row already
// spares that.
func headerKey(field, needle string) searchKey {
	if upper(field) == "MESSAGE-ID" && needle != "" {
		return searchKey{costRow, func(c *candidate) (bool, error) {
			e, err := c.envelope()
			return err == nil && strings.Contains(fold(e.MessageID), needle), err
		}}
	}
	if upper(field) == "SUBJECT" && needle != "" {
		return searchKey{costRow, func(c *candidate) (bool, error) {
			if !c.hasSubjectOnce() {
				return c.headerContains(field, needle)
			}
			return c.subjectContains(needle)
		}}
	}
	return searchKey{costContent, func(c *candidate) (bool, error) { return c.headerContains(field, needle) }}
}

// envelopeText returns a field of the envelope, decoded and folded.
func envelopeText(e *message.Envelope, word string) string {
	switch word {
	case "FROM":
		return addressText(e.From)
	case "TO":
		return addressText(e.To)
	case "CC":
		return addressText(e.Cc)
	}
	return addressText(e.Bcc)
}

func addressText(list []message.HeaderAddress) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(message.DecodeWords(a.Name))
		if a.Group == message.GroupNone {
			b.WriteString(" <" + a.Local + "@" + a.Domain + ">")
		}
		b.WriteString(", ")
	}
	return fold(b.String())
}

func fold(s string) string { return strings.ToLower(s) }

// dateKey reads a condition on a date. Dates compare without time and zone
// (RFC 9051 section 6.4.4): INTERNALDATE as it is shown, the Date field as it
// was written.
func (p *searchParser) dateKey(word string) (searchKey, bool) {
	name, sent := strings.CutPrefix(word, "SENT")
	name, saved := strings.CutPrefix(name, "SAVED")
	switch name {
	case "BEFORE", "ON", "SINCE":
	default:
		return searchKey{}, false
	}
	if sent && saved {
		return searchKey{}, false
	}
	p.s.dec.Space()
	day := p.s.dec.Date()
	if saved {
		return p.saveDateKey(name, day), true
	}
	return searchKey{costRow, func(c *candidate) (bool, error) {
		t := c.row.Received
		if sent {
			x, err := c.parsedIndex()
			if err != nil || x.Date.IsZero() {
				return false, err
			}
			t = x.Date
		}
		return dateMatches(name, t, day), nil
	}}, true
}

func dateMatches(name string, t, day time.Time) bool {
	on := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch name {
	case "BEFORE":
		return on.Before(day)
	case "ON":
		return on.Equal(day)
	}
	return !on.Before(day)
}

func sizeKey(limit int64, larger bool) searchKey {
	return searchKey{costRow, func(c *candidate) (bool, error) {
		if larger {
			return c.row.Size > limit, nil
		}
		return c.row.Size < limit, nil
	}}
}

// ageKey is OLDER and YOUNGER, RFC 5032.
func ageKey(limit time.Time, younger bool) searchKey {
	return searchKey{costRow, func(c *candidate) (bool, error) { return c.row.Received.After(limit) == younger, nil }}
}
