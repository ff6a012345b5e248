package ladder

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/dnsplan"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// daysOf makes the same count for n days, the last of them ago days ago.
func daysOf(n, ago int, c Count) []Count {
	var all []Count
	for i := range n {
		c.Day = midnight(now).AddDate(0, 0, -ago-n+1+i)
		all = append(all, c)
	}
	return all
}

// good is a domain whose own server sends 10 messages a day, all right.
func good() Input {
	return Input{
		Domain: "example.com", Now: now, Selectors: []string{"mail"},
		Evidence: Evidence{
			Records: Records{SPF: true, DMARC: true, MTASTS: true}, DNSSEC: dnsplan.DNSSECSigned, NextKey: true,
			Sources: []Source{{ID: "192.0.2.0/24", Addresses: []string{"192.0.2.1"}, Selectors: []string{"mail"},
				Days: daysOf(20, 1, Count{Messages: 10, SPF: 10, DKIM: 10, Aligned: 10})}},
			TLS: tlsDays(20, 50, 0),
		},
	}
}

func tlsDays(n, ok, failed int) []TLSDay {
	var all []TLSDay
	for i := range n {
		all = append(all, TLSDay{Day: midnight(now).AddDate(0, 0, -n+i), Successes: ok, Failures: failed})
	}
	return all
}

func (in *Input) source(s Source) { in.Evidence.Sources = append(in.Evidence.Sources, s) }

func (in *Input) step(kind Kind, from, to string, daysAgo int) {
	in.Steps = append(in.Steps, Step{kind, from, to, now.AddDate(0, 0, -daysAgo), "anna@example.com"})
}

// Each row changes the good domain and says where a ladder stands then.
func TestLadders(t *testing.T) {
	sendgrid := func(n int, c Count) Source {
		return Source{ID: "sendgrid.net", Service: "sendgrid.net", Days: daysOf(n, 1, c)}
	}
	for _, test := range []struct {
		name   string
		kind   Kind
		change func(in *Input)
		state  State
		next   string
		advice string // a part of it
	}{
		{"ready for quarantine", DMARC, func(*Input) {}, Offered, "quarantine", "140 of 140 messages (100 %) were aligned on 14 days"},
		{"ready for reject", DMARC, func(in *Input) { in.Settings.DMARC.Policy = "quarantine" }, Offered, "reject", "p=reject"},
		{"at the top", DMARC, func(in *Input) { in.Settings.DMARC.Policy = "reject" }, Done, "", "nothing is to be done"},
		{"at the top, subdomains are not", DMARC, func(in *Input) { in.Settings.DMARC.Policy, in.Settings.DMARC.SubdomainPolicy = "reject", "none" }, Done, "", "(sp=none)"},
		{"at the top, nonexistent ones are not", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy, in.Settings.DMARC.NonexistentPolicy = "reject", "quarantine"
		}, Done, "", "(np=quarantine)"},
		{"13 days", DMARC, func(in *Input) { in.Evidence.Sources[0].Days = in.Evidence.Sources[0].Days[:13] }, Waiting, "quarantine", "13 of the 14 days"},
		{"no reports", DMARC, func(in *Input) { in.Evidence.Sources = nil }, Waiting, "quarantine", "0 of the 14 days"},
		{"old reports", DMARC, func(in *Input) { in.Now = now.AddDate(0, 3, 0) }, Waiting, "quarantine", "0 of the 14 days"},
		{"3 in 143 fail", DMARC, func(in *Input) { in.source(sendgrid(3, Count{Messages: 1})) }, Blocked, "quarantine", "97.9 %"},
		{"2 in 142 fail", DMARC, func(in *Input) { in.source(sendgrid(2, Count{Messages: 1})) }, Offered, "quarantine", "98.5 %"},
		{"what failed was mended", DMARC, func(in *Input) {
			in.source(Source{ID: "sendgrid.net", Service: "sendgrid.net", Days: daysOf(5, 16, Count{Messages: 50})})
		}, Offered, "quarantine", "140 of 140"},
		{"strangers forge it", DMARC, func(in *Input) { in.source(Source{ID: "198.51.100.0/24", Days: daysOf(5, 1, Count{Messages: 50})}) }, Blocked, "quarantine", "mark the others as not yours"},
		{"strangers disowned", DMARC, func(in *Input) {
			in.source(Source{ID: "198.51.100.0/24", Disowned: true, Days: daysOf(5, 1, Count{Messages: 50})})
		}, Offered, "quarantine", "140 of 140"},
		{"record not seen", DMARC, func(in *Input) { in.Evidence.Records.DMARC = false }, Blocked, "quarantine", "mend it first"},
		{"record of the top not seen", DMARC, func(in *Input) { in.Settings.DMARC.Policy = "reject"; in.Evidence.Records.DMARC = false }, Done, "", "mend it"},
		{"marked as a test", DMARC, func(in *Input) { in.Settings.DMARC.Testing = "y" }, Blocked, "quarantine", "t=y"},
		{"just stepped", DMARC, func(in *Input) { in.Settings.DMARC.Policy = "quarantine"; in.step(DMARC, "none", "quarantine", 3) }, Watching, "reject", "watched until 6 December 2026"},
		{"stepped, not published", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "quarantine"
			in.Evidence.Records.DMARC = false
			in.step(DMARC, "none", "quarantine", 1)
		}, Watching, "reject", "publish it"},
		{"stepped, and a service fails", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "quarantine"
			in.step(DMARC, "none", "quarantine", 5)
			in.source(sendgrid(3, Count{Messages: 20}))
		}, Watching, "reject", "go back to p=none"},
		{"stepped, and strangers are refused", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "quarantine"
			in.step(DMARC, "none", "quarantine", 5)
			in.source(Source{ID: "198.51.100.0/24", Days: daysOf(3, 1, Count{Messages: 500})})
		}, Watching, "reject", "nothing is to be done"},
		{"watched long enough, too few days since", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "quarantine"
			in.step(DMARC, "none", "quarantine", 14)
		}, Waiting, "reject", "13 of the 14 days"},
		{"watched long enough", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "quarantine"
			in.step(DMARC, "none", "quarantine", 16)
		}, Offered, "reject", ""},
		{"stepped back", DMARC, func(in *Input) {
			in.step(DMARC, "none", "quarantine", 20)
			in.step(DMARC, "quarantine", "none", 2)
		}, Waiting, "quarantine", "1 of the 14 days"},
		{"a service was added at the top", DMARC, func(in *Input) {
			in.Settings.DMARC.Policy = "reject"
			in.source(sendgrid(3, Count{Messages: 20}))
		}, Blocked, "", "go back to p=quarantine"},

		{"SPF is ready", SPF, func(*Input) {}, Offered, "-all", "140 of 140"},
		{"SPF at the top", SPF, func(in *Input) { in.Settings.SPF.All = "-all" }, Done, "", ""},
		{"a server is not listed", SPF, func(in *Input) {
			in.source(Source{ID: "203.0.113.0/24", Selectors: []string{"s1"}, Days: daysOf(1, 1, Count{Messages: 1, DKIM: 1, Aligned: 1, Unlisted: 1})})
		}, Blocked, "-all", "not in the SPF record"},
		{"a forwarder", SPF, func(in *Input) {
			in.source(Source{ID: "203.0.113.0/24", Selectors: []string{"mail"}, Days: daysOf(9, 1, Count{Messages: 5, DKIM: 5, Aligned: 5, Unlisted: 5})})
		}, Offered, "-all", ""},
		{"strangers use the return address", SPF, func(in *Input) {
			in.source(Source{ID: "198.51.100.0/24", Days: daysOf(9, 1, Count{Messages: 50, Bare: 50})})
		}, Offered, "-all", ""},
		{"a service has its own return address", SPF, func(in *Input) {
			in.source(Source{ID: "mcsv.net", Service: "mcsv.net", Days: daysOf(9, 1, Count{Messages: 50, DKIM: 50, Aligned: 50})})
		}, Offered, "-all", ""},
		{"a server fell off the list", SPF, func(in *Input) {
			in.Settings.SPF.All = "-all"
			in.source(Source{ID: "203.0.113.0/24", Days: daysOf(9, 1, Count{Messages: 8, SPF: 1, Aligned: 1, Bare: 7})})
		}, Blocked, "", "go back to ~all"},

		{"MTA-STS is ready", MTASTS, func(*Input) {}, Offered, "enforce", "All 700 connections"},
		{"one failure", MTASTS, func(in *Input) {
			in.Evidence.TLS[18].Failures, in.Evidence.TLS[18].Types = 1, map[string]int{"certificate-expired": 1}
		}, Blocked, "enforce", "1 connection in 701 over TLS failed on the last 14 days with reports (the certificate had expired)"},
		{"an old failure", MTASTS, func(in *Input) { in.Evidence.TLS[2].Failures = 1 }, Offered, "enforce", ""},
		{"few TLS reports", MTASTS, func(in *Input) { in.Evidence.TLS = tlsDays(4, 9, 0) }, Waiting, "enforce", "4 of the 14 days"},
		{"MTA-STS off", MTASTS, func(in *Input) { in.Settings.MTASTS.Off = true }, Blocked, "testing", "switched off"},
		{"MTA-STS none", MTASTS, func(in *Input) { in.Settings.MTASTS.Mode = "none" }, Blocked, "testing", "switched off"},
		{"TLS reports off", MTASTS, func(in *Input) { in.Settings.TLSRPT.Off = true }, Blocked, "enforce", "TLS reports are switched off"},
		{"failures under enforce", MTASTS, func(in *Input) { in.Settings.MTASTS.Mode = "enforce"; in.Evidence.TLS[19].Failures = 2 }, Blocked, "", "go back to testing"},
		{"failures after enforce", MTASTS, func(in *Input) {
			in.Settings.MTASTS.Mode = "enforce"
			in.step(MTASTS, "testing", "enforce", 5)
			in.Evidence.TLS[19].Failures = 2
		}, Watching, "", "go back to testing"},

		{"TLSA is ready", TLSA, func(*Input) {}, Offered, "published", "publish the TLSA records"},
		{"not signed", TLSA, func(in *Input) { in.Evidence.DNSSEC = dnsplan.DNSSECUnsigned }, Blocked, "published", "not signed"},
		{"perhaps signed", TLSA, func(in *Input) { in.Evidence.DNSSEC = dnsplan.DNSSECUnknown }, Waiting, "published", "not known yet"},
		{"no next key", TLSA, func(in *Input) { in.Evidence.NextKey = false }, Waiting, "published", "next certificate"},
		{"TLSA published", TLSA, func(in *Input) { in.Evidence.Records.TLSA = true }, Done, "", ""},
		{"TLSA agreed to, not seen", TLSA, func(in *Input) { in.step(TLSA, "unpublished", "published", 1) }, Waiting, "published", "publish them"},
		{"TLSA agreed to and seen", TLSA, func(in *Input) {
			in.Evidence.Records.TLSA = true
			in.step(TLSA, "unpublished", "published", 1)
		}, Watching, "", "is watched until"},
		{"TLSA taken back, still seen", TLSA, func(in *Input) {
			in.Evidence.Records.TLSA = true
			in.step(TLSA, "published", "unpublished", 1)
		}, Done, "", "remove them at your DNS provider"},
		{"TLSA published, no next key", TLSA, func(in *Input) { in.Evidence.Records.TLSA, in.Evidence.NextKey = true, false }, Blocked, "", "renewal"},
		{"TLSA published, TLS fails", TLSA, func(in *Input) {
			in.Evidence.Records.TLSA = true
			in.step(TLSA, "unpublished", "published", 6)
			in.Evidence.TLS = tlsDays(4, 9, 9)
		}, Watching, "", "remove them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := good()
			test.change(&in)
			l, err := Find(in, test.kind)
			if err != nil {
				t.Fatal(err)
			}
			if l.State != test.state || l.Next != test.next || !strings.Contains(l.Advice, test.advice) {
				t.Errorf("it is %s, next %q: %s (want %s, %q, …%s…)", l.State, l.Next, l.Advice, test.state, test.next, test.advice)
			}
			checkLadder(t, in, l)
		})
	}
}

// checkLadder holds what is true of every ladder.
func checkLadder(t interface{ Errorf(string, ...any) }, in Input, l Ladder) {
	at := slices.Index(l.Rungs, l.Rung)
	if l.Next != "" && slices.Index(l.Rungs, l.Next) != at+1 {
		t.Errorf("%s: the step from %s to %s leaves a rung out", l.Kind, l.Rung, l.Next)
	}
	if p := l.Proof; l.State == Offered && p != nil && (p.Days < NeedDays || p.Percent < NeedPercent || p.Passed*100 < p.Messages*NeedPercent || p.Messages == 0) {
		t.Errorf("%s is offered with %+v", l.Kind, *p)
	}
	if !strings.HasSuffix(l.Advice, ".") || strings.Count(l.Advice, ". ") > 0 || strings.Contains(l.Advice, "%!") {
		t.Errorf("%s advises: %q", l.Kind, l.Advice)
	}
	_, err := Take(in, l.Kind, l.Next)
	if (err == nil) != (l.State == Offered) {
		t.Errorf("%s is %s, and taking the step gives %v", l.Kind, l.State, err)
	}
	back, err := Return(in, l.Kind)
	if (err == nil) != (at > 0) {
		t.Errorf("%s stands at %s, and going back gives %v", l.Kind, l.Rung, err)
	}
	if err == nil && l.Kind != TLSA {
		in.Settings = back
		if lower, _ := Find(in, l.Kind); lower.Rung != l.Back.To {
			t.Errorf("%s went back to %s, not %s", l.Kind, lower.Rung, l.Back.To)
		}
	}
	for _, loss := range l.Losses {
		if len(loss.How) == 0 || loss.Lost <= 0 || loss.Lost > loss.Messages || loss.Name == "" || loss.DKIM == nil || loss.Addresses == nil || l.Causes == nil {
			t.Errorf("%s names a loss that is not complete: %+v", l.Kind, loss)
		}
	}
}

func TestTake(t *testing.T) {
	in := good()
	in.Settings.MTASTS.PolicyID = "20250101"
	for kind, want := range map[Kind]func(gomail.DomainSettings) bool{
		DMARC:  func(s gomail.DomainSettings) bool { return s.DMARC.Policy == "quarantine" },
		SPF:    func(s gomail.DomainSettings) bool { return s.SPF.All == "-all" },
		MTASTS: func(s gomail.DomainSettings) bool { return s.MTASTS.Mode == "enforce" && s.MTASTS.PolicyID == "" },
		TLSA:   func(s gomail.DomainSettings) bool { return s.MTASTS.PolicyID == "20250101" },
	} {
		l, err := Find(in, kind)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Take(in, kind, l.Next)
		if err != nil || !want(s) || dnsplan.Validate(s) != nil {
			t.Errorf("%s: %+v, %v", kind, s, err)
		}
	}
	for to, want := range map[string]string{"reject": "none is left out", "maybe": "no step", "none": "next step is"} {
		if _, err := Take(in, DMARC, to); gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("the step to %q gives %v", to, err)
		}
	}
	if _, err := Take(in, "bimi", "x"); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("an unknown ladder gives %v", err)
	}
	in.Settings.Parked = true
	if _, err := Return(in, DMARC); gomail.KindOf(err) != gomail.NotFound || len(Ladders(in)) != 0 {
		t.Errorf("a parked domain has ladders: %v", err)
	}
}

// Each source is named with what to do about it.
func TestLosses(t *testing.T) {
	in := good()
	lost := daysOf(3, 1, Count{Messages: 4})
	in.source(Source{ID: "sendgrid.net", Service: "sendgrid.net", Days: lost})
	in.source(Source{ID: "google.com", Service: "google.com", Days: lost})
	in.source(Source{ID: "lists.example.net", Service: "lists.example.net", Days: lost})
	in.source(Source{ID: "2001:db8:1::/48", Addresses: []string{"2001:db8:1::9"}, Days: daysOf(3, 1, Count{Messages: 5})})
	in.source(Source{ID: "198.51.100.0/24", Disowned: true, Days: daysOf(3, 1, Count{Messages: 90})})
	l, err := Find(in, DMARC)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range l.Losses {
		got = append(got, fmt.Sprintf("%s %s %d %q %d", x.Name, x.Kind, x.Lost, x.Include, len(x.DKIM)))
	}
	want := []string{
		`servers of 2001:db8:1::/48 stranger 15 "" 0`, `Google Workspace service 12 "include:_spf.google.com" 0`,
		`lists.example.net own_name 12 "" 0`, `SendGrid service 12 "" 2`, `servers of 198.51.100.0/24 stranger 270 "" 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("losses:\n%s", strings.Join(got, "\n"))
	}
	if s := l.Losses[0].How[2]; !strings.Contains(s, "ip6:2001:db8:1::9") {
		t.Errorf("a stranger is let in by %q", s)
	}
	if k := l.Losses[3].DKIM[0]; k.Name != "s1._domainkey.example.com" {
		t.Errorf("SendGrid's alias is %v", k)
	}
}

func TestRecordsOf(t *testing.T) {
	find := func(purpose dnsplan.Purpose, state dnsplan.State) dnsplan.Finding {
		return dnsplan.Finding{Record: dnsplan.Record{Purpose: purpose}, State: state}
	}
	all := []dnsplan.Finding{
		find(dnsplan.SPF, dnsplan.OK), find(dnsplan.DMARC, dnsplan.OKDiffers), find(dnsplan.MTASTS, dnsplan.OK),
		find(dnsplan.MTASTSHost, dnsplan.OK), find(dnsplan.TLSA, dnsplan.OK), find(dnsplan.TLSA, dnsplan.OK),
	}
	policy := func(s dnsplan.State) []dnsplan.Probe { return []dnsplan.Probe{{Kind: dnsplan.ProbePolicy, State: s}} }
	for name, test := range map[string]struct {
		report dnsplan.Report
		want   Records
	}{
		"nothing":          {dnsplan.Report{}, Records{}},
		"all":              {dnsplan.Report{Records: all, Probes: policy(dnsplan.OK)}, Records{true, true, true, true}},
		"no probe":         {dnsplan.Report{Records: all}, Records{true, true, true, true}},
		"no policy":        {dnsplan.Report{Records: all, Probes: policy(dnsplan.Wrong)}, Records{true, true, false, true}},
		"no alias needed":  {dnsplan.Report{Records: all[:3]}, Records{true, true, true, false}},
		"one TLSA wrong":   {dnsplan.Report{Records: append(all[:5:5], find(dnsplan.TLSA, dnsplan.Wrong))}, Records{true, true, true, false}},
		"TLSA not applied": {dnsplan.Report{Records: append(all[:4:4], find(dnsplan.TLSA, dnsplan.InapplicableNow))}, Records{true, true, true, false}},
		"SPF on its way":   {dnsplan.Report{Records: []dnsplan.Finding{find(dnsplan.SPF, dnsplan.Propagating)}}, Records{}},
	} {
		if got := RecordsOf(test.report); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
