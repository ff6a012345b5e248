package pop3d

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"gomail"
)

// maxAnswer is the length of a client's answer in a sign-in; tokens are long.
const maxAnswer = readBuffer - 2

// errPlain refuses passwords in the clear, RFC 2595 section 2.2.
func errPlain() error {
	return gomail.Errorf(gomail.Forbidden, "Passwords are accepted over TLS only: use STLS first, or port 995")
}

// user answers USER, RFC 1939 section 7. Nobody is told which names exist.
func (s *session) user(name string) error {
	switch {
	case !s.tls:
		return errPlain()
	case name == "":
		return malformed("USER needs a name")
	}
	s.username = name
	s.ok("Send the password")
	return nil
}

// pass answers PASS. A password may hold spaces.
func (s *session) pass(password string) error {
	switch {
	case !s.tls:
		return errPlain()
	case s.username == "":
		return malformed("USER comes first")
	}
	name := s.username
	s.username = ""
	return s.checkPassword(name, password)
}

// authenticate answers AUTH, RFC 5034, with an initial response or without.
func (s *session) authenticate(arguments string) error {
	mechanism, initial, hasInitial := strings.Cut(arguments, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case !s.tls:
		return errPlain()
	case mechanism == "":
		return malformed("AUTH needs a mechanism: " + strings.Join(s.mechanisms(), ", "))
	}
	answer, err := s.firstAnswer(mechanism, initial, hasInitial)
	if err != nil {
		return err
	}
	switch mechanism {
	case "PLAIN":
		return s.authPlain(answer)
	case "LOGIN":
		password, err := s.challenge("Password:")
		if err != nil {
			return err
		}
		return s.checkPassword(answer, password)
	}
	x, state := s.exchanger()
	return s.exchange(x.Exchange(mechanism, state, s.remote, protocol), answer)
}

// firstAnswer is the initial response, or what the client says to the first
// challenge. "=" is an empty initial response.
func (s *session) firstAnswer(mechanism, initial string, hasInitial bool) (string, error) {
	switch {
	case !slices.Contains(s.mechanisms(), mechanism):
		return "", malformed("The mechanism is not known: " + strings.Join(s.mechanisms(), ", "))
	case hasInitial && initial == "=":
		return "", nil
	case hasInitial:
		return decodeAnswer(initial)
	case mechanism == "LOGIN":
		return s.challenge("Username:")
	}
	return s.challenge("")
}

// challenge asks and returns the answer. A client that answers "*" gives up.
func (s *session) challenge(text string) (string, error) {
	s.out.WriteString("+ " + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n")
	line, err := s.readLine(maxAnswer)
	switch {
	case errors.Is(err, errLong):
		return "", malformed("The answer is too long")
	case err != nil:
		s.ended(err)
		return "", errAnswered
	case line == "*":
		return "", malformed("Sign-in was given up")
	}
	return decodeAnswer(line)
}

func decodeAnswer(line string) (string, error) {
	answer, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return "", malformed("The response is not base64")
	}
	return string(answer), nil
}

// authPlain is PLAIN, RFC 4616.
func (s *session) authPlain(answer string) error {
	fields := strings.Split(answer, "\x00")
	if len(fields) != 3 {
		return malformed("The response is not one of PLAIN")
	}
	if fields[0] != "" && !strings.EqualFold(fields[0], fields[1]) {
		return gomail.Errorf(gomail.Forbidden, "Acting for another account is not possible")
	}
	return s.checkPassword(fields[1], fields[2])
}

// exchange passes challenges and responses on until somebody is signed in.
func (s *session) exchange(x Exchange, answer string) error {
	for {
		challenge, account, failure := x.Step(s.ctx, answer)
		switch {
		case failure != nil:
			return s.authFailed(failure)
		case account != 0:
			return s.welcome(account)
		}
		var err error
		if answer, err = s.challenge(challenge); err != nil {
			return err
		}
	}
}

// mechanisms lists how one can sign in.
func (s *session) mechanisms() []string {
	var all []string
	if x, state := s.exchanger(); x != nil {
		all = x.Mechanisms(state)
	}
	return append(slices.Clone(all), "PLAIN", "LOGIN")
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

// checkPassword signs the session in, or counts a failure.
func (s *session) checkPassword(username, password string) error {
	account, err := s.srv.auth.Authenticate(s.ctx, username, password, s.remote, protocol)
	if err != nil {
		return s.authFailed(err)
	}
	return s.welcome(account)
}

// authFailed ends the session after the last of the failures allowed. That we
// could not check is none.
func (s *session) authFailed(err error) error {
	if gomail.KindOf(err) == gomail.Unavailable {
		return err
	}
	if s.authFailures++; s.authFailures >= s.cfg.MaxAuthFailures {
		s.done = true
	}
	return err
}

// welcome signs the session in and opens its maildrop.
func (s *session) welcome(id gomail.AccountID) error {
	account := s.srv.boxes.Account(id)
	drop, err := openMaildrop(s.ctx, account)
	if err != nil {
		return err
	}
	s.account, s.drop = account, drop
	s.seat.Keep()
	s.log = s.log.With(slog.Int64("account", int64(id)))
	messages, octets := drop.stat()
	s.ok(plural(messages) + ", " + octetsText(octets))
	return nil
}
