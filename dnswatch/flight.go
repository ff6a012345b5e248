package dnswatch

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// flight is a look that several may wait for. It is broken off when nobody
// waits any more.
type flight struct {
	asked   bool // somebody asked for it: it is not on schedule
	begun   bool // it no longer counts as "after" somebody's change
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	report  dnsplan.Report
	err     error
	after   *flight // begins when this one has ended; nil: none is wanted
}

// fly takes part in a look. A fresh one begins after the call: whoever has
// just changed something must not get the answer of before.
func (w *Watcher) fly(ctx context.Context, domain string, fresh bool) (dnsplan.Report, error) {
	f := w.board(ctx, domain, fresh)
	select {
	case <-f.done:
		return f.report, f.err
	case <-ctx.Done():
		w.leave(f)
		return dnsplan.Report{}, ctx.Err()
	}
}

// board finds the flight to wait for, or starts one.
func (w *Watcher) board(ctx context.Context, domain string, fresh bool) *flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.looks[domain]
	switch {
	case f == nil:
		f = &flight{done: make(chan struct{}), asked: fresh}
		w.looks[domain] = f
		w.start(ctx, domain, f)
	case fresh && f.begun:
		if f.after == nil {
			f.after = &flight{done: make(chan struct{}), asked: true}
		}
		f = f.after
	}
	f.waiting++
	return f
}

// start begins a flight. It outlives whoever asked first, as long as somebody
// waits.
func (w *Watcher) start(ctx context.Context, domain string, f *flight) {
	ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	f.begun = true
	w.flights.Go(func() {
		f.report, f.err = w.look(ctx, domain, f.asked)
		f.cancel()
		w.mu.Lock()
		delete(w.looks, domain)
		if next := f.after; next != nil && next.waiting > 0 {
			w.looks[domain] = next
			w.start(ctx, domain, next)
		} else if again, ok := w.changed[domain]; ok && f.err == nil {
			// Not before: the schedule would have boarded this flight, and taken
			// what it saw for the answer.
			w.next[domain] = again
			w.rouse()
		}
		w.mu.Unlock()
		close(f.done)
	})
}

// leave is called by who no longer waits.
func (w *Watcher) leave(f *flight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.waiting--; f.waiting == 0 && f.cancel != nil {
		f.cancel()
	}
}

// look looks once and remembers.
func (w *Watcher) look(ctx context.Context, domain string, asked bool) (report dnsplan.Report, err error) {
	w.tell(domain, true)
	defer w.tell(domain, false)
	told := w.takeChanged(domain)
	defer func() {
		if err != nil {
			w.putBack(domain, told)
		}
	}()
	target, err := w.config.Target(ctx, domain)
	if err != nil {
		return dnsplan.Report{}, err
	}
	target.Retry = asked
	last, err := w.config.Store.Look(ctx, domain)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		return dnsplan.Report{}, err
	}
	seen, probes, err := w.config.Prober.Inspect(ctx, target)
	if err != nil {
		return dnsplan.Report{}, err
	}
	report = age(dnsplan.NewReport(domain, target.Records, seen, probes), last.Report, seen.Now).Against(target.Records)
	return w.remember(ctx, last, report, told)
}

// takeChanged returns when a domain was last said to have changed; zero: it was
// not since the last look. What is said from now on is for the next one.
func (w *Watcher) takeChanged(domain string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.changed[domain]
	delete(w.changed, domain)
	return told
}

// putBack leaves a change to the next look, since this one failed.
func (w *Watcher) putBack(domain string, told time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, again := w.changed[domain]; !again && !told.IsZero() {
		w.changed[domain] = told
	}
}

// remember writes what was found, and tells of what was lost. told is when the
// domain was said to have changed before the look; zero: it was not.
func (w *Watcher) remember(ctx context.Context, last dnsplan.Look, report dnsplan.Report, told time.Time) (dnsplan.Report, error) {
	entries, lost, known := changes(last.Known, report)
	now := w.config.Clock()
	l := dnsplan.Look{Domain: report.Domain, Report: report, Known: known, Changed: last.Changed}
	if !told.IsZero() {
		l.Changed = told
	}
	if moved(entries) || l.Changed.IsZero() || l.Changed.After(now) {
		l.Changed = now
	}
	l.Next = next(report.Domain, now, l.Changed, report.Ready)
	w.schedule(&l)
	l.Report.NextCheck = l.Next
	due, waiting := stillLost(last.Untold, report)
	due = append(due, lost...)
	l.Untold = slices.Concat(due, waiting)
	if err := w.config.Store.AddLook(ctx, l, entries); err != nil {
		return dnsplan.Report{}, err
	}
	if len(due) > 0 {
		held, some := w.alarm(ctx, report.Domain, due, lost)
		if l.Untold = slices.Concat(held, waiting); some {
			if err := w.config.Store.AddLook(ctx, l, nil); err != nil {
				return dnsplan.Report{}, err
			}
		}
	}
	if w.config.After != nil {
		w.config.After(ctx, l.Report)
	}
	return l.Report, nil
}

// schedule sets when a domain is looked at again: at once where it was changed
// while this look was under way.
func (w *Watcher) schedule(l *dnsplan.Look) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if again, ok := w.changed[l.Domain]; ok {
		l.Next = again
	}
	w.next[l.Domain] = l.Next
}

// alarm has lost records mended where that is wanted, and tells of all that
// nobody was told of yet. It returns what is held back for a later look, and
// whether some was told.
func (w *Watcher) alarm(ctx context.Context, domain string, due, lost []dnsplan.Entry) (held []dnsplan.Entry, some bool) {
	a := dnsplan.Alert{Domain: domain, At: w.config.Clock()}
	for _, e := range lost {
		w.log.Warn("a DNS record is no longer right", slog.String("domain", domain), slog.String("record", e.Type+" "+e.Name), slog.String("code", e.After.Code))
	}
	if w.config.Mend != nil && len(lost) > 0 {
		a.Mended = w.config.Mend(ctx, domain, lost)
	}
	if w.config.Alert == nil {
		return nil, true
	}
	for _, e := range due {
		if w.alerts.mayTell(e, a.At) {
			a.Lost = append(a.Lost, e)
		} else {
			held = append(held, e)
		}
	}
	if len(a.Lost) == 0 {
		return held, false
	}
	a.Mended = slices.DeleteFunc(a.Mended, func(what string) bool {
		return !slices.ContainsFunc(a.Lost, func(e dnsplan.Entry) bool { return e.Type+" "+e.Name == what })
	})
	if err := w.config.Alert(ctx, a); err != nil {
		w.log.Error("the alert could not be sent; it is tried again", slog.String("domain", domain), slog.Any("error", err))
		return due, false
	}
	w.alerts.told(a.Lost, a.At)
	return held, true
}

func (w *Watcher) tell(domain string, looking bool) {
	if w.config.Tell != nil {
		w.config.Tell(domain, looking)
	}
}

// Looks on demand: a few at once, then one every few seconds for a domain.
const (
	askBurst = 6
	askEvery = 5 * time.Second
)

// bucket bounds how often a domain is looked at on demand.
type bucket struct {
	full time.Time // when all of the burst is there again
}

// mayAsk books a look on demand, or returns how long to wait.
func (w *Watcher) mayAsk(domain string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.config.Clock()
	b := w.asked[domain]
	if b == nil {
		b = &bucket{}
		w.asked[domain] = b
	}
	if b.full.Before(now) || b.full.After(now.Add((askBurst+1)*askEvery)) { // the clock may have been wrong
		b.full = now
	}
	if wait := b.full.Add(askEvery).Sub(now) - askBurst*askEvery; wait > 0 {
		return wait
	}
	b.full = b.full.Add(askEvery)
	return 0
}
