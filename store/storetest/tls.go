package storetest

import (
	"net/netip"
	"reflect"
	"time"

	"gomail/reports/tlsrpt"
	"gomail/tlspolicy"
)

// testTLSReports: counts add up by kind and day, and a report is due until it
// is settled.
func testTLSReports(f *fixture) {
	day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	good := tlspolicy.Session{Domain: "example.net", Policy: tlspolicy.PolicySTS, Strings: []string{"version: STSv1", "mode: enforce"}, MXHosts: []string{"*.example.net"}}
	bad := good
	bad.Failure = tlspolicy.FailureDetail{
		Type: tlspolicy.CertificateExpired, ReceivingMX: "mx.example.net", ReceivingIP: netip.MustParseAddr("192.0.2.1"), SendingIP: netip.MustParseAddr("2001:db8::1"), ReasonCode: "why",
	}
	other := tlspolicy.Session{Domain: "example.org", Policy: tlspolicy.PolicyNone}
	for range 2 {
		f.ok(f.store.AddTLSSessions(f.ctx, []tlspolicy.Count{
			{Session: good, Day: day, Sessions: 3}, {Session: bad, Day: day, Sessions: 1}, {Session: good, Day: day.AddDate(0, 0, 1), Sessions: 7}, {Session: other, Day: day, Sessions: 1},
		}))
	}
	counts, err := f.store.TLSSessions(f.ctx, "example.net", day, 10)
	f.ok(err)
	if want := []tlspolicy.Count{{Session: good, Day: day, Sessions: 6}, {Session: bad, Day: day, Sessions: 2}}; !reflect.DeepEqual(counts, want) {
		f.Errorf("counted: %+v", counts)
	}
	if counts, err = f.store.TLSSessions(f.ctx, "example.net", day, 1); err != nil || len(counts) != 1 {
		f.Errorf("with a limit: %+v, %v", counts, err)
	}
	due := func(at time.Time) []tlsrpt.Outgoing {
		f.Helper()
		all, err := f.store.TLSReportsDue(f.ctx, day, day.AddDate(0, 0, 1), at, 10)
		f.ok(err)
		return all
	}
	if all := due(day); len(all) != 2 || all[0].Domain != "example.net" || all[0].Tries != 0 || !all[0].Day.Equal(day) {
		f.Fatalf("due: %+v", all)
	}
	tried := tlsrpt.Outgoing{Domain: "example.net", Day: day, Tries: 1, Next: day.Add(time.Hour), Outcome: "refused", Sent: []string{"mailto:a@example.net", "https://example.net/"}}
	f.ok(f.store.SetTLSReport(f.ctx, tried))
	if all := due(day); len(all) != 1 || all[0].Domain != "example.org" {
		f.Errorf("due while one waits: %+v", all)
	}
	if all := due(day.Add(time.Hour)); len(all) != 2 || !reflect.DeepEqual(all[1], tried) {
		f.Errorf("due again: %+v", all)
	}
	tried.Done = true
	f.ok(f.store.SetTLSReport(f.ctx, tried))
	if all := due(day.Add(time.Hour)); len(all) != 1 {
		f.Errorf("due once one is done: %+v", all)
	}
	f.ok(f.store.RemoveTLSSessions(f.ctx, day.AddDate(0, 0, 1)))
	if all := due(day.Add(time.Hour)); len(all) != 0 {
		f.Errorf("due of what is removed: %+v", all)
	}
	if counts, err = f.store.TLSSessions(f.ctx, "example.net", day.AddDate(0, 0, 1), 10); err != nil || len(counts) != 1 || counts[0].Sessions != 14 {
		f.Errorf("the next day: %+v, %v", counts, err)
	}
}

// testSTSPolicies: a domain has its last policy until that has ended.
func testSTSPolicies(f *fixture) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	a := tlspolicy.CachedPolicy{Domain: "a.test", ID: "1", Text: []byte("version: STSv1\n"), Fetched: now, Expires: now.Add(time.Hour)}
	b := a
	b.Domain, b.Expires = "b.test", now.Add(2*time.Hour)
	f.ok(f.store.SetSTSPolicy(f.ctx, b))
	f.ok(f.store.SetSTSPolicy(f.ctx, a))
	a.ID = "2"
	f.ok(f.store.SetSTSPolicy(f.ctx, a))
	all, err := f.store.STSPolicies(f.ctx)
	f.ok(err)
	if !reflect.DeepEqual(all, []tlspolicy.CachedPolicy{a, b}) {
		f.Errorf("kept: %+v", all)
	}
	f.ok(f.store.RemoveSTSPolicies(f.ctx, now.Add(time.Hour+time.Second)))
	if all, err = f.store.STSPolicies(f.ctx); err != nil || len(all) != 1 || all[0].Domain != "b.test" {
		f.Errorf("left: %+v, %v", all, err)
	}
}

// testTLSOffers: a host is kept with its last offer until that is long ago.
func testTLSOffers(f *fixture) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f.ok(f.store.NoteTLSOffer(f.ctx, "a.test", now, now.Add(-time.Hour)))
	f.ok(f.store.NoteTLSOffer(f.ctx, "b.test", now.Add(time.Minute), now.Add(-time.Hour)))
	f.ok(f.store.NoteTLSOffer(f.ctx, "a.test", now.Add(2*time.Minute), now.Add(-time.Hour)))
	all, err := f.store.TLSOffers(f.ctx, 10)
	f.ok(err)
	if want := map[string]time.Time{"a.test": now.Add(2 * time.Minute), "b.test": now.Add(time.Minute)}; !reflect.DeepEqual(all, want) {
		f.Errorf("kept: %v", all)
	}
	if all, err = f.store.TLSOffers(f.ctx, 1); err != nil || len(all) != 1 || all["a.test"].IsZero() {
		f.Errorf("the last one: %v, %v", all, err)
	}
	f.ok(f.store.NoteTLSOffer(f.ctx, "c.test", now.Add(time.Hour), now.Add(2*time.Minute)))
	if all, err = f.store.TLSOffers(f.ctx, 10); err != nil || len(all) != 2 || !all["b.test"].IsZero() {
		f.Errorf("left: %v, %v", all, err)
	}
}
