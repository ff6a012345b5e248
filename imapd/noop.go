package imapd

// noop answers NOOP and CHECK: what they are for comes after every command.
func (s *session) noop(*request) error { return s.noArguments() }
