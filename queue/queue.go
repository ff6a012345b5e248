package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gomail"
)

// Config is what a queue needs.
type Config struct {
	Store Store
	Owner string // this node's name; the same after a restart, so that it resumes at once

	// Route returns who delivers to a site: to other servers, or to
	// accounts of ours. An error is temporary.
	Route func(ctx context.Context, site string) (Deliverer, error)

	// Notify tells a sender what became of recipients (RFC 3464). It is not
	// called for the null reverse-path. A notice that fails is repeated with
	// the next attempt.
	Notify func(ctx context.Context, n Notice) error

	Total   int // attempts at once; 0: 200
	PerSite int // attempts at once to one site; 0: 20

	AttemptTimeout time.Duration // 0: 20 minutes
	LeaseTime      time.Duration // how long a lease holds without being renewed; 0: 60 seconds
	Clock          func() time.Time
	Logger         *slog.Logger
	Metrics        Metrics
}

// Metrics are called as things happen; any may be nil.
type Metrics struct {
	Attempt func(r Result) // one recipient was tried

	// Settled says what an attempt came to for a recipient of a message, which
	// is without them. done: it is delivered, or given up.
	Settled func(m *Message, r Recipient, result Result, done bool)
}

// Queue is a node's work on the queue.
type Queue struct {
	config   Config
	schedule *schedule
	lease    Lease
	results  chan outcome
	wg       sync.WaitGroup

	scanning bool   // the sites that have mail are being read,
	scanned  string // up to this one

	unsaved []attempt // whose outcome is not yet written
	saving  int       // how many are being written
	saved   chan saved
	full    bool      // the store could not take an outcome: nothing more is sent until it does,
	saveAt  time.Time // which is tried again then

	mu     sync.Mutex
	fresh  []Message  // handed over by Added
	missed bool       // there was no room in fresh
	stale  []Key      // changed by an administrator
	slowed []*running // attempts that have been waiting for a while
	wake   chan struct{}
}

// New returns a queue. Run does the work.
func New(c Config) *Queue {
	if c.Total == 0 {
		c.Total = 200
	}
	if c.PerSite == 0 {
		c.PerSite = 20
	}
	if c.AttemptTimeout == 0 {
		c.AttemptTimeout = 20 * time.Minute
	}
	if c.LeaseTime <= 0 {
		c.LeaseTime = time.Minute
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics.Attempt == nil {
		c.Metrics.Attempt = func(Result) {}
	}
	if c.Metrics.Settled == nil {
		c.Metrics.Settled = func(*Message, Recipient, Result, bool) {}
	}
	return &Queue{config: c, schedule: newSchedule(c.Total, c.PerSite), results: make(chan outcome), saved: make(chan saved), wake: make(chan struct{}, 1)}
}

// maxFresh is how many new messages are handed over at once; what is more is
// found in the store.
const maxFresh = 10_000

// Added tells the queue of messages that were just stored, so that they are
// tried at once. It never blocks.
func (q *Queue) Added(parts []Message) {
	q.mu.Lock()
	if len(q.fresh) < maxFresh {
		q.fresh = append(q.fresh, parts...)
	} else {
		q.missed = true
	}
	q.mu.Unlock()
	q.Wake()
}

// Wake makes the queue look again, as after an administrator's change.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run works on the queue until ctx ends, then waits for the attempts that are
// under way to come to their end. It fails when another node takes the lease
// or the store fails.
func (q *Queue) Run(ctx context.Context) error {
	defer q.wg.Wait()
	attempts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := q.acquire(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	q.beginScan()
	renew := time.NewTicker(q.config.LeaseTime / 3)
	defer renew.Stop()
	scan := time.NewTicker(scanEvery)
	defer scan.Stop()
	for ctx.Err() == nil {
		if err := q.step(ctx, attempts, renew.C, scan.C); err != nil && ctx.Err() == nil {
			stop()
			return q.abandon(err)
		}
	}
	return q.drain(stop)
}

// step begins what may begin and waits for the next thing to happen.
func (q *Queue) step(ctx, attempts context.Context, renew, scan <-chan time.Time) error {
	if err := q.takeFresh(ctx); err != nil {
		return err
	}
	if err := q.scan(ctx); err != nil {
		return err
	}
	q.schedule.wakeUp(q.config.Clock())
	more, err := q.feed(ctx, attempts)
	if err != nil {
		return err
	}
	if more || q.scanning {
		q.Wake()
	}
	q.dispatch(attempts)
	q.save()
	alarm := q.alarm()
	defer alarm.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-alarm.C:
	case o := <-q.results:
		q.settle(o)
	case s := <-q.saved:
		return q.written(s)
	case <-scan:
		q.beginScan()
	case <-renew:
		return q.renew(ctx)
	}
	return nil
}

// acquire takes the lease, waiting for another owner's to run out.
func (q *Queue) acquire(ctx context.Context) error {
	for {
		lease, err := q.config.Store.Lease(ctx, q.config.Owner, q.config.LeaseTime)
		if err == nil {
			q.lease = lease
			return nil
		}
		if gomail.KindOf(err) != gomail.Unavailable {
			return fmt.Errorf("take the queue: %w", err)
		}
		select {
		case <-time.After(q.config.LeaseTime / 6):
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *Queue) renew(ctx context.Context) error {
	lease, err := q.config.Store.Lease(ctx, q.config.Owner, q.config.LeaseTime)
	if err == nil && lease.Token != q.lease.Token {
		err = gomail.Errorf(gomail.Closed, "another node had the queue meanwhile")
	}
	if err != nil {
		return fmt.Errorf("keep the queue: %w", err)
	}
	q.lease = lease
	return nil
}

// slowAfter is how long an attempt takes a place of those that get on.
const slowAfter = time.Second

// running is an attempt under way.
type running struct {
	task Task
	slow bool // it no longer takes a place of those that get on
	done bool
}

// dispatch begins all attempts that may begin now. What was sent and is not
// yet written would be sent again after a crash, so that is bounded.
func (q *Queue) dispatch(ctx context.Context) {
	for !q.full && len(q.unsaved)+q.saving < maxUnsaved {
		task, ok := q.schedule.next(q.config.Clock())
		if !ok {
			return
		}
		r := &running{task: task}
		slow := time.AfterFunc(slowAfter, func() { q.slowDown(r) })
		q.wg.Go(func() {
			a := q.attempt(ctx, task)
			slow.Stop()
			q.results <- outcome{running: r, attempts: []attempt{a}}
		})
	}
}

// slowDown tells the queue of an attempt that has been waiting for a while.
func (q *Queue) slowDown(r *running) {
	q.mu.Lock()
	q.slowed = append(q.slowed, r)
	q.mu.Unlock()
	q.Wake()
}

// alarm is a timer for the next thing that becomes due by itself.
func (q *Queue) alarm() *time.Timer {
	wait := scanEvery
	if at := q.schedule.wakeAt(); !at.IsZero() {
		wait = min(wait, max(at.Sub(q.config.Clock()), time.Millisecond))
	}
	if q.full {
		wait = min(wait, saveAgain)
	}
	return time.NewTimer(wait)
}

// stopGrace is how long attempts may go on after the queue was told to stop.
const stopGrace = 20 * time.Second

// drain waits for the attempts under way, which are cut short after a while:
// what they did not finish is tried again after the next start.
func (q *Queue) drain(stop context.CancelFunc) error {
	timer := time.AfterFunc(stopGrace, stop)
	defer timer.Stop()
	for q.schedule.busy() > 0 || q.saving > 0 || len(q.unsaved) > 0 && !q.full {
		q.save()
		select {
		case o := <-q.results:
			q.settle(o)
		case s := <-q.saved:
			if err := q.written(s); err != nil {
				stop()
				return q.abandon(err)
			}
		}
	}
	return nil
}

// abandon lets the attempts under way end without writing their outcome.
func (q *Queue) abandon(err error) error {
	for q.schedule.busy() > 0 || q.saving > 0 {
		select {
		case o := <-q.results:
			q.settle(o)
		case s := <-q.saved:
			q.saving -= len(s.attempts)
		}
	}
	return err
}
