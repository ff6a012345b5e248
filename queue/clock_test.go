package queue_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gomail/queue"
)

// The clock jumps by an hour, forward and back, while mail waits to be tried
// again: each message goes out once, at most an hour late, and the lease holds.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset atomic.Int64
		clock := func() time.Time { return time.Now().Round(0).Add(time.Duration(offset.Load())) } // without the monotonic reading that hides jumps
		w := newWorld(t, queue.Config{Clock: clock})
		defer w.end()
		tried := map[string]int{}
		w.answer = func(_, rcpt string) queue.Result {
			if tried[rcpt]++; tried[rcpt] == 1 {
				return queue.Result{Outcome: queue.Temporary, Text: "later"}
			}
			return queue.Result{Outcome: queue.Delivered}
		}
		w.run()
		for i, jump := range []time.Duration{time.Hour, -time.Hour} {
			to := fmt.Sprintf("r%d@site%d.test", i, i)
			w.send("", to)
			time.Sleep(10 * time.Second)
			offset.Add(int64(jump))
			time.Sleep(max(-jump, 0) + 6*time.Minute) // the pause, a scan, and the way back
			synctest.Wait()
			w.mu.Lock()
			if tried[to] != 2 {
				t.Errorf("after a jump of %v %s was tried %d times", jump, to, tried[to])
			}
			w.mu.Unlock()
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.sent) != 4 || len(w.notices) != 0 {
			t.Errorf("%d attempts:\n%s\n%d notices", len(w.sent), strings.Join(w.sent, "\n"), len(w.notices))
		}
	})
}
