package milter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/emersion/go-milter"

	"gomail"
	"gomail/message"
)

// Message is a conversation with all milters about one message. It is used by
// one goroutine; Close ends it.
type Message struct {
	chain *Chain
	talks []*talk
}

// talk is the conversation with one milter.
type talk struct {
	chain   *Chain
	at      address
	client  Client
	session *milter.ClientSession
	end     func()
	done    bool // it wants to hear no more, or is away and not needed
	discard bool
}

// Close ends the conversations.
func (m *Message) Close() {
	if m == nil {
		return
	}
	for _, t := range m.talks {
		t.close()
	}
}

func (t *talk) close() {
	t.done = true
	if t.end != nil {
		t.end()
		t.end = nil
	}
}

// Rcpt tells of a recipient. An error refuses this one alone.
func (m *Message) Rcpt(_ context.Context, to gomail.Address) error {
	for _, t := range m.talks {
		err := t.ask("RCPT", func() (*milter.Action, error) {
			if err := t.session.Macros(milter.CodeRcpt, "{rcpt_addr}", to.String()); err != nil {
				return nil, err
			}
			return t.session.Rcpt(to.String(), nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Examine tells of the message itself and returns what the milters make of it.
// body reads it from its beginning, as often as it is called.
func (m *Message) Examine(_ context.Context, header message.Header, body func() io.Reader) (message.Revision, error) {
	r := message.Revision{Header: header}
	for _, t := range m.talks {
		r.Discard = r.Discard || t.discard
		if t.done || r.Discard {
			continue
		}
		if r.ReplaceBody {
			body = func() io.Reader { return bytes.NewReader(r.Body) }
		}
		if err := t.examine(&r, body()); err != nil {
			return r, err
		}
		r.Discard = r.Discard || t.discard
	}
	return r, nil
}

// begin connects and tells who sends.
func (t *talk) begin(ctx context.Context, from gomail.Address) error {
	if err := t.open(ctx); err != nil {
		return t.away(err)
	}
	for _, step := range []struct {
		name string
		ask  func() (*milter.Action, error)
	}{{"connect", t.connect}, {"HELO", t.helo}, {"MAIL", func() (*milter.Action, error) { return t.mail(from) }}} {
		if err := t.ask(step.name, step.ask); err != nil {
			return err
		}
	}
	return nil
}

// ask carries out one step, unless the milter wants to hear no more.
func (t *talk) ask(step string, tell func() (*milter.Action, error)) error {
	if t.done {
		return nil
	}
	action, err := tell()
	if err != nil {
		return t.away(err)
	}
	return t.heed(step, action)
}

func (t *talk) connect() (*milter.Action, error) {
	if err := t.session.Macros(milter.CodeConn, "j", t.chain.config.Hostname, "{daemon_name}", t.daemon(), "v", "GoMail"); err != nil {
		return nil, err
	}
	addr := t.client.Addr.Addr().Unmap()
	switch {
	case addr.Is4():
		return t.session.Conn("["+addr.String()+"]", milter.FamilyInet, t.client.Addr.Port(), addr.String())
	case addr.Is6():
		return t.session.Conn("[IPv6:"+addr.String()+"]", milter.FamilyInet6, t.client.Addr.Port(), addr.String())
	}
	return t.session.Conn("localhost", milter.FamilyUnknown, 0, "")
}

// daemon is how milters tell the two ways in apart.
func (t *talk) daemon() string {
	if t.client.Submission {
		return "submission"
	}
	return "smtp"
}

func (t *talk) helo() (*milter.Action, error) {
	if tls := t.client.TLS; tls != nil {
		if err := t.session.Macros(milter.CodeHelo, "{tls_version}", tls.Version, "{cipher}", tls.Cipher); err != nil {
			return nil, err
		}
	}
	return t.session.Helo(t.client.Helo)
}

func (t *talk) mail(from gomail.Address) (*milter.Action, error) {
	macros := []string{"i", t.client.ID, "{mail_addr}", from.String()}
	if t.client.Account != "" {
		macros = append(macros, "{auth_type}", "PLAIN", "{auth_authen}", t.client.Account)
	}
	if err := t.session.Macros(milter.CodeMail, macros...); err != nil {
		return nil, err
	}
	return t.session.Mail(from.String(), nil)
}

// examine tells of header and body, and changes r as the milter says.
func (t *talk) examine(r *message.Revision, body io.Reader) error {
	for _, f := range r.Header {
		if f.Name == "" {
			continue // no field, so it has no name to tell
		}
		if err := t.ask("header", func() (*milter.Action, error) { return t.session.HeaderField(f.Name, t.fieldValue(f)) }); err != nil || t.done {
			return err
		}
	}
	if err := t.ask("end of header", t.session.HeaderEnd); err != nil || t.done {
		return err
	}
	changes, action, err := t.session.BodyReadFrom(fullReader{body})
	if err == nil && action.Code == milter.ActContinue {
		action.Code = milter.ActAccept // at the end they are the same
	}
	if err != nil {
		return t.away(err)
	}
	if err := t.heed("end of message", action); err != nil || t.discard {
		return err
	}
	t.apply(r, changes)
	return nil
}

// fieldValue is a value as milters expect it: lines end in LF.
func (t *talk) fieldValue(f message.Field) string {
	_, value, _ := strings.Cut(string(f.Raw), ":")
	value = strings.ReplaceAll(strings.TrimRight(value, "\r\n"), "\r\n", "\n")
	if !t.session.ProtocolOption(milter.OptHeaderLeadingSpace) {
		value = strings.TrimPrefix(value, " ")
	}
	return value
}

// fullReader fills what it is given: fewer and larger pieces.
type fullReader struct{ io.Reader }

// Read reads until p is full.
func (r fullReader) Read(p []byte) (int, error) {
	n, err := io.ReadFull(r.Reader, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// heed turns a milter's answer into ours.
func (t *talk) heed(step string, a *milter.Action) error {
	t.chain.config.Logger.Debug("milter", slog.String("milter", t.at.String()), slog.String("step", step), slog.String("answer", string(rune(a.Code))))
	switch a.Code {
	case milter.ActContinue:
		return nil
	case milter.ActAccept:
		t.done = true
		return nil
	case milter.ActDiscard:
		t.done, t.discard = true, true
		return nil
	case milter.ActReject:
		return gomail.Errorf(gomail.Refused, "the message is not wanted here")
	case milter.ActTempFail:
		return gomail.Errorf(gomail.Unavailable, "the message cannot be taken now, try again later")
	case milter.ActReplyCode:
		return t.reply(a)
	}
	return t.away(errors.New("the answer is not one of the protocol's"))
}

// maxReply is how much of a milter's own words are passed on.
const maxReply = 400

// reply is a refusal in the milter's own words. Its codes give way to ours.
func (t *talk) reply(a *milter.Action) error {
	text := strings.Join(strings.Fields(a.SMTPText), " ")
	if word, rest, ok := strings.Cut(text, " "); ok && strings.Count(word, ".") == 2 && strings.Trim(word, "0123456789.") == "" {
		text = rest
	}
	if text = text[:min(len(text), maxReply)]; text == "" {
		text = "the message is not wanted here"
	}
	switch a.SMTPCode / 100 {
	case 4:
		return gomail.Errorf(gomail.Unavailable, "%s", text)
	case 5:
		return gomail.Errorf(gomail.Refused, "%s", text)
	}
	return t.away(errors.New("the reply's code is neither 4xx nor 5xx"))
}

// away says what becomes of the message when a milter does not answer as it
// should.
func (t *talk) away(err error) error {
	t.close()
	log := t.chain.config.Logger
	if t.chain.config.Accept {
		log.Error("a milter is away, the message goes on without it", slog.String("milter", t.at.String()), slog.Any("error", err))
		return nil
	}
	log.Error("a milter is away, the message has to wait", slog.String("milter", t.at.String()), slog.Any("error", err))
	return gomail.Errorf(gomail.Unavailable, "%w", errors.Join(errAway, err))
}

var errAway = errors.New("a filter is away")

// apply changes the message as a milter asks.
func (t *talk) apply(r *message.Revision, changes []milter.ModifyAction) {
	var body []byte
	replaced := false
	for _, c := range changes {
		switch c.Code {
		case milter.ActAddHeader, milter.ActInsertHeader, milter.ActChangeHeader:
			t.changeHeader(r, c)
		case milter.ActReplBody: // in pieces
			body, replaced = append(body, c.Body...), true
		case milter.ActAddRcpt, milter.ActDelRcpt:
			t.changeRecipient(r, c)
		case milter.ActQuarantine:
			r.Quarantine = strings.Join(strings.Fields(c.Reason), " ")
			if r.Quarantine = r.Quarantine[:min(len(r.Quarantine), maxReply)]; r.Quarantine == "" {
				r.Quarantine = "a milter says so"
			}
		}
	}
	if replaced {
		r.Body, r.ReplaceBody = canonicalLines(body), true
	}
}

func (t *talk) changeHeader(r *message.Revision, c milter.ModifyAction) {
	f, ok := message.NewField(c.HeaderName, c.HeaderValue)
	if !ok || len(r.Header) >= message.MaxHeaderFields || len(r.Header.Bytes())+len(f.Raw) > message.MaxHeaderBytes {
		t.chain.config.Logger.Warn("a milter's header field was left out", slog.String("milter", t.at.String()), slog.String("field", c.HeaderName))
		return
	}
	switch c.Code {
	case milter.ActInsertHeader:
		// Places are counted from 1; 0 is the top as well.
		r.Header = r.Header.Insert(int(min(c.HeaderIndex, message.MaxHeaderFields))-1, f)
	case milter.ActChangeHeader:
		field := &f
		if c.HeaderValue == "" {
			field = nil
		}
		r.Header = r.Header.Replace(c.HeaderName, int(min(max(c.HeaderIndex, 1), message.MaxHeaderFields)), field)
	default:
		r.Header = append(r.Header[:len(r.Header):len(r.Header)], f)
	}
}

func (t *talk) changeRecipient(r *message.Revision, c milter.ModifyAction) {
	text, _, _ := strings.Cut(c.Rcpt, ">")
	a, err := gomail.ParseAddress(strings.TrimPrefix(strings.TrimSpace(text), "<"))
	if err != nil {
		t.chain.config.Logger.Warn("a milter's recipient was left out", slog.String("milter", t.at.String()), slog.String("rcpt", c.Rcpt), slog.Any("error", err))
		return
	}
	same := func(x gomail.Address) bool { return x == a }
	if c.Code == milter.ActAddRcpt {
		r.Remove = slices.DeleteFunc(r.Remove, same)
		r.Add = append(slices.DeleteFunc(r.Add, same), a)
		return
	}
	r.Add = slices.DeleteFunc(r.Add, same)
	r.Remove = append(slices.DeleteFunc(r.Remove, same), a)
}

// canonicalLines ends every line in CRLF, the last one too.
func canonicalLines(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\x00"), nil)
	b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}
