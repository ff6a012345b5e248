package imapd

import (
	"crypto/tls"
	"encoding/base64"
	"slices"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
)

// authenticate answers AUTHENTICATE with PLAIN (RFC 4616), LOGIN and what the
// Exchanger knows, with an initial response or without (RFC 4959).
func (s *session) authenticate(r *request) error {
	s.dec.Space()
	mechanism := upper(s.dec.Atom())
	initial, hasInitial := "", s.dec.TrySpace()
	if hasInitial {
		initial = s.dec.Rest()
	}
	if err := s.dec.End(); err != nil {
		return err
	}
	if err := s.needTLS(); err != nil {
		return err
	}
	switch mechanism {
	case "PLAIN":
		return s.authPlain(r, initial, hasInitial)
	case "LOGIN":
		return s.authLogin(r, initial, hasInitial)
	}
	if x, state := s.exchanger(); x != nil && slices.Contains(x.Mechanisms(state), mechanism) {
		return s.authExchange(r, x.Exchange(mechanism, state, s.remote, protocol), initial, hasInitial)
	}
	return gomail.Errorf(gomail.Invalid, "The mechanism is not known; use %s", s.anyMechanism())
}

// mechanisms lists how one can sign in.
func (s *session) mechanisms() []string {
	var all []string
	if x, state := s.exchanger(); x != nil {
		all = x.Mechanisms(state)
	}
	return append(all, "PLAIN", "LOGIN")
}

// anyMechanism lists them for people: "PLAIN or LOGIN".
func (s *session) anyMechanism() string {
	all := s.mechanisms()
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// exchanger returns who knows mechanisms with challenges of their own, with
// the state of the TLS connection; nil if nobody does.
func (s *session) exchanger() (Exchanger, tls.ConnectionState) {
	x, ok := s.srv.auth.(Exchanger)
	t, secure := s.net.(*tls.Conn)
	if !ok || !secure {
		return nil, tls.ConnectionState{}
	}
	return x, t.ConnectionState()
}

// authExchange passes challenges and responses on until somebody is signed in.
func (s *session) authExchange(r *request, x Exchange, initial string, hasInitial bool) error {
	answer, err := s.firstAnswer(initial, hasInitial, "")
	for err == nil {
		challenge, account, failure := x.Step(s.ctx, answer)
		switch {
		case failure != nil:
			return s.authFailed(failure)
		case account != 0:
			s.welcome(r, account)
			return nil
		}
		answer, err = s.challenge(challenge)
	}
	return err
}

func (s *session) authPlain(r *request, initial string, hasInitial bool) error {
	answer, err := s.firstAnswer(initial, hasInitial, "")
	if err != nil {
		return err
	}
	fields := strings.Split(answer, "\x00")
	if len(fields) != 3 {
		return &imapwire.SyntaxError{Text: "The response is not one of PLAIN"}
	}
	if fields[0] != "" && !strings.EqualFold(fields[0], fields[1]) {
		return coded("AUTHORIZATIONFAILED", gomail.Errorf(gomail.Forbidden, "Acting for another account is not possible"))
	}
	return s.checkPassword(r, fields[1], fields[2])
}

func (s *session) authLogin(r *request, initial string, hasInitial bool) error {
	username, err := s.firstAnswer(initial, hasInitial, "Username:")
	if err != nil {
		return err
	}
	password, err := s.challenge("Password:")
	if err != nil {
		return err
	}
	return s.checkPassword(r, username, password)
}

// firstAnswer is the initial response, or what the client says to the first
// challenge. "=" is an empty initial response.
func (s *session) firstAnswer(initial string, hasInitial bool, challenge string) (string, error) {
	switch {
	case !hasInitial:
		return s.challenge(challenge)
	case initial == "=":
		return "", nil
	}
	return decodeAnswer(initial)
}

// challenge asks and returns the answer. A client that answers "*" gives up.
func (s *session) challenge(text string) (string, error) {
	s.out.Text("+ " + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n")
	line, err := s.in.ReadLine(nil, greetedCommand)
	if err != nil {
		return "", err
	}
	if string(line) == "*" {
		return "", &imapwire.SyntaxError{Text: "Sign-in was given up"}
	}
	return decodeAnswer(string(line))
}

func decodeAnswer(line string) (string, error) {
	answer, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return "", &imapwire.SyntaxError{Text: "The response is not base64"}
	}
	return string(answer), nil
}
