package mxsend

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"gomail/tlspolicy"
)

// Resolver answers questions of the DNS. *net.Resolver is one; errors are
// *net.DNSError with IsNotFound for what certainly does not exist.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Config says how a Sender behaves. A zero limit or time means its default.
type Config struct {
	Hostname string   // what we call ourselves in EHLO; an MX of that name is ourselves; required
	Resolver Resolver // required

	// Secure is asked what of the DNS is authenticated, for DANE. nil: DANE is
	// not used.
	Secure SecureResolver

	// STS returns the MTA-STS policy that is in force for a domain, nil: none
	// is; and why one that is announced could not be had. nil: none is asked
	// for.
	STS func(ctx context.Context, domain string) (*tlspolicy.Policy, *tlspolicy.Failure)

	// Destinations say how mail to some domains goes; the first that covers a
	// domain counts.
	Destinations []Destination

	// Session is told of every session with a domain's servers, as reports
	// count them; nil: nobody is. It must not wait.
	Session func(tlspolicy.Session)

	// Offers keeps over restarts which hosts offered TLS; nil: it is known
	// since the start only.
	Offers OfferStore

	// OwnAddresses are addresses at which this server itself takes mail: an
	// MX that leads to one is ourselves, RFC 5321 section 5.1.
	OwnAddresses []netip.Addr

	// BindAddresses are where connections come from; the first of the
	// family is used. Empty: the system chooses. Not used with Dial.
	BindAddresses []netip.Addr

	// AllowPrivateNetworks permits MX hosts at loopback, private and other
	// addresses that are not of the public Internet. Anyone can point an MX
	// anywhere, so without it our inner services cannot be talked to.
	AllowPrivateNetworks bool

	// Smarthosts take mail instead of the MX: the first that matches. Mail
	// that none matches goes to the MX.
	Smarthosts []Smarthost

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: plain TCP
	TLS  *tls.Config                                                       // the base of every handshake; nil: Go's defaults

	MaxRecipients int           // per transaction, 0: 100 (RFC 5321 section 4.5.3.1.8)
	MaxMessages   int           // per connection, 0: 100
	MaxHosts      int           // addresses tried per attempt, 0: 6
	IdleTimeout   time.Duration // how long an idle connection is kept, 0: 5 seconds
	Timeouts      Timeouts

	Logger *slog.Logger // nil: nothing is logged
}

// Timeouts are those of RFC 5321 section 4.5.3.2; each zero is the time given
// there.
type Timeouts struct {
	Connect   time.Duration // 0: 30 seconds
	Greeting  time.Duration // 0: 5 minutes
	Hello     time.Duration // EHLO, STARTTLS with its handshake, AUTH; 0: 5 minutes
	Mail      time.Duration // 0: 5 minutes
	Rcpt      time.Duration // 0: 5 minutes
	DataInit  time.Duration // the reply to DATA; 0: 2 minutes
	DataBlock time.Duration // the other side taking a block of the message; 0: 3 minutes
	DataEnd   time.Duration // the reply to the final dot; 0: 10 minutes
	Quit      time.Duration // 0: 2 seconds: nobody waits for a farewell
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxRecipients, 100)
	setDefault(&c.MaxMessages, 100)
	setDefault(&c.MaxHosts, 6)
	setDefault(&c.IdleTimeout, 5*time.Second)
	setDefault(&c.Timeouts.Connect, 30*time.Second)
	setDefault(&c.Timeouts.Greeting, 5*time.Minute)
	setDefault(&c.Timeouts.Hello, 5*time.Minute)
	setDefault(&c.Timeouts.Mail, 5*time.Minute)
	setDefault(&c.Timeouts.Rcpt, 5*time.Minute)
	setDefault(&c.Timeouts.DataInit, 2*time.Minute)
	setDefault(&c.Timeouts.DataBlock, 3*time.Minute)
	setDefault(&c.Timeouts.DataEnd, 10*time.Minute)
	setDefault(&c.Timeouts.Quit, 2*time.Second)
	c.Smarthosts = slices.Clone(c.Smarthosts)
	for i := range c.Smarthosts {
		setDefault(&c.Smarthosts[i].Port, 587)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{}
	}
	return c
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
