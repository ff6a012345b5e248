package imapd

import (
	"errors"
	"log/slog"

	"gomail"
	"gomail/imapd/imapwire"
)

// codeError is an error whose response code the command knows better than the
// table of kinds.
type codeError struct {
	code string
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// coded gives err a response code of its own, unless it is nil.
func coded(code string, err error) error {
	if err == nil {
		return nil
	}
	return &codeError{code, err}
}

// codeOf maps kinds of error to response codes: RFC 9051 section 7.1, RFC 5530.
func codeOf(k gomail.Kind) string {
	switch k {
	case gomail.NotFound:
		return "NONEXISTENT"
	case gomail.Exists:
		return "ALREADYEXISTS"
	case gomail.Forbidden, gomail.RelayDenied:
		return "NOPERM"
	case gomail.Unauthenticated:
		return "AUTHENTICATIONFAILED"
	case gomail.Disabled:
		return "CONTACTADMIN"
	case gomail.OverQuota, gomail.NoSpace:
		return "OVERQUOTA"
	case gomail.TooLarge:
		return "TOOBIG"
	case gomail.TooMany:
		return "LIMIT"
	case gomail.Invalid, gomail.Refused, gomail.Loop:
		return "CANNOT"
	case gomail.Throttled, gomail.Unavailable, gomail.Closed:
		return "UNAVAILABLE"
	case gomail.Corrupt:
		return "CORRUPTION"
	}
	return "SERVERBUG"
}

// errAnswered is returned by a command that has written its tagged response.
var errAnswered = errors.New("answered")

// answer writes the tagged response of a command and returns OK, NO or BAD. A
// fault of the connection, or one after which it cannot go on, ends the
// session.
func (s *session) answer(r *request, err error) (outcome string) {
	var syntax *imapwire.SyntaxError
	var big *imapwire.TooBigError
	var fatal *imapwire.FatalError
	var kind *gomail.Error
	var known *codeError
	switch {
	case errors.Is(err, errAnswered):
		return "OK"
	case err == nil:
		return s.tagged(r.tag, "OK", r.code, r.okText())
	case errors.As(err, &syntax):
		s.errors++
		return s.tagged(r.tag, "BAD", syntax.Code, syntax.Text)
	case errors.As(err, &big):
		s.errors++
		return s.tagged(r.tag, "NO", "TOOBIG", big.Text)
	case errors.As(err, &fatal):
		s.bye("", fatal.Text)
		return "BAD"
	case errors.As(err, &known):
		return s.tagged(r.tag, "NO", known.code, sentence(known.err))
	case errors.As(err, &kind) && kind.Kind != gomail.Internal:
		return s.tagged(r.tag, "NO", codeOf(kind.Kind), sentence(err))
	case s.broken(err):
		s.done = true
		return "BAD"
	}
	s.log.Error("IMAP command failed", slog.String("command", r.name), slog.Any("error", err))
	return s.tagged(r.tag, "NO", codeOf(gomail.Internal), "Internal error, it has been logged: please try again later")
}

// sentence makes an error's text fit for a response line: printable ASCII on
// one line, beginning with a capital (resp-text, RFC 9051 section 9).
func sentence(err error) string {
	text := []byte(err.Error())
	for i, c := range text {
		if c < ' ' || c >= 0x7f {
			text[i] = '?'
		}
	}
	if len(text) > 0 && 'a' <= text[0] && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return string(text[:min(len(text), 400)])
}

// tagged writes a tagged response.
func (s *session) tagged(tag, outcome, code, text string) string {
	if tag == "" {
		tag = "*"
	}
	s.out.Text(tag + " " + outcome + " ")
	s.respText(code, text)
	return outcome
}

// untagged writes an untagged OK, NO, BAD or BYE.
func (s *session) untagged(outcome, code, text string) { s.tagged("*", outcome, code, text) }

func (s *session) respText(code, text string) {
	if code != "" {
		s.out.Text("[" + code + "] ")
	}
	s.out.Text(text + "\r\n")
}

// bye tells why the session ends, and ends it.
func (s *session) bye(code, text string) {
	s.untagged("BYE", code, text)
	s.done = true
}
