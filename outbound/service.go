package outbound

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"log/slog"
	"strings"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/queue"
)

// Config is what the service needs.
type Config struct {
	Store    Store
	Domains  *domains.Service
	Hostname string
	Added    func([]queue.Message) // tells the queue of new messages
	Lifetime time.Duration         // how long delivery is tried; 0: 5 days
	SpoolDir string                // where large messages wait for filters; empty: the system's place
	Limiter  *Limiter              // nil: accounts may send as much as they like
	Returns  Returns               // nil: nothing is known of what came back
	Clock    func() time.Time      // nil: time.Now
	Logger   *slog.Logger
}

// Returns knows what became of mail that was sent before.
type Returns interface {
	// Trace returns the name of a message in its Received field, by which what
	// comes back is known as ours: an atom that begins with id.
	Trace(account gomail.AccountID, id string, recipients []gomail.Address) string

	// Check says whether mail of an account may go to an address; bulk is mail
	// to many.
	Check(ctx context.Context, account gomail.AccountID, to gomail.Address, bulk bool) error
}

// Service takes in what our accounts send.
type Service struct {
	config Config
}

// DefaultLifetime is how long a message is tried (RFC 5321 section 4.5.4.1).
const DefaultLifetime = 5 * 24 * time.Hour

// New returns the service.
func New(c Config) *Service {
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Added == nil {
		c.Added = func([]queue.Message) {}
	}
	return &Service{config: c}
}

// CheckSender says whether the account may use the address as envelope
// sender, and whether there is room for a message of the announced size. The
// null reverse-path is not for people.
func (s *Service) CheckSender(ctx context.Context, account gomail.AccountID, from gomail.Address, size int64) error {
	if err := s.config.Store.Room(size); err != nil {
		return err
	}
	if from.IsNull() {
		return gomail.Errorf(gomail.Forbidden, "mail from an account needs a sender: use your own address")
	}
	return s.config.Domains.MaySend(ctx, account, from)
}

// CheckRecipient says whether a recipient can be right: one of our own
// domains has to know it, others are asked when the message is sent, unless
// they have said of late that there is no such mailbox.
func (s *Service) CheckRecipient(ctx context.Context, account gomail.AccountID, to gomail.Address) error {
	if strings.HasPrefix(to.Domain, "[") {
		return gomail.Errorf(gomail.Refused, "mail to an address literal is not sent: use a domain name")
	}
	hosted, err := s.config.Domains.Hosted(ctx, to.Domain)
	switch {
	case err != nil:
		return err
	case hosted:
		_, err = s.config.Domains.Resolve(ctx, to)
	case s.config.Returns != nil:
		err = s.config.Returns.Check(ctx, account, to, false)
	}
	return err
}

// newID returns a name that no other message of any process has.
func newID() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}
