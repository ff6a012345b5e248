package imapd

import (
	"time"

	"gomail/imapd/imapwire"
)

// unauthenticate answers UNAUTHENTICATE, RFC 8437: the session is as it was
// before sign-in, but for TLS and compression.
func (s *session) unauthenticate(r *request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	s.tagged(r.tag, "OK", "", "You are signed out")
	s.closeWatch()
	s.user, s.view, s.notify = nil, nil, nil
	s.rev2, s.condstore, s.qresync, s.uidOnly, s.out.UTF8 = false, false, false, false, false
	s.opened = time.Now() // the time to sign in begins again
	s.dec.Limits = imapwire.Limits{Command: greetedCommand, Literal: greetedLiteral, Discard: signedInCommand}
	return errAnswered
}
