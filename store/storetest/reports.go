package storetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"gomail"
	"gomail/ladder"
	"gomail/reports"
	"gomail/reports/aggregate"
)

func testReports(f *fixture) {
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	report := reports.DMARCReport{Domain: "example.com", Org: "google.com", ID: "1", Begin: day, End: day.Add(24*time.Hour - time.Second), Rows: []reports.DMARCRow{
		{Source: netip.MustParseAddr("192.0.2.1"), Count: 5, Disposition: "none", DKIM: true, SPF: true, HeaderFrom: "example.com", EnvelopeFrom: "example.com",
			Signatures: []reports.Signature{{Domain: "example.com", Selector: "mail", Result: "pass"}}, SPFChecks: []reports.SPFCheck{{Domain: "example.com", Scope: "mfrom", Result: "pass"}}},
		{Source: netip.MustParseAddr("2001:db8::1"), Count: 1, Disposition: "reject", HeaderFrom: "example.com"},
	}}
	add := func(r reports.DMARCReport, want bool) {
		f.Helper()
		added, err := f.store.AddDMARCReport(f.ctx, r, nil)
		f.ok(err)
		if added != want {
			f.Errorf("adding %s of %s for %s: %v", r.ID, r.Org, r.Domain, added)
		}
	}
	rows := func(domain string, since time.Time) (all []reports.DMARCRow) {
		f.Helper()
		f.ok(f.store.EachDMARCRow(f.ctx, domain, since, func(r reports.DMARCReport, row reports.DMARCRow) error {
			if r.Domain != domain || r.Org == "" || r.ID == "" || !r.End.After(r.Begin) {
				f.Errorf("a row comes with %+v", r)
			}
			all = append(all, row)
			return nil
		}))
		return all
	}
	add(report, true)
	add(report, false)
	if got := rows("example.com", day); !reflect.DeepEqual(got, report.Rows) {
		f.Errorf("the rows came back as %+v", got)
	}
	other := report
	other.Domain = "example.org"
	add(other, true)
	later := report
	later.ID, later.Begin, later.End, later.Rows = "2", day.AddDate(0, 0, 1), day.AddDate(0, 0, 2), report.Rows[:1]
	add(later, true)
	if all, recent := rows("example.com", day), rows("example.com", day.Add(time.Second)); len(all) != 3 || len(recent) != 1 {
		f.Errorf("%d rows, %d of them recent", len(all), len(recent))
	}
	stop := gomail.Errorf(gomail.Closed, "enough")
	f.kind(f.store.EachDMARCRow(f.ctx, "example.com", day, func(reports.DMARCReport, reports.DMARCRow) error { return stop }), gomail.Closed)

	testSourceDays(f, day)
	testJudged(f, day)
	testTLSRows(f, day)
	removed, err := f.store.RemoveReports(f.ctx, later.End)
	f.ok(err)
	if removed != 3 || len(rows("example.com", day)) != 1 || len(rows("example.org", day)) != 0 {
		f.Errorf("%d reports were removed, and %d rows are left", removed, len(rows("example.com", day)))
	}
	f.ok(f.store.ForgetPolicies(f.ctx, "example.com"))
	if left := rows("example.com", day); len(left) != 0 {
		f.Errorf("%d rows of a forgotten domain", len(left))
	}
	add(later, true)
}

// testSourceDays: what reports say of one day is added up, and no flood of
// sources makes a day larger than its bound.
func testSourceDays(f *fixture, day time.Time) {
	add := func(id string, days ...reports.SourceDay) {
		f.Helper()
		r := reports.DMARCReport{Domain: "days.example", Org: "org-" + id[:1], ID: id, Begin: day, End: day.Add(24*time.Hour - time.Second), Rows: []reports.DMARCRow{{Source: netip.MustParseAddr("192.0.2.1"), Count: len(id)}}}
		_, err := f.store.AddDMARCReport(f.ctx, r, days)
		f.ok(err)
	}
	own := reports.SourceDay{
		Count: ladder.Count{Day: day, Messages: 10, SPF: 9, DKIM: 8, Aligned: 9, Unlisted: 1}, Source: "192.0.2.0/24", First: day, Last: day.Add(time.Hour),
		Addresses: map[string]int{"192.0.2.1": 10}, Selectors: []string{"mail"}, Quarantined: 1,
	}
	more := own
	more.Addresses, more.Selectors, more.Last, more.Rejected = map[string]int{"192.0.2.1": 3, "192.0.2.2": 7}, []string{"old"}, day.Add(2*time.Hour), 2
	add("a1", own)
	add("b2", more)
	add("a1", more) // known
	all := func() (days []reports.SourceDay) {
		f.Helper()
		f.ok(f.store.EachSourceDay(f.ctx, "days.example", day, func(d reports.SourceDay) error { days = append(days, d); return nil }))
		return days
	}
	want := reports.SourceDay{
		Count: ladder.Count{Day: day, Messages: 20, SPF: 18, DKIM: 16, Aligned: 18, Unlisted: 2}, Source: "192.0.2.0/24", First: day, Last: day.Add(2 * time.Hour),
		Addresses: map[string]int{"192.0.2.1": 13, "192.0.2.2": 7}, Selectors: []string{"mail", "old"}, Quarantined: 2, Rejected: 2,
	}
	if got := all(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		f.Errorf("two reports of a day make %+v", got)
	}
	reporters, err := f.store.Reporters(f.ctx, "days.example", day)
	f.ok(err)
	if len(reporters) != 2 || reporters[0] != (reports.Reporter{Org: "org-a", Reports: 1, Messages: 2, Last: day.Add(24*time.Hour - time.Second)}) {
		f.Errorf("the reporters are %+v", reporters)
	}
	var flood []reports.SourceDay
	for i := range reports.MaxDaySources + 50 {
		flood = append(flood, reports.SourceDay{Count: ladder.Count{Day: day, Messages: 1}, Source: fmt.Sprintf("10.0.%d.0/24", i)})
	}
	add("c3", append(flood, reports.SourceDay{Count: ladder.Count{Day: day, Messages: 1, Aligned: 1}, Source: "late.example"})...)
	sum, days := 0, all()
	for _, d := range days {
		sum += d.Messages
	}
	if len(days) != reports.MaxDaySources+2 || sum != 20+len(flood)+1 || days[len(days)-1].Source != ladder.Others || days[len(days)-2].Source != "late.example" {
		f.Errorf("after a flood there are %d sources with %d messages, the last %q", len(days), sum, days[len(days)-1].Source)
	}
	totals, err := f.store.SourceTotals(f.ctx, "days.example", day)
	f.ok(err)
	if len(totals) != len(days) || totals[0].Source != "192.0.2.0/24" || totals[0].Count != (ladder.Count{Messages: 20, SPF: 18, DKIM: 16, Aligned: 18, Unlisted: 2}) || !totals[0].Last.Equal(want.Last) || totals[1].Source != "late.example" {
		f.Errorf("the totals begin with %+v", totals[0])
	}
	volume, err := f.store.Volume(f.ctx, "days.example", day)
	f.ok(err)
	if len(volume) != 1 || volume[0].Messages != sum || volume[0].Rejected != 2 || !volume[0].Day.Equal(day) {
		f.Errorf("the volume is %+v", volume)
	}
	f.ok(f.store.ForgetPolicies(f.ctx, "days.example"))
	if left := all(); len(left) != 0 {
		f.Errorf("%d sources of a forgotten domain", len(left))
	}
}

// testJudged: the same result is counted, not listed again, and days go one by
// one.
func testJudged(f *fixture, day time.Time) {
	result := func(source string, n int) reports.Judged {
		return reports.Judged{
			Policy: aggregate.Policy{Domain: "sender.example", P: "none"},
			Result: aggregate.Record{Source: netip.MustParseAddr(source), Count: n, HeaderFrom: "sender.example", Signatures: []aggregate.Signature{{Domain: "sender.example", Result: "pass"}}},
		}
	}
	for _, at := range []time.Time{day, day, day.AddDate(0, 0, 1)} {
		f.ok(f.store.AddJudged(f.ctx, []reports.JudgedDay{{Domain: "sender.example", Day: at, Results: []reports.Judged{result("192.0.2.1", 1), result("192.0.2.2", 4)}}}))
	}
	all, err := f.store.Judged(f.ctx, "sender.example", day)
	f.ok(err)
	if want := []reports.Judged{result("192.0.2.2", 8), result("192.0.2.1", 2)}; !reflect.DeepEqual(all, want) {
		f.Errorf("what was judged comes back as %+v", all)
	}
	days, err := f.store.JudgedDays(f.ctx, day.AddDate(0, 0, 1))
	f.ok(err)
	if len(days) != 1 || days[0].Domain != "sender.example" || !days[0].Day.Equal(day) {
		f.Errorf("the days that are over are %+v", days)
	}
	f.ok(f.store.RemoveJudged(f.ctx, "sender.example", day))
	days, err = f.store.JudgedDays(f.ctx, day.AddDate(0, 0, 5))
	f.ok(err)
	if len(days) != 1 || !days[0].Day.Equal(day.AddDate(0, 0, 1)) {
		f.Errorf("after one was removed, the days are %+v", days)
	}
}

func testTLSRows(f *fixture, day time.Time) {
	report := reports.TLSReport{Org: "google.com", ID: "1", Begin: day, End: day.AddDate(0, 0, 1).Add(-time.Second), Rows: []reports.TLSRow{
		{Domain: "example.com", Day: day, PolicyType: "sts", Successes: 9, Failures: 1, Types: map[string]int{"certificate-expired": 1}, Hosts: map[string]int{"mail.example.com": 1}},
		{Domain: "example.com", Day: day, PolicyType: "tlsa", Successes: 3},
		{Domain: "example.org", Day: day, PolicyType: "sts", Successes: 4},
	}}
	for _, want := range []bool{true, false} {
		if added, err := f.store.AddTLSReport(f.ctx, report); err != nil || added != want {
			f.Errorf("adding a TLS report: %v, %v", added, err)
		}
	}
	got, err := f.store.TLSRows(f.ctx, "example.com", day)
	f.ok(err)
	if !reflect.DeepEqual(got, report.Rows[:2]) {
		f.Errorf("the TLS rows came back as %+v", got)
	}
	if later, err := f.store.TLSRows(f.ctx, "example.com", day.AddDate(0, 0, 1)); err != nil || len(later) != 0 {
		f.Errorf("rows of the next day: %+v, %v", later, err)
	}
}

func testPolicySteps(f *fixture) {
	first := ladder.Step{Ladder: ladder.DMARC, From: "none", To: "quarantine", At: time.Unix(100, 0).UTC(), Actor: "anna@example.com"}
	second := ladder.Step{Ladder: ladder.SPF, From: "~all", To: "-all", At: time.Unix(200, 0).UTC(), Actor: "anna@example.com"}
	for _, s := range []ladder.Step{second, first} {
		f.ok(f.store.AddPolicyStep(f.ctx, "example.com", s))
	}
	f.kind(f.store.AddPolicyStep(f.ctx, "example.com", first), gomail.Exists)
	f.ok(f.store.AddPolicyStep(f.ctx, "example.org", first))
	steps, err := f.store.PolicySteps(f.ctx, "example.com")
	f.ok(err)
	if !slices.Equal(steps, []ladder.Step{first, second}) {
		f.Errorf("the steps came back as %+v", steps)
	}
	disowned := func(want ...string) {
		f.Helper()
		got, err := f.store.DisownedSources(f.ctx, "example.com")
		f.ok(err)
		if !slices.Equal(got, want) {
			f.Errorf("disowned are %q, not %q", got, want)
		}
	}
	for _, source := range []string{"x.example", "198.51.100.0/24", "x.example"} {
		f.ok(f.store.SetDisowned(f.ctx, "example.com", source, true))
	}
	disowned("198.51.100.0/24", "x.example")
	f.ok(f.store.SetDisowned(f.ctx, "example.com", "x.example", false))
	disowned("198.51.100.0/24")
	f.ok(f.store.ForgetPolicies(f.ctx, "example.com"))
	disowned()
	if steps, err := f.store.PolicySteps(f.ctx, "example.com"); err != nil || len(steps) != 0 {
		f.Errorf("steps of a forgotten domain: %+v, %v", steps, err)
	}
	if steps, err := f.store.PolicySteps(f.ctx, "example.org"); err != nil || len(steps) != 1 {
		f.Errorf("steps of another domain: %+v, %v", steps, err)
	}
}
