package main

import (
	"testing"
	"time"

	"gomail/dnsplan"
)

// What GoMail was told to write is no loss; what somebody else did meanwhile
// is.
func TestOwnChange(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const spf, foreign = "v=spf1 mx ~all", "google-site-verification=x"
	publication := func(ago time.Duration, after ...string) dnsplan.Publication {
		r := dnsplan.Result{Change: dnsplan.Change{Name: "example.com", Type: "TXT"}, Outcome: dnsplan.Done}
		for _, v := range after {
			r.After = append(r.After, dnsplan.Value{Text: v})
		}
		return dnsplan.Publication{At: now.Add(-ago), Results: []dnsplan.Result{r}}
	}
	for _, test := range []struct {
		name    string
		journal []dnsplan.Publication
		after   []string
		own     bool
	}{
		{"nothing was published", nil, nil, false},
		{"taken back a moment ago", []dnsplan.Publication{publication(time.Minute, foreign), publication(time.Hour, spf, foreign)}, nil, true},
		{"published, and deleted by somebody", []dnsplan.Publication{publication(time.Minute, spf, foreign)}, nil, false},
		{"published, and edited by somebody", []dnsplan.Publication{publication(time.Minute, spf)}, []string{"v=spf1 -all"}, false},
		{"taken back to what was there", []dnsplan.Publication{publication(time.Minute, "v=spf1 -all", foreign)}, []string{"v=spf1 -all"}, true},
		{"taken back long ago", []dnsplan.Publication{publication(3*time.Hour, foreign)}, nil, false},
	} {
		e := dnsplan.Entry{At: now, Name: "example.com", Type: "TXT", Before: dnsplan.Moment{Values: []string{spf}}, After: dnsplan.Moment{Values: test.after}}
		if got := ownChange(test.journal, e); got != test.own {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
