package reports_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"gomail/reports"
	"gomail/store"
)

// BenchmarkEvidence sums up two months of a busy domain: ten reporters a day
// with a hundred rows each.
func BenchmarkEvidence(b *testing.B) {
	st, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s := reports.New(reports.Config{Store: st, Clock: func() time.Time { return now }})
	rows := make([]reports.DMARCRow, 100)
	for i := range rows {
		rows[i] = own
		if i%3 == 0 {
			rows[i] = sendgrid
		}
		rows[i].Source = netip.AddrFrom4([4]byte{192, 0, byte(i / 10), byte(i)})
	}
	for day := range 60 {
		for org := range 10 {
			r := daily(fmt.Sprint(day), day+1, rows...)
			r.Org = fmt.Sprintf("org%d.example", org)
			if _, err := s.AddDMARC(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		e, err := s.Evidence(b.Context(), "example.com", now.AddDate(0, 0, -90))
		if err != nil || len(e.Sources) == 0 {
			b.Fatal(len(e.Sources), err)
		}
	}
}

// BenchmarkSummary opens the page of a year with a million rows: a hundred
// networks and services a day, seen by ten reporters.
func BenchmarkSummary(b *testing.B) {
	st, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s := reports.New(reports.Config{Store: st, Clock: func() time.Time { return now }})
	const days, orgs, perReport = 365, 10, 274
	rows := make([]reports.DMARCRow, perReport)
	for day := range days {
		for org := range orgs {
			for i := range rows {
				if rows[i] = own; i%3 == 0 {
					rows[i] = sendgrid
				}
				rows[i].Source = netip.AddrFrom4([4]byte{byte(100 + day%20), byte(i % 100), 0, byte(i)})
			}
			r := daily(fmt.Sprint(day), day+1, rows...)
			r.Org = fmt.Sprintf("org%d.example", org)
			if _, err := s.AddDMARC(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		sum, err := s.Summary(b.Context(), "example.com", now.AddDate(-1, 0, -1))
		if err != nil || len(sum.Days) != days {
			b.Fatal(len(sum.Days), err)
		}
	}
}
