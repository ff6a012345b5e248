package imapd

import (
	"slices"
	"strings"

	"gomail"
)

// status answers STATUS, RFC 9051 section 6.3.11.
func (s *session) status(*request) error {
	s.dec.Space()
	name, bad := s.readMailbox()
	s.dec.Space()
	items := s.readStatusItems()
	if err := s.dec.End(); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	box, err := s.user.Lookup(s.ctx, name)
	if err != nil {
		return err
	}
	if slices.Contains(items, "HIGHESTMODSEQ") {
		s.enableCondstore()
	}
	s.writeStatus(box, items)
	return nil
}

// readStatusItems reads the names of what is asked for.
func (s *session) readStatusItems() []string {
	var items []string
	s.dec.List(func() {
		item := s.dec.Word()
		if !knownStatusItem(item) {
			s.dec.Fail("Unknown STATUS item")
		}
		items = append(items, item)
	})
	return items
}

func knownStatusItem(item string) bool {
	switch item {
	case "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT":
		return true
	}
	return false
}

// writeStatus answers all from the mailbox's row.
func (s *session) writeStatus(box gomail.Mailbox, items []string) {
	s.out.Text("* STATUS ")
	s.out.Mailbox(box.Path)
	s.out.Text(" (")
	for i, item := range items {
		if i > 0 {
			s.out.Text(" ")
		}
		s.out.Text(item + " ")
		if item == "MAILBOXID" {
			s.out.Text("(" + mailboxID(box.ID) + ")")
			continue
		}
		s.out.Int(s.statusNumber(box, item))
	}
	s.out.Text(")\r\n")
}

func (s *session) statusNumber(box gomail.Mailbox, item string) int64 {
	switch item {
	case "MESSAGES":
		return box.Total
	case "UIDNEXT":
		return int64(box.UIDNext)
	case "UIDVALIDITY":
		return int64(box.UIDValidity)
	case "UNSEEN":
		return box.Unseen
	case "DELETED":
		return box.Deleted
	case "SIZE":
		return box.Bytes
	case "HIGHESTMODSEQ":
		return max(int64(box.HighestModSeq), 1)
	case "APPENDLIMIT":
		return s.cfg.MaxMessageSize
	}
	return 0 // RECENT: \Recent is not kept
}

// joinWords is for lists of attributes.
func joinWords(words []string) string { return strings.Join(words, " ") }
