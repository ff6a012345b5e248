package imapd

// namespace answers NAMESPACE, RFC 2342: one personal namespace, no others.
func (s *session) namespace(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.out.Text("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")
	return nil
}
