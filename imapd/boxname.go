package imapd

import (
	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// readMailbox reads a mailbox name as the session writes them: in UTF-8 after
// ENABLE IMAP4rev2 or UTF8=ACCEPT, in modified UTF-7 otherwise. A name that
// is neither is told by the second result, once the command was read whole.
func (s *session) readMailbox() (string, error) {
	return s.decodeMailbox(s.dec.Astring())
}

func (s *session) decodeMailbox(name string) (string, error) {
	if s.out.UTF8 {
		return mailbox.CanonicalPath(name), nil
	}
	decoded, ok := imapwire.DecodeUTF7(name)
	if !ok {
		return "", gomail.Errorf(gomail.Invalid, "The mailbox name is not in modified UTF-7")
	}
	return mailbox.CanonicalPath(decoded), nil
}

// oneMailbox reads the only argument of a command: a mailbox name.
func (s *session) oneMailbox() (string, error) {
	s.dec.Space()
	name, bad := s.readMailbox()
	if err := s.dec.End(); err != nil {
		return "", err
	}
	return name, bad
}
