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
	Clock          func() time.Time
	Logger         *slog.Logger
	Metrics        Metrics
}

// Metrics are called as things happen; any may be nil.
type Metrics struct {
	Attempt func(r Result) // one recipient was tried
}

// Queue is a node's work on the queue.
type Queue struct {
	config   Config
	schedule *schedule
	lease    Lease
	more     bool // the store holds tasks that were not loaded
	results  chan attempt
	wg       sync.WaitGroup

	mu    sync.Mutex
	fresh []Message // handed over by Added
	stale []Key     // changed by an administrator
	wake  chan struct{}
}

// Bounds of what is held in memory: tasks due within horizon, at most
// maxLoaded recipients. The rest waits in the store.
const (
	horizon   = 15 * time.Minute
	maxLoaded = 50_000
	leaseTime = 60 * time.Second
)

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
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics.Attempt == nil {
		c.Metrics.Attempt = func(Result) {}
	}
	return &Queue{config: c, schedule: newSchedule(c.Total, c.PerSite), results: make(chan attempt), wake: make(chan struct{}, 1)}
}

// Added tells the queue of messages that were just stored, so that they are
// tried at once. It never blocks.
func (q *Queue) Added(parts []Message) {
	q.mu.Lock()
	if len(q.fresh) < maxLoaded {
		q.fresh = append(q.fresh, parts...)
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
	if err := q.load(ctx); err != nil {
		return err
	}
	renew := time.NewTicker(leaseTime / 3)
	defer renew.Stop()
	for ctx.Err() == nil {
		if err := q.step(ctx, attempts, renew.C); err != nil && ctx.Err() == nil {
			stop()
			return q.abandon(err)
		}
	}
	return q.drain(stop)
}

// step begins what may begin and waits for the next thing to happen.
func (q *Queue) step(ctx, attempts context.Context, renew <-chan time.Time) error {
	q.takeFresh()
	if err := q.reload(ctx); err != nil {
		return err
	}
	q.dispatch(attempts)
	alarm := q.alarm()
	defer alarm.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-alarm.C:
	case a := <-q.results:
		return q.settle(a)
	case <-renew:
		q.more = true
		return q.renew(ctx)
	}
	return nil
}

// acquire takes the lease, waiting for another owner's to run out.
func (q *Queue) acquire(ctx context.Context) error {
	for {
		lease, err := q.config.Store.Lease(ctx, q.config.Owner, leaseTime)
		if err == nil {
			q.lease = lease
			return nil
		}
		if gomail.KindOf(err) != gomail.Unavailable {
			return fmt.Errorf("take the queue: %w", err)
		}
		select {
		case <-time.After(leaseTime / 6):
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *Queue) renew(ctx context.Context) error {
	lease, err := q.config.Store.Lease(ctx, q.config.Owner, leaseTime)
	if err == nil && lease.Token != q.lease.Token {
		err = gomail.Errorf(gomail.Closed, "another node had the queue meanwhile")
	}
	if err != nil {
		return fmt.Errorf("keep the queue: %w", err)
	}
	q.lease = lease
	return nil
}

// reload reads the store when something may be due that is not loaded.
func (q *Queue) reload(ctx context.Context) error {
	if !q.more || len(q.schedule.loaded) >= maxLoaded || ctx.Err() != nil {
		return nil
	}
	return q.load(ctx)
}

// load reads what is due within the horizon, up to the bound.
func (q *Queue) load(ctx context.Context) error {
	q.more = false
	after, n := Key{Slot: -1}, 0
	until := q.config.Clock().Add(horizon)
	for len(q.schedule.loaded) < maxLoaded {
		const page = 1000
		messages, err := q.config.Store.Due(ctx, until, after, n, page)
		if err != nil {
			return fmt.Errorf("read the queue: %w", err)
		}
		count := 0
		for _, m := range messages {
			count += len(m.Rcpts)
			q.schedule.add(m)
			after, n = m.Key, m.Rcpts[len(m.Rcpts)-1].N
		}
		if count < page {
			return nil
		}
	}
	q.more = true
	return nil
}

// takeFresh schedules what Added handed over, and forgets what was changed
// meanwhile.
func (q *Queue) takeFresh() {
	q.mu.Lock()
	fresh, stale := q.fresh, q.stale
	q.fresh, q.stale = nil, nil
	q.mu.Unlock()
	for _, key := range stale {
		q.schedule.remove(key)
		q.more = true
	}
	until := q.config.Clock().Add(horizon)
	for _, m := range fresh {
		switch {
		case len(q.schedule.loaded) >= maxLoaded:
			q.more = true
		case m.Rcpts[0].Due.Before(until):
			q.schedule.add(m)
		}
	}
}

// dispatch begins all attempts that may begin now.
func (q *Queue) dispatch(ctx context.Context) {
	for {
		task, ok := q.schedule.next(q.config.Clock())
		if !ok {
			return
		}
		lease := q.lease // renewing changes it, its token stays
		q.wg.Go(func() { q.results <- q.attempt(ctx, task, lease) })
	}
}

// alarm is a timer for the next task that becomes due by itself.
func (q *Queue) alarm() *time.Timer {
	at := q.schedule.wakeAt()
	if at.IsZero() {
		return time.NewTimer(horizon / 2)
	}
	return time.NewTimer(max(at.Sub(q.config.Clock()), time.Millisecond))
}

// stopGrace is how long attempts may go on after the queue was told to stop.
const stopGrace = 20 * time.Second

// drain waits for the attempts under way, which are cut short after a while:
// what they did not finish is tried again after the next start.
func (q *Queue) drain(stop context.CancelFunc) error {
	timer := time.AfterFunc(stopGrace, stop)
	defer timer.Stop()
	for q.schedule.active > 0 {
		if err := q.settle(<-q.results); err != nil {
			stop()
			return q.abandon(err)
		}
	}
	return nil
}

// abandon lets the attempts under way end without writing their outcome.
func (q *Queue) abandon(err error) error {
	for q.schedule.active > 0 {
		a := <-q.results
		q.schedule.done(a.task, false, q.config.Clock())
	}
	return err
}
