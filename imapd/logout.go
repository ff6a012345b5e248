package imapd

// logout answers LOGOUT, RFC 9051 section 6.1.3.
func (s *session) logout(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.bye("", "Goodbye")
	return nil
}
