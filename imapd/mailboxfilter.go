package imapd

import (
	"strings"

	"gomail"
	"gomail/mailbox"
)

// mailboxFilter says which mailboxes are meant: filter-mailboxes of RFC 5465
// section 6, with subtree-one of RFC 7377 section 2.2.
type mailboxFilter struct {
	kind  string   // in upper case: "SUBTREE"
	paths []string // of SUBTREE, SUBTREE-ONE and MAILBOXES
}

// maxFilterPaths is how many mailboxes a filter may name.
const maxFilterPaths = 1000

// selects reports whether it means the mailbox that is open.
func (f mailboxFilter) selects() bool { return strings.HasPrefix(f.kind, "SELECTED") }

// readMailboxFilter reads a filter. Names that are none mean no mailbox, as
// those of mailboxes that do not exist.
func (s *session) readMailboxFilter() mailboxFilter {
	f := mailboxFilter{kind: s.dec.Word()}
	switch f.kind {
	case "SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED":
		return f
	case "SUBTREE", "SUBTREE-ONE", "MAILBOXES":
	default:
		s.dec.Fail("Unknown specifier of mailboxes")
		return f
	}
	s.dec.Space()
	read := func() {
		if path, bad := s.readMailbox(); bad == nil {
			f.paths = append(f.paths, path)
		}
		if len(f.paths) > maxFilterPaths {
			s.dec.Fail("Too many mailboxes")
		}
	}
	if s.dec.Peek() == '(' {
		s.dec.List(read)
	} else {
		read()
	}
	return f
}

// covers reports whether a mailbox is meant. The one that is open is meant by
// its name here, too.
func (f mailboxFilter) covers(box mailbox.Box) bool {
	switch f.kind {
	case "PERSONAL":
		return !box.Shared()
	case "INBOXES": // where deliveries go
		return !box.Shared() && (box.Role == gomail.RoleInbox || box.Role == gomail.RoleJunk)
	case "SUBSCRIBED":
		return box.Subscribed
	}
	for _, path := range f.paths {
		below, under := strings.CutPrefix(box.Path, path)
		switch {
		case !under:
		case below == "":
			return true
		case f.kind == "MAILBOXES" || below[0] != gomail.MailboxSeparator:
		case f.kind == "SUBTREE" || !strings.Contains(below[1:], string(gomail.MailboxSeparator)):
			return true
		}
	}
	return false
}

// coveredBy reports whether one of the filters means the mailbox.
func coveredBy(filters []mailboxFilter, box mailbox.Box) bool {
	for _, f := range filters {
		if f.covers(box) {
			return true
		}
	}
	return false
}
