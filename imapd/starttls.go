package imapd

import (
	"crypto/tls"
	"log/slog"

	"gomail"
	"gomail/imapd/imapwire"
)

// starttls answers STARTTLS, RFC 9051 section 6.2.1. Octets that came with it
// in plain text would be taken for commands under TLS: somebody else may have
// put them there, so the connection ends (CVE-2011-0411).
func (s *session) starttls(r *request) error {
	if err := s.noArguments(); err != nil {
		return err
	}
	switch {
	case s.tls:
		return &imapwire.SyntaxError{Text: "TLS is active already"}
	case s.compressed:
		return coded("COMPRESSIONACTIVE", gomail.Errorf(gomail.Refused, "TLS cannot begin below compression: connect again"))
	case s.cfg.TLS == nil:
		return gomail.Errorf(gomail.Unavailable, "TLS is not available")
	case s.in.Buffered() > 0:
		return &imapwire.FatalError{Text: "Nothing may follow STARTTLS before TLS begins"}
	}
	s.tagged(r.tag, "OK", "", "Begin TLS now")
	if err := s.out.Flush(); err != nil {
		return err
	}
	if !s.handshake() {
		s.done = true
	}
	return errAnswered
}

// handshake puts TLS over the connection, within the time for signing in.
func (s *session) handshake() bool {
	deadline := s.opened.Add(s.cfg.AuthTimeout)
	if s.setReadDeadline(deadline, true) != nil {
		return false
	}
	s.raw.SetWriteDeadline(deadline)
	conn := tls.Server(s.raw, s.cfg.TLS)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		s.log.Info("TLS handshake failed", slog.Any("error", err))
		return false
	}
	s.net, s.in.Source, s.out.Target, s.tls = conn, conn, conn, true
	return true
}
