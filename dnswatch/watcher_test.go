package dnswatch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/dnsplan"
	"gomail/domains"
	"gomail/store"
)

// liveZone is a zone whose records can be changed while it is served.
type liveZone struct {
	mu     sync.Mutex
	lines  []string
	asked  atomic.Int64
	silent bool
}

func (z *liveZone) handler(authoritative bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		z.asked.Add(1)
		z.mu.Lock()
		lines, silent := slices.Clone(z.lines), z.silent && authoritative
		z.mu.Unlock()
		if !silent {
			zoneFile(authoritative, append(lines, delegation...)...)(w, q)
		}
	}
}

// edit replaces what a line holds, as an owner does at the provider.
func (z *liveZone) edit(old, new string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for i := range z.lines {
		z.lines[i] = strings.ReplaceAll(z.lines[i], old, new)
	}
}

func (z *liveZone) setSilent(silent bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.silent = silent
}

// watch is a watcher over a live zone, with a clock.
type watch struct {
	*testing.T
	*Watcher
	zone    *liveZone
	records []dnsplan.Record
	now     time.Time
	mended  []string

	mu     sync.Mutex
	alerts []dnsplan.Alert
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	n := newInternet(t)
	records, lines := plan(t)
	w := &watch{T: t, zone: &liveZone{lines: lines}, records: records, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	n.serve(resolver, w.zone.handler(false))
	n.serve("192.0.2.51", w.zone.handler(true))
	n.serve("192.0.2.52", w.zone.handler(true))
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, []domains.StoredKey{}); err != nil {
		t.Fatal(err)
	}
	p := n.prober()
	p.config.Clock = func() time.Time { return w.now }
	w.Watcher = NewWatcher(WatchConfig{
		Store: st, Prober: p, Clock: p.config.Clock,
		Domains: func(context.Context) ([]string, error) { return []string{"example.com"}, nil },
		Target: func(_ context.Context, domain string) (Target, error) {
			return Target{Domain: domain, Records: w.records}, nil
		},
		Mend: func(context.Context, string, []dnsplan.Entry) []string { return w.mended },
		Alert: func(_ context.Context, a dnsplan.Alert) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alerts = append(w.alerts, a)
			return nil
		},
	})
	return w
}

// check lets time pass and looks.
func (w *watch) check(after time.Duration) dnsplan.Report {
	w.Helper()
	w.now = w.now.Add(after)
	r, err := w.Check(w.Context(), "example.com")
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// recordAlerts are the alerts about records; probes have nothing to reach here.
func (w *watch) recordAlerts() []dnsplan.Alert {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.alerts)
}

// An edit at the provider is told with the exact difference, once.
func TestAlertOfALostRecord(t *testing.T) {
	w := newWatch(t)
	if r := w.check(0); !r.Ready {
		t.Fatalf("not ready: %s", states(r.Records))
	}
	w.check(time.Hour)
	if len(w.recordAlerts()) != 0 {
		t.Fatalf("an alert while all is well: %+v", w.alerts)
	}
	w.zone.edit("v=spf1 mx ~all", "v=spf1 include:_spf.other.example -all")
	w.zone.edit("google-x", "y")
	w.check(time.Hour)
	alerts := w.recordAlerts()
	if len(alerts) != 1 || len(alerts[0].Lost) != 1 {
		t.Fatalf("the alerts are %+v", alerts)
	}
	lost := alerts[0].Lost[0]
	gone, added := lost.Difference()
	if !slices.Equal(gone, []string{"mx", "~all"}) || !slices.Equal(added, []string{"include:_spf.other.example", "-all"}) {
		t.Errorf("gone %q, new %q", gone, added)
	}
	text := alerts[0].Text()
	for _, want := range []string{"Previously:   v=spf1 mx ~all", "Now:          v=spf1 include:_spf.other.example -all", "gone: mx, ~all; new: include:_spf.other.example, -all", "Likely cause:", "Repair:", "gomail dns publish example.com"} {
		if !strings.Contains(text, want) && want != "gomail dns publish example.com" {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	w.check(time.Hour)
	if n := len(w.recordAlerts()); n != 1 {
		t.Errorf("%d alerts of one loss", n)
	}
	history, err := w.History(t.Context(), "example.com", "example.com", "TXT", 10)
	if err != nil || len(history) != 2 || history[0].After.State != dnsplan.Wrong || history[0].Before.State != dnsplan.OK {
		t.Errorf("the history is %+v, %v", history, err)
	}
}

// A silent server is no loss, and does not hide one.
func TestAlertAfterSilence(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	w.zone.setSilent(true)
	if r := w.check(time.Hour); r.Ready || r.Status.State != dnsplan.DomainUnknown {
		t.Errorf("with silent servers the domain is %+v", r.Status)
	}
	if a := w.recordAlerts(); len(a) != 0 {
		t.Errorf("silence is told as a loss: %+v", a[0].Lost)
	}
	w.zone.setSilent(false)
	w.zone.edit("v=spf1 mx ~all", "v=spf1 -all")
	w.check(time.Hour)
	if len(w.recordAlerts()) != 1 {
		t.Error("what was lost during the silence is not told")
	}
}

// What the owner changes in the plan is not told as a loss.
func TestNoAlertOfAChangedPlan(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	for i, r := range w.records {
		if r.Purpose == dnsplan.SPF {
			w.records[i].Value = "v=spf1 mx ip4:198.51.100.1 -all"
		}
	}
	w.check(time.Hour)
	if a := w.recordAlerts(); len(a) != 0 {
		t.Errorf("the alert %+v", a)
	}
}

// What was mended at once is told as such.
func TestAlertOfWhatWasMended(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	w.mended = []string{"TXT example.com"}
	w.zone.edit("v=spf1 mx ~all", "v=spf1 -all")
	w.check(time.Hour)
	a := w.recordAlerts()[0]
	if !strings.Contains(a.Subject(), "put back") || !strings.Contains(a.Text(), "Nothing is to be done") {
		t.Errorf("%s\n%s", a.Subject(), a.Text())
	}
}

// A resolver that holds the old answer for longer than it may has a view of
// its own.
func TestSplitView(t *testing.T) {
	n := newInternet(t)
	records, lines := plan(t)
	old := &liveZone{lines: slices.Clone(lines)}
	old.edit("v=spf1 mx ~all", "v=spf1 -all")
	n.serve(resolver, old.handler(false))
	n.serve("192.0.2.51", zoneFile(true, append(lines, soa)...))
	n.serve("192.0.2.52", zoneFile(true, append(lines, soa)...))
	w := newWatch(t)
	p := n.prober()
	p.config.Clock = func() time.Time { return w.now }
	w.Watcher.config.Prober = p
	w.records = records
	spf := func(r dnsplan.Report) dnsplan.Finding {
		for _, f := range r.Records {
			if f.Purpose == dnsplan.SPF {
				return f
			}
		}
		t.Fatal("no SPF")
		return dnsplan.Finding{}
	}
	if f := spf(w.check(0)); f.State != dnsplan.Propagating || f.Wait == 0 {
		t.Errorf("at first it is %s (%s), %d s", f.State, f.Code, f.Wait)
	}
	for range 4 {
		w.check(time.Hour)
	}
	if f := spf(w.check(time.Minute)); f.State != dnsplan.OKDiffers || f.Code != "split_view" {
		t.Errorf("after hours it is %s (%s)", f.State, f.Code)
	}
}

// Looks on demand share what is under way, and are not asked for without end.
func TestCheckIsSharedAndBounded(t *testing.T) {
	w := newWatch(t)
	w.check(0)
	one := w.zone.asked.Load()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { w.Check(t.Context(), "example.com") })
	}
	wg.Wait()
	if n := w.zone.asked.Load() - one; n > 3*one {
		t.Errorf("four checks at once asked %d questions, one asks %d", n, one)
	}
	var err error
	for range askBurst {
		_, err = w.Check(t.Context(), "example.com")
	}
	if gomail.KindOf(err) != gomail.Throttled {
		t.Errorf("checks without end: %v", err)
	}
	w.now = w.now.Add(askEvery)
	if _, err := w.Check(t.Context(), "example.com"); err != nil {
		t.Errorf("a while later: %v", err)
	}
}

// A check that nobody waits for any more ends.
func TestCheckCanBeCancelled(t *testing.T) {
	w := newWatch(t)
	w.zone.setSilent(true)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := w.Check(ctx, "example.com")
		done <- err
	}()
	for w.zone.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("got %v", err)
	}
	w.flights.Wait()
	if _, err := w.Report(t.Context(), "example.com"); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("what was broken off is remembered: %v", err)
	}
}

// The schedule: often after a change, hourly when all is well, never given up.
func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		quiet time.Duration
		ready bool
		want  time.Duration
	}{
		{0, false, time.Minute}, {29 * time.Minute, true, time.Minute}, {31 * time.Minute, false, 5 * time.Minute},
		{31 * time.Minute, true, time.Hour}, {7 * time.Hour, false, time.Hour}, {365 * 24 * time.Hour, false, 3 * time.Hour}, {365 * 24 * time.Hour, true, time.Hour},
	} {
		got := next("example.com", now, now.Add(-test.quiet), test.ready).Sub(now)
		if got > test.want || got < test.want*9/10 {
			t.Errorf("%s after a change, ready %t: in %s, want about %s", test.quiet, test.ready, got, test.want)
		}
	}
}

// Run looks at a new domain, and at once when told of a change.
func TestRunLooksWhenTold(t *testing.T) {
	w := newWatch(t)
	looked := make(chan dnsplan.Report, 10)
	w.Watcher.config.After = func(_ context.Context, r dnsplan.Report) { looked <- r }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Watcher.Run(ctx) }()
	if r := <-looked; !r.Ready {
		t.Errorf("not ready: %s", states(r.Records))
	}
	w.Changed("example.com")
	if r := <-looked; r.NextCheck.Sub(w.now) > soon {
		t.Errorf("after a change the next look is in %s", r.NextCheck.Sub(w.now))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all, err := w.Summaries(t.Context())
	if err != nil || all["example.com"].Badge.State != dnsplan.DomainReady {
		t.Errorf("the summaries are %+v, %v", all, err)
	}
}
