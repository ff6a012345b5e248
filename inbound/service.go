package inbound

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"log/slog"
	"strings"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/filter"
	"gomail/lists"
	"gomail/mailauth"
	"gomail/message"
	"gomail/queue"
)

// Mode is what a failed authentication may lead to.
type Mode string

// The modes.
const (
	Observe    Mode = "observe"    // note the result, deliver everything
	Quarantine Mode = "quarantine" // at worst, to Junk
	Reject     Mode = "reject"     // do what the author's domain asks for
)

// ParseMode reads a mode; empty is Reject.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return Reject, nil
	case Observe, Quarantine, Reject:
		return m, nil
	}
	return "", gomail.Errorf(gomail.Invalid, "there is no mode %q: use observe, quarantine or reject", s)
}

// Config is what the service needs.
type Config struct {
	Store       Store
	Domains     *domains.Service
	Checker     *mailauth.Checker
	Hostname    string // names us in Received and Authentication-Results
	Mode        Mode   // empty: Reject
	Added       func([]queue.Message)
	Lifetime    time.Duration      // how long delivery of what is forwarded is tried; 0: 5 days
	Lists       *lists.Service     // nil: there are no mailing lists
	Bounce      Bounce             // nil: nobody is told of what a list refuses after others have the message
	MaxForwards int                // messages that an alias forwards in an hour; 0: as many as come
	Readers     []Reader           // that are shown mail for them, in order
	Judged      func(Judgement)    // told of each message that was judged; nil: nobody is
	Gate        *filter.Service    // looks at who brings a message; nil: nobody does
	Greylist    filter.Greylisting // where a domain does not say; empty: off
	BlockAction BlockAction        // empty: BlockRefuse
	SpoolDir    string             // where large messages wait for filters; empty: the system's place
	Clock       func() time.Time   // nil: time.Now
	Logger      *slog.Logger
	Metrics     Metrics
}

// Bounce sends a notification of failure to the sender of a message. content is
// the message.
type Bounce func(ctx context.Context, n queue.Notice, content gomail.Content) error

// Metrics are called as things happen; any may be nil.
type Metrics struct {
	Received func(outcome string) // "delivered", "read", "junked", "forwarded", "list", "refused", "failed"
}

// Service receives mail.
type Service struct {
	config   Config
	forwards forwardLimit
}

// New returns the service.
func New(c Config) *Service {
	if c.Mode == "" {
		c.Mode = Reject
	}
	if c.Greylist == "" {
		c.Greylist = filter.GreylistOff
	}
	if c.BlockAction == "" {
		c.BlockAction = BlockRefuse
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics.Received == nil {
		c.Metrics.Received = func(string) {}
	}
	if c.Lifetime == 0 {
		c.Lifetime = 5 * 24 * time.Hour
	}
	if c.Added == nil {
		c.Added = func([]queue.Message) {}
	}
	return &Service{config: c, forwards: forwardLimit{most: c.MaxForwards}}
}

// Transaction is one message's envelope as it builds up.
type Transaction struct {
	service *Service
	client  *gomail.Client
	check   *mailauth.Check // nil: over LMTP, where the other server has checked
	gate    *filter.Client  // nil: over LMTP, or nobody looks
	id      string          // names the message in replies, logs and Received
	from    gomail.Address
	size    int64 // as the client announced it, 0: not

	header    message.Header // as it came, once it was read
	messageID string         // of the header
	filter    Filter
	routes    []route
	envelope  gomail.Envelope // what goes on with a forwarded message
	onward    *onward         // nil: nothing goes on, or it was not taken in yet
}

// route is an accepted recipient and whom it leads to.
type route struct {
	recipient gomail.Recipient
	account   gomail.Account   // ID 0: none
	outside   []gomail.Address // where copies go on to
	readers   []Reader         // that want to see what comes for it
	list      *lists.Target    // nil: it is no address of a mailing list
	refused   error            // by the list, though others were to get the message; nil: it was taken
}

// maxRoutes bounds a transaction even where the protocol's edge does not.
const maxRoutes = 10_000

// Connection is one client's connection. What is found out about the client
// itself is kept for all its messages.
type Connection struct {
	service *Service
	client  *gomail.Client
	check   *mailauth.Connection // nil: over LMTP
	gate    *filter.Client       // nil: over LMTP, or nobody looks
}

// Connect prepares for a client's messages; the look-up of its name begins in
// the background. Close ends it.
func (s *Service) Connect(ctx context.Context, client *gomail.Client) *Connection {
	c := &Connection{service: s, client: client, check: s.config.Checker.Connect(ctx, client.Addr.Addr())}
	if s.config.Gate != nil {
		c.gate = s.config.Gate.Connect(ctx, client.Addr.Addr())
	}
	return c
}

// Close gives up what is still under way.
func (c *Connection) Close() {
	if c.check != nil {
		c.check.Close()
	}
	if c.gate != nil {
		c.gate.Close()
	}
}

// Begin starts a transaction: the sender's address is known. NoSpace when the
// disk could not take the announced size. SPF is looked up in the background.
func (c *Connection) Begin(ctx context.Context, from gomail.Address, size int64) (*Transaction, error) {
	if err := c.service.config.Store.Room(size); err != nil {
		return nil, err
	}
	t := &Transaction{service: c.service, client: c.client, id: newID(), from: from, size: size, gate: c.gate}
	if c.check != nil {
		t.check = c.check.Begin(c.client.Helo, from)
	}
	return t, nil
}

// Close gives up what the transaction still has under way. It may be called
// after Receive.
func (t *Transaction) Close() {
	if t.check != nil {
		t.check.Close()
	}
}

// newID returns a name that no other message of any process has.
func newID() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// AddRecipient accepts a recipient or says why not: RelayDenied, NotFound,
// Disabled, OverQuota, Refused, TooMany.
func (t *Transaction) AddRecipient(ctx context.Context, r gomail.Recipient) error {
	if len(t.routes) >= maxRoutes {
		return gomail.Errorf(gomail.TooMany, "too many recipients")
	}
	to, err := t.service.config.Domains.Resolve(ctx, r.Address)
	if err != nil {
		return err
	}
	if err := t.blocked(r.Address); err != nil {
		return err
	}
	if !to.List.IsNull() {
		return t.addList(ctx, r, to)
	}
	if err := t.oneForward(to, r.Address); err != nil {
		return err
	}
	if err := t.service.forwards.room(to, r.Address, t.service.config.Clock()); err != nil {
		return err
	}
	account := to.Account
	if !account.Room(max(t.size, 1)) {
		return gomail.Errorf(gomail.OverQuota, "the mailbox %s is full", r.Address)
	}
	t.routes = append(t.routes, route{recipient: r, account: account, outside: to.Outside, readers: t.wanted(ctx, r.Address)})
	return nil
}
