package imapd

import "gomail/mailbox"

// namespace answers NAMESPACE, RFC 2342: the personal namespace,
// and what others share.
func (s *session) namespace(*request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.out.Text("* NAMESPACE ((\"\" \"/\")) ((\"" + mailbox.OtherUsers + "/\" \"/\")) NIL\r\n")
	return nil
}
