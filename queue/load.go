package queue

import (
	"context"
	"fmt"
	"time"

	"gomail"
)

// scanEvery is how often the store is asked for all sites that have mail, in
// case that something was not told.
const scanEvery = 5 * time.Minute

// scanPage is how many sites are read between two looks at other things.
const scanPage = 200

// scan reads a page of the sites that have mail, if a scan is under way.
func (q *Queue) scan(ctx context.Context) error {
	if !q.scanning || ctx.Err() != nil {
		return nil
	}
	sites, err := q.config.Store.Sites(ctx, q.scanned, scanPage)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	now := q.config.Clock()
	for _, found := range sites {
		st := q.schedule.site(found.Name)
		st.expect(found.Due)
		q.schedule.arrange(st, now)
		q.scanned = found.Name
	}
	if len(sites) < scanPage {
		q.scanning = false
	}
	return nil
}

// beginScan makes the next steps read all sites.
func (q *Queue) beginScan() {
	if !q.scanning {
		q.scanning, q.scanned = true, ""
	}
}

// feed loads sites that run out of tasks, until enough was read for once. It
// reports whether more is to be read.
func (q *Queue) feed(ctx, attempts context.Context) (more bool, err error) {
	s := q.schedule
	read := 0
	for range len(s.hungry) {
		if read >= 2*maxPerSite || ctx.Err() != nil {
			return true, nil
		}
		st := s.hungry[0]
		s.hungry = s.hungry[1:]
		if st.fate == nil && len(s.loaded) >= maxLoaded && st.count > 0 {
			s.hungry = append(s.hungry, st) // there is no room, and it has some
			continue
		}
		if st.fate != nil && (s.fates >= maxFates || len(q.unsaved) >= maxUnsaved) {
			s.doomed = append(s.doomed, st)
			continue
		}
		st.isHungry = false
		n, err := q.feedSite(ctx, attempts, st)
		if err != nil {
			return false, err
		}
		read += n
	}
	return false, nil
}

// feedSite reads what is due at one site, and says how many recipients that
// were.
func (q *Queue) feedSite(ctx, attempts context.Context, st *site) (int, error) {
	now := q.config.Clock()
	defer func() { q.schedule.arrange(st, now) }()
	if !q.schedule.wantsLoad(st, now) {
		return 0, nil
	}
	by, room := now, maxPerSite
	if st.fate != nil {
		by, st.read = st.fate.at, Position{}
	} else if len(q.schedule.loaded) >= maxLoaded-maxPerSite {
		room = minPerSite
	}
	if st.read == (Position{}) {
		room += st.count // what is in memory comes again
	}
	due, next, err := q.config.Store.Due(ctx, st.name, st.read, by.Add(time.Microsecond), room)
	if err != nil {
		return 0, fmt.Errorf("read the queue: %w", err)
	}
	st.stored = next
	if len(due) > 0 && st.fate == nil {
		st.read = due[len(due)-1].position()
	}
	var tasks []Task
	n := 0
	for _, m := range due {
		n += len(m.Rcpts)
		tasks = append(tasks, q.schedule.tasks(m)...)
	}
	if st.fate != nil {
		q.tellFate(attempts, st, tasks)
		return n, nil
	}
	for _, t := range tasks {
		q.schedule.push(st, t)
	}
	return n, nil
}

// position is that of the last recipient.
func (m *Message) position() Position {
	last := m.Rcpts[len(m.Rcpts)-1]
	return Position{Due: last.Due, Key: m.Key, N: last.N}
}

// takeFresh schedules what Added handed over, and looks again at what was
// changed meanwhile.
func (q *Queue) takeFresh(ctx context.Context) error {
	q.mu.Lock()
	fresh, stale, slowed, missed := q.fresh, q.stale, q.slowed, q.missed
	q.fresh, q.stale, q.slowed, q.missed = nil, nil, nil, false
	q.mu.Unlock()
	if missed {
		q.beginScan()
	}
	now := q.config.Clock()
	for _, r := range slowed {
		if !r.done {
			r.slow = q.schedule.slowDown()
		}
	}
	for _, m := range fresh {
		q.schedule.add(m, now)
	}
	for _, key := range stale {
		q.schedule.remove(key, now)
		if err := q.lookAgain(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain reads what became of a message that an administrator changed.
func (q *Queue) lookAgain(ctx context.Context, key Key) error {
	m, err := q.config.Store.Queued(ctx, key)
	if gomail.KindOf(err) == gomail.NotFound || ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	for _, r := range m.Rcpts {
		if r.Status == Pending {
			q.schedule.revive(r.Site, r.Due, q.config.Clock())
		}
	}
	return nil
}
