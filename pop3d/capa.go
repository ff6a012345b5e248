package pop3d

import (
	"strings"
)

// capa answers CAPA, RFC 2449 section 5.
func (s *session) capa(arguments string) error {
	if arguments != "" {
		return malformed("CAPA has no arguments")
	}
	s.ok("Capabilities follow")
	for _, c := range s.capabilities() {
		s.out.WriteString(c + "\r\n")
	}
	s.end()
	return nil
}

// capabilities lists what works now. How to sign in is told over TLS only, as
// nobody may without.
func (s *session) capabilities() []string {
	all := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "IMPLEMENTATION GoMail"}
	switch {
	case s.account != nil:
	case s.tls:
		all = append(all, "USER", "SASL "+strings.Join(s.mechanisms(), " "))
	case s.cfg.TLS != nil:
		all = append(all, "STLS")
	}
	return all
}

// stls answers STLS, RFC 2595 section 4. Octets that came with it in plain text
// would be taken for commands under TLS: somebody else may have put them there,
// so the connection ends.
func (s *session) stls(arguments string) error {
	switch {
	case arguments != "":
		return malformed("STLS has no arguments")
	case s.tls:
		return malformed("TLS is active already")
	case s.cfg.TLS == nil:
		return malformed("TLS is not available")
	case s.in.Buffered() > 0:
		s.fail("SYS/PERM", "Nothing may follow STLS before TLS begins")
		s.done = true
		return errAnswered
	}
	s.ok("Begin TLS now")
	if err := s.out.Flush(); err != nil || !s.handshake() {
		s.done = true
		return errAnswered
	}
	s.username = ""
	s.buffers()
	return nil
}
