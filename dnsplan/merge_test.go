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
