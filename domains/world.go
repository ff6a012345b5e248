package domains

import (
	"context"
	"time"

	"gomail"
)

// Sight is how much of the world sees a key.
type Sight int

// How much of the world sees a key.
const (
	Nowhere    Sight = iota // every authoritative server says that it is not there
	Partly                  // some have it, or a resolver still holds what was before
	Everywhere              // every authoritative server and the resolvers have it
)

// Sighting is one look at a key in the DNS.
type Sighting struct {
	Sight Sight

	// Settle is for how long resolvers elsewhere may still hold that the key
	// is absent: the zone's negative TTL (RFC 2308 section 5).
	Settle time.Duration
}

// Observer says what the world sees of a key.
type Observer interface {
	// Look asks every authoritative server and the resolvers for the key. An
	// error means that it could not be found out.
	Look(ctx context.Context, key gomail.DKIMKey) (Sighting, error)

	// Verify signs a message with the key and verifies it through the live
	// DNS.
	Verify(ctx context.Context, key Signer) error
}

// Publisher writes keys at a domain's DNS provider. For a domain whose owner
// publishes by hand both methods do nothing and return nil.
type Publisher interface {
	// PublishKeys makes the provider hold the records of the keys as they
	// are now: a revoked one with an empty p=.
	PublishKeys(ctx context.Context, domain string, keys []gomail.DKIMKey) error

	// WithdrawKey removes a key's record.
	WithdrawKey(ctx context.Context, domain string, key gomail.DKIMKey) error
}

// Pace is how long each step of a rotation takes at least.
type Pace struct {
	Settle  time.Duration // a new key has to be visible for so long before it signs; the zone's negative TTL where that is longer
	Overlap time.Duration // the new and the old key sign together
	Retire  time.Duration // an old key stays published after it stopped signing
	Revoke  time.Duration // a revoked key stays published as revoked
	Renew   time.Duration // the age at which a key is replaced by itself, where the domain's settings say nothing; 0: never
	Remind  time.Duration // how long a new key waits to be published before its owner is reminded, and again
}

// DefaultPace is careful: mail waits in queues for days and in mailboxes for
// longer before somebody verifies it.
func DefaultPace() Pace {
	const day = 24 * time.Hour
	return Pace{Settle: time.Hour, Overlap: day, Retire: 30 * day, Revoke: 30 * day, Renew: 365 * day, Remind: 3 * day}
}
