package imapd

// close answers CLOSE, RFC 9051 section 6.4.1: what is marked \Deleted goes,
// and nothing is told of it.
func (s *session) close(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	v := s.view
	s.view = nil
	if v.readOnly {
		return nil
	}
	return s.patiently(func() error {
		_, _, err := s.user.Expunge(s.ctx, v.box.ID, nil)
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
