package dnswatch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// WatchConfig is what a Watcher needs.
type WatchConfig struct {
	Store  Store
	Prober *Prober

	// Domains returns the names of all hosted domains.
	Domains func(ctx context.Context) ([]string, error)

	// Target returns what is to be looked at for a domain: its plan as it is
	// now.
	Target func(ctx context.Context, domain string) (Target, error)

	// Mend puts right at once what was lost, where the owner wants that, and
	// returns what it put right as "TXT example.com". nil: nobody does.
	Mend func(ctx context.Context, domain string, lost []dnsplan.Entry) []string

	// Alert brings an alert to the domain's administrators. nil: nobody is
	// told.
	Alert func(ctx context.Context, alert dnsplan.Alert) error

	// Tell says that a look begins, and that it has ended. nil: nobody asks.
	Tell func(domain string, looking bool)

	// After is called with each look's outcome, for what goes on from it. nil:
	// nothing does.
	After func(ctx context.Context, report dnsplan.Report)

	Clock  func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: silent
}

// Watcher looks at every domain's DNS on a schedule and when it is asked to,
// remembers what it found and tells when something is lost. It is safe for
// concurrent use.
type Watcher struct {
	config WatchConfig
	log    *slog.Logger
	wake   chan struct{}

	flights sync.WaitGroup

	mu      sync.Mutex
	next    map[string]time.Time // by domain; a domain that is missing is new
	changed map[string]time.Time // by domain: what was told by Changed since the last look
	looks   map[string]*flight
	asked   map[string]*bucket

	alerts alerts
}

// The pace of looks that nobody waits for, and how long one may take.
const (
	atOnce   = 4 // domains under way on schedule
	lookTime = 90 * time.Second
	idle     = time.Minute // how long the scheduler sleeps at most: domains come and go
	keepFor  = 400 * 24 * time.Hour
	longest  = seldom + lookTime // between two looks at a domain
)

// NewWatcher returns a watcher. Check works at once; Run keeps the schedule.
func NewWatcher(c WatchConfig) *Watcher {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watcher{
		config: c, log: c.Logger, wake: make(chan struct{}, 1),
		next: map[string]time.Time{}, changed: map[string]time.Time{}, looks: map[string]*flight{}, asked: map[string]*bucket{},
		alerts: alerts{when: map[lostRecord][]time.Time{}},
	}
}

// Report returns what the last look at a domain found. NotFound before the
// first.
func (w *Watcher) Report(ctx context.Context, domain string) (dnsplan.Report, error) {
	l, err := w.config.Store.Look(ctx, domain)
	l.Report.NextCheck = l.Next
	return l.Report, err
}

// Summaries returns what a list of domains shows of each that was looked at.
func (w *Watcher) Summaries(ctx context.Context) (map[string]dnsplan.Summary, error) {
	all, err := w.config.Store.Looks(ctx)
	summaries := make(map[string]dnsplan.Summary, len(all))
	for _, l := range all {
		summaries[l.Domain] = dnsplan.Summary{Badge: l.Report.Status, CheckedAt: l.Report.CheckedAt, Provider: l.Report.Provider}
	}
	return summaries, err
}

// History returns changes of state of a domain, the newest first.
func (w *Watcher) History(ctx context.Context, domain, name, kind string, limit int) ([]dnsplan.Entry, error) {
	return w.config.Store.History(ctx, domain, name, kind, limit)
}

// Changed says that a domain's plan or its zone was changed: it is looked at
// now, and often for a while.
func (w *Watcher) Changed(domain string) {
	w.mu.Lock()
	now := w.config.Clock()
	w.changed[domain], w.next[domain] = now, now
	w.mu.Unlock()
	w.rouse()
}

// rouse has the schedule looked at.
func (w *Watcher) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Check looks at a domain now, whatever the schedule says. A look that begins
// after the call is shared by all who ask meanwhile. Throttled when it was
// asked for too often.
func (w *Watcher) Check(ctx context.Context, domain string) (dnsplan.Report, error) {
	if wait := w.mayAsk(domain); wait > 0 {
		return dnsplan.Report{}, gomail.Errorf(gomail.Throttled, "%s was checked several times just now: try again in %d seconds", domain, int(wait/time.Second)+1)
	}
	return w.fly(ctx, domain, true)
}

// Run looks at every domain when its time has come, until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	var looks sync.WaitGroup
	defer w.flights.Wait()
	defer looks.Wait()
	slots := make(chan struct{}, atOnce)
	if err := w.recall(ctx); err != nil {
		return err
	}
	trimmed := time.Time{}
	for {
		if now := w.config.Clock(); now.Sub(trimmed) > 24*time.Hour {
			trimmed = now
			if err := w.config.Store.TrimHistory(ctx, now.Add(-keepFor)); err != nil && ctx.Err() == nil {
				w.log.Error("old DNS history was not removed", slog.Any("error", err))
			}
		}
		due, wait := w.due(ctx)
		for _, domain := range due {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			looks.Go(func() {
				defer func() { <-slots }()
				if _, err := w.fly(ctx, domain, false); err != nil && ctx.Err() == nil {
					w.log.Warn("a look at the DNS failed", slog.String("domain", domain), slog.Any("error", err))
					w.postpone(domain)
				}
			})
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// recall takes the schedule from where it was before a restart.
func (w *Watcher) recall(ctx context.Context) error {
	all, err := w.config.Store.Looks(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range all {
		if _, told := w.next[l.Domain]; !told {
			w.next[l.Domain] = l.Next
		}
	}
	return nil
}

// due returns some of the domains whose time has come, the most urgent first,
// with theirs moved on so that they are not due twice, and how long to sleep.
// It is few at once: what is changed while hundreds wait must not wait for all
// of them.
func (w *Watcher) due(ctx context.Context) (due []string, wait time.Duration) {
	wait = idle
	names, err := w.config.Domains(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Error("the domains could not be read", slog.Any("error", err))
		}
		return nil, wait
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(names)
	now := w.config.Clock()
	for i, name := range names {
		at, known := w.next[name]
		if !known {
			at = now.Add(spread(name, time.Duration(min(i, 60))*time.Second)) // many new ones do not all begin at once
		}
		if at.After(now.Add(longest)) {
			at = now // the clock was wrong when that was written
		}
		if w.next[name] = at; at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		due = append(due, name)
	}
	slices.SortStableFunc(due, w.moreUrgent)
	if len(due) > 2*atOnce {
		due, wait = due[:2*atOnce], 0
	}
	for _, name := range due {
		w.next[name] = now.Add(lookTime)
	}
	return due, wait
}

// moreUrgent orders what was changed before the rest, and then by time.
func (w *Watcher) moreUrgent(a, b string) int {
	_, changedA := w.changed[a]
	_, changedB := w.changed[b]
	switch {
	case changedA && !changedB:
		return -1
	case changedB && !changedA:
		return 1
	}
	return w.next[a].Compare(w.next[b])
}

// forget drops what is remembered of domains that are no longer there.
func (w *Watcher) forget(names []string) {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	gone := func(name string) bool { return !there[name] }
	maps.DeleteFunc(w.next, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(w.changed, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(w.asked, func(name string, _ *bucket) bool { return gone(name) })
}

// postpone sets when a domain is looked at again after a look failed.
func (w *Watcher) postpone(domain string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next[domain] = w.config.Clock().Add(spread(domain, often))
}
