package bounces

import (
	"context"
	"time"

	"gomail"
)

// Counts is what became of recipients at other servers. Sent is those that
// came to an end: what was delivered, and what was given up by class. Hard and
// Full also count what came back after it had been delivered.
type Counts struct {
	Sent, Delivered                   int
	Deferred                          int // attempts that were put off
	Hard, Full, Blocked, Policy, Soft int
	Complaints                        int
	Roles                             int // recipients that are a role, such as postmaster (RFC 2142)
}

// Add adds other counts.
func (c *Counts) Add(o Counts) {
	c.Sent, c.Delivered, c.Deferred = c.Sent+o.Sent, c.Delivered+o.Delivered, c.Deferred+o.Deferred
	c.Hard, c.Full, c.Blocked, c.Policy, c.Soft = c.Hard+o.Hard, c.Full+o.Full, c.Blocked+o.Blocked, c.Policy+o.Policy, c.Soft+o.Soft
	c.Complaints, c.Roles = c.Complaints+o.Complaints, c.Roles+o.Roles
}

// class returns the count of a class.
func (c *Counts) class(class Class) *int {
	return map[Class]*int{Hard: &c.Hard, Full: &c.Full, Blocked: &c.Blocked, Policy: &c.Policy, Soft: &c.Soft}[class]
}

// Sender is who sent: an account, as a domain.
type Sender struct {
	Account gomail.AccountID // 0: the server itself
	Domain  string
}

// Tally is what a sender's mail came to in an hour.
type Tally struct {
	Sender
	Hour time.Time // its beginning, UTC
	Counts
	Said string // the last reply that refused something as spam; empty: none
}

// Day is what a domain's mail came to on a day.
type Day struct {
	Day time.Time // its beginning, UTC
	Counts
	Said string // as in Tally
}

// Why is why mail to an address is not sent.
type Why string

// The reasons.
const (
	Bounced    Why = "bounced"    // there is no such mailbox: nothing is sent
	Complained Why = "complained" // the recipient called a message spam: no bulk mail is sent
)

// Suppression is an address to which an account's mail is not sent. Addresses
// are compared in their canonical form.
type Suppression struct {
	Account    gomail.AccountID
	Address    gomail.Address
	Why        Why
	Step       int       // how often it has begun anew, from 1: each is longer
	Count      int       // how often it was told
	First      time.Time // when it was told first
	Last       time.Time // and last
	Until      time.Time // when it ends
	Status     string    // RFC 3463 code; empty: none
	Diagnostic string    // the server's words, or the kind of complaint
	Returned   bool      // told by a bounce or report, not in the SMTP session
}

// Batch is what is written at once.
type Batch struct {
	Tallies      []Tally
	Suppressions []Suppression // newly told; Until, Step and Count are for extend to say
}

// Alarm is that too much of what a domain or an account sends comes back.
type Alarm struct {
	Sender           // either the account or the domain is set
	Since  time.Time // when it began
	Counts           // in the 24 hours before it was last looked at
	Said   string    // as in Tally
}

// Store keeps what was learned. Each method is one transaction.
type Store interface {
	// RecordBounces adds tallies to what is known of their hours and days, and
	// suppressions to those that are there, as extend says; old is nil when
	// there is none. Hours before keep are forgotten.
	RecordBounces(ctx context.Context, b Batch, keep time.Time, extend func(old *Suppression, told Suppression) Suppression) error

	// Suppressed returns why mail of an account to an address is not sent, of
	// those that end after a time.
	Suppressed(ctx context.Context, account gomail.AccountID, to gomail.Address, after time.Time) ([]Suppression, error)

	// Suppressions lists an account's in the order of their addresses, after
	// one (empty: from the beginning), at most limit.
	Suppressions(ctx context.Context, account gomail.AccountID, after string, limit int) ([]Suppression, error)

	// ClearSuppressions forgets an account's for an address, the null address:
	// all, and says how many there were.
	ClearSuppressions(ctx context.Context, account gomail.AccountID, to gomail.Address) (int, error)

	// BounceTotals adds up each sender's hours from a time on.
	BounceTotals(ctx context.Context, since time.Time) ([]Tally, error)

	// BounceDays returns a domain's days from a time on, oldest first.
	BounceDays(ctx context.Context, domain string, since time.Time) ([]Day, error)

	// BounceAlarms returns the alarms that hold.
	BounceAlarms(ctx context.Context) ([]Alarm, error)

	// SetBounceAlarms writes the alarms that hold, and no others.
	SetBounceAlarms(ctx context.Context, all []Alarm) error
}
