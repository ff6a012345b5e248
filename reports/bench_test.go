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
