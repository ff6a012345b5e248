package bounces

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gomail"
	"gomail/message"
)

// Config is what the service needs.
type Config struct {
	Store  Store
	Tokens Tokens

	// Account returns whose account an address leads to. NotFound: it is not
	// one of ours.
	Account func(ctx context.Context, a gomail.Address) (gomail.AccountID, error)

	// High tells administrators of an alarm that has begun; nil: nobody is
	// told. It is asked again later when it fails.
	High func(ctx context.Context, a Alarm) error

	Metrics Metrics

	Off    bool             // nothing is refused for what came back; it is counted and listed all the same
	Clock  func() time.Time // nil: time.Now
	Logger *slog.Logger
}

// Metrics are called as things happen; any may be nil.
type Metrics struct {
	Failed   func(Class)          // a recipient was given up, or came back
	Returned func(outcome string) // a message came back: "failed", "complaint", "unproven"
	Alarms   func(n int)          // how many hold
}

// Service is what is known of the mail that was sent.
type Service struct {
	config Config
	write  sync.Mutex // held while a batch is written
	mu     sync.Mutex
	open   batch // what is not yet written
}

// batch is what was told since the last was written.
type batch struct {
	tallies  map[Sender]*Tally
	failures []Suppression
	returned []message.Returned
	dropped  int // that did not fit
}

// Bounds of what waits to be written.
const (
	maxSenders  = 20_000
	maxFailures = 20_000
	maxWaiting  = 500 // messages that came back
)

// writeEvery is how long what was told waits to be written with more. A crash
// loses as much.
const writeEvery = 2 * time.Second

// New returns the service. Run does the work.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Tokens.Clock == nil {
		c.Tokens.Clock = c.Clock
	}
	c.Metrics = c.Metrics.complete()
	return &Service{config: c}
}

func (m Metrics) complete() Metrics {
	if m.Failed == nil {
		m.Failed = func(Class) {}
	}
	if m.Returned == nil {
		m.Returned = func(string) {}
	}
	if m.Alarms == nil {
		m.Alarms = func(int) {}
	}
	return m
}

// Outcome is what an attempt at another server came to for one recipient.
type Outcome struct {
	Account   gomail.AccountID // who sent it, 0: the server itself
	From, To  gomail.Address
	Delivered bool
	Done      bool // delivered, or given up
	Permanent bool // the other server refused it for good
	Code      int  // SMTP reply code, 0: none
	Status    string
	Text      string
}

// Tell takes in an outcome. It never blocks.
func (s *Service) Tell(o Outcome) {
	sender := Sender{o.Account, o.From.Domain}
	var c Counts
	said := ""
	var hard bool
	switch {
	case !o.Done:
		c.Deferred = 1
	case o.Delivered:
		c.Sent, c.Delivered = 1, 1
	default:
		class := classOf(o)
		c.Sent = 1
		*c.class(class) = 1
		s.config.Metrics.Failed(class)
		hard = class == Hard
		if class == Blocked {
			said = o.To.Domain + ": " + o.Text
		}
	}
	if o.Done && isRole(o.To) {
		c.Roles = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(sender, c, said)
	if hard && o.Account != 0 {
		s.fail(Suppression{Account: o.Account, Address: o.To.Canonical(), Why: Bounced, Last: s.config.Clock(), Status: o.Status, Diagnostic: o.Text})
	}
}

// classOf is the class of what was given up.
func classOf(o Outcome) Class {
	class := Classify(o.Code, o.Status, o.Text)
	if !o.Permanent && class == Hard {
		return Soft // it expired
	}
	return class
}

// count adds to a sender's tally. The caller holds mu.
func (s *Service) count(sender Sender, c Counts, said string) {
	if s.open.tallies == nil {
		s.open.tallies = map[Sender]*Tally{}
	}
	tally := s.open.tallies[sender]
	if tally == nil {
		if len(s.open.tallies) >= maxSenders {
			s.open.dropped++
			return
		}
		tally = &Tally{Sender: sender, Hour: s.config.Clock().UTC().Truncate(time.Hour)}
		s.open.tallies[sender] = tally
	}
	tally.Add(c)
	if said != "" {
		tally.Said = said
	}
}

// fail notes a recipient that is no more. The caller holds mu.
func (s *Service) fail(x Suppression) {
	if len(s.open.failures) >= maxFailures {
		s.open.dropped++
		return
	}
	s.open.failures = append(s.open.failures, x)
}

// forgetFailures drops what waits to be written of an address, null: of all.
func (s *Service) forgetFailures(account gomail.AccountID, to gomail.Address) {
	s.write.Lock() // what is being written has been, when it is cleared
	defer s.write.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.open.failures[:0]
	for _, x := range s.open.failures {
		if x.Account != account || !to.IsNull() && x.Address != to.Canonical() {
			kept = append(kept, x)
		}
	}
	s.open.failures = kept
}

// Run writes what is told until ctx ends, and the rest then.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			s.Flush(context.WithoutCancel(ctx))
			return nil
		case <-look.C:
			s.look(ctx)
		case <-tick.C:
			s.Flush(ctx)
		}
	}
}

// Flush writes what waits. What the store could not take is kept for the next
// time.
func (s *Service) Flush(ctx context.Context) {
	s.write.Lock()
	defer s.write.Unlock()
	s.learnAll(ctx)
	s.mu.Lock()
	taken := s.open
	s.open = batch{returned: s.open.returned}
	s.mu.Unlock()
	if taken.dropped > 0 {
		s.config.Logger.Warn("more came back than could be taken in", slog.Int("lost", taken.dropped))
	}
	if len(taken.tallies) == 0 && len(taken.failures) == 0 {
		return
	}
	b := Batch{Suppressions: taken.failures}
	for _, t := range taken.tallies {
		b.Tallies = append(b.Tallies, *t)
	}
	err := s.config.Store.RecordBounces(ctx, b, s.config.Clock().Add(-keepHours), extend)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.config.Logger.Error("what became of sent mail could not be written, and is kept for later", slog.Any("error", err))
	}
	if err != nil {
		s.restore(taken)
	}
}

// restore puts back what could not be written.
func (s *Service) restore(b batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sender, t := range b.tallies {
		s.count(sender, t.Counts, t.Said)
	}
	for _, x := range b.failures {
		s.fail(x)
	}
}

// Trace returns the name of a message in its Received field, by which what
// comes back is known as ours.
func (s *Service) Trace(account gomail.AccountID, id string, recipients []gomail.Address) string {
	return s.config.Tokens.Trace(account, id, recipients)
}
