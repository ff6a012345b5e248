package imapd

import "gomail/imapd/imapwire"

// takesNumbers reports whether a command names messages by their sequence
// numbers, or answers with them, which UIDONLY forbids (RFC 9586 section 3).
func takesNumbers(name string) bool {
	switch name {
	case "FETCH", "STORE", "SEARCH", "SORT", "THREAD", "COPY", "MOVE", "REPLACE":
		return true
	}
	return false
}

// errUIDRequired refuses sequence numbers.
func errUIDRequired() error {
	return &imapwire.SyntaxError{Code: "UIDREQUIRED", Text: "UIDONLY is enabled: name messages by their UIDs"}
}

// beginFetch begins a response that tells of one message: FETCH with its
// sequence number, and with its UID where that is wanted; or UIDFETCH (RFC 9586
// section 3.2).
func (s *session) beginFetch(i int, withUID bool) {
	e := &s.view.entries[i]
	s.out.Text("* ")
	if s.uidOnly {
		s.out.Int(int64(e.UID))
		s.out.Text(" UIDFETCH (")
		return
	}
	s.out.Int(int64(i + 1))
	s.out.Text(" FETCH (")
	if withUID {
		s.out.Text("UID ")
		s.out.Int(int64(e.UID))
		s.out.Text(" ")
	}
}
