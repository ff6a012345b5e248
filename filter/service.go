package filter

import (
	"context"
	"log/slog"
	"time"

	"gomail/mailauth"
)

// Config is what a Service needs.
type Config struct {
	Store      Store
	Resolver   mailauth.Resolver
	BlockLists []string // zones to look addresses up in: "zen.spamhaus.org"; none: no look-ups
	Delay      time.Duration
	Clock      func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: none
}

// DefaultDelay is how long a sender that is greylisted has to wait.
const DefaultDelay = 5 * time.Minute

// Service filters. Its methods may be called at the same time.
type Service struct {
	config Config
	wrote  wrote
}

// New returns a Service.
func New(c Config) *Service {
	if c.Delay <= 0 {
		c.Delay = DefaultDelay
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{config: c, wrote: wrote{waiting: map[string]bool{}}}
}

// Store remembers who was asked to come back, who did, and to whom mail was
// sent. Each method is one transaction.
type Store interface {
	// Acquaintance returns what is known of a sender and of its pool as a
	// whole. The zero value: nothing.
	Acquaintance(ctx context.Context, pool, sender string) (of, whole Acquaintance, err error)
	// Acquaint remembers what is known of a sender now; the empty sender is
	// the pool as a whole.
	Acquaint(ctx context.Context, pool, sender string, a Acquaintance) error
	// PassedSenders returns how many senders of a pool have come back.
	PassedSenders(ctx context.Context, pool string) (int, error)
	// WrittenTo returns when mail was last sent to a domain; zero: never.
	WrittenTo(ctx context.Context, domain string) (time.Time, error)
	// WroteTo remembers that mail was sent to domains.
	WroteTo(ctx context.Context, domains []string, at time.Time) error
	// ForgetAcquaintances removes what is older: senders that were last seen,
	// and domains that were last written to, before a moment; and senders that
	// were seen first before another and have not come back.
	ForgetAcquaintances(ctx context.Context, last, waiting time.Time) error
}

// Acquaintance is what is known of a sender.
type Acquaintance struct {
	First, Last time.Time // when it was seen
	Passed      bool      // it came back after the delay, once at least
}
