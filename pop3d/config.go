package pop3d

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"gomail"
)

// Config says how a Server behaves. A zero limit or time means its default.
type Config struct {
	Hostname    string      // what the server calls itself; required
	TLS         *tls.Config // nil: no STLS, and so no way to sign in
	ImplicitTLS bool        // TLS from the first octet, as on port 995

	MaxConnections           int // at a time, 0: 1,000
	MaxConnectionsPerAddress int // at a time, per IPv4 address or IPv6 /64, 0: 50
	MaxErrors                int // commands out of form per connection, 0: 50
	MaxAuthFailures          int // per connection, 0: 3

	AuthTimeout   time.Duration // from connect to sign-in, 0: 1 minute
	IdleTimeout   time.Duration // between commands, 0: 10 minutes (RFC 1939 section 3)
	WriteTimeout  time.Duration // for the client to take a block of an answer, 0: 2 minutes
	ShutdownGrace time.Duration // for commands in flight after shutdown began, 0: 10 seconds

	Logger  *slog.Logger // nil: nothing is logged
	Metrics Metrics
}

// Metrics are called as things happen; any may be nil. They must be quick and
// safe for concurrent use.
type Metrics struct {
	Opened  func()                                         // a connection was accepted
	Closed  func()                                         // an accepted connection ended
	Refused func(reason string)                            // a connection was turned away: "connections" or "address"
	Command func(name, outcome string, took time.Duration) // a command was answered: OK or ERR; unknown ones are "other"
}

// Authenticator checks who signs in. Errors of kind Unauthenticated, Disabled
// and Throttled are told to the client as such.
type Authenticator interface {
	Authenticate(ctx context.Context, username, password string, remote netip.Addr, protocol string) (gomail.AccountID, error)
}

// Exchanger is an Authenticator that knows SASL mechanisms with challenges of
// their own.
type Exchanger interface {
	// Mechanisms names them, the strongest first.
	Mechanisms(state tls.ConnectionState) []string

	// Exchange begins a sign-in with one of them.
	Exchange(mechanism string, state tls.ConnectionState, remote netip.Addr, protocol string) Exchange
}

// Exchange is one sign-in by challenge and response. The client speaks first.
type Exchange interface {
	// Step takes a response and returns the next challenge; or the account,
	// which is signed in then.
	Step(ctx context.Context, response string) (challenge string, account gomail.AccountID, err error)
}

// protocol names us to the Authenticator.
const protocol = "pop3"

func (c Config) withDefaults() Config {
	setDefault(&c.MaxConnections, 1000)
	setDefault(&c.MaxConnectionsPerAddress, 50)
	setDefault(&c.MaxErrors, 50)
	setDefault(&c.MaxAuthFailures, 3)
	setDefault(&c.AuthTimeout, time.Minute)
	setDefault(&c.IdleTimeout, 10*time.Minute)
	setDefault(&c.WriteTimeout, 2*time.Minute)
	setDefault(&c.ShutdownGrace, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Metrics = c.Metrics.withDefaults()
	return c
}

func (m Metrics) withDefaults() Metrics {
	if m.Opened == nil {
		m.Opened = func() {}
	}
	if m.Closed == nil {
		m.Closed = func() {}
	}
	if m.Refused == nil {
		m.Refused = func(string) {}
	}
	if m.Command == nil {
		m.Command = func(string, string, time.Duration) {}
	}
	return m
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
