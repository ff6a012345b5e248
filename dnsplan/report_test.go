package dnsplan

import (
	"strings"
	"testing"
	"time"
)

// reportOf looks at a zone after a change and judges it.
func reportOf(t *testing.T, change func(zone), probes ...Probe) Report {
	t.Helper()
	records := Plan(testServer(), testDomain())
	z := publish(records)
	change(z)
	seen := z.see(records)
	seen.Now = time.Unix(1_000_000, 0)
	return NewReport("example.com", records, seen, probes)
}

// The badge says in a phrase where the domain stands.
func TestBadge(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(zone)
		probes []Probe
		state  DomainState
		text   string
	}{
		{"all is well", func(zone) {}, nil, DomainReady, "Ready"},
		{"a recommended record lacks", func(z zone) { delete(z, "_dmarc.example.com TXT") }, nil, DomainReady, "Ready, 1 record to improve"},
		{"an optional record lacks", func(z zone) { delete(z, "_smtp._tls.example.com TXT") }, nil, DomainReady, "Ready"},
		{"no key", func(z zone) { delete(z, "mail._domainkey.example.com TXT") }, nil, DomainReceivingOnly, "Receiving only, 1 record to fix"},
		{"no MX and no key", func(z zone) { delete(z, "example.com MX"); delete(z, "mail._domainkey.example.com TXT") }, nil, DomainFix, "2 records to fix"},
		{"a listed address", func(zone) {}, []Probe{{Kind: ProbeBlockList, State: Wrong}}, DomainReady, "Ready, 1 record to improve"},
		{"an undetermined list", func(zone) {}, []Probe{{Kind: ProbeBlockList, State: Unknown}}, DomainReady, "Ready"},
	} {
		r := reportOf(t, test.change, test.probes...)
		if r.Status.State != test.state || r.Status.Text != test.text || r.Ready != (test.state == DomainReady) {
			t.Errorf("%s: %+v, ready %t", test.name, r.Status, r.Ready)
		}
	}
	if never := (Report{Domain: "example.com"}).Against(Plan(testServer(), testDomain())); never.Status.State != DomainUnchecked || never.Ready {
		t.Errorf("before the first look it is %+v", never.Status)
	}
	parked := testDomain()
	parked.Settings.Parked = true
	records := Plan(testServer(), parked)
	seen := publish(records).see(records)
	seen.Now = time.Unix(1, 0)
	if r := NewReport("example.com", records, seen, nil); r.Status.State != DomainParked {
		t.Errorf("a parked domain is %+v", r.Status)
	}
}

// A report that is older than the plan never shows a record that is no longer
// planned, nor calls a new one right.
func TestReportAgainstANewerPlan(t *testing.T) {
	r := reportOf(t, func(zone) {})
	newer := testDomain()
	newer.Settings.DMARC.Policy = "reject"
	newer.Settings.TLSRPT.Off = true
	for _, f := range r.Against(Plan(testServer(), newer)).Records {
		if f.Purpose == TLSRPT {
			t.Error("a record that is no longer planned is shown")
		}
		if f.Purpose == DMARC && (f.State != Unknown || f.Code != "unchecked") {
			t.Errorf("a record that was changed is %s (%s)", f.State, f.Code)
		}
		if f.Purpose == Receive && f.State != OK {
			t.Errorf("a record that stays is %s", f.State)
		}
	}
}

// Each heading of the owner's guide is answered, and each mistake shows under
// the headings that it belongs to, with what to do next.
func TestTroubles(t *testing.T) {
	headings := []string{"Mail not being delivered", "DKIM not signing or verifying", "Emails marked as spam", "The certificate won't renew", "High bounce rate"}
	probes := []Probe{
		{Kind: ProbeDelegation, State: OK}, {Kind: ProbeStartTLS, State: OK}, {Kind: ProbePolicy, State: OK}, {Kind: ProbePort25Out, State: OK},
		{Kind: ProbePort80, State: OK}, {Kind: ProbeBlockList, State: OK},
	}
	for _, test := range []struct {
		name     string
		change   func(zone)
		probe    ProbeKind // that fails; empty: none
		troubled map[string]bool
	}{
		{"nothing", func(zone) {}, "", nil},
		{"no MX", func(z zone) { delete(z, "example.com MX") }, "", map[string]bool{"Mail not being delivered": true}},
		{"a cut key", func(z zone) { z["mail._domainkey.example.com TXT"] = []string{"v=DKIM1; k=ed25519; p=AAcO"} }, "", map[string]bool{
			"DKIM not signing or verifying": true, "Emails marked as spam": true, "High bounce rate": true,
		}},
		{"no PTR", func(z zone) { delete(z, "1.2.0.192.in-addr.arpa PTR") }, "", map[string]bool{"Emails marked as spam": true, "High bounce rate": true}},
		{"CAA of others", func(z zone) { z["example.com CAA"] = []string{`0 issue "digicert.com"`} }, "", map[string]bool{"The certificate won't renew": true}},
		{"SPF of others", func(z zone) { z["example.com TXT"] = []string{"v=spf1 ip4:198.51.100.1 -all"} }, "", map[string]bool{"Emails marked as spam": true, "High bounce rate": true}},
		{"port 25 blocked", func(zone) {}, ProbePort25Out, map[string]bool{"High bounce rate": true}},
		{"listed", func(zone) {}, ProbeBlockList, map[string]bool{"Emails marked as spam": true}},
		{"port 80 closed", func(zone) {}, ProbePort80, map[string]bool{"The certificate won't renew": true}},
		{"no STARTTLS", func(zone) {}, ProbeStartTLS, map[string]bool{"Mail not being delivered": true}},
	} {
		tried := append([]Probe{}, probes...)
		for i := range tried {
			if tried[i].Kind == test.probe {
				tried[i].State, tried[i].Fix = Wrong, "Mend it."
			}
		}
		r := reportOf(t, test.change, tried...)
		if len(r.Troubles) != len(headings) {
			t.Fatalf("%d headings", len(r.Troubles))
		}
		for i, trouble := range r.Troubles {
			bad := ""
			for _, a := range trouble.Answers {
				if settled(a.State) {
					continue
				}
				bad += a.Question + "; "
				if a.State != Unknown && (a.Next == "" || !strings.HasSuffix(a.Next, ".")) {
					t.Errorf("%s: %s: what to do next is %q", test.name, a.Question, a.Next)
				}
			}
			if trouble.Heading != headings[i] || (bad != "") != test.troubled[trouble.Heading] {
				t.Errorf("%s: under %q is not right: %q", test.name, trouble.Heading, bad)
			}
		}
	}
}

// What changes between two plans, as the preview shows it.
func TestDiff(t *testing.T) {
	after := testDomain()
	after.Settings.DMARC.Policy = "reject"
	after.Settings.TLSRPT.Off = true
	after.Settings.CAA.Issuers = []string{"letsencrypt.org", "digicert.com"}
	var got []string
	for _, d := range Diff(Plan(testServer(), testDomain()), Plan(testServer(), after)) {
		line := string(d.Action)
		for _, r := range []*Record{d.Before, d.After} {
			if r != nil {
				line += " | " + r.Type + " " + r.Name + " " + r.Value
			}
		}
		got = append(got, line)
	}
	want := []string{
		"change | TXT _dmarc.example.com v=DMARC1; p=none; rua=mailto:postmaster@example.com | TXT _dmarc.example.com v=DMARC1; p=reject; rua=mailto:postmaster@example.com",
		`create | CAA example.com 0 issue "digicert.com"`,
		"delete | TXT _smtp._tls.example.com v=TLSRPTv1; rua=mailto:postmaster@example.com",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := Diff(Plan(testServer(), after), Plan(testServer(), after)); len(d) != 0 {
		t.Errorf("a plan differs from itself: %+v", d)
	}
}
