package queue_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/queue"
)

// sendWith queues a message whose envelope says more, to one recipient.
func (w *world) sendWith(e gomail.Envelope, to string, notify gomail.Notify) {
	w.Helper()
	now := time.Now().Truncate(time.Microsecond)
	due := now
	if e.Release.After(due) {
		due = e.Release
	}
	e.From = w.address("a@here.test")
	m := queue.Message{Received: now, Expires: due.Add(w.life), Envelope: e, Rcpts: []queue.Recipient{{Recipient: gomail.Recipient{Address: w.address(to), Notify: notify}, Due: due}}}
	body := w.store.Stage()
	defer body.Close()
	body.Write([]byte("Subject: x\r\n\r\nx\r\n"))
	parts, err := w.store.Enqueue(context.Background(), body, queue.Split(m), nil)
	if err != nil {
		w.Fatal(err)
	}
	w.queue.Added(parts)
}

// told returns what senders were told: "action after, late".
func (w *world) told(begin time.Time) (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		for _, e := range n.Events {
			text := fmt.Sprintf("%s after %v", e.Action, e.At.Sub(begin).Round(time.Second))
			if e.Late {
				text += ", late"
			}
			all = append(all, text)
		}
	}
	return all
}

func (w *world) firstAfter(begin time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.times) == 0 {
		return "never"
	}
	return w.times[0].Sub(begin).Round(time.Second).String()
}

// A message waits for its release, also over a restart, and the delay that is
// told of and the time for which it is tried begin then.
func TestFutureRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{LeaseTime: seldom})
		w.answer = func(string, string) queue.Result { return temporary("busy") }
		w.run()
		begin := time.Now()
		w.sendWith(gomail.Envelope{Release: begin.Add(5 * time.Hour)}, "x@one.test", 0)
		pass(4*time.Hour + 59*time.Minute)
		if got := w.firstAfter(begin); got != "never" {
			t.Errorf("it was tried after %v", got)
		}
		w.restart()
		pass(lifetime + 5*time.Hour)
		if got := w.firstAfter(begin); got != "5h0m0s" {
			t.Errorf("it was first tried after %v", got)
		}
		if got := fmt.Sprint(w.told(begin)); got != "[delayed after 9h0m0s failed after 17h0m0s]" {
			t.Errorf("its sender was told %v", got)
		}
		w.end()
	})
}

// restart stops the queue and starts another on the same store.
func (w *world) restart() {
	w.Helper()
	w.stop()
	if err := <-w.ended; err != nil {
		w.Error(err)
	}
	w.queue = queue.New(queue.Config{Store: w.store, Owner: "test", LeaseTime: seldom,
		Route: func(context.Context, string) (queue.Deliverer, error) { return w, nil },
		Notify: func(_ context.Context, n queue.Notice) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices = append(w.notices, n)
			return nil
		},
	})
	w.run()
}

// In mode R what is late comes back at its time, and is not delivered after it;
// in mode N its sender is told, once, and it goes on.
func TestDeliverBy(t *testing.T) {
	by := func(after time.Duration, mode string) gomail.Envelope {
		return gomail.Envelope{DeliverBy: gomail.DeliverBy{Deadline: time.Now().Add(after), Return: mode[0] == 'R', Trace: len(mode) > 1}}
	}
	delivered := queue.Result{Outcome: queue.Delivered, Remote: "mx"}
	knows := queue.Result{Outcome: queue.Delivered, Remote: "mx", PassedBy: true}
	for _, test := range []struct {
		name   string
		after  time.Duration
		mode   string
		notify gomail.Notify
		until  time.Duration // for which it is busy
		result queue.Result  // then
		want   string
	}{
		{"returned", 90 * time.Minute, "R", 0, 2 * lifetime, delivered, "[failed after 1h30m0s, late]"},
		{"never, and returned", 90 * time.Minute, "R", gomail.NotifyNever, 2 * lifetime, delivered, "[]"},
		{"in time", 90 * time.Minute, "R", 0, time.Hour, knows, "[]"},
		{"told", 90 * time.Minute, "N", 0, 2 * lifetime, delivered, "[delayed after 1h30m0s, late failed after 12h0m0s, late]"},
		{"told, then delivered", 90 * time.Minute, "N", 0, 100 * time.Minute, knows, "[delayed after 1h30m0s, late]"},
		{"told of failures only", 90 * time.Minute, "N", gomail.NotifyFailure, 100 * time.Minute, knows, "[]"},
		{"late from the start", -time.Minute, "N", 0, 30 * time.Second, knows, "[delayed after 0s, late]"},
		{"traced", time.Hour, "NT", 0, 0, knows, "[relayed after 0s]"},
		{"traced, and in time", time.Hour, "RT", gomail.NotifyFailure, 0, knows, "[relayed after 0s]"},
		{"traced to a mailbox", time.Hour, "RT", 0, 0, queue.Result{Outcome: queue.Delivered}, "[]"},
		{"passed to who does not know it", time.Hour, "N", 0, 0, delivered, "[relayed after 0s]"},
		{"passed on, and never", time.Hour, "NT", gomail.NotifyNever, 0, delivered, "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, queue.Config{LeaseTime: seldom})
				begin := time.Now()
				last := begin
				w.answer = func(string, string) queue.Result {
					last = time.Now()
					if time.Since(begin) < test.until {
						return temporary("busy")
					}
					return test.result
				}
				w.run()
				e := by(test.after, test.mode)
				w.sendWith(e, "x@one.test", test.notify)
				pass(lifetime + time.Hour)
				if got := fmt.Sprint(w.told(begin)); got != test.want {
					t.Errorf("its sender was told %v, want %v", got, test.want)
				}
				if e.DeliverBy.Return && e.DeliverBy.Passed(last) {
					t.Errorf("it was tried %v after its time", last.Sub(e.DeliverBy.Deadline))
				}
				if n := w.left(); n != 0 {
					t.Errorf("%d recipients are left", n)
				}
				w.end()
			})
		})
	}
}

// A notice that cannot be sent is not forgotten: it goes with the next attempt.
func TestDeliverByNoticeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{LeaseTime: seldom})
		w.answer = func(string, string) queue.Result { return temporary("busy") }
		w.tell = gomail.Errorf(gomail.NoSpace, "the disk is full")
		w.run()
		begin := time.Now()
		w.sendWith(gomail.Envelope{DeliverBy: gomail.DeliverBy{Deadline: begin.Add(10 * time.Minute)}}, "x@one.test", 0)
		pass(10*time.Minute + time.Second)
		w.mu.Lock()
		w.notices, w.tell = nil, nil
		w.mu.Unlock()
		pass(5 * time.Minute)
		if got := fmt.Sprint(w.told(begin)); got != "[delayed after 11m0s, late]" {
			t.Errorf("its sender was told %v", got)
		}
		w.end()
	})
}
