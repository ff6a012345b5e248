package queue

import (
	"container/heap"
	"slices"
	"time"
)

// schedule is what the leaseholder knows of the queue: which tasks wait for
// their time, which wait for a place at their site, and how each site fares.
// It does no I/O and is used by one goroutine.
type schedule struct {
	total   int // tasks at once
	perSite int // tasks at once to one site

	loaded  map[recipientKey]bool // recipients that are waiting or being worked on
	changed map[Key]bool          // messages that an administrator changed while they were worked on
	waiting taskHeap              // by time
	sites   map[string]*site
	ring    []*site // sites with ready tasks, served in turn
	active  int
}

type recipientKey struct {
	Key
	n int
}

// site is one destination.
type site struct {
	name     string
	ready    []Task
	active   int
	failures int       // connections in a row that came to nothing
	paused   time.Time // no attempt before then
	inRing   bool
}

func newSchedule(total, perSite int) *schedule {
	return &schedule{total: total, perSite: perSite, loaded: map[recipientKey]bool{}, changed: map[Key]bool{}, sites: map[string]*site{}}
}

// add takes in a message: its recipients become tasks, one per site and time.
// Recipients that are known already are left out.
func (s *schedule) add(m Message) {
	m.Prefix = nil
	groups := map[string]*Task{}
	var order []*Task
	for _, r := range m.Rcpts {
		key := recipientKey{m.Key, r.N}
		if s.loaded[key] || r.Status != Pending {
			continue
		}
		s.loaded[key] = true
		id := r.Site + " " + r.Due.String()
		if groups[id] == nil {
			t := &Task{Message: m, Site: r.Site}
			t.Rcpts = nil
			groups[id] = t
			order = append(order, t)
		}
		groups[id].Rcpts = append(groups[id].Rcpts, r)
	}
	for _, t := range order {
		heap.Push(&s.waiting, *t)
	}
}

// forget drops a task's recipients: they are done, or the store has them.
func (s *schedule) forget(t Task) {
	for _, r := range t.Rcpts {
		delete(s.loaded, recipientKey{t.Key, r.N})
	}
}

// remove drops a message's tasks, and the pauses of their sites: whoever
// changed the message wants to see it tried. Those under way go on, but are
// not scheduled again.
func (s *schedule) remove(key Key) {
	gone := func(t Task) bool {
		if t.Key == key {
			s.forget(t)
		}
		return t.Key == key
	}
	s.waiting = slices.DeleteFunc(s.waiting, gone)
	heap.Init(&s.waiting)
	for _, st := range s.sites {
		before := len(st.ready)
		if st.ready = slices.DeleteFunc(st.ready, gone); len(st.ready) < before {
			st.failures, st.paused = 0, time.Time{}
		}
	}
	for known := range s.loaded {
		if known.Key == key {
			s.changed[key] = true
		}
	}
}

// next returns a task to be worked on now. It goes round the sites, so that
// one with much mail does not hold up the others.
func (s *schedule) next(now time.Time) (Task, bool) {
	s.ripen(now)
	for range len(s.ring) {
		if s.active >= s.total {
			return Task{}, false
		}
		site := s.ring[0]
		s.ring = s.ring[1:]
		site.inRing = false
		if len(site.ready) == 0 {
			s.dropIdle(site)
			continue
		}
		if now.Before(site.paused) || site.active >= s.limit(site) {
			s.enring(site)
			continue
		}
		task := site.ready[0]
		site.ready = site.ready[1:]
		site.active++
		s.active++
		s.enring(site)
		return task, true
	}
	return Task{}, false
}

// limit is how many tasks may go to a site at once. One that failed is tried
// with a single one first.
func (s *schedule) limit(site *site) int {
	if site.failures > 0 {
		return 1
	}
	return s.perSite
}

// ripen moves tasks whose time has come to their sites.
func (s *schedule) ripen(now time.Time) {
	for len(s.waiting) > 0 && !s.waiting[0].due().After(now) {
		task := heap.Pop(&s.waiting).(Task)
		st := s.sites[task.Site]
		if st == nil {
			st = &site{name: task.Site}
			s.sites[task.Site] = st
		}
		st.ready = append(st.ready, task)
		s.enring(st)
	}
}

func (s *schedule) enring(site *site) {
	if !site.inRing {
		site.inRing = true
		s.ring = append(s.ring, site)
	}
}

// Pauses after connections that came to nothing.
const (
	firstPause = time.Minute
	maxPause   = 30 * time.Minute
)

// done notes that a task is no longer worked on, and whether its site could
// be reached.
func (s *schedule) done(t Task, lost bool, now time.Time) {
	s.active--
	st := s.sites[t.Site]
	st.active--
	if lost {
		st.failures++
		st.paused = now.Add(min(firstPause<<min(st.failures-1, 10), maxPause))
	} else {
		st.failures, st.paused = 0, time.Time{}
	}
	s.dropIdle(st)
}

// dropIdle forgets a site that has nothing to do and nothing to remember.
func (s *schedule) dropIdle(st *site) {
	if len(st.ready) == 0 && st.active == 0 && st.failures == 0 && !st.inRing {
		delete(s.sites, st.name)
	}
}

// wakeAt returns when next may have something again, zero: not by itself.
func (s *schedule) wakeAt() (at time.Time) {
	if len(s.waiting) > 0 {
		at = s.waiting[0].due()
	}
	for _, st := range s.ring {
		if len(st.ready) > 0 && st.active < s.limit(st) && !st.paused.IsZero() && (at.IsZero() || st.paused.Before(at)) {
			at = st.paused
		}
	}
	return at
}

// due is when the task is to be tried.
func (t Task) due() time.Time { return t.Rcpts[0].Due }

// taskHeap orders tasks by time.
type taskHeap []Task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].due().Before(h[j].due()) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *taskHeap) Push(x any) { *h = append(*h, x.(Task)) }

// Pop is heap.Interface's.
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
