package tlsrpt_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/reports/tlsrpt"
	"gomail/store"
	"gomail/tlspolicy"
)

// world is where reports go.
type world struct {
	*testing.T
	store   *store.Store
	records map[string]string // by domain; "!": the resolver fails
	refuse  map[string]bool   // URIs that fail
	now     time.Time

	mails []string
	posts map[string][]byte
}

func newWorld(t *testing.T) *world {
	s, err := store.Open(t.Context(), store.Options{Dir: filepath.Join(t.TempDir(), "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Check(context.Background(), func(p string) { t.Error(p) }); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return &world{T: t, store: s, records: map[string]string{}, refuse: map[string]bool{}, posts: map[string][]byte{}, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
}

func (w *world) config() tlsrpt.Config {
	return tlsrpt.Config{
		Skip:  func(domain string) bool { return domain == "skipped.test" },
		Store: w.store, Hostname: "mail.example.com", Mailer: w, Clock: func() time.Time { return w.now },
		From: func(context.Context) (gomail.Address, error) {
			return gomail.Address{Local: "postmaster", Domain: "example.com"}, nil
		},
		LookupTXT: func(_ context.Context, name string) ([]string, error) {
			switch txt, ok := w.records[strings.TrimPrefix(name, "_smtp._tls.")]; {
			case txt == "!":
				return nil, &net.DNSError{Err: "server failure", IsTemporary: true}
			case !ok:
				return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
			default:
				return []string{txt}, nil
			}
		},
		Post: func(_ context.Context, address, contentType string, body []byte) error {
			if w.refuse[address] || contentType != "application/tlsrpt+gzip" {
				return errors.New("refused")
			}
			w.posts[address] = body
			return nil
		},
	}
}

// Submit implements reports.Mailer.
func (w *world) Submit(_ context.Context, from, to gomail.Address, message []byte) error {
	if w.refuse["mailto:"+to.String()] {
		return errors.New("the disk is full")
	}
	w.mails = append(w.mails, fmt.Sprintf("from %s to %s\r\n%s", from, to, message))
	return nil
}

func (w *world) count(domain string, failure tlspolicy.ResultType, n int) {
	c := tlsrpt.NewCounter(w.config())
	for range n {
		s := tlspolicy.Session{Domain: domain, Policy: tlspolicy.PolicySTS, Strings: []string{"version: STSv1", "mode: testing"}, MXHosts: []string{"*." + domain}}
		if failure != "" {
			s.Failure = tlspolicy.FailureDetail{Type: failure, ReceivingMX: "mx." + domain, ReceivingIP: netip.MustParseAddr("192.0.2.7"), SendingIP: netip.MustParseAddr("2001:db8::1"), ReasonCode: "why"}
		}
		c.Add(s)
	}
	c.Flush(w.Context())
}

func (w *world) send() {
	w.Helper()
	if err := tlsrpt.NewSender(w.config()).SendDue(w.Context()); err != nil {
		w.Fatal(err)
	}
}

func unpack(t *testing.T, file []byte) tlspolicy.Report {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tlspolicy.ParseReport(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReportIsSentOnce(t *testing.T) {
	w := newWorld(t)
	w.records["example.net"] = "v=TLSRPTv1; rua=mailto:tls@example.net,https://example.net/report"
	w.count("example.net", "", 3)
	w.count("example.net", tlspolicy.CertificateExpired, 2)
	w.records["skipped.test"] = "v=TLSRPTv1; rua=mailto:tls@skipped.test"
	w.count("unasked.test", "", 1)
	w.count("skipped.test", "", 1)
	w.send() // the day is not over
	if len(w.mails)+len(w.posts) != 0 {
		t.Fatal("a report was sent before its day was over")
	}
	w.now = time.Date(2026, 5, 5, 4, 0, 0, 0, time.UTC)
	w.count("example.net", "", 7) // of the next day
	w.send()
	w.send()
	if len(w.mails) != 1 || len(w.posts) != 1 {
		t.Fatalf("%d mails and %d posts", len(w.mails), len(w.posts))
	}
	r := unpack(t, w.posts["https://example.net/report"])
	p := r.Policies[0]
	if r.Organization != "example.com" || r.ID != "20260504.example.net@example.com" || r.Begin != time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC) || r.End.Sub(r.Begin) != 24*time.Hour-time.Second ||
		len(r.Policies) != 1 || p.Successes != 3 || p.Failures != 2 || p.Details[0].Type != tlspolicy.CertificateExpired || p.Details[0].ReceivingMX != "mx.example.net" || p.Details[0].Sessions != 2 {
		t.Errorf("the report: %+v", r)
	}
	for _, want := range []string{
		"from postmaster@example.com to tls@example.net\r\n", "TLS-Report-Domain: example.net\r\n", "TLS-Report-Submitter: example.com\r\n", "TLS-Required: No\r\n",
		"multipart/report; report-type=tlsrpt;", "Content-Type: application/tlsrpt+gzip\r\n", `filename="example.com!example.net!1777852800!1777939199.json.gz"`,
		"Report Domain: example.net Submitter: example.com",
	} {
		if !strings.Contains(w.mails[0], want) {
			t.Errorf("%q is not in\n%s", want, w.mails[0])
		}
	}
	_, attached, _ := strings.Cut(w.mails[0], "attachment;")
	_, attached, _ = strings.Cut(attached, "\r\n\r\n")
	attached, _, _ = strings.Cut(attached, "\r\n--")
	file, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(attached, "\r\n", ""))
	if err != nil || unpack(t, file).ID != r.ID {
		t.Errorf("the attachment: %v", err)
	}
}

// What fails is tried again, later and later, and only where it failed.
func TestFailedReports(t *testing.T) {
	w := newWorld(t)
	w.records["example.net"] = "v=TLSRPTv1; rua=mailto:tls@example.net,https://example.net/report"
	w.records["broken.test"] = "!"
	w.refuse["https://example.net/report"] = true
	w.count("example.net", "", 1)
	w.count("broken.test", "", 1)
	w.now = time.Date(2026, 5, 5, 5, 0, 0, 0, time.UTC)
	tries := 0
	for range 48 * 6 {
		before := w.now
		due, err := w.store.TLSReportsDue(t.Context(), before.AddDate(0, 0, -3), before, before, 10)
		if err != nil {
			t.Fatal(err)
		}
		tries += len(due)
		w.send()
		w.now = w.now.Add(10 * time.Minute)
	}
	if tries != 2*tlsrpt.MostTries || len(w.mails) != 1 {
		t.Errorf("%d tries and %d mails", tries, len(w.mails))
	}
	// Before it is given up it can still succeed.
	w.count("late.test", "", 1)
	w.records["late.test"] = "!"
	w.now = w.now.AddDate(0, 0, 1)
	w.send()
	w.records["late.test"] = "v=TLSRPTv1; rua=mailto:tls@late.test"
	w.now = w.now.Add(time.Hour)
	w.send()
	if len(w.mails) != 2 {
		t.Errorf("%d mails", len(w.mails))
	}
}

// A crash between sending and noting it sends the same report again, not
// another one, and not at once.
func TestCrashWhileSending(t *testing.T) {
	w := newWorld(t)
	w.records["example.net"] = "v=TLSRPTv1; rua=mailto:tls@example.net"
	w.count("example.net", "", 1)
	w.now = time.Date(2026, 5, 5, 5, 0, 0, 0, time.UTC)
	due, err := w.store.TLSReportsDue(t.Context(), w.now.AddDate(0, 0, -3), w.now, w.now, 10)
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	crashed := due[0]
	crashed.Tries, crashed.Next = 1, w.now.Add(10*time.Minute)
	if err := w.store.SetTLSReport(t.Context(), crashed); err != nil {
		t.Fatal(err)
	}
	w.send()
	if len(w.mails) != 0 {
		t.Error("it was tried again at once")
	}
	w.now = w.now.Add(10 * time.Minute)
	w.send()
	if len(w.mails) != 1 {
		t.Errorf("%d mails", len(w.mails))
	}
}

// Domains are tlsrpt.Spread over the hours after midnight, each at the same time
// every day.
func TestSpread(t *testing.T) {
	day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	var hours [4]int
	for i := range 400 {
		r := tlsrpt.Outgoing{Domain: fmt.Sprintf("example%d.net", i), Day: day}
		late := r.Start().Sub(day.AddDate(0, 0, 1))
		if late < 0 || late >= tlsrpt.Spread {
			t.Fatalf("%s: %s", r.Domain, late)
		}
		hours[late/time.Hour]++
	}
	if slices.Min(hours[:]) < 50 {
		t.Errorf("by hour: %v", hours)
	}
}

// failing is a store that fails for a while.
type failing struct {
	tlsrpt.Store
	fail bool
	got  int
}

func (f *failing) AddTLSSessions(_ context.Context, counts []tlspolicy.Count) error {
	if f.fail {
		return errors.New("the disk is full")
	}
	for _, c := range counts {
		f.got += c.Sessions
	}
	return nil
}

func TestNothingCountedIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{fail: true}
		c := tlsrpt.NewCounter(tlsrpt.Config{Store: f})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		for range 5 {
			c.Add(tlspolicy.Session{Domain: "example.net"})
			c.Add(tlspolicy.Session{Domain: "example.org"})
			time.Sleep(tlsrpt.FlushEvery)
			synctest.Wait()
		}
		f.fail = false
		c.Add(tlspolicy.Session{Domain: "example.net"})
		stop()
		running.Wait()
		if f.got != 11 {
			t.Errorf("%d sessions are counted", f.got)
		}
	})
}

func TestKindsAreBounded(t *testing.T) {
	c := tlsrpt.NewCounter(tlsrpt.Config{Store: &failing{}})
	for i := range tlsrpt.MostPending + 100 {
		c.Add(tlspolicy.Session{Domain: fmt.Sprint(i)})
	}
	if pending, dropped := c.Kinds(); pending != tlsrpt.MostPending || dropped != 100 {
		t.Errorf("%d kinds, %d dropped", pending, dropped)
	}
}

func TestOldCountsGo(t *testing.T) {
	w := newWorld(t)
	w.count("example.net", "", 1)
	if err := w.store.RemoveTLSSessions(t.Context(), w.now.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if counts, err := w.store.TLSSessions(t.Context(), "example.net", tlspolicy.Day(w.now), 10); err != nil || len(counts) != 0 {
		t.Errorf("left: %v, %v", counts, err)
	}
}
