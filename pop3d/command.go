package pop3d

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"gomail"
)

// maxCommand is the length of a command's line. RFC 2449 section 4 asks for
// 255 octets; passwords may be longer.
const maxCommand = 1000

// command is one that the server knows.
type command struct {
	run   func(*session, string) error
	state state
}

// state is when a command may be given, RFC 1939 section 3.
type state uint8

const (
	anytime state = iota
	authorization
	transaction
)

func commands() map[string]command {
	return map[string]command{
		"CAPA": {(*session).capa, anytime}, "QUIT": {(*session).quit, anytime},
		"STLS": {(*session).stls, authorization}, "USER": {(*session).user, authorization}, "PASS": {(*session).pass, authorization}, "AUTH": {(*session).authenticate, authorization},
		"STAT": {(*session).stat, transaction}, "LIST": {(*session).list, transaction}, "UIDL": {(*session).uidl, transaction},
		"RETR": {(*session).retr, transaction}, "TOP": {(*session).top, transaction}, "DELE": {(*session).dele, transaction},
		"RSET": {(*session).rset, transaction}, "NOOP": {(*session).noop, transaction},
	}
}

// syntaxError is a command out of form.
type syntaxError struct{ text string }

func (e *syntaxError) Error() string { return e.text }

func malformed(text string) error { return &syntaxError{text} }

// errAnswered says that the answer has been written already.
var errAnswered = errors.New("answered")

// step reads a command and answers it.
func (s *session) step() {
	line, err := s.readLine(maxCommand)
	if errors.Is(err, errLong) {
		s.failed(malformed("The line is too long"))
		return
	}
	if err != nil {
		s.ended(err)
		return
	}
	begun := time.Now()
	name, arguments, _ := strings.Cut(line, " ")
	name = strings.ToUpper(name)
	if name != "PASS" {
		arguments = strings.TrimRight(arguments, " ")
	}
	cmd, known := s.srv.commands[name]
	outcome := "OK"
	switch err := s.do(cmd, known, arguments); {
	case errors.Is(err, errAnswered):
	case err != nil:
		outcome = "ERR"
		s.failed(err)
	}
	if !known {
		name = "other"
	}
	s.cfg.Metrics.Command(name, outcome, time.Since(begun))
}

// do runs a command where it may be given.
func (s *session) do(cmd command, known bool, arguments string) error {
	switch {
	case !known:
		return malformed("Unknown command")
	case cmd.state == authorization && s.account != nil:
		return malformed("You are signed in already")
	case cmd.state == transaction && s.account == nil:
		return malformed("Sign in first")
	}
	return cmd.run(s, arguments)
}

// failed answers a command that failed. Too many out of form end the session.
func (s *session) failed(err error) {
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		s.fail("", syntax.text)
		if s.errors++; s.errors >= s.cfg.MaxErrors {
			s.done = true
		}
		return
	}
	switch gomail.KindOf(err) {
	case gomail.Unauthenticated:
		s.fail("AUTH", "The name or the password is wrong") // RFC 3206
	case gomail.Throttled:
		s.fail("SYS/TEMP", "Too many failed sign-ins, try again later")
	case gomail.Disabled:
		s.fail("AUTH", "The account is disabled")
	case gomail.NotFound, gomail.Invalid, gomail.Forbidden, gomail.Refused:
		s.fail("", sentence(err))
	default:
		s.log.Error("POP3 command failed", slog.Any("error", err))
		s.fail("SYS/TEMP", "That did not work, it has been logged; try again later")
	}
}

// ended ends the session after its connection has failed, or after it waited
// for too long.
func (s *session) ended(err error) {
	switch {
	case errors.Is(err, errClosing):
		s.fail("SYS/TEMP", "The server is shutting down")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.fail("", "You were idle for too long")
	}
	s.done = true
}

// sentence makes an error's text fit for an answer: printable ASCII on one line.
func sentence(err error) string {
	text := []byte(err.Error())
	for i, c := range text {
		if c < ' ' || c >= 0x7f {
			text[i] = '?'
		}
	}
	return strings.ToUpper(string(text[:min(len(text), 1)])) + string(text[min(len(text), 1):min(len(text), 400)])
}
