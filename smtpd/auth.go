package smtpd

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"log/slog"
	"slices"
	"strings"

	"gomail"
)

// auth signs the client in, RFC 4954.
func (c *conn) auth(ctx context.Context, arg string) reply {
	switch {
	case !c.cfg.Submission:
		return notImplemented("no sign-in on this port: mail programs use port 465 or 587")
	case c.client.TLS == nil:
		return reply{code: 538, enhanced: "5.7.11", text: "sign in over TLS only: send STARTTLS first", fault: true}
	case c.client.Helo == "":
		return badSequence("send EHLO first")
	case c.authenticated:
		return badSequence("already signed in")
	case c.tx.open:
		return badSequence("no sign-in during a mail transaction")
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	switch mechanism = strings.ToUpper(mechanism); mechanism {
	case "PLAIN":
		return c.authPlain(ctx, initial)
	case "LOGIN":
		return c.authLogin(ctx, initial)
	case "":
		return badArgument("AUTH needs a mechanism: " + c.anyMechanism())
	}
	if x, state := c.exchanger(); x != nil && slices.Contains(x.Mechanisms(state), mechanism) {
		return c.authExchange(ctx, x.Exchange(mechanism, state), mechanism, initial)
	}
	return reply{code: 504, enhanced: "5.5.4", text: "the mechanism is not available, use " + c.anyMechanism(), fault: true}
}

// mechanisms lists how one can sign in.
func (c *conn) mechanisms() []string {
	var all []string
	if x, state := c.exchanger(); x != nil {
		all = x.Mechanisms(state)
	}
	return append(all, "PLAIN", "LOGIN")
}

// anyMechanism lists them for people: "PLAIN or LOGIN".
func (c *conn) anyMechanism() string {
	all := c.mechanisms()
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// exchanger returns the session as one that has challenges of its own, with
// the state of the TLS connection; nil if it has none.
func (c *conn) exchanger() (Exchanger, tls.ConnectionState) {
	x, ok := c.session.(Exchanger)
	t, secure := c.net.(*tls.Conn)
	if !ok || !secure {
		return nil, tls.ConnectionState{}
	}
	return x, t.ConnectionState()
}

// authExchange passes challenges and responses on until the backend is done.
func (c *conn) authExchange(ctx context.Context, x Exchange, mechanism, initial string) reply {
	response, refusal, ok := c.response(initial, "")
	for {
		if !ok {
			return refusal
		}
		challenge, done, err := x.Step(ctx, response)
		switch {
		case err != nil:
			return c.signInFailed(mechanism, err)
		case done:
			return c.signedIn(mechanism)
		}
		response, refusal, ok = c.response("", challenge)
	}
}

// authPlain is RFC 4616: authorization identity, NUL, name, NUL, password.
func (c *conn) authPlain(ctx context.Context, initial string) reply {
	response, refusal, ok := c.response(initial, "")
	if !ok {
		return refusal
	}
	parts := strings.Split(response, "\x00")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return reply{code: 501, enhanced: "5.5.2", text: "the response is not of the PLAIN mechanism", fault: true}
	}
	if parts[0] != "" && parts[0] != parts[1] {
		return c.signInFailed("PLAIN", gomail.Errorf(gomail.Unauthenticated, "nobody can sign in on behalf of another"))
	}
	return c.signIn(ctx, parts[1], parts[2], "PLAIN")
}

// authLogin is draft-murchison-sasl-login: two questions.
func (c *conn) authLogin(ctx context.Context, initial string) reply {
	username, refusal, ok := c.response(initial, "Username:")
	if !ok {
		return refusal
	}
	password, refusal, ok := c.response("", "Password:")
	if !ok {
		return refusal
	}
	if username == "" || password == "" {
		return reply{code: 501, enhanced: "5.5.2", text: "name and password must not be empty", fault: true}
	}
	return c.signIn(ctx, username, password, "LOGIN")
}

// response returns the initial response when the client sent one ("=" is an
// empty one), else its answer to the challenge. Without ok the refusal is the
// reply, and the exchange is over.
func (c *conn) response(initial, challenge string) (response string, refusal reply, ok bool) {
	encoded := initial
	if encoded == "=" {
		return "", reply{}, true
	}
	if encoded == "" {
		c.send("", reply{code: 334, text: base64.StdEncoding.EncodeToString([]byte(challenge))})
		line, err := c.readLine(maxAuthLine)
		switch {
		case err == errLineTooLong:
			return "", reply{code: 500, enhanced: "5.5.6", text: err.Error(), fault: true}, false
		case isLineFault(err):
			return "", reply{code: 500, enhanced: "5.5.2", text: err.Error(), fault: true}, false
		case err != nil:
			c.goodbye(err)
			return "", reply{}, false
		case line == "*":
			return "", reply{code: 501, enhanced: "5.7.0", text: "sign-in cancelled", fault: true}, false
		}
		encoded = line
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", reply{code: 501, enhanced: "5.5.2", text: "the response is not valid base64", fault: true}, false
	}
	return string(decoded), reply{}, true
}

func (c *conn) signIn(ctx context.Context, username, password, mechanism string) reply {
	if err := c.session.Authenticate(ctx, username, password, mechanism); err != nil {
		return c.signInFailed(mechanism, err)
	}
	return c.signedIn(mechanism)
}

func (c *conn) signedIn(mechanism string) reply {
	c.authenticated = true
	c.seat.Keep()
	c.log.Info("SMTP sign-in", slog.Int64("account", int64(c.client.Account)), "mechanism", mechanism)
	return reply{code: 235, enhanced: "2.7.0", text: "signed in"}
}

// signInFailed counts failures that are the client's. The name is not logged:
// people type their password there.
func (c *conn) signInFailed(mechanism string, err error) reply {
	r := replyFor(err, atAuth)
	if r.code >= 500 {
		c.authFailures++
	}
	c.log.Info("SMTP sign-in failed", "mechanism", mechanism, "kind", gomail.KindOf(err).String(), "err", err)
	return r
}
