package queue_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/queue"
	"gomail/store"
)

// world is a queue over a real store, with a network that answers as the test
// says.
type world struct {
	*testing.T
	store *store.Store
	queue *queue.Queue
	stop  context.CancelFunc
	ended chan error

	mu      sync.Mutex
	sent    []string // "site: recipient recipient"
	times   []time.Time
	busy    map[string]int
	busiest map[string]int
	notices []queue.Notice
	answer  func(site, rcpt string) queue.Result
	hold    time.Duration // how long an attempt takes
	tell    error         // what Notify returns
	life    time.Duration // of messages
}

func newWorld(t *testing.T, c queue.Config) *world {
	t.Helper()
	w := &world{T: t, busy: map[string]int{}, busiest: map[string]int{}, ended: make(chan error, 1), life: lifetime}
	w.answer = func(string, string) queue.Result { return queue.Result{Outcome: queue.Delivered, Remote: "mx"} }
	var err error
	if w.store, err = store.Open(context.Background(), store.Options{Dir: t.TempDir(), Clock: c.Clock}); err != nil {
		t.Fatal(err)
	}
	c.Store, c.Owner = w.store, "test"
	c.Route = func(context.Context, string) (queue.Deliverer, error) { return w, nil }
	c.Notify = func(_ context.Context, n queue.Notice) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notices = append(w.notices, n)
		return w.tell
	}
	w.queue = queue.New(c)
	return w
}

// run starts the queue; the test's end stops it.
func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.ended <- w.queue.Run(ctx) }()
}

// end stops the queue and the store.
func (w *world) end() {
	w.Helper()
	if w.stop != nil {
		w.stop()
		if err := <-w.ended; err != nil {
			w.Errorf("the queue ended with %v", err)
		}
	}
	if err := w.store.Check(context.Background(), func(p string) { w.Errorf("check: %s", p) }); err != nil {
		w.Error(err)
	}
	w.store.Close()
}

// Deliver is the network.
func (w *world) Deliver(ctx context.Context, t queue.Task, c gomail.Content) []queue.Result {
	w.mu.Lock()
	w.busy[t.Site]++
	w.busiest[t.Site] = max(w.busiest[t.Site], w.busy[t.Site])
	var results []queue.Result
	names := []string{}
	for _, r := range t.Rcpts {
		result := w.answer(t.Site, r.Address.String())
		result.N = r.N
		results, names = append(results, result), append(names, r.Address.Local)
	}
	w.sent = append(w.sent, t.Site+": "+strings.Join(names, " "))
	w.times = append(w.times, time.Now())
	w.mu.Unlock()
	select {
	case <-time.After(w.hold):
	case <-ctx.Done():
	}
	w.mu.Lock()
	w.busy[t.Site]--
	w.mu.Unlock()
	return results
}

// lifetime of the test's messages: short, because each minute of it is three
// real commits.
const lifetime = 12 * time.Hour

// send queues a message and tells the queue.
func (w *world) send(from string, to ...string) []queue.Message {
	w.Helper()
	now := time.Now().Truncate(time.Microsecond)
	m := queue.Message{Received: now, Expires: now.Add(w.life)}
	if from != "" {
		m.Envelope.From = w.address(from)
	}
	for _, a := range to {
		m.Rcpts = append(m.Rcpts, queue.Recipient{Recipient: gomail.Recipient{Address: w.address(a)}, Due: now})
	}
	body := w.store.Stage()
	defer body.Close()
	body.Write([]byte("Subject: x\r\n\r\nx\r\n"))
	parts, err := w.store.Enqueue(context.Background(), body, queue.Split(m), nil)
	if err != nil {
		w.Fatal(err)
	}
	w.queue.Added(parts)
	return parts
}

func (w *world) address(s string) gomail.Address {
	w.Helper()
	a, err := gomail.ParseAddress(s)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *world) sentTo() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// pass lets time pass, and then everything come to rest, so that the test may
// look.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) left() int {
	w.Helper()
	list, err := w.queue.List(context.Background(), queue.Key{Slot: -1}, 1000)
	if err != nil {
		w.Fatal(err)
	}
	n := 0
	for _, m := range list {
		n += len(m.Rcpts)
	}
	return n
}

func temporary(text string) queue.Result {
	return queue.Result{Outcome: queue.Temporary, Code: 451, Enhanced: "4.0.0", Text: text, Remote: "mx"}
}

// Recipients of one site go together, and what is delivered is gone.
func TestDeliversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		w.run()
		w.send("a@here.test", "x@one.test", "y@one.test", "z@two.test")
		pass(time.Second)
		sent := w.sentTo()
		slices.Sort(sent)
		if want := []string{"one.test: x y", "two.test: z"}; !slices.Equal(sent, want) {
			t.Errorf("sent %q", sent)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		if len(w.notices) != 0 {
			t.Errorf("notices: %+v", w.notices)
		}
		w.end()
	})
}

// seldom is a lease for tests that last for days: thousands of renewals are
// more than the race detector can count.
const seldom = 30 * time.Minute

// 4xx is tried for the message's lifetime, told of after four hours, and then
// fails.
func TestRetriesThenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{LeaseTime: seldom})
		w.answer = func(string, string) queue.Result { return temporary("busy") }
		w.run()
		begin := time.Now()
		w.send("a@here.test", "x@one.test")
		pass(lifetime + time.Hour)
		if len(w.notices) != 2 || w.notices[0].Events[0].Action != queue.ActionDelayed || w.notices[1].Events[0].Action != queue.ActionFailed {
			t.Fatalf("notices: %+v", w.notices)
		}
		if at := w.notices[0].Events[0].At.Sub(begin); at < 4*time.Hour || at > 4*time.Hour+time.Second {
			t.Errorf("told of the delay after %v", at)
		}
		if at := w.notices[1].Events[0].At.Sub(begin); at < lifetime || at > lifetime+time.Minute {
			t.Errorf("gave up after %v", at)
		}
		for i, want := range []time.Duration{0, time.Minute, 6 * time.Minute, 21 * time.Minute} {
			if got := w.times[i].Sub(begin).Round(time.Second); got != want {
				t.Errorf("attempt %d after %v, want %v", i+1, got, want)
			}
		}
		if n := len(w.sent); n < 9 || n > 11 {
			t.Errorf("%d attempts", n)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// 5xx fails at once; the others of the same message do not.
func TestPermanentFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		w.answer = func(_, rcpt string) queue.Result {
			if rcpt == "bad@one.test" {
				return queue.Result{Outcome: queue.Permanent, Code: 550, Enhanced: "5.1.1", Text: "no such user", Remote: "mx"}
			}
			return queue.Result{Outcome: queue.Delivered, Remote: "mx"}
		}
		w.run()
		w.send("a@here.test", "good@one.test", "bad@one.test")
		w.send("", "bad@one.test") // a bounce that bounces
		pass(time.Minute)
		if len(w.notices) != 1 || len(w.notices[0].Events) != 1 {
			t.Fatalf("notices: %+v", w.notices)
		}
		e := w.notices[0].Events[0]
		if e.Action != queue.ActionFailed || e.Recipient.Address.Local != "bad" || e.Result.Enhanced != "5.1.1" {
			t.Errorf("the notice says %+v", e)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// RFC 3461: NEVER silences, SUCCESS asks, and a server that passes the request
// on is left to answer it.
func TestNotifyParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		w.answer = func(site, _ string) queue.Result {
			switch site {
			case "fails.test":
				return queue.Result{Outcome: queue.Permanent}
			case "knows.test":
				return queue.Result{Outcome: queue.Delivered, Remote: "mx", PassedOn: true}
			case "local.test":
				return queue.Result{Outcome: queue.Delivered}
			}
			return queue.Result{Outcome: queue.Delivered, Remote: "mx"}
		}
		w.run()
		for to, notify := range map[string]gomail.Notify{
			"a@fails.test": gomail.NotifyNever, "b@fails.test": gomail.NotifySuccess, "c@knows.test": gomail.NotifySuccess,
			"d@local.test": gomail.NotifySuccess, "e@relayed.test": gomail.NotifySuccess | gomail.NotifyFailure, "f@relayed.test": gomail.NotifyFailure,
		} {
			m := queue.Message{Received: time.Now(), Expires: time.Now().Add(time.Hour), Envelope: gomail.Envelope{From: w.address("s@here.test")},
				Rcpts: []queue.Recipient{{Recipient: gomail.Recipient{Address: w.address(to), Notify: notify}, Due: time.Now()}}}
			body := w.store.Stage()
			parts, err := w.store.Enqueue(t.Context(), body, queue.Split(m), nil)
			if err != nil {
				t.Fatal(err)
			}
			body.Close()
			w.queue.Added(parts)
		}
		pass(time.Minute)
		got := map[string]queue.Action{}
		for _, n := range w.notices {
			got[n.Events[0].Recipient.Address.Local] = n.Events[0].Action
		}
		if want := map[string]queue.Action{"d": queue.ActionDelivered, "e": queue.ActionRelayed}; !maps.Equal(got, want) {
			t.Errorf("notices: %v, want %v", got, want)
		}
		w.end()
	})
}

// The sender who cannot be told of a failure is told later; the failure is
// not forgotten.
func TestNoticeThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		w.answer = func(string, string) queue.Result { return queue.Result{Outcome: queue.Permanent, Code: 550} }
		w.tell = gomail.Errorf(gomail.NoSpace, "the disk is full")
		w.run()
		w.send("a@here.test", "x@one.test")
		pass(30 * time.Second)
		if n := w.left(); n != 1 {
			t.Fatalf("%d recipients are left", n)
		}
		w.mu.Lock()
		w.tell = nil
		w.mu.Unlock()
		pass(10 * time.Minute)
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// Limits per site are exact, and a site with much mail, or one that is dead,
// does not hold up the others.
func TestSitesAreFairlyServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{Total: 30, PerSite: 5})
		w.hold = 10 * time.Second
		w.answer = func(site, _ string) queue.Result {
			if strings.HasPrefix(site, "dead") {
				return queue.Result{Outcome: queue.Temporary, Lost: true, Text: "connection refused"}
			}
			return queue.Result{Outcome: queue.Delivered, Remote: "mx"}
		}
		for i := range 100 {
			w.send("a@here.test", fmt.Sprintf("u%d@big.test", i))
			w.send("a@here.test", fmt.Sprintf("u%d@dead%d.test", i, i%10))
		}
		for i := range 5 {
			w.send("a@here.test", fmt.Sprintf("u@small%d.test", i))
		}
		w.run()
		pass(25 * time.Minute)
		deadAttempts, lastSmall := 0, time.Duration(0)
		begin := w.times[0]
		for i, s := range w.sent {
			switch {
			case strings.HasPrefix(s, "dead"):
				deadAttempts++
			case strings.HasPrefix(s, "small"):
				lastSmall = max(lastSmall, w.times[i].Sub(begin))
			}
		}
		if lastSmall > 30*time.Second {
			t.Errorf("the last small site was served after %v", lastSmall)
		}
		if deadAttempts > 150 {
			t.Errorf("%d attempts at dead sites", deadAttempts)
		}
		if w.busiest["big.test"] != 5 {
			t.Errorf("%d at once to big.test, the limit is 5", w.busiest["big.test"])
		}
		if n := w.left(); n != 100 {
			t.Errorf("%d recipients are left, want the 100 of the dead sites", n)
		}
		w.end()
	})
}

// What an administrator holds is not tried; what is released is, at once.
func TestHoldRetryDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		ready := false
		w.answer = func(string, string) queue.Result {
			if ready {
				return queue.Result{Outcome: queue.Delivered}
			}
			return temporary("busy")
		}
		w.run()
		held := w.send("a@here.test", "x@one.test")[0].Key
		dropped := w.send("a@here.test", "x@two.test")[0].Key
		pass(10 * time.Second)
		if err := w.queue.Hold(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		if err := w.queue.Drop(t.Context(), dropped); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		before := len(w.sent)
		ready = true
		w.mu.Unlock()
		pass(time.Hour)
		for _, s := range w.sentTo()[before:] {
			if strings.HasPrefix(s, "one") {
				t.Error("a held message was tried")
			}
		}
		if err := w.queue.Retry(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// What was queued while no queue ran is found after the next start.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{LeaseTime: seldom})
		for i := range 2500 {
			w.send("a@here.test", fmt.Sprintf("u%d@s%d.test", i, i%300))
		}
		w.queue = queue.New(queue.Config{
			Store: w.store, Owner: "test", Route: func(context.Context, string) (queue.Deliverer, error) { return w, nil },
		})
		w.run()
		pass(time.Minute)
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// A queue that another node has taken over stops and writes nothing more.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{})
		w.answer = func(string, string) queue.Result { return temporary("busy") }
		w.run()
		w.send("a@here.test", "x@one.test")
		pass(time.Second)
		// The other node waits until the lease has run out, as it would when
		// this one was paused. Here its renewals are in the way, so the other
		// acts in the moment in which this one would have been paused.
		expired, err := w.store.Lease(t.Context(), "test", -time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := w.store.Lease(t.Context(), "other", time.Hour); err != nil || other.Token <= expired.Token {
			t.Fatalf("%+v, %v", other, err)
		}
		pass(2 * time.Minute)
		select {
		case err := <-w.ended:
			if gomail.KindOf(err) != gomail.Unavailable && gomail.KindOf(err) != gomail.Closed {
				t.Errorf("it ended with %v", err)
			}
		default:
			t.Error("it goes on")
		}
		w.stop = nil
		w.end()
	})
}

func TestKey(t *testing.T) {
	k := queue.Key{Slot: 17, ID: 1793437200000000}
	if got, err := queue.ParseKey(k.String()); err != nil || got != k {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "17", "17-", "-1-5", "256-1", "17-5x", "017-5"} {
		if _, err := queue.ParseKey(bad); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%q was read: %v", bad, err)
		}
	}
}

// What waits for a dead site shares the fate of the attempt that found it
// dead: it is tried no more often than its schedule says, and comes to its end,
// of which its senders are told. One attempt stands for all.
func TestDeadSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, queue.Config{LeaseTime: seldom})
		w.answer = func(string, string) queue.Result {
			return queue.Result{Outcome: queue.Temporary, Lost: true, Text: "connection refused"}
		}
		w.life = 2 * time.Hour
		const messages = 510 // more than are loaded at a time
		for i := range messages {
			w.send("a@here.test", fmt.Sprintf("u%d@dead.test", i))
		}
		w.run()
		pass(time.Minute / 2)
		list, err := w.queue.List(t.Context(), queue.Key{Slot: -1}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if r := m.Rcpts[0]; r.Attempts != 1 || r.LastError != "connection refused" {
				t.Fatalf("%s: %d attempts, %q", r.Address, r.Attempts, r.LastError)
			}
		}
		if n := len(w.sentTo()); n != 1 {
			t.Errorf("%d connections were tried", n)
		}
		pass(2*time.Hour + 31*time.Minute) // the last pause may outlast them
		actions := map[queue.Action]int{}
		for _, n := range w.notices {
			actions[n.Events[0].Action]++
		}
		if want := map[queue.Action]int{queue.ActionFailed: messages}; !maps.Equal(actions, want) {
			t.Errorf("notices: %v", actions)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		if n := len(w.sentTo()); n > 20 {
			t.Errorf("%d connections were tried", n)
		}
		w.end()
	})
}

// An outcome that cannot be written, as on a full disk, is kept until it can
// be: what was delivered is not sent again, and nothing more is sent
// meanwhile than what may be repeated after a crash.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	if raced {
		t.Skip("alone it passes; after all the others ThreadSanitizer runs out of epochs (CHECK failed: kEpochLast)")
	}
	synctest.Test(t, func(t *testing.T) {
		full := &fullStore{}
		w := newWorld(t, queue.Config{})
		full.Store = w.store
		w.queue = queue.New(queue.Config{Store: full, Owner: "test", Route: func(context.Context, string) (queue.Deliverer, error) { return w, nil }})
		const messages = 700
		for i := range messages {
			w.send("a@here.test", fmt.Sprintf("u%d@s%d.test", i, i%50))
		}
		full.full.Store(true)
		w.run()
		pass(10 * time.Minute)
		if n := len(w.sentTo()); n == 0 || n > 600 {
			t.Errorf("%d were sent without their outcome being written", n)
		}
		full.full.Store(false)
		pass(time.Minute)
		sent := w.sentTo()
		if n := len(sent); n != messages {
			t.Errorf("%d were sent, of %d", n, messages)
		}
		slices.Sort(sent)
		if n := len(slices.Compact(sent)); n != messages {
			t.Errorf("%d different ones were sent, of %d", n, messages)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d recipients are left", n)
		}
		w.end()
	})
}

// fullStore is a store whose disk may be full.
type fullStore struct {
	*store.Store
	full atomic.Bool
}

func (f *fullStore) Finish(ctx context.Context, l queue.Lease, c []queue.Change) error {
	if f.full.Load() {
		return gomail.Errorf(gomail.NoSpace, "the disk is full")
	}
	return f.Store.Finish(ctx, l, c)
}
