package queue

import (
	"slices"
	"time"
)

// schedule is what the leaseholder knows of the queue: which recipients are
// due and in memory, for which sites the store has more, and how each site
// fares. It does no I/O and is used by one goroutine. Every step costs the
// same however much is queued.
type schedule struct {
	total   int // attempts at once that get on
	perSite int // attempts at once to one site

	loaded   map[recipientKey]bool // recipients in memory: ready, being worked on, or not yet written
	messages map[Key]int           // how many recipients of a message are loaded
	finished *recent               // recipients that are done, so that a late Added does not revive them
	changed  map[Key]bool          // messages that an administrator changed while they were worked on
	sites    map[string]*site
	alarms   alarms
	ring     []*site // sites at which an attempt may begin, served in turn
	hungry   []*site // sites that want to be loaded
	doomed   []*site // sites whose mail is to be told its fate when others' was; they count as hungry
	active   int     // attempts that get on
	slow     int     // attempts that have been waiting for a while
	fates    int     // sites whose mail is being told its fate
}

type recipientKey struct {
	Key
	n int
}

// Bounds of what is in memory, in recipients. A site without any may always
// load a few, so that none waits for the others' to go.
const (
	maxLoaded  = 20_000
	maxPerSite = 500
	refillAt   = 50
	minPerSite = 20
)

// slowFactor is how many attempts may be waiting for slow servers, to one
// that gets on.
const slowFactor = 10

// maxFates is for how many sites at once mail is told its fate.
const maxFates = 4

func newSchedule(total, perSite int) *schedule {
	return &schedule{total: total, perSite: perSite, loaded: map[recipientKey]bool{}, messages: map[Key]int{}, finished: newRecent(8192), changed: map[Key]bool{}, sites: map[string]*site{}}
}

// site returns a site, known or new.
func (s *schedule) site(name string) *site {
	st := s.sites[name]
	if st == nil {
		st = &site{name: name, place: -1}
		s.sites[name] = st
	}
	return st
}

// add takes in recipients of a message, a task per site. Those that are known
// already are left out; what does not fit, or is not yet due, waits in the store.
func (s *schedule) add(m Message, now time.Time) {
	for _, t := range s.tasks(m) {
		st := s.site(t.Site)
		if t.Rcpts[0].Due.After(now) || st.count+len(t.Rcpts) > maxPerSite || len(s.loaded)+len(t.Rcpts) > maxLoaded || st.fate != nil || now.Before(st.paused) {
			st.expect(t.Rcpts[0].Due)
		} else {
			s.push(st, t)
		}
		s.arrange(st, now)
	}
}

// tasks makes tasks of those recipients of a message that are not known.
func (s *schedule) tasks(m Message) (list []Task) {
	m.Prefix = nil
	for _, r := range m.Rcpts {
		key := recipientKey{m.Key, r.N}
		if s.loaded[key] || s.finished.has(key) || r.Status != Pending {
			continue
		}
		i := slices.IndexFunc(list, func(t Task) bool { return t.Site == r.Site })
		if i < 0 {
			i = len(list)
			list = append(list, Task{Message: m, Site: r.Site})
			list[i].Rcpts = nil
		}
		list[i].Rcpts = append(list[i].Rcpts, r)
	}
	return list
}

func (s *schedule) push(st *site, t Task) {
	s.hold(st, t)
	st.ready = append(st.ready, t)
}

// hold notes that a task's recipients are in memory.
func (s *schedule) hold(st *site, t Task) {
	for _, r := range t.Rcpts {
		s.loaded[recipientKey{t.Key, r.N}] = true
	}
	s.messages[t.Key] += len(t.Rcpts)
	st.count += len(t.Rcpts)
}

// forget drops a task's recipients: they are done, or the store has them.
func (s *schedule) forget(t Task) {
	for _, r := range t.Rcpts {
		delete(s.loaded, recipientKey{t.Key, r.N})
	}
	if s.messages[t.Key] -= len(t.Rcpts); s.messages[t.Key] == 0 {
		delete(s.messages, t.Key)
	}
	s.site(t.Site).count -= len(t.Rcpts)
}

// unload leaves a site's ready tasks to the store.
func (s *schedule) unload(st *site) {
	for _, t := range st.ready {
		s.forget(t)
		st.expect(t.Rcpts[0].Due)
	}
	st.ready = nil
}

// remove drops a message's tasks that wait. Those under way go on, and are
// looked at again when their outcome is written.
func (s *schedule) remove(key Key, now time.Time) {
	if s.messages[key] == 0 {
		return
	}
	for _, st := range s.sites {
		before := len(st.ready)
		st.ready = slices.DeleteFunc(st.ready, func(t Task) bool {
			if t.Key == key {
				s.forget(t)
			}
			return t.Key == key
		})
		if len(st.ready) < before {
			s.arrange(st, now)
		}
	}
	if s.messages[key] > 0 {
		s.changed[key] = true
	}
}

// revive lifts a site's pause: somebody wants to see it tried.
func (s *schedule) revive(name string, due, now time.Time) {
	st := s.site(name)
	st.failures, st.paused = 0, time.Time{}
	st.expect(due)
	s.arrange(st, now)
}

// next returns a task to be worked on now. It goes round the sites, so that
// one with much mail does not hold up the others.
func (s *schedule) next(now time.Time) (Task, bool) {
	s.wakeUp(now)
	for s.active < s.total && len(s.ring) > 0 {
		st := s.ring[0]
		s.ring = s.ring[1:]
		st.inRing = false
		if !s.mayBegin(st, now) {
			s.arrange(st, now)
			continue
		}
		task := st.ready[0]
		st.ready = st.ready[1:]
		st.active++
		s.active++
		s.arrange(st, now)
		return task, true
	}
	return Task{}, false
}

func (s *schedule) mayBegin(st *site, now time.Time) bool {
	return len(st.ready) > 0 && st.active < st.limit(s.perSite) && !now.Before(st.paused)
}

// wakeUp arranges the sites whose time has come.
func (s *schedule) wakeUp(now time.Time) {
	for len(s.alarms) > 0 && !s.alarms[0].alarm.After(now) {
		st := s.alarms[0]
		s.alarms.set(st, time.Time{})
		s.arrange(st, now)
	}
}

// arrange puts a site where it belongs after a change: among those that may
// begin, those that are to be loaded, those that wait for a time, or nowhere.
func (s *schedule) arrange(st *site, now time.Time) {
	paused := now.Before(st.paused)
	if s.mayBegin(st, now) && !st.inRing {
		st.inRing = true
		s.ring = append(s.ring, st)
	}
	if s.wantsLoad(st, now) && !st.isHungry {
		st.isHungry = true
		s.hungry = append(s.hungry, st)
	}
	switch {
	case paused && (len(st.ready) > 0 || !st.stored.IsZero()):
		s.alarms.set(st, later(st.paused, st.stored))
	case !st.storedBy(now) && !st.stored.IsZero():
		s.alarms.set(st, st.stored)
	case st.failures > 0 && s.idle(st):
		// It is remembered for a while, in case that new mail comes.
		if forgetAt := st.paused.Add(maxPause); now.Before(forgetAt) {
			s.alarms.set(st, forgetAt)
			break
		}
		s.drop(st)
	case s.idle(st):
		s.drop(st)
	default:
		s.alarms.set(st, time.Time{})
	}
}

// drop forgets a site.
func (s *schedule) drop(st *site) {
	s.alarms.set(st, time.Time{})
	delete(s.sites, st.name)
}

// wantsLoad reports whether the store should be read for a site: it runs out
// of tasks, or its mail has to be told its fate.
func (s *schedule) wantsLoad(st *site, now time.Time) bool {
	if st.fate != nil {
		return !st.fate.working
	}
	return st.storedBy(now) && !now.Before(st.paused) && len(st.ready) < refillAt
}

func (s *schedule) idle(st *site) bool {
	return len(st.ready) == 0 && st.count == 0 && st.active == 0 && st.stored.IsZero() && st.fate == nil && !st.inRing && !st.isHungry
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Pauses after connections that came to nothing.
const (
	firstPause = time.Minute
	maxPause   = 30 * time.Minute
)

// done notes that a task is no longer worked on, and whether its site could
// be reached. The task's recipients stay in memory until their outcome is
// written.
func (s *schedule) done(t Task, slow bool, lost *Result, now time.Time) {
	if slow {
		s.slow--
	} else {
		s.active--
	}
	st := s.site(t.Site)
	st.active--
	switch {
	case lost == nil:
		st.failures, st.paused = 0, time.Time{}
		st.successes++
	case now.Before(st.paused): // another attempt was lost before this one
	default:
		st.successes = 0
		st.failures++
		st.paused = now.Add(min(firstPause<<min(st.failures-1, 10), maxPause))
		if st.fate == nil {
			st.fate = &fate{result: *lost, at: now}
		}
		s.unload(st)
	}
	s.arrange(st, now)
}

// slowDown lets an attempt that has been waiting for a while no longer take a
// place of those that get on. It returns false when too many do.
func (s *schedule) slowDown() bool {
	if s.slow >= slowFactor*s.total {
		return false
	}
	s.active--
	s.slow++
	return true
}

// doom lets the sites that wait to be told their fate be loaded.
func (s *schedule) doom() {
	s.hungry = append(s.hungry, s.doomed...)
	s.doomed = nil
}

// busy returns how many attempts are under way, and sites told their fate.
func (s *schedule) busy() int { return s.active + s.slow + s.fates }

// wakeAt returns when next may have something again, zero: not by itself.
func (s *schedule) wakeAt() time.Time {
	if len(s.alarms) == 0 {
		return time.Time{}
	}
	return s.alarms[0].alarm
}

// recent remembers the recipients that were added last.
type recent struct {
	known map[recipientKey]bool
	order []recipientKey
	next  int
}

func newRecent(n int) *recent {
	return &recent{known: make(map[recipientKey]bool, n), order: make([]recipientKey, 0, n)}
}

func (r *recent) has(k recipientKey) bool { return r.known[k] }

func (r *recent) add(k recipientKey) {
	if len(r.order) < cap(r.order) {
		r.order = append(r.order, k)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = k
		r.next = (r.next + 1) % len(r.order)
	}
	r.known[k] = true
}
