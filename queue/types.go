package queue

import (
	"context"
	"hash/fnv"
	"time"

	"gomail"
)

// Slots is how many slots the queue is spread over.
const Slots = 256

// Slot returns the slot of a recipient domain.
func Slot(domain string) int {
	h := fnv.New32a()
	h.Write([]byte(domain))
	return int(h.Sum32() % Slots)
}

// Key identifies a message in the queue.
type Key struct {
	Slot int
	ID   int64
}

// Message is a message with those of its recipients that share a slot.
type Message struct {
	Key                       // ID is given by the store
	Account  gomail.AccountID // who submitted it, 0: nobody here
	Envelope gomail.Envelope  // without recipients and client
	Prefix   []byte           // header fields that precede the body: DKIM-Signature, Received; what is read as due comes without
	Size     int64            // octets of prefix and body, given by the store
	Received time.Time

	// Open opens the content without asking where it is; nil: QueueContent
	// has to be asked, as also when it fails, because bodies move.
	Open func() (gomail.Content, error)

	Expires time.Time // recipients not delivered by then have failed
	Rcpts   []Recipient
}

// Recipient is one recipient of a queued message.
type Recipient struct {
	gomail.Recipient
	N         int    // its number within the message
	Site      string // what it shares connections and limits with: its domain
	Status    Status
	Due       time.Time // of the next attempt
	Attempts  int
	LastError string // the last reply or fault, one line
	LastTLS   string // what protected the way to the server that the last attempt reached
	Delayed   bool   // the sender has been told about the delay
	Late      bool   // the sender has been told that the time of DeliverBy has passed
}

// Position is a recipient's place in the order in which they come due.
type Position struct {
	Due time.Time
	Key Key
	N   int
}

// Status is where a recipient stands.
type Status int

// The states of a recipient. Those that are done have no row.
const (
	Pending Status = 0
	Held    Status = 1 // waits for an administrator
)

// Task is the work of one attempt: the recipients of one message that share a
// site and are due together.
type Task struct {
	Message        // with just these recipients, without Prefix: the content holds it
	Site    string // of all recipients
}

// Result is the outcome of an attempt for one recipient.
type Result struct {
	N        int
	Outcome  Outcome
	Code     int    // SMTP reply code, 0 when none was seen
	Enhanced string // "5.1.1"
	Text     string // the reply or the fault, one line
	Remote   string // the server that said so, "mx.example.net [192.0.2.1]"
	TLS      Security
	Policy   string // what was wanted of TLS: "dane", "mta-sts", "mta-sts testing", "required", "none"; empty: it did not come to that
	PassedOn bool   // delivered, and the other side answers for success notices (RFC 3461 section 5.2)
	PassedBy bool   // delivered, and the other side knows by when it is to be (RFC 2852)
	Lost     bool   // no server of the site could be talked to; other messages would fare the same
}

// Security is what protected the way of a message to the server that took or
// refused it.
type Security struct {
	Version  string       // "TLS1.3", empty: plain text, or no server was reached
	Cipher   string       // "TLS_AES_128_GCM_SHA256"
	Verified Verification // how the server was known to be the right one; empty: it was not
	Why      string       // it is not verified, or there is no TLS; empty: not known
}

// Verification is how a server was known to be the right one.
type Verification string

// The ways.
const (
	ByDANE   Verification = "dane"    // a TLSA record, RFC 7672
	BySTS    Verification = "mta-sts" // a certificate for a host of the domain's policy, RFC 8461
	ByWebPKI Verification = "webpki"  // a certificate for the host, whose name nobody vouches for
)

// String says it in one line: "TLS1.3 TLS_AES_128_GCM_SHA256, verified by dane".
// Empty: no server was reached.
func (s Security) String() string {
	text := s.Version + " " + s.Cipher
	switch {
	case s.Version == "" && s.Why == "":
		return ""
	case s.Version == "":
		text = "no TLS"
	case s.Verified != "":
		return text + ", verified by " + string(s.Verified)
	default:
		text += ", not verified"
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}

// Outcome says what becomes of a recipient.
type Outcome int

// The outcomes.
const (
	Delivered Outcome = iota
	Temporary         // try again later
	Permanent         // will never work
)

// Change is what a finished attempt writes to one recipient's row.
type Change struct {
	Key
	N         int
	Done      bool // delivered or failed: the row goes
	Due       time.Time
	Attempts  int
	LastError string
	LastTLS   string
	Delayed   bool
	Late      bool
}

// Lease is the right to work on the queue's slots until Expires. Token rises
// with every change of owner.
type Lease struct {
	Owner   string
	Token   int64
	Expires time.Time
}

// Summary is a queued message as an administrator sees it.
type Summary struct{ Message }

// SiteDue is a site that has mail waiting.
type SiteDue struct {
	Name string
	Due  time.Time // of the pending recipient that is due first
}

// Store keeps the queue. Each method is one transaction.
type Store interface {
	// Lease takes or renews all slots for owner. Unavailable while another
	// owner's lease has not expired.
	Lease(ctx context.Context, owner string, ttl time.Duration) (Lease, error)

	// Sites returns sites with pending recipients in the order of their names,
	// after a name (empty: from the beginning), at most limit.
	Sites(ctx context.Context, after string, limit int) ([]SiteDue, error)

	// Due returns the pending recipients of a site that are due before a
	// time, those that are due first, at most limit, with their messages, and
	// of those the ones behind a position (zero: all). next is from when on the
	// site may have others that are due; zero: it has none.
	Due(ctx context.Context, site string, after Position, before time.Time, limit int) (due []Message, next time.Time, err error)

	// Queued returns one message with its remaining recipients and size.
	Queued(ctx context.Context, key Key) (Summary, error)

	// QueueContent opens what is sent: prefix and body.
	QueueContent(ctx context.Context, key Key) (gomail.Content, error)

	// Finish writes the outcome of attempts. Closed when the lease is no
	// longer the caller's.
	Finish(ctx context.Context, lease Lease, changes []Change) error

	// List returns queued messages in the order of their keys after a key.
	List(ctx context.Context, after Key, limit int) ([]Summary, error)

	// SetStatus holds or releases recipients, all of the message when n is
	// negative, and makes them due at a time.
	SetStatus(ctx context.Context, key Key, n int, status Status, due time.Time) error

	// HoldAccount holds every pending recipient of an account's messages, and
	// notes since when and why, so that the account may send nothing more. The
	// recipients' last error is HeldAccount and why. It returns the messages.
	HoldAccount(ctx context.Context, account gomail.AccountID, at time.Time, why string) ([]Key, error)

	// ReleaseAccount ends that: what it held is pending again, due at the time
	// at the earliest. NotFound when the account is not held.
	ReleaseAccount(ctx context.Context, account gomail.AccountID, at time.Time) ([]Key, error)

	// Drop removes recipients without telling anybody, all when n is negative.
	Drop(ctx context.Context, key Key, n int) error
}

// HeldAccount begins the last error of what waits because its account is held.
const HeldAccount = "its account may not send: "

// Deliverer tries to deliver a task and returns one result per recipient. It
// honours ctx, and returns Temporary for what it did not get to.
type Deliverer interface {
	Deliver(ctx context.Context, task Task, content gomail.Content) []Result
}

// Split spreads a message with recipients of any domain over the slots: one
// message per slot, recipients numbered from 0 within each.
func Split(m Message) []Message {
	bySlot := map[int]*Message{}
	var order []int
	for _, r := range m.Rcpts {
		slot := Slot(r.Address.Domain)
		if bySlot[slot] == nil {
			part := m
			part.Slot, part.Rcpts = slot, nil
			bySlot[slot] = &part
			order = append(order, slot)
		}
		part := bySlot[slot]
		r.N, r.Site = len(part.Rcpts), r.Address.Domain
		part.Rcpts = append(part.Rcpts, r)
	}
	parts := make([]Message, len(order))
	for i, slot := range order {
		parts[i] = *bySlot[slot]
	}
	return parts
}
