package queue

import (
	"context"
	"log/slog"
	"time"

	"gomail"
)

// Action is what a notice says of a recipient, RFC 3464 section 2.3.3.
type Action string

// The actions.
const (
	ActionFailed    Action = "failed"
	ActionDelayed   Action = "delayed"
	ActionDelivered Action = "delivered"
	ActionRelayed   Action = "relayed"
)

// Notice is a report to a message's sender.
type Notice struct {
	Message Message // without recipients
	Events  []NoticeEvent
}

// NoticeEvent is what became of one recipient.
type NoticeEvent struct {
	Recipient Recipient
	Action    Action
	Result    Result
	At        time.Time // of the attempt
	Late      bool      // the time of the message's DeliverBy has passed
}

// attempt is a finished attempt at a task.
type attempt struct {
	task    Task
	changes []Change
	lost    *Result // no server could be reached; nil: one was
}

// outcome is what ended: an attempt that was running, or the telling of a
// site's fate.
type outcome struct {
	running  *running // nil: a fate
	site     string   // of the fate
	attempts []attempt
}

// delayNotice is after how long a sender is told that the message still
// waits.
const delayNotice = 4 * time.Hour

// attempt tries a task once and tells the sender what has to be told.
func (q *Queue) attempt(ctx context.Context, t Task) attempt {
	return q.conclude(ctx, t, q.deliver(ctx, t))
}

// conclude judges the results of a task, and tells the sender what has to be
// told.
func (q *Queue) conclude(ctx context.Context, t Task, results []Result) attempt {
	now := q.config.Clock()
	a := attempt{task: t}
	lost := len(results) > 0
	notice := Notice{Message: t.Message}
	notice.Message.Rcpts = nil
	for i, r := range t.Rcpts {
		result := results[i]
		lost = lost && result.Lost
		change, action := q.judge(t, r, result, now)
		if action != "" {
			notice.Events = append(notice.Events, NoticeEvent{Recipient: r, Action: action, Result: result, At: now, Late: t.Envelope.DeliverBy.Passed(now)})
			change.Delayed = change.Delayed || action == ActionDelayed
		}
		a.changes = append(a.changes, change)
		q.log(t, r, result, change)
		q.config.Metrics.Attempt(result)
		q.config.Metrics.Settled(&notice.Message, r, result, change.Done)
	}
	if lost {
		a.lost = &results[0]
	}
	// The notice goes first: a crash in between repeats it, the other way
	// round it would be lost.
	if err := q.notify(ctx, notice); err != nil {
		a.keepUntold(t, notice, now)
	}
	return a
}

// keepUntold turns the outcome of recipients whose sender could not be told
// into a later attempt. What was delivered stays so: sending it again would be
// worse than a success that is not reported.
func (a *attempt) keepUntold(t Task, n Notice, now time.Time) {
	for i, r := range t.Rcpts {
		c := &a.changes[i]
		for _, e := range n.Events {
			if e.Recipient.N == r.N && e.Result.Outcome != Delivered {
				c.Done, c.Attempts, c.Due, c.Delayed, c.Late = false, r.Attempts+1, now.Add(firstPause), r.Delayed, r.Late
			}
		}
	}
}

// tellFate gives a site's due mail the outcome of the attempt that reached no
// server, or ends that when none is left.
func (q *Queue) tellFate(ctx context.Context, st *site, tasks []Task) {
	if len(tasks) == 0 {
		st.fate = nil
		return
	}
	for _, t := range tasks {
		q.schedule.hold(st, t)
	}
	st.fate.working = true
	q.schedule.fates++
	result := st.fate.result
	q.wg.Go(func() {
		o := outcome{site: st.name}
		for _, t := range tasks {
			results := make([]Result, len(t.Rcpts))
			for i, r := range t.Rcpts {
				results[i] = result
				results[i].N = r.N
			}
			o.attempts = append(o.attempts, q.conclude(ctx, t, results))
		}
		q.results <- o
	})
}

// deliver returns one result per recipient, in their order.
func (q *Queue) deliver(ctx context.Context, t Task) []Result {
	ctx, cancel := context.WithTimeout(ctx, q.config.AttemptTimeout)
	defer cancel()
	deliverer, err := q.config.Route(ctx, t.Site)
	if err != nil {
		return failAll(t, err)
	}
	if by := t.Envelope.DeliverBy; by.Return && by.Passed(q.config.Clock()) {
		return tooLate(t)
	}
	content := &content{store: q.config.Store, message: &t.Message}
	defer content.Close()
	byN := map[int]Result{}
	for _, r := range deliverer.Deliver(ctx, t, content) {
		byN[r.N] = r
	}
	results := make([]Result, len(t.Rcpts))
	for i, r := range t.Rcpts {
		result, ok := byN[r.N]
		if !ok {
			result = Result{N: r.N, Outcome: Temporary, Enhanced: "4.3.0", Text: "the attempt ended without an outcome"}
		}
		results[i] = result
	}
	return results
}

// tooLate is for a message that is not to be delivered any more, RFC 2852
// section 4.
func tooLate(t Task) []Result {
	results := make([]Result, len(t.Rcpts))
	for i, r := range t.Rcpts {
		text := "the time by which it was to be delivered has passed"
		if r.LastError != "" {
			text += "; the last attempt ended with: " + r.LastError
		}
		results[i] = Result{N: r.N, Outcome: Permanent, Enhanced: "5.4.7", Text: text}
	}
	return results
}

func failAll(t Task, err error) []Result {
	results := make([]Result, len(t.Rcpts))
	for i, r := range t.Rcpts {
		results[i] = Result{N: r.N, Outcome: Temporary, Enhanced: "4.3.0", Text: err.Error()}
	}
	return results
}

// judge says what a result means for a recipient's row and whether its sender
// is to be told (RFC 3461 sections 4.1 and 5.2, RFC 2852 section 4).
func (q *Queue) judge(t Task, r Recipient, result Result, now time.Time) (Change, Action) {
	c := Change{Key: t.Key, N: r.N, Attempts: r.Attempts + 1, LastError: result.describe(), LastTLS: result.TLS.String(), Delayed: r.Delayed, Late: r.Late}
	by := t.Envelope.DeliverBy
	expired := !now.Before(t.Expires) || by.Return && by.Passed(now)
	switch {
	case result.Outcome == Delivered:
		c.Done = true
		if wantsSuccess(by, r.Notify, result) {
			return c, deliveredAction(result)
		}
	case result.Outcome == Permanent || expired:
		c.Done = true
		if wantsFailure(r.Notify) {
			return c, ActionFailed
		}
	default:
		c.Due = t.nextDue(r, c.Attempts, now)
		late := by.Passed(now) && !r.Late
		c.Late = r.Late || late
		if wantsDelay(r.Notify) && (late || !r.Delayed && !now.Before(t.delayNotice())) {
			return c, ActionDelayed
		}
	}
	return c, ""
}

// delayNotice is when the sender is told that the message still waits: it began
// to wait when it was released.
func (m *Message) delayNotice() time.Time {
	begin := m.Received
	if m.Envelope.Release.After(begin) {
		begin = m.Envelope.Release
	}
	return begin.Add(delayNotice)
}

// nextDue is when a recipient is tried again: after a pause, but no later than
// at what comes due by the clock, be it the end or something to tell.
func (m *Message) nextDue(r Recipient, attempts int, now time.Time) time.Time {
	due := now.Add(Backoff(attempts))
	by := m.Envelope.DeliverBy
	for _, at := range []time.Time{m.Expires, by.Deadline, lastTry(by)} {
		if at.After(now) && at.Before(due) {
			due = at
		}
	}
	if at := m.delayNotice(); !r.Delayed && wantsDelay(r.Notify) && at.After(now) && at.Before(due) {
		due = at
	}
	return due
}

// lastTry is when what has to be returned once it is late is tried for the last
// time: shortly before. Zero: there is no such time.
func lastTry(by gomail.DeliverBy) time.Time {
	if !by.Return || by.Deadline.IsZero() {
		return time.Time{}
	}
	return by.Deadline.Add(-time.Minute)
}

// wantsSuccess reports whether a sender is told of a delivery: because it asked
// for it, unless the other side tells, or because the message left to a server
// that does not know by when it is to be delivered, or because each hand-over
// is to be traced.
func wantsSuccess(by gomail.DeliverBy, n gomail.Notify, r Result) bool {
	if n&gomail.NotifySuccess != 0 && !r.PassedOn {
		return true
	}
	relayed := r.Remote != "" && !by.Deadline.IsZero() && n&gomail.NotifyNever == 0
	return relayed && (by.Trace || !r.PassedBy)
}

func deliveredAction(r Result) Action {
	if r.Remote != "" {
		return ActionRelayed
	}
	return ActionDelivered
}

func wantsFailure(n gomail.Notify) bool { return n == 0 || n&gomail.NotifyFailure != 0 }
func wantsDelay(n gomail.Notify) bool   { return n == 0 || n&gomail.NotifyDelay != 0 }

// notify tells the sender, unless there is nothing to tell or nobody to be
// told: a notice never answers the null reverse-path (RFC 5321 section 6.1).
func (q *Queue) notify(ctx context.Context, n Notice) error {
	if len(n.Events) == 0 || n.Message.Envelope.From.IsNull() {
		return nil
	}
	err := q.config.Notify(context.WithoutCancel(ctx), n)
	if err != nil {
		q.config.Logger.Error("sender could not be told", slog.Int64("queueid", n.Message.ID), slog.Any("error", err))
	}
	return err
}

// settle takes what ended into the schedule. Its outcome is still to be
// written.
func (q *Queue) settle(o outcome) {
	now := q.config.Clock()
	if o.running != nil {
		o.running.done = true
		q.schedule.done(o.running.task, o.running.slow, o.attempts[0].lost, now)
	} else {
		q.schedule.fates--
		st := q.schedule.site(o.site)
		if st.fate != nil {
			st.fate.working = false
		}
		q.schedule.doom()
		q.schedule.arrange(st, now)
	}
	q.unsaved = append(q.unsaved, o.attempts...)
}

// backoffs are the pauses between attempts; the last repeats.
var backoffs = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// Backoff returns how long to wait after so many attempts.
func Backoff(attempts int) time.Duration {
	return backoffs[min(max(attempts, 1), len(backoffs))-1]
}

// describe renders a result as one line for people.
func (r Result) describe() string {
	if r.Outcome == Delivered {
		return ""
	}
	if r.Remote == "" {
		return r.Text
	}
	return r.Remote + " said: " + r.Text
}

// log writes the line of an outcome.
func (q *Queue) log(t Task, r Recipient, result Result, c Change) {
	level, outcome := slog.LevelInfo, "delivered"
	switch {
	case result.Outcome == Delivered:
	case c.Done:
		level, outcome = slog.LevelWarn, "failed"
	default:
		outcome = "deferred"
	}
	q.config.Logger.Log(context.Background(), level, "delivery", slog.String("outcome", outcome), slog.Int64("queueid", t.ID),
		slog.String("rcpt", r.Address.String()), slog.String("remote", result.Remote), slog.String("tls", result.TLS.String()),
		slog.Int("attempt", c.Attempts), slog.String("reply", result.Text))
}
