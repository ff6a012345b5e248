package dnswatch

import (
	"maps"
	"slices"
	"sync"
	"time"

	"gomail/dnsplan"
)

// How often the loss of one record is told at most: what comes and goes, as
// from a resolver that lies now and then, must not fill a mailbox. What is held
// back is told later, if it is still lost.
const (
	alertBurst = 4
	alertSpan  = 6 * time.Hour
)

// alerts remembers what was told of late.
type alerts struct {
	mu   sync.Mutex
	when map[lostRecord][]time.Time
}

// lostRecord names what an entry is about, from one look to the next.
type lostRecord struct{ domain, kind, name, key, expected string }

func recordOf(e dnsplan.Entry) lostRecord {
	return lostRecord{e.Domain, e.Type, e.Name, e.Key, e.After.Expected}
}

// mayTell reports whether the loss may be told now.
func (a *alerts) mayTell(e dnsplan.Entry, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	recent := 0
	for _, at := range a.when[recordOf(e)] {
		if now.Sub(at).Abs() < alertSpan {
			recent++
		}
	}
	return recent < alertBurst
}

// told notes what was told, and forgets what was told long ago.
func (a *alerts) told(lost []dnsplan.Entry, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := func(at time.Time) bool { return now.Sub(at).Abs() >= alertSpan }
	for r, when := range a.when {
		a.when[r] = slices.DeleteFunc(when, old)
	}
	maps.DeleteFunc(a.when, func(_ lostRecord, when []time.Time) bool { return len(when) == 0 })
	for _, e := range lost {
		a.when[recordOf(e)] = append(a.when[recordOf(e)], now)
	}
}

// stillLost goes through what was lost before and nobody was told of: what is
// still wrong is due, what is not certain now waits, and what has come right or
// is no longer planned is no news.
func stillLost(untold []dnsplan.Entry, r dnsplan.Report) (due, waiting []dnsplan.Entry) {
	if len(untold) == 0 {
		return nil, nil
	}
	now := map[lostRecord]dnsplan.Moment{}
	for _, s := range standings(r) {
		now[recordOf(s.entry)] = s.entry.After
	}
	for _, e := range untold {
		m, there := now[recordOf(e)]
		switch {
		case !there || right(m.State) || m.State == dnsplan.InapplicableNow:
		case !certain(m.State):
			waiting = append(waiting, e)
		default:
			e.After = m
			due = append(due, e)
		}
	}
	return due, waiting
}
