package dnsplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// apply makes the changes in a zone, as a provider that replaces whole sets
// does.
func (z zone) apply(changes []Change) {
	for _, ch := range changes {
		if ch.Blocked != "" {
			continue
		}
		key := ch.Name + " " + ch.Type
		z[key] = nil
		for _, v := range ch.After {
			text := v.Text
			if ch.Type == "MX" {
				text = fmt.Sprintf("%d %s", v.Priority, v.Text)
			}
			z[key] = append(z[key], text)
		}
	}
}

// Publishing what Merge says makes the plan true, keeps every foreign value,
// and a second time changes nothing.
func TestMergeKeepsWhatIsForeign(t *testing.T) {
	foreignTXT := []string{"google-site-verification=abc", "MS=ms123", "apple-domain=x", "v=DMARC2; p=x", "stripe: \"quoted\""}
	spfs := []string{"v=spf1 include:s0.example.net ~all", "v=spf1 ip4:198.51.100.0/24 -all", "v=spf1 a mx include:s0.example.net ?all", "v=spf1 redirect=s0.example.net", ""}
	rapid.Check(t, func(t *rapid.T) {
		records := Plan(testServer(), testDomain())
		z := zone{"s0.example.net TXT": {"v=spf1 ip4:203.0.113.7 ~all"}, "1.2.0.192.in-addr.arpa PTR": {"mail.example.com."}}
		for _, r := range records {
			if r.SetAt == HostingProvider {
				z[r.Name+" "+r.Type] = []string{r.Value}
			}
		}
		foreign := rapid.SliceOfNDistinct(rapid.SampledFrom(foreignTXT), 0, 4, rapid.ID).Draw(t, "txt")
		z["example.com TXT"] = slices.Clone(foreign)
		old := rapid.SampledFrom(spfs).Draw(t, "spf")
		if old != "" {
			z["example.com TXT"] = append(z["example.com TXT"], old)
		}
		if rapid.Bool().Draw(t, "caa") {
			z["example.com CAA"] = []string{`0 issue "digicert.com"`}
		}
		if rapid.Bool().Draw(t, "mx") {
			z["example.com MX"] = []string{"1 mx.old.example."}
		}
		z.apply(Merge(records, z.see(records)))
		for _, text := range foreign {
			if !slices.Contains(z["example.com TXT"], text) {
				t.Errorf("%q was lost", text)
			}
		}
		for _, f := range Compare(records, z.see(records)) {
			if f.State != OK && f.State != OKDiffers && f.State != InapplicableNow {
				t.Errorf("%s %s is %s (%s) after publishing: %s\n%q", f.Type, f.Name, f.State, f.Code, f.Fix, z["example.com TXT"])
			}
		}
		if strings.Contains(old, "include:s0") || strings.Contains(old, "redirect") {
			if !strings.Contains(strings.Join(z["example.com TXT"], " "), "include:s0.example.net") {
				t.Errorf("the owner's include was lost: %q", z["example.com TXT"])
			}
		}
		for _, ch := range Merge(records, z.see(records)) {
			if ch.Action != Keep {
				t.Errorf("a second time %s %s: %s %v → %v", ch.Type, ch.Name, ch.Action, ch.Before, ch.After)
			}
		}
	})
}

func TestMergeAsksForConsent(t *testing.T) {
	records := Plan(testServer(), testDomain())
	z := zone{"example.com MX": {"1 aspmx.l.google.com."}}
	for _, ch := range Merge(records, z.see(records)) {
		if (ch.Consent != "") != (ch.Type == "MX") {
			t.Errorf("%s %s asks %q", ch.Type, ch.Name, ch.Consent)
		}
	}
	z = zone{"example.com CNAME": {"shop.example.net."}, "mta-sts.example.com A": {"198.51.100.9"}}
	for _, ch := range Merge(records, z.see(records)) {
		blocked := ch.Name == "example.com" || ch.Name == "mta-sts.example.com"
		if (ch.Blocked != "") != blocked {
			t.Errorf("%s %s is blocked by %q", ch.Type, ch.Name, ch.Blocked)
		}
	}
}

// What is there already and does the same is kept as it is, in its own words;
// what has to be one record becomes one; nothing that others need is lost.
func TestMergeByMeaning(t *testing.T) {
	d := testDomain()
	key := d.Keys[0].Selector + "._domainkey.example.com"
	records := Plan(testServer(), d)
	value := func(name, kind string) string {
		for _, r := range records {
			if r.Name == name && r.Type == kind {
				return r.Value
			}
		}
		t.Fatalf("nothing is planned at %s %s", name, kind)
		return ""
	}
	for name, test := range map[string]struct {
		name, kind    string
		before, after []string
		action        Action
	}{
		"another issuer with parameters":  {"example.com", "CAA", []string{`0 issue "letsencrypt.org; accounturi=https://ca.example/1"`}, nil, Keep},
		"an address in other letters":     {"mail.example.com", "AAAA", []string{"2001:DB8:0::1"}, nil, Keep},
		"an SRV with another weight":      {"_imaps._tcp.example.com", "SRV", []string{"5 7 993 MAIL.example.com."}, nil, Keep},
		"an SRV that denies the service":  {"_imaps._tcp.example.com", "SRV", []string{"0 0 0 ."}, []string{"0 1 993 mail.example.com."}, Update},
		"an alias without its dot":        {"mta-sts.example.com", "CNAME", []string{"Mail.Example.com"}, nil, Keep},
		"another alias":                   {"mta-sts.example.com", "CNAME", []string{"old.example.net."}, []string{"mail.example.com."}, Update},
		"an MX in other letters":          {"example.com", "MX", []string{"5 MAIL.example.com."}, nil, Keep},
		"an MX twice":                     {"example.com", "MX", []string{"5 mail.example.com.", "10 mail.example.com."}, nil, Keep},
		"a null MX":                       {"example.com", "MX", []string{"0 ."}, []string{"10 mail.example.com."}, Update},
		"two SPF records":                 {"example.com", "TXT", []string{"v=spf1 include:a.example exp=x.example ~all", "site=1", "v=spf1 include:b.example exp=y.example -all"}, []string{"site=1", "v=spf1 mx include:a.example include:b.example exp=x.example -all"}, Update},
		"SPF in another order":            {"example.com", "TXT", []string{"v=spf1 include:_spf.unknown.example mx ~all"}, nil, Keep},
		"SPF that was pasted with quotes": {"example.com", "TXT", []string{`"v=spf1 include:a.example -all"`}, []string{"v=spf1 mx include:a.example -all"}, Update},
		"two DMARC records":               {"_dmarc.example.com", "TXT", []string{"v=DMARC1; p=none; rua=mailto:x@reports.example", "v=DMARC1; p=none"}, []string{setTag(value("_dmarc.example.com", "TXT"), "rua", list(first(tag(value("_dmarc.example.com", "TXT"), "rua")))[0]+",mailto:x@reports.example")}, Update},
		"a revoked key":                   {key, "TXT", []string{"v=DKIM1; k=ed25519; p="}, []string{value(key, "TXT")}, Update},
		"two keys and a stranger":         {key, "TXT", []string{value(key, "TXT"), "v=DKIM1; p=AAAA", "hello"}, []string{"hello", value(key, "TXT")}, Update},
	} {
		z := zone{test.name + " " + test.kind: test.before}
		after := test.after
		if test.action == Keep {
			after = test.before
		}
		found := false
		for _, ch := range Merge(records, z.see(records)) {
			if ch.Name != test.name || ch.Type != test.kind {
				continue
			}
			found = true
			var got []string
			for _, v := range ch.After {
				if got = append(got, v.Text); ch.Type == "MX" {
					got[len(got)-1] = fmt.Sprintf("%d %s", v.Priority, v.Text)
				}
			}
			if ch.Action != test.action || !slices.Equal(got, after) || ch.Consent != "" || ch.Blocked != "" {
				t.Errorf("%s: %s to %q, want %s to %q (%s %s)", name, ch.Action, got, test.action, after, ch.Consent, ch.Blocked)
			}
		}
		if !found {
			t.Errorf("%s: nothing is planned there", name)
		}
	}
}

func first(a string, _ bool) string { return a }

// A name leads to one machine. Another address gives way only when the owner
// says so.
func TestMergeAddressesAsks(t *testing.T) {
	records := Plan(testServer(), testDomain())
	z := zone{"mail.example.com A": {"198.51.100.9"}}
	for _, ch := range Merge(records, z.see(records)) {
		if ch.Name == "mail.example.com" && ch.Type == "A" && (ch.Consent == "" || len(ch.After) != 1 || ch.After[0].Text == "198.51.100.9") {
			t.Errorf("%+v", ch)
		}
	}
}

// A key or a policy that an alias leads to stays where the alias leads when it
// is right, and is blocked when it is not.
func TestMergeAtAliases(t *testing.T) {
	records := Plan(testServer(), testDomain())
	z := zone{"_dmarc.example.com CNAME": {"p.example.net."}, "p.example.net TXT": {"v=DMARC1; p=reject"}}
	check := func(action Action, blocked bool) {
		t.Helper()
		for _, ch := range Merge(records, z.see(records)) {
			if ch.Name == "_dmarc.example.com" && (ch.Blocked != "") != blocked || ch.Name == "_dmarc.example.com" && !blocked && ch.Action != action {
				t.Errorf("%+v", ch)
			}
		}
	}
	check(Keep, false)
	z["p.example.net TXT"] = []string{"nothing"}
	check("", true)
	z = zone{"mta-sts.example.com TXT": {"x"}}
	seen := z.see(records)
	seen.Answers[Question{"mta-sts.example.com", "TXT"}] = []Answer{z.answer(Question{"mta-sts.example.com", "TXT"})}
	for _, ch := range Merge(records, seen) {
		if ch.Name == "mta-sts.example.com" && ch.Blocked == "" {
			t.Errorf("an alias beside text: %+v", ch)
		}
	}
}

func TestMergeSPF(t *testing.T) {
	for _, test := range []struct{ planned, live, want string }{
		{"v=spf1 mx ~all", "v=spf1 include:a.example -all", "v=spf1 mx include:a.example -all"},
		{"v=spf1 mx -all", "v=spf1 include:a.example ~all", "v=spf1 mx include:a.example -all"},
		{"v=spf1 mx ~all", "v=spf1 +all", "v=spf1 mx ~all"},
		{"v=spf1 mx ~all", "v=spf1 redirect=a.example", "v=spf1 mx include:a.example ~all"},
		{"v=spf1 mx ~all", "v=spf1 MX ip4:192.0.2.7 exp=e.example ?all", "v=spf1 mx ip4:192.0.2.7 exp=e.example ~all"},
	} {
		if got := mergeSPF(test.planned, []string{test.live}); got != test.want {
			t.Errorf("%s with %s is %s", test.planned, test.live, got)
		}
	}
}

// Names are relative to the zone, also for a domain below its apex.
func TestInstructions(t *testing.T) {
	d := testDomain()
	d.Name = "sub.example.com"
	records := Plan(testServer(), d)
	find := func(provider, label, value string) bool {
		return slices.ContainsFunc(Instructions(provider, "example.com", records), func(s Step) bool {
			return slices.Contains(s.Fields, Field{label, value})
		})
	}
	for _, want := range []struct{ provider, label, value string }{
		{"godaddy", "Name", "sub"}, {"godaddy", "Name", "mail._domainkey.sub"}, {"godaddy", "Value", "mail.example.com"},
		{"namecheap", "Host", "_dmarc.sub"}, {"cloudflare", "Proxy status", "DNS only"}, {"route53", "Value", "10 mail.example.com."},
		{"route53", "Value", `"v=spf1 mx ~all"`}, {"unheard of", "Name", "mail"},
	} {
		if !find(want.provider, want.label, want.value) {
			t.Errorf("%s: no field %s with %s", want.provider, want.label, want.value)
		}
	}
}

func TestExports(t *testing.T) {
	records := Plan(testServer(), testDomain())
	update := NSUpdate(records, "example.com")
	if !strings.HasPrefix(update, "zone example.com.\n") || !strings.HasSuffix(update, "send\n") || !strings.Contains(update, "update add example.com. 3600 IN MX 10 mail.example.com.\n") || strings.Contains(update, "update add 1.2.0.192") {
		t.Errorf("nsupdate:\n%s", update)
	}
	text, err := Route53(records, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	var batch route53Batch
	if err := json.Unmarshal([]byte(text), &batch); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, ch := range batch.Changes {
		names[ch.ResourceRecordSet.Name+ch.ResourceRecordSet.Type]++
	}
	if names["example.com.MX"] != 1 || names["mail.example.com.A"] != 1 {
		t.Errorf("the sets are %v", names)
	}
}
