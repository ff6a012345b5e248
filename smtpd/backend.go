package smtpd

import (
	"context"
	"crypto/tls"
	"io"
	"time"

	"gomail"
)

// Backend decides what becomes of mail. One Backend serves all connections,
// so its methods are called concurrently.
type Backend interface {
	// NewSession is called once per connection, before the greeting. An
	// error is the greeting then: 421 for a temporary kind, else 554.
	//
	// c is filled as the session learns more (Helo, TLS, ...). It may be
	// read during any call to the Session, and it changes only between them.
	NewSession(ctx context.Context, c *gomail.Client) (Session, error)
}

// Session is the backend's side of one connection. Its methods are called one
// at a time. Their errors become replies by the table in errors.go; ctx ends
// with the connection.
type Session interface {
	// Authenticate checks a credential; mechanism is "PLAIN" or "LOGIN".
	// On success it sets Account in the session's Client, the one field that
	// the backend fills. Only called on submission, over TLS.
	Authenticate(ctx context.Context, username, password, mechanism string) error

	// Mail begins a transaction. from is null for bounces.
	Mail(ctx context.Context, from gomail.Address, opts MailOptions) error

	// Rcpt adds a recipient to the transaction. The domainless "<postmaster>"
	// of RFC 5321 section 4.1.1.3 arrives as postmaster at Config.Hostname.
	Rcpt(ctx context.Context, r gomail.Recipient) error

	// Data takes the message and returns the text of the 250 reply, such as
	// "queued as X". r gives the content with CRLF line ends, empty or ending
	// in CRLF, without transparency dots. When r fails, Data must return an
	// error and keep nothing; r's own error then decides the reply. Data may
	// return an error before it has read everything. Over LMTP the error may
	// be a Partial.
	Data(ctx context.Context, r io.Reader) (string, error)

	// Reset ends the transaction, whether it succeeded, failed or was given
	// up. It may be called without one.
	Reset()

	// Close ends the session. It is called exactly once.
	Close()
}

// Exchanger is a Session that knows mechanisms with challenges of their own:
// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 7677), OAUTHBEARER (RFC 7628) and
// XOAUTH2. Its methods are only called
// on submission, over TLS.
type Exchanger interface {
	// Mechanisms names them, the strongest first.
	Mechanisms(state tls.ConnectionState) []string

	// Exchange begins a sign-in with one of them.
	Exchange(mechanism string, state tls.ConnectionState) Exchange
}

// Exchange is one sign-in by challenge and response. The client speaks first.
type Exchange interface {
	// Step takes a response and returns the next challenge, or done: then
	// the client is signed in and its Client's Account set.
	Step(ctx context.Context, response string) (challenge string, done bool, err error)
}

// MailOptions are the parameters of MAIL.
type MailOptions struct {
	Size       int64  // SIZE in octets; 0: not said
	UTF8       bool   // SMTPUTF8
	EightBit   bool   // BODY=8BITMIME
	Return     string // RET: "FULL", "HDRS" or empty
	EnvelopeID string // ENVID, decoded

	Release   time.Time        // HOLDFOR or HOLDUNTIL; zero: at once
	DeliverBy gomail.DeliverBy // BY

	RequireTLS bool // REQUIRETLS, RFC 8689
}
