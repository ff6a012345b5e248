package imapd

// enable answers ENABLE, RFC 5161: it names what became active by it.
func (s *session) enable(*request) error {
	var names []string
	for s.dec.TrySpace() {
		names = append(names, upper(s.dec.Atom()))
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	enabled := ""
	for _, name := range names {
		if known := s.enableOne(name); known != "" {
			enabled += " " + known
		}
	}
	s.out.Text("* ENABLED" + enabled + "\r\n")
	return nil
}

// enableOne returns the extension's name, empty when there is nothing to
// enable by that name.
func (s *session) enableOne(name string) string {
	switch name {
	case "IMAP4REV2":
		s.rev2, s.out.UTF8 = true, true
		return "IMAP4rev2"
	case "UTF8=ACCEPT":
		s.out.UTF8 = true
		return name
	case "CONDSTORE":
		s.enableCondstore()
		return name
	case "UIDONLY":
		s.uidOnly = true
		return name
	case "QRESYNC":
		s.enableCondstore()
		s.qresync = true
		return name
	}
	return ""
}

// enableCondstore makes modification sequences part of what the session is
// told. With a mailbox open it learns where that stands, RFC 7162 section
// 3.1.2.
func (s *session) enableCondstore() {
	if s.condstore {
		return
	}
	s.condstore = true
	if s.view != nil {
		s.writeHighestModSeq()
	}
}
