package imapd

import (
	"log/slog"
	"strings"
	"time"

	"gomail"
	"gomail/mailbox"
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
	if p.fuzzy {
		return p.fuzzyKey(word, upper(field), needle), true
	}
	key := textKeyOf(word, field, needle)
	key.may = p.indexed(needle)
	return key, true
}

func textKeyOf(word, field, needle string) searchKey {
	switch word {
	case "BODY":
		return searchKey{cost: costContent, match: func(c *candidate) (bool, error) { return c.bodyContains(needle) }}
	case "TEXT":
		return searchKey{cost: costContent, match: func(c *candidate) (bool, error) { return c.textContains(needle) }}
	case "HEADER":
		return headerKey(field, needle)
	case "SUBJECT":
		subject := newSubjectText(needle)
		return searchKey{cost: costRow, match: func(c *candidate) (bool, error) { return c.subjectContains(&subject) }}
	}
	return searchKey{cost: costRow, match: func(c *candidate) (bool, error) {
		e, err := c.envelope()
		return err == nil && strings.Contains(envelopeText(e, word), needle), err
	}}
}

// maxIndexed is how often one search asks the text index, whose answers it
// keeps: what conditions beyond that are about is read.
const maxIndexed = 16

// indexed returns what rules messages out by the text index; nil: nothing. It
// is asked once for each account whose messages are searched, when the first of
// them is tried: until then the search may have ended.
func (p *searchParser) indexed(needle string) func(*candidate) bool {
	if p.asks++; p.asks > maxIndexed {
		return nil
	}
	s, known := p.s, map[gomail.AccountID]*mailbox.TextMatches{}
	return func(c *candidate) bool {
		box := &c.s.view.box
		matches := known[box.Owner]
		if matches == nil {
			var err error
			if matches, err = box.FindText(s.ctx, needle); err != nil {
				s.log.Warn("the text index does not answer, the messages are read", slog.Any("error", err))
			}
			known[box.Owner] = matches
		}
		return !matches.RuleOut(c.entry.Message)
	}
}

// headerKey looks into the message's header; what stands in the row already
// spares that.
func headerKey(field, needle string) searchKey {
	if upper(field) == "MESSAGE-ID" && needle != "" {
		return searchKey{cost: costRow, match: func(c *candidate) (bool, error) {
			e, err := c.envelope()
			return err == nil && strings.Contains(fold(e.MessageID), needle), err
		}}
	}
	if upper(field) == "SUBJECT" && needle != "" {
		subject := newSubjectText(needle)
		return searchKey{cost: costRow, match: func(c *candidate) (bool, error) { return c.headerSubjectContains(&subject) }}
	}
	return searchKey{cost: costContent, match: func(c *candidate) (bool, error) { return c.headerContains(field, needle) }}
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

func addressText(list []message.HeaderAddress) string { return fold(message.AddressText(list)) }

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
	if !sent {
		return entryKey(func(c *candidate) bool { return dateMatches(name, c.entry.InternalDate(), day) }), true
	}
	return searchKey{cost: costRow, match: func(c *candidate) (bool, error) {
		date, ok := message.DateOf(c.row.Index)
		if !ok {
			_, err := c.envelope() // says what is wrong
			return false, err
		}
		return !date.IsZero() && dateMatches(name, date, day), nil
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
	if larger {
		return entryKey(func(c *candidate) bool { return c.entry.Size > limit })
	}
	return entryKey(func(c *candidate) bool { return c.entry.Size < limit })
}

// ageKey is OLDER and YOUNGER, RFC 5032.
func ageKey(limit time.Time, younger bool) searchKey {
	return entryKey(func(c *candidate) bool { return c.entry.InternalDate().After(limit) == younger })
}
