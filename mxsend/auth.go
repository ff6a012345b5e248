package mxsend

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// maxMechanisms is more than any server offers.
const maxMechanisms = 32

// maxIterations bounds the work that a server can ask of us with SCRAM.
const maxIterations = 1_000_000

// errNoTLS is a smarthost without TLS where it is required.
var errNoTLS = errors.New("the smarthost offers no TLS, so nothing was sent")

// signInError is a sign-in that came to nothing. Wrong credentials are our
// administrator's to mend: the mail waits.
type signInError struct{ why string }

func (e *signInError) Error() string { return e.why }

// Mechanisms are those by which we can sign in at a smarthost, best first:
// SCRAM does not show the password, and proves that the server knows it.
var Mechanisms = []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"}

// signIn gives the smarthost our credentials, RFC 4954.
func (c *client) signIn() error {
	h := c.via
	if h == nil || h.Username == "" {
		return nil
	}
	mechanism, err := c.chooseMechanism()
	if err != nil {
		return err
	}
	switch mechanism {
	case "SCRAM-SHA-256":
		err = c.authSCRAM()
	case "PLAIN":
		err = c.authPlain()
	default:
		err = c.authLogin()
	}
	if err == nil {
		c.mechanism = mechanism
	}
	return err
}

// chooseMechanism returns the one that is configured, or the best that the
// server offers.
func (c *client) chooseMechanism() (string, error) {
	for _, m := range Mechanisms {
		if c.ext.auth[m] && (c.via.Mechanism == "" || c.via.Mechanism == m) {
			return m, nil
		}
	}
	if c.via.Mechanism != "" {
		return "", &signInError{"the smarthost does not offer to sign in by " + c.via.Mechanism}
	}
	return "", &signInError{"the smarthost offers none of the ways to sign in that we know: " + strings.Join(Mechanisms, ", ")}
}

// exchange sends one line of the sign-in, and demands a reply of a code. The
// line is not part of any error: it holds the password.
func (c *client) exchange(line string, code int) (reply, error) {
	r, err := c.command(c.s.cfg.Timeouts.Hello, line)
	if err != nil {
		return r, fmt.Errorf("AUTH: %w", err)
	}
	if r.code != code {
		return r, &signInError{fmt.Sprintf("the smarthost refused to sign us in: %d %s", r.code, r.text)}
	}
	return r, nil
}

// authPlain is RFC 4616.
func (c *client) authPlain() error {
	_, err := c.exchange("AUTH PLAIN "+encode("\x00"+c.via.Username+"\x00"+c.via.Password), 235)
	return err
}

// authLogin is draft-murchison-sasl-login. What the server asks is not looked
// at: the order is always the same.
func (c *client) authLogin() error {
	if _, err := c.exchange("AUTH LOGIN", 334); err != nil {
		return err
	}
	if _, err := c.exchange(encode(c.via.Username), 334); err != nil {
		return err
	}
	_, err := c.exchange(encode(c.via.Password), 235)
	return err
}

// authSCRAM is RFC 5802 with RFC 7677's hash. The server's proof is demanded
// before its success is believed.
func (c *client) authSCRAM() error {
	client, err := scram.SHA256.NewClient(c.via.Username, c.via.Password, "")
	if err != nil {
		return &signInError{"the name or the password cannot be used with SCRAM: it holds characters that are not allowed there"}
	}
	conversation := client.NewConversation()
	answer, err := conversation.Step("")
	if err != nil {
		return &signInError{"SCRAM: " + err.Error()}
	}
	line := "AUTH SCRAM-SHA-256 " + encode(answer)
	for range 2 { // the server's first message, and its final one
		r, err := c.exchange(line, 334)
		if err != nil {
			return err
		}
		challenge, err := challengeOf(r)
		if err != nil {
			return err
		}
		if answer, err = conversation.Step(challenge); err != nil {
			return &signInError{"the smarthost's part of SCRAM is wrong: " + cleanText(clip(err.Error(), 200))}
		}
		line = encode(answer)
	}
	if !conversation.Valid() {
		return &signInError{"the smarthost did not prove that it knows the password"}
	}
	_, err = c.exchange(line, 235)
	return err
}

// challengeOf decodes what a 334 carries, and refuses to be put to endless
// work.
func challengeOf(r reply) (string, error) {
	text := ""
	if len(r.lines) == 1 {
		text = strings.TrimSpace(r.lines[0])
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", &signInError{"the smarthost's challenge is not valid base64"}
	}
	for part := range strings.SplitSeq(string(b), ",") {
		value, ok := strings.CutPrefix(part, "i=")
		if n, err := strconv.Atoi(value); ok && (err != nil || n > maxIterations) {
			return "", &signInError{"the smarthost asks for more than " + strconv.Itoa(maxIterations) + " iterations of SCRAM"}
		}
	}
	return string(b), nil
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
