package storetest

import (
	"fmt"
	"time"

	"gomail"
	"gomail/bounces"
)

func testBounces(f *fixture) {
	hour := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	anna := bounces.Sender{Account: 7, Domain: "example.com"}
	tally := func(s bounces.Sender, at time.Time, c bounces.Counts, said string) bounces.Tally {
		return bounces.Tally{Sender: s, Hour: at, Counts: c, Said: said}
	}
	keep := func(_ *bounces.Suppression, told bounces.Suppression) bounces.Suppression { return told }
	record := func(oldest time.Time, all ...bounces.Tally) {
		f.Helper()
		f.ok(f.store.RecordBounces(f.ctx, bounces.Batch{Tallies: all}, oldest, keep))
	}
	all := bounces.Counts{Sent: 9, Delivered: 1, Deferred: 2, Hard: 3, Full: 4, Blocked: 5, Policy: 6, Soft: 7, Complaints: 8, Roles: 10}
	record(hour, tally(anna, hour, all, "spam"), tally(bounces.Sender{Account: 8, Domain: "example.com"}, hour, bounces.Counts{Sent: 1}, ""))
	record(hour, tally(anna, hour, bounces.Counts{Sent: 1}, ""), tally(anna, hour.Add(time.Hour), bounces.Counts{Hard: 1}, "spam again"), tally(bounces.Sender{}, hour, bounces.Counts{Sent: 1}, ""))
	sum := all
	sum.Sent, sum.Hard = 10, 4
	totals, err := f.store.BounceTotals(f.ctx, hour)
	f.ok(err)
	if len(totals) != 3 || totals[1].Sender != anna || totals[1].Counts != sum || totals[1].Said != "spam again" {
		f.Errorf("the totals are %+v", totals)
	}
	record(hour.Add(time.Hour), tally(anna, hour.Add(24*time.Hour), bounces.Counts{Sent: 1}, ""))
	if totals, err = f.store.BounceTotals(f.ctx, hour); err != nil || len(totals) != 1 || totals[0].Sent != 1 || totals[0].Hard != 1 {
		f.Errorf("hours that are not kept: %+v %v", totals, err)
	}
	days, err := f.store.BounceDays(f.ctx, "example.com", hour.Truncate(24*time.Hour))
	f.ok(err)
	if sum.Sent++; len(days) != 2 || days[0].Counts != sum || days[0].Said != "spam again" || !days[1].Day.Equal(hour.Truncate(24*time.Hour).AddDate(0, 0, 1)) {
		f.Errorf("the days are %+v", days)
	}

	alarms := []bounces.Alarm{{Sender: bounces.Sender{Account: 7}, Since: hour, Counts: all, Said: "x"}, {Sender: bounces.Sender{Domain: "example.com"}, Since: hour, Counts: all}}
	f.ok(f.store.SetBounceAlarms(f.ctx, alarms))
	f.ok(f.store.SetBounceAlarms(f.ctx, alarms[:1]))
	if got, err := f.store.BounceAlarms(f.ctx); err != nil || len(got) != 1 || got[0].Sender != alarms[0].Sender || got[0].Counts != all || got[0].Said != "x" || !got[0].Since.Equal(hour) {
		f.Errorf("the alarms are %+v %v", got, err)
	}
	testSuppressions(f, hour)
}

func testSuppressions(f *fixture, now time.Time) {
	to := func(local string) gomail.Address { return gomail.Address{Local: local, Domain: "example.net"} }
	for i := range 5 {
		for _, account := range []gomail.AccountID{7, 8} {
			x := bounces.Suppression{Account: account, Address: to(fmt.Sprint("r", i)), Why: bounces.Bounced, Last: now, Status: "5.1.1", Diagnostic: "nobody", Returned: true}
			f.ok(f.store.RecordBounces(f.ctx, bounces.Batch{Suppressions: []bounces.Suppression{x, x}}, now, func(old *bounces.Suppression, told bounces.Suppression) bounces.Suppression {
				told.First, told.Until, told.Count, told.Step = now, now.Add(time.Hour), 1, 3
				if old != nil {
					told.Count = old.Count + 1
				}
				return told
			}))
		}
	}
	found, err := f.store.Suppressed(f.ctx, 7, to("R1"), now)
	f.ok(err)
	want := bounces.Suppression{Account: 7, Address: to("r1"), Why: bounces.Bounced, Step: 3, Count: 2, First: now, Last: now, Until: now.Add(time.Hour), Status: "5.1.1", Diagnostic: "nobody", Returned: true}
	if len(found) != 1 || !found[0].Until.Equal(want.Until) || !found[0].First.Equal(now) || found[0].Address != want.Address || found[0].Count != 2 || found[0].Step != 3 || !found[0].Returned || found[0].Diagnostic != "nobody" {
		f.Errorf("found %+v", found)
	}
	if found, err = f.store.Suppressed(f.ctx, 7, to("r1"), now.Add(time.Hour)); err != nil || len(found) != 0 {
		f.Errorf("found after its end %+v %v", found, err)
	}
	first, err := f.store.Suppressions(f.ctx, 7, "", 3)
	f.ok(err)
	second, err := f.store.Suppressions(f.ctx, 7, "r2@example.net", 3)
	f.ok(err)
	if len(first) != 3 || len(second) != 2 || second[0].Address != to("r3") {
		f.Errorf("pages of %+v and %+v", first, second)
	}
	if n, err := f.store.ClearSuppressions(f.ctx, 7, to("R1")); err != nil || n != 1 {
		f.Errorf("cleared %d %v", n, err)
	}
	if n, err := f.store.ClearSuppressions(f.ctx, 7, gomail.Address{}); err != nil || n != 4 {
		f.Errorf("cleared all: %d %v", n, err)
	}
	if left, err := f.store.Suppressions(f.ctx, 8, "", 10); err != nil || len(left) != 5 {
		f.Errorf("another account's: %d %v", len(left), err)
	}
}
