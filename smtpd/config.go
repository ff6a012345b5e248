package smtpd

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Config says how a Server behaves. A zero limit or time means its default.
type Config struct {
	Hostname    string      // what the server calls itself; required
	TLS         *tls.Config // nil: no STARTTLS
	ImplicitTLS bool        // TLS from the first octet, as on port 465
	Submission  bool        // require AUTH, over TLS only; else an MX, without AUTH
	LMTP        bool        // speak LMTP (RFC 2033) in place of SMTP, to other mail servers over a Unix socket

	MaxHold   time.Duration // how far ahead a message may be submitted (FUTURERELEASE, RFC 4865), 0: not offered
	DeliverBy bool          // offer DELIVERBY, RFC 2852

	MaxMessageSize           int64 // octets, 0: 50 MiB
	MaxRecipients            int   // per message, 0: 1,000
	MaxMessages              int   // per connection, 0: 1,000
	MaxConnections           int   // at a time, 0: 1,000
	MaxConnectionsPerAddress int   // at a time, per IPv4 address or IPv6 /64, 0: 50
	MaxCommands              int   // between two accepted messages, 0: 5,000
	MaxErrors                int   // commands out of order or out of form per connection, 0: 20
	MaxRefusedRecipients     int   // per connection, 0: 100
	MaxAuthFailures          int   // per connection, 0: 3

	// Tarpit is how long the reply waits to the fourth thing that a client
	// does wrong; to the fifth twice as long, and so on, up to 20 times. 0:
	// none does. Addresses that are guessed from a list take long that way.
	Tarpit time.Duration

	CommandTimeout  time.Duration // for one command line to arrive, 0: 5 minutes (RFC 5321 section 4.5.3.2.7)
	AuthTimeout     time.Duration // submission: from connect to AUTH, 0: 1 minute
	DataTimeout     time.Duration // for one block of a message to arrive, 0: 3 minutes
	WriteTimeout    time.Duration // for the client to take replies, 0: 1 minute
	MinTransferRate int64         // octets a second of a message's arrival, after a minute of grace; 0: 500
	ShutdownGrace   time.Duration // for messages in flight after shutdown began, 0: 30 seconds

	Clock   func() time.Time // for MaxHold and DeliverBy, nil: time.Now
	Logger  *slog.Logger     // nil: nothing is logged
	Metrics Metrics
}

// Metrics are called as things happen; any may be nil. They must be quick and
// safe for concurrent use.
type Metrics struct {
	Opened  func()                       // a connection was accepted
	Closed  func()                       // an accepted connection ended
	Refused func(reason string)          // a connection was turned away: "connections" or "address"
	Reply   func(verb string, code int)  // a command was answered; verb is "other" for unknown ones
	Message func(code int, octets int64) // a message was answered; code 0: it broke off
}

// rateGrace is how long a message may take before the minimum transfer rate
// counts.
const rateGrace = time.Minute

func (c Config) withDefaults() Config {
	setDefault(&c.MaxMessageSize, 50<<20)
	setDefault(&c.MaxRecipients, 1000)
	setDefault(&c.MaxMessages, 1000)
	setDefault(&c.MaxConnections, 1000)
	setDefault(&c.MaxConnectionsPerAddress, 50)
	setDefault(&c.MaxCommands, 5000)
	setDefault(&c.MaxErrors, 20)
	setDefault(&c.MaxRefusedRecipients, 100)
	setDefault(&c.MaxAuthFailures, 3)
	setDefault(&c.CommandTimeout, 5*time.Minute)
	setDefault(&c.AuthTimeout, time.Minute)
	setDefault(&c.DataTimeout, 3*time.Minute)
	setDefault(&c.WriteTimeout, time.Minute)
	setDefault(&c.MinTransferRate, 500)
	setDefault(&c.ShutdownGrace, 30*time.Second)
	if c.Clock == nil {
		c.Clock = time.Now
	}
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
	if m.Reply == nil {
		m.Reply = func(string, int) {}
	}
	if m.Message == nil {
		m.Message = func(int, int64) {}
	}
	return m
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
