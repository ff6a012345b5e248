package imapd

import (
	"gomail"
)

// login answers LOGIN, RFC 9051 section 6.2.3.
func (s *session) login(r *request) error {
	s.dec.Space()
	username := s.dec.Astring()
	s.dec.Space()
	password := s.dec.Astring()
	if err := s.dec.End(); err != nil {
		return err
	}
	if err := s.needTLS(); err != nil {
		return err
	}
	return s.checkPassword(r, username, password)
}

// needTLS refuses passwords in the clear, RFC 9051 section 11.1.
func (s *session) needTLS() error {
	if s.tls {
		return nil
	}
	return coded("PRIVACYREQUIRED", gomail.Errorf(gomail.Forbidden, "Passwords are accepted over TLS only: use STARTTLS first, or port 993"))
}

// checkPassword signs the session in, or counts a failure.
func (s *session) checkPassword(r *request, username, password string) error {
	account, err := s.srv.auth.Authenticate(s.ctx, username, password, s.remote, protocol)
	if err != nil {
		return s.authFailed(err)
	}
	s.welcome(r, account)
	return nil
}

// welcome signs the session in.
func (s *session) welcome(r *request, account gomail.AccountID) {
	s.signIn(account)
	r.code, r.text = "CAPABILITY "+s.capabilities(), "Signed in"
}

// authFailed ends the session after the last of the failures allowed. That we
// could not check is none.
func (s *session) authFailed(err error) error {
	if gomail.KindOf(err) == gomail.Unavailable {
		return err
	}
	if s.authFailures++; s.authFailures >= s.cfg.MaxAuthFailures {
		s.lastWords = "Too many failed sign-ins"
	}
	return err
}
