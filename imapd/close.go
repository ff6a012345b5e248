package imapd

import "gomail/mailbox"

// close answers CLOSE, RFC 9051 section 6.4.1: what is marked \Deleted goes,
// and nothing is told of it; in a mailbox of another only by the right to
// expunge (RFC 4314 section 4).
func (s *session) close(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	v := s.view
	s.view = nil
	if v.readOnly || !v.box.Rights.Has(mailbox.ExpungeBox) {
		return nil
	}
	return s.patiently(func() error {
		gone, _, err := v.box.Expunge(s.ctx, nil)
		s.tookOut(v.box, len(gone))
		return err
	})
}

// unselect answers UNSELECT, RFC 9051 section 6.4.2.
func (s *session) unselect(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.view = nil
	return nil
}
