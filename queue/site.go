package queue

import (
	"container/heap"
	"time"
)

// site is one destination: what of its mail is in memory, what the store has
// beyond that, and how it fares.
type site struct {
	name   string
	ready  []Task // due, to be tried in this order
	count  int    // recipients in memory: ready, or being worked on
	active int    // attempts under way

	// stored is the time from which on the store may have due recipients that
	// are not in memory; zero: it has none.
	stored time.Time

	// read is up to where the store was read: what stands before it is in
	// memory, or was. It counts until something is expected there.
	read Position

	successes int       // attempts in a row that reached a server
	failures  int       // attempts in a row that reached none
	paused    time.Time // no attempt before then
	fate      *fate     // what the rest of its due mail is to share

	inRing, isHungry bool
	place            int // in the heap of alarms, -1: not there
	alarm            time.Time
}

// fate is the outcome of an attempt that reached no server. It holds for all
// of the site's mail that was due by then: nothing else would have become of
// it.
type fate struct {
	result  Result
	at      time.Time
	working bool // recipients are being told their fate
}

// limit is how many attempts may be made at a site at once. A site that
// failed is tried with a single one, one that is not known begins with one,
// and gets more as attempts reach it: hundreds of dead sites must not take all
// places.
func (st *site) limit(perSite int) int {
	if st.failures > 0 {
		return 1
	}
	return min(perSite, 1<<min(st.successes, 16))
}

// expect notes that the store has something for the site from a time on.
func (st *site) expect(at time.Time) {
	if st.stored.IsZero() || at.Before(st.stored) {
		st.stored = at
	}
	if !at.After(st.read.Due) {
		st.read = Position{}
	}
}

// storedBy reports whether the store may have something due that is not in
// memory.
func (st *site) storedBy(now time.Time) bool {
	return !st.stored.IsZero() && !st.stored.After(now)
}

// alarms orders sites by the time at which they are to be looked at.
type alarms []*site

// Len, Less, Swap, Push and Pop are heap.Interface's.
func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].alarm.Before(h[j].alarm) }
func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is heap.Interface's.
func (h *alarms) Push(x any) {
	st := x.(*site)
	st.place = len(*h)
	*h = append(*h, st)
}

// Pop is heap.Interface's.
func (h *alarms) Pop() any {
	last := len(*h) - 1
	st := (*h)[last]
	*h = (*h)[:last]
	st.place = -1
	return st
}

// set moves a site to a time, zero: it needs no alarm.
func (h *alarms) set(st *site, at time.Time) {
	switch {
	case at.IsZero() && st.place >= 0:
		heap.Remove(h, st.place)
	case at.IsZero():
	case st.place >= 0 && !at.Equal(st.alarm):
		st.alarm = at
		heap.Fix(h, st.place)
	case st.place < 0:
		st.alarm = at
		heap.Push(h, st)
	}
}
