package queue

import (
	"context"
	"log/slog"
	"time"

	"gomail"
)

// Outcomes are written in batches: what came while the batch before was being
// committed. A crash repeats at most those sends whose outcome was not
// written: maxUnsaved, and the attempts under way.
const (
	maxUnsaved = 500
	maxSaved   = 500         // attempts per transaction
	saveAgain  = time.Second // after the store could not take them
)

// saved is a batch that the store has taken, or not.
type saved struct {
	attempts []attempt
	err      error
}

// save writes the outcomes that wait, unless some are being written.
func (q *Queue) save() {
	if q.saving > 0 || len(q.unsaved) == 0 || q.full && q.config.Clock().Before(q.saveAt) {
		return
	}
	batch := q.unsaved[:min(len(q.unsaved), maxSaved)]
	q.unsaved = q.unsaved[len(batch):]
	q.saving = len(batch)
	lease := q.lease // renewing changes it, its token stays
	q.wg.Go(func() {
		var changes []Change
		for _, a := range batch {
			changes = append(changes, a.changes...)
		}
		q.saved <- saved{batch, q.config.Store.Finish(context.Background(), lease, changes)}
	})
}

// written forgets what the store knows now. What it could not take is kept
// and written later: sending it again would not be better.
func (q *Queue) written(s saved) error {
	q.saving -= len(s.attempts)
	switch gomail.KindOf(s.err) {
	case gomail.NoSpace, gomail.Unavailable:
		if !q.full {
			q.config.Logger.Error("nothing is sent until the outcome of what was sent can be written", slog.Any("error", s.err))
		}
		q.full, q.saveAt = true, q.config.Clock().Add(saveAgain)
		q.unsaved = append(s.attempts, q.unsaved...)
		return nil
	}
	if s.err != nil {
		return s.err
	}
	q.full = false
	now := q.config.Clock()
	for _, a := range s.attempts {
		q.release(a, now)
	}
	q.schedule.doom()
	return nil
}

// release forgets one attempt whose outcome was written.
func (q *Queue) release(a attempt, now time.Time) {
	s := q.schedule
	s.forget(a.task)
	st := s.site(a.task.Site)
	for _, c := range a.changes {
		if c.Done {
			s.finished.add(recipientKey{c.Key, c.N})
		} else {
			st.expect(c.Due)
		}
	}
	s.arrange(st, now)
	if s.changed[a.task.Key] {
		delete(s.changed, a.task.Key)
		q.refresh(a.task.Key)
	}
}
