package reports_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/ladder"
	"gomail/reports"
	"gomail/store"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newService(t *testing.T) *reports.Service {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return reports.New(reports.Config{Store: s, Clock: func() time.Time { return now }})
}

// daily makes a report about the day that is ago days ago.
func daily(id string, ago int, rows ...reports.DMARCRow) reports.DMARCReport {
	begin := now.Truncate(24*time.Hour).AddDate(0, 0, -ago)
	return reports.DMARCReport{Domain: "example.com", Org: "google.com", ID: id, Begin: begin, End: begin.Add(24*time.Hour - time.Second), Rows: rows}
}

func add(t *testing.T, s *reports.Service, r reports.DMARCReport) {
	t.Helper()
	if added, err := s.AddDMARC(t.Context(), r); err != nil || !added {
		t.Fatalf("adding the report %s: %v, %v", r.ID, added, err)
	}
}

// Rows as they are reported, by what they look like.
var (
	own = reports.DMARCRow{Source: netip.MustParseAddr("192.0.2.1"), Count: 10, DKIM: true, SPF: true, HeaderFrom: "example.com", EnvelopeFrom: "example.com",
		Signatures: []reports.Signature{{"example.com", "mail", "pass"}}, SPFChecks: []reports.SPFCheck{{"example.com", "mfrom", "pass"}}}
	sendgrid = reports.DMARCRow{Source: netip.MustParseAddr("198.51.100.7"), Count: 4, HeaderFrom: "example.com", EnvelopeFrom: "em1.sendgrid.net",
		Signatures: []reports.Signature{{"sendgrid.net", "s1", "pass"}}, SPFChecks: []reports.SPFCheck{{"em1.sendgrid.net", "mfrom", "pass"}}}
	forwarded = reports.DMARCRow{Source: netip.MustParseAddr("203.0.113.9"), Count: 3, DKIM: true, HeaderFrom: "example.com", EnvelopeFrom: "example.com",
		Signatures: []reports.Signature{{"example.com", "mail", "pass"}}, SPFChecks: []reports.SPFCheck{{"example.com", "mfrom", "softfail"}}}
	forged = reports.DMARCRow{Source: netip.MustParseAddr("2001:db8:1:2::3"), Count: 2, HeaderFrom: "example.com", EnvelopeFrom: "example.com",
		SPFChecks: []reports.SPFCheck{{"example.com", "mfrom", "softfail"}}}
	stranger = reports.DMARCRow{Source: netip.MustParseAddr("::ffff:203.0.113.200"), Count: 1, HeaderFrom: "example.com", EnvelopeFrom: "news.example.net",
		SPFChecks: []reports.SPFCheck{{"mx.example.net", "helo", "none"}, {"news.example.net", "mfrom", "pass"}}}
	unsure = reports.DMARCRow{Source: netip.MustParseAddr("192.0.2.9"), Count: 7, DKIM: true, HeaderFrom: "example.com",
		Signatures: []reports.Signature{{"example.com", "s9", "pass"}, {"example.com", "bad", "fail"}, {"example.com", "<b>\n", "pass"}, {"a <i>\r\n.example", "x", "pass"}}, SPFChecks: []reports.SPFCheck{{"example.com", "mfrom", "temperror"}}}
)

func TestEvidence(t *testing.T) {
	s := newService(t)
	add(t, s, daily("1", 2, own, sendgrid, forwarded))
	add(t, s, daily("2", 1, own, forged, stranger, unsure))
	late := daily("3", 0, own)
	late.Begin, late.End = late.Begin.Add(-4*time.Hour), late.Begin.Add(11*time.Hour) // spans midnight
	add(t, s, late)
	if added, err := s.AddDMARC(t.Context(), daily("1", 2, own)); err != nil || added {
		t.Errorf("a report is added twice: %v", err)
	}
	if err := s.Disown(t.Context(), "example.com", "2001:db8:1::/48", true); err != nil {
		t.Fatal(err)
	}
	e, err := s.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -30))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range e.Sources {
		var c ladder.Count
		for _, d := range x.Days {
			c.Add(d)
		}
		got = append(got, fmt.Sprintf("%s %q %v %v %dd %d=%d/%d/%d %d %d %v", x.ID, x.Service, x.Addresses, x.Selectors, len(x.Days), c.Messages, c.SPF, c.DKIM, c.Aligned, c.Unlisted, c.Bare, x.Disowned))
	}
	want := []string{
		`192.0.2.0/24 "" [192.0.2.1 192.0.2.9] [mail s9] 3d 37=30/37/37 0 0 false`,
		`203.0.113.0/24 "" [203.0.113.9] [mail] 1d 3=0/3/3 3 0 false`,
		`sendgrid.net "sendgrid.net" [198.51.100.7] [] 1d 4=0/0/0 0 0 false`,
		`2001:db8:1::/48 "" [2001:db8:1:2::3] [] 1d 2=0/0/0 0 2 true`,
		`example.net "example.net" [203.0.113.200] [] 1d 1=0/0/0 0 0 false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("sources:\n%s", strings.Join(got, "\n"))
	}
	if last := e.Sources[0].Days[2].Day; !last.Equal(now.Truncate(24 * time.Hour)) {
		t.Errorf("the report that spans midnight counts for %s", last)
	}
	if later, err := s.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -1)); err != nil || len(later.Sources) != 1 {
		t.Errorf("evidence since yesterday: %+v, %v", later.Sources, err)
	}
	if none, err := s.Evidence(t.Context(), "example.org", time.Time{}); err != nil || none.Sources == nil || none.TLS == nil || len(none.Sources) != 0 {
		t.Errorf("evidence of a domain without reports: %+v, %v", none, err)
	}
}

// A domain that is forged from everywhere still has a summary of a size that
// people can read, in which nothing is left out.
func TestEvidenceOfManySources(t *testing.T) {
	s := newService(t)
	const n = 9000
	rows := make([]reports.DMARCRow, n)
	for i := range rows {
		rows[i] = forged
		rows[i].Count, rows[i].Source = 1, netip.AddrFrom4([4]byte{100, byte(i >> 8), byte(i), 1})
	}
	add(t, s, daily("1", 1, append(rows, own)...))
	e, err := s.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -30))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, x := range e.Sources {
		for _, d := range x.Days {
			total += d.Messages
		}
	}
	last := e.Sources[len(e.Sources)-1]
	if len(e.Sources) != 61 || total != n+own.Count || last.ID != ladder.Others || e.Sources[0].ID != "192.0.2.0/24" {
		t.Errorf("%d sources with %d messages, the last is %q", len(e.Sources), total, last.ID)
	}
}

func TestTLSEvidence(t *testing.T) {
	s := newService(t)
	day := now.Truncate(24*time.Hour).AddDate(0, 0, -2)
	for i, org := range []string{"google.com", "microsoft.com"} {
		r := reports.TLSReport{Org: org, ID: "x", Begin: day, End: day.Add(24*time.Hour - time.Second), Rows: []reports.TLSRow{
			{Domain: "example.com", Day: day, PolicyType: "sts", Successes: 10, Failures: i, Types: map[string]int{"certificate-expired": i}},
		}}
		if added, err := s.AddTLS(t.Context(), r); err != nil || !added {
			t.Fatalf("adding a TLS report: %v, %v", added, err)
		}
	}
	e, err := s.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -30))
	if err != nil || len(e.TLS) != 1 || !reflect.DeepEqual(e.TLS[0], ladder.TLSDay{Day: day, Successes: 20, Failures: 1, Types: map[string]int{"certificate-expired": 1}}) {
		t.Errorf("TLS evidence: %+v, %v", e.TLS, err)
	}
}

// From rows to a step: what the ladder makes of stored reports.
func TestLadderOverReports(t *testing.T) {
	s := newService(t)
	for i := range 14 {
		add(t, s, daily(fmt.Sprint(i), i+1, own, forwarded))
	}
	e, err := s.Evidence(t.Context(), "example.com", now.AddDate(0, 0, -60))
	if err != nil {
		t.Fatal(err)
	}
	e.Records = ladder.Records{SPF: true, DMARC: true}
	in := ladder.Input{Domain: "example.com", Evidence: e, Selectors: []string{"mail"}, Now: now}
	for _, kind := range []ladder.Kind{ladder.DMARC, ladder.SPF} {
		l, err := ladder.Find(in, kind)
		if err != nil || l.State != ladder.Offered {
			t.Fatalf("%s is %s: %s (%v)", kind, l.State, l.Advice, err)
		}
		if in.Settings, err = ladder.Take(in, kind, l.Next); err != nil {
			t.Fatal(err)
		}
		if err := s.StepTaken(t.Context(), "example.com", ladder.Taken(l, l.Next, "anna@example.com", now)); err != nil {
			t.Fatal(err)
		}
	}
	if in.Steps, err = s.Steps(t.Context(), "example.com"); err != nil || len(in.Steps) != 2 {
		t.Fatalf("steps: %+v, %v", in.Steps, err)
	}
	if l, _ := ladder.Find(in, ladder.SPF); l.State != ladder.Watching || l.Rung != "-all" {
		t.Errorf("after the step: %s at %s", l.State, l.Rung)
	}
}

func TestLimits(t *testing.T) {
	s := newService(t)
	long := strings.Repeat("x", 256)
	for name, change := range map[string]func(*reports.DMARCReport){
		"no organisation": func(r *reports.DMARCReport) { r.Org = "" },
		"no id":           func(r *reports.DMARCReport) { r.ID = "" },
		"a long id":       func(r *reports.DMARCReport) { r.ID = long },
		"no domain":       func(r *reports.DMARCReport) { r.Domain = "" },
		"not canonical":   func(r *reports.DMARCReport) { r.Domain = "Example.COM" },
		"backwards":       func(r *reports.DMARCReport) { r.Begin, r.End = r.End, r.Begin },
		"a year long":     func(r *reports.DMARCReport) { r.Begin = r.Begin.AddDate(-1, 0, 0) },
		"the future":      func(r *reports.DMARCReport) { r.Begin, r.End = now, now.AddDate(0, 0, 3) },
		"the past":        func(r *reports.DMARCReport) { r.Begin, r.End = now.AddDate(-2, 0, 0), now.AddDate(-2, 0, 1) },
		"many rows":       func(r *reports.DMARCReport) { r.Rows = make([]reports.DMARCRow, 10_001) },
		"no source":       func(r *reports.DMARCReport) { r.Rows[0].Source = netip.Addr{} },
		"less than none":  func(r *reports.DMARCReport) { r.Rows[0].Count = -1 },
		"long texts":      func(r *reports.DMARCReport) { r.Rows[0].EnvelopeFrom = long },
		"many results":    func(r *reports.DMARCReport) { r.Rows[0].SPFChecks = make([]reports.SPFCheck, 21) },
	} {
		r := daily("1", 1, own)
		change(&r)
		if added, err := s.AddDMARC(t.Context(), r); added || gomail.KindOf(err) != gomail.Invalid && gomail.KindOf(err) != gomail.TooMany {
			t.Errorf("%s: %v, %v", name, added, err)
		}
	}
	for name, row := range map[string]reports.TLSRow{
		"no domain": {Successes: 1}, "less than none": {Domain: "example.com", Failures: -1}, "long": {Domain: "example.com", PolicyType: long},
	} {
		r := reports.TLSReport{Org: "x", ID: "1", Begin: now.AddDate(0, 0, -1), End: now, Rows: []reports.TLSRow{row}}
		if added, err := s.AddTLS(t.Context(), r); added || gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%s: %v, %v", name, added, err)
		}
	}
	for i := range 1000 {
		if err := s.Disown(t.Context(), "marked.example", fmt.Sprintf("s%d.example", i), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Disown(t.Context(), "marked.example", "one.more.example", true); gomail.KindOf(err) != gomail.TooMany {
		t.Errorf("marks without end: %v", err)
	}
	if err := s.Disown(t.Context(), "example.com", "", true); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("disowning nothing: %v", err)
	}
}

// Reports older than 400 days go.
func TestClean(t *testing.T) {
	at := now
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := reports.New(reports.Config{Store: st, Clock: func() time.Time { return at }})
	add(t, s, daily("old", 399, own))
	add(t, s, daily("new", 1, own))
	for _, want := range []int{0, 1, 0} {
		if n, err := s.Clean(t.Context()); err != nil || n != want {
			t.Errorf("on %s %d reports were removed, not %d: %v", at, n, want, err)
		}
		at = now.AddDate(0, 0, 2)
	}
	if err := s.Forget(t.Context(), "example.com"); err != nil {
		t.Error(err)
	}
	if e, err := s.Evidence(t.Context(), "example.com", time.Time{}); err != nil || len(e.Sources) != 0 {
		t.Errorf("evidence of a forgotten domain: %+v, %v", e, err)
	}
}
