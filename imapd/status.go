package imapd

import (
	"slices"
	"strings"

	"gomail/mailbox"
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
	if err := box.Need(s.ctx, mailbox.Read); err != nil {
		return err
	}
	if slices.Contains(items, "HIGHESTMODSEQ") {
		s.enableCondstore()
	}
	return s.writeStatus(box, items)
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
	if len(items) == 0 {
		s.dec.Fail("Expected what to tell of the mailbox")
	}
	return items
}

func knownStatusItem(item string) bool {
	switch item {
	case "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "DELETED-STORAGE", "SIZE", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT":
		return true
	}
	return false
}

// writeStatus answers from the mailbox's row, but for DELETED-STORAGE (RFC
// 9208 section 5.1).
func (s *session) writeStatus(box mailbox.Box, items []string) error {
	var deleted int64
	if box.Deleted > 0 && slices.Contains(items, "DELETED-STORAGE") {
		var err error
		if deleted, err = box.DeletedBytes(s.ctx); err != nil {
			return err
		}
	}
	s.out.Text("* STATUS ")
	s.out.Mailbox(box.Path)
	s.out.Text(" (")
	for i, item := range items {
		if i > 0 {
			s.out.Text(" ")
		}
		s.out.Text(item + " ")
		switch item {
		case "MAILBOXID":
			s.out.Text("(" + mailboxID(box) + ")")
		case "DELETED-STORAGE":
			s.out.Int(deleted)
		default:
			s.out.Int(s.statusNumber(box, item))
		}
	}
	s.out.Text(")\r\n")
	return nil
}

func (s *session) statusNumber(box mailbox.Box, item string) int64 {
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
