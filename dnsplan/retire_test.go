package dnsplan

import (
	"fmt"
	"testing"
	"time"
)

// republish merges a plan with a zone, retires what an earlier plan had, and
// returns the zone afterwards.
func republish(records []Record, z zone, journal []Publication) (zone, []Change) {
	earlier := Contributions(journal)
	asked := append(append([]Record{}, records...), Places(earlier)...)
	seen := z.see(asked)
	changes := Retire(records, seen, Merge(records, seen), earlier)
	after := zone{}
	for k, v := range z {
		after[k] = v
	}
	for _, ch := range changes {
		var values []string
		for _, v := range ch.After {
			text := v.Text
			if ch.Type == "MX" {
				text = fmt.Sprintf("%d %s", v.Priority, v.Text)
			}
			values = append(values, text)
		}
		if after[ch.Name+" "+ch.Type] = values; len(values) == 0 {
			delete(after, ch.Name+" "+ch.Type)
		}
	}
	return after, changes
}

// journalOf is the publication of changes.
func journalOf(changes []Change) Publication {
	p := Publication{Kind: "publish"}
	for _, ch := range changes {
		if ch.Action != Keep {
			p.Results = append(p.Results, Result{Change: ch, Outcome: Done})
		}
	}
	return p
}

// What was published with an earlier plan goes when the plan no longer has
// it; what others have added stays.
func TestRetire(t *testing.T) {
	before := testDomain()
	before.Settings.SPF.Mechanisms = []string{"include:s0.example.net", "ip4:203.0.113.0/24"}
	before.Settings.CAA.Issuers = []string{"letsencrypt.org", "old.example"}
	z := zone{
		"example.com TXT": {"v=spf1 include:other.example.net ip4:203.0.113.0/24 ~all", "google-site-verification=x"},
		"example.com CAA": {`0 issue "digicert.com"`}, "other.example.net TXT": {"v=spf1 -all"}, "s0.example.net TXT": {"v=spf1 -all"},
	}
	z, changes := republish(Plan(testServer(), before), z, nil)
	journal := []Publication{journalOf(changes)}

	after := testDomain()
	after.Settings.MTASTS.Off, after.Settings.TLSRPT.Off = true, true
	z["_smtp._tls.example.com TXT"] = append(z["_smtp._tls.example.com TXT"], "somebody else's")
	z, changes = republish(Plan(testServer(), after), z, journal)
	for place, want := range map[string]string{
		"example.com TXT":            "google-site-verification=x|v=spf1 mx ip4:203.0.113.0/24 include:other.example.net ~all",
		"example.com CAA":            `0 issue "digicert.com"|0 issue "letsencrypt.org"`,
		"_mta-sts.example.com TXT":   "",
		"mta-sts.example.com CNAME":  "",
		"_smtp._tls.example.com TXT": "somebody else's",
		"mail.example.com A":         "192.0.2.1",
	} {
		if got := joined(z[place]); got != want {
			t.Errorf("%s is %q, want %q", place, got, want)
		}
	}
	deleted := 0
	for _, ch := range changes {
		if ch.Action == Delete {
			deleted++
		}
	}
	if deleted != 2 {
		t.Errorf("%d sets are deleted, want 2: %+v", deleted, changes)
	}
	if _, again := republish(Plan(testServer(), after), z, append([]Publication{journalOf(changes)}, journal...)); len(journalOf(again).Results) > 0 {
		t.Errorf("published again, it still changes %+v", journalOf(again).Results)
	}
}

// A policy that was published stricter becomes milder again with the plan, and
// an address for reports goes; what the owner had before stays.
func TestRetireAPolicy(t *testing.T) {
	const dmarc = "_dmarc.example.com TXT"
	z := zone{dmarc: {"v=DMARC1; p=none; rua=mailto:old@service.example"}, "example.com TXT": {"v=spf1 include:other.example.net ~all"}, "other.example.net TXT": {"v=spf1 -all"}}
	var journal []Publication
	publishWith := func(policy, all string, rua ...string) {
		d := testDomain()
		d.Settings.DMARC.Policy, d.Settings.DMARC.RUA, d.Settings.SPF.All = policy, rua, all
		var changes []Change
		z, changes = republish(Plan(testServer(), d), z, journal)
		journal = append([]Publication{journalOf(changes)}, journal...)
	}
	for _, step := range []struct {
		policy, all string
		rua         []string
		dmarc, spf  string
	}{
		{"quarantine", "-all", []string{"admin@example.com"}, "v=DMARC1; p=quarantine; rua=mailto:admin@example.com,mailto:old@service.example", "v=spf1 mx include:other.example.net -all"},
		{"reject", "-all", []string{"admin@example.com"}, "v=DMARC1; p=reject; rua=mailto:admin@example.com,mailto:old@service.example", "v=spf1 mx include:other.example.net -all"},
		{"none", "~all", []string{"new@example.com"}, "v=DMARC1; p=none; rua=mailto:new@example.com,mailto:old@service.example", "v=spf1 mx include:other.example.net ~all"},
	} {
		publishWith(step.policy, step.all, step.rua...)
		if got := joined(z[dmarc]); got != step.dmarc {
			t.Errorf("p=%s: DMARC is %q, want %q", step.policy, got, step.dmarc)
		}
		if got := joined(z["example.com TXT"]); got != step.spf {
			t.Errorf("%s: SPF is %q, want %q", step.all, got, step.spf)
		}
	}
	// What somebody edits afterwards is theirs.
	z[dmarc] = []string{"v=DMARC1; p=reject; rua=mailto:new@example.com"}
	publishWith("none", "~all", "new@example.com")
	if got := joined(z[dmarc]); got != "v=DMARC1; p=reject; rua=mailto:new@example.com" {
		t.Errorf("an edit by hand became %q", got)
	}
}

// What was undone is not ours any more, and a parked domain does not take the
// shared mail host's address with it.
func TestRetireLeavesAlone(t *testing.T) {
	z, changes := republish(Plan(testServer(), testDomain()), zone{}, nil)
	undone := journalOf(changes)
	undone.Undone = time.Unix(1, 0)
	parked := testDomain()
	parked.Settings.Parked = true
	if _, changes := republish(Plan(testServer(), parked), z, []Publication{undone}); len(withAction(changes, Delete)) > 0 {
		t.Errorf("of an undone publication it deletes %+v", withAction(changes, Delete))
	}
	after, changes := republish(Plan(testServer(), parked), z, []Publication{journalOf(changes)})
	if joined(after["mail.example.com A"]) != "192.0.2.1" || len(after["_imaps._tcp.example.com SRV"]) > 0 {
		t.Errorf("after parking there is %v", after)
	}
	if len(withAction(changes, Delete)) == 0 {
		t.Error("nothing is deleted")
	}
}

func withAction(changes []Change, a Action) (all []Change) {
	for _, ch := range changes {
		if ch.Action == a {
			all = append(all, ch)
		}
	}
	return all
}

func joined(values []string) string {
	all := ""
	for i, v := range values {
		if i > 0 {
			all += "|"
		}
		all += v
	}
	return all
}
