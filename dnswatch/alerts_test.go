package dnswatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gomail/dnsplan"
)

const rightSPF, wrongSPF = "v=spf1 mx ~all", "v=spf1 -all"

// An alert that could not be sent is sent later, after a restart too, and once;
// what has come right meanwhile is no news.
func TestAlertIsTriedAgain(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	deliver := w.Watcher.config.Alert
	w.Watcher.config.Alert = func(context.Context, dnsplan.Alert) error { return errors.New("no server runs") }
	w.zone.edit(rightSPF, wrongSPF)
	w.check(time.Hour)
	c := w.Watcher.config
	c.Alert = deliver
	w.Watcher = NewWatcher(c)
	w.zone.setSilent(true)
	w.check(time.Hour)
	if n := len(w.recordAlerts()); n != 0 {
		t.Errorf("%d alerts while nothing is certain", n)
	}
	w.zone.setSilent(false)
	for range 3 {
		w.check(time.Hour)
	}
	a := w.recordAlerts()
	if len(a) != 1 || len(a[0].Lost) != 1 || a[0].Lost[0].Before.Values[0] != rightSPF || a[0].Lost[0].After.Values[0] != wrongSPF {
		t.Fatalf("the alerts are %+v", a)
	}
	history, err := w.History(t.Context(), "example.com", "example.com", "TXT", 10)
	if err != nil || len(history) != 2 {
		t.Errorf("the history has %d entries, %v", len(history), err)
	}

	w.zone.edit(wrongSPF, rightSPF)
	w.check(time.Hour)
	w.Watcher.config.Alert = func(context.Context, dnsplan.Alert) error { return errors.New("no server runs") }
	w.zone.edit(rightSPF, wrongSPF)
	w.check(time.Hour)
	w.zone.edit(wrongSPF, rightSPF)
	w.Watcher.config.Alert = deliver
	w.check(time.Hour)
	if n := len(w.recordAlerts()); n != 1 {
		t.Errorf("%d alerts, with one of what was right again", n)
	}
}

// A record that comes and goes is told a few times, and when it stays away
// later again.
func TestAlertsOfARecordThatComesAndGoes(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	for range 20 {
		w.zone.edit(rightSPF, wrongSPF)
		w.check(time.Minute)
		w.zone.edit(wrongSPF, rightSPF)
		w.check(time.Minute)
	}
	if n := len(w.recordAlerts()); n != alertBurst {
		t.Errorf("%d alerts of a record that comes and goes", n)
	}
	w.zone.edit(rightSPF, wrongSPF)
	w.check(time.Minute)
	w.check(alertSpan)
	w.check(time.Hour)
	if n := len(w.recordAlerts()); n != alertBurst+1 {
		t.Errorf("%d alerts when it stays away", n)
	}
}

// What is changed while a look is under way is looked at once it has ended.
func TestChangedDuringALook(t *testing.T) {
	w := newWatch(t)
	target := w.Watcher.config.Target
	changed := false
	w.Watcher.config.Target = func(ctx context.Context, domain string) (Target, error) {
		found, err := target(ctx, domain)
		if !changed {
			changed = true
			w.Changed(domain)
		}
		return found, err
	}
	w.check(0)
	if due, _ := w.due(t.Context()); len(due) != 1 {
		t.Errorf("due is %v", due)
	}
	if r := w.check(0); !r.NextCheck.After(w.now) {
		t.Errorf("then the next look is at %s", r.NextCheck)
	}
}

// The schedule does so by itself, whenever in the look the change was told, and
// though it tried to board the look that was under way.
func TestRunLooksAgainAfterAChangeDuringALook(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWatch(t)
		looks := 0
		second := make(chan struct{})
		change := func(at bool) {
			if at == late && looks == 1 {
				w.Changed("example.com")
				time.Sleep(50 * time.Millisecond) // the schedule is roused meanwhile
			}
		}
		target := w.Watcher.config.Target
		w.Watcher.config.Target = func(ctx context.Context, domain string) (Target, error) {
			if looks++; looks == 2 {
				close(second)
			}
			change(false)
			return target(ctx, domain)
		}
		w.Watcher.config.After = func(context.Context, dnsplan.Report) { change(true) }
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Watcher.Run(ctx) }()
		select {
		case <-second:
		case <-time.After(10 * time.Second):
			t.Errorf("changed after the look was remembered %t: it is not looked at again", late)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A clock that was wrong for a while does not end the watch.
func TestAWrongClock(t *testing.T) {
	w := newWatch(t)
	right := w.now
	w.check(10 * 365 * 24 * time.Hour)
	w.now = right
	if due, _ := w.due(t.Context()); len(due) != 1 {
		t.Errorf("when the clock is right again nothing is due")
	}
	w.check(0)
	if r := w.check(40 * time.Minute); r.NextCheck.Sub(w.now) < 50*time.Minute {
		t.Errorf("much later it is still looked at every %s", r.NextCheck.Sub(w.now))
	}
}

// What is new at every look is no history.
func TestNoHistoryOfWhatAlwaysChanges(t *testing.T) {
	known := map[string]dnsplan.Moment{}
	for i := range 5 {
		r := dnsplan.Report{Domain: "example.com", Probes: []dnsplan.Probe{
			{Kind: dnsplan.ProbePort25Out, Subject: "port 25", State: dnsplan.OK, Found: fmt.Sprintf("Reached mx (192.0.2.%d)", i)},
			{Kind: dnsplan.ProbeServer, Subject: "ns1", State: dnsplan.OK, Found: fmt.Sprintf("Serial %d", i)},
			{Kind: dnsplan.ProbeServer, Subject: "ns2", State: []dnsplan.State{dnsplan.OK, dnsplan.OKDiffers}[i%2], Code: []string{"", "serial_behind"}[i%2], Found: "Serial 0"},
		}}
		entries, _, now := changes(known, r)
		if known = now; i > 0 && len(entries) > 0 {
			t.Errorf("look %d: %+v", i, entries)
		}
	}
}

// What one look shares with another tells nothing when it was broken off.
func TestSharedProbesThatAreBrokenOff(t *testing.T) {
	h := &hostProbes{tried: map[string]*try{}}
	now := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	go h.share(ctx, "port 25", now, func(ctx context.Context) []dnsplan.Probe {
		close(begun)
		<-ctx.Done()
		return []dnsplan.Probe{{State: dnsplan.Wrong}}
	})
	<-begun
	got := make(chan []dnsplan.Probe)
	go func() {
		got <- h.share(t.Context(), "port 25", now, func(context.Context) []dnsplan.Probe { return []dnsplan.Probe{{State: dnsplan.OK}} })
	}()
	time.Sleep(10 * time.Millisecond)
	cancel()
	if p := <-got; len(p) != 1 || p[0].State != dnsplan.OK {
		t.Errorf("it got %+v", p)
	}
}

// A domain that was changed does not wait for hundreds that are due.
func TestChangedIsDueFirst(t *testing.T) {
	w := newWatch(t)
	names := []string{}
	for i := range 500 {
		names = append(names, fmt.Sprintf("d%d.example", i))
		w.next[names[i]] = w.now.Add(-time.Hour)
	}
	w.Watcher.config.Domains = func(context.Context) ([]string, error) { return names, nil }
	w.Changed("d499.example")
	seen := map[string]bool{}
	for len(seen) < len(names) {
		due, wait := w.due(t.Context())
		if len(seen) == 0 && (due[0] != "d499.example" || wait != 0) {
			t.Errorf("at first %q is due, the rest after %s", due[0], wait)
		}
		if len(due) == 0 {
			t.Fatalf("%d of %d domains were due", len(seen), len(names))
		}
		for _, name := range due {
			if seen[name] {
				t.Errorf("%s is due twice", name)
			}
			seen[name] = true
		}
	}
}

// A stop while looks are under way, on schedule and on demand, leaves nothing
// behind and does not wait for servers that are silent.
func TestRunEndsDuringALook(t *testing.T) {
	w := newWatch(t)
	w.zone.setSilent(true)
	before := goleak.IgnoreCurrent()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Watcher.Run(ctx) }()
	for w.zone.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	asked := make(chan error)
	go func() {
		_, err := w.Check(ctx, "example.com")
		asked <- err
	}()
	time.Sleep(10 * time.Millisecond)
	begun := time.Now()
	stop()
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Errorf("who asked got %v", err)
	}
	if err := <-ended; err != nil || time.Since(begun) > time.Second {
		t.Errorf("it ended after %s with %v", time.Since(begun), err)
	}
	goleak.VerifyNone(t, before)
}
