package dnsplan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gomail"
)

// formProviders are the forms that are known, the general one among them.
var formProviders = []string{"route53", "cloudflare", "godaddy", "namecheap", "hetzner", "desec", "digitalocean", "ovh", "gandi", "porkbun", "powerdns", ""}

// formPlan has a record of every kind, below the apex of its zone.
func formPlan() []Record {
	d := testDomain()
	d.Name = "dept.example.com"
	d.Keys = append(d.Keys, gomail.DKIMKey{Selector: "mail-rsa", Algorithm: "rsa", PublicKey: bytes.Repeat([]byte{0xab, 0x12, 0xff}, 98), State: gomail.DKIMActive})
	d.Settings.CAA.NoWildcard = true
	s := testServer()
	s.Services.Autoconfig = true
	return Plan(s, d)
}

// TestGoldenInstructions shows every form as it is filled in.
func TestGoldenInstructions(t *testing.T) {
	records := formPlan()
	for _, provider := range formProviders {
		var b strings.Builder
		for _, note := range InstructionNotes(provider) {
			fmt.Fprintf(&b, "- %s\n", note)
		}
		for _, s := range Instructions(provider, "example.com", records) {
			fmt.Fprintf(&b, "\n%s\n", s.Record)
			for _, f := range s.Fields {
				fmt.Fprintf(&b, "  %s: %s\n", f.Label, f.Value)
			}
			if s.Note != "" {
				fmt.Fprintf(&b, "  > %s\n", s.Note)
			}
		}
		name := provider
		if name == "" {
			name = "general"
		}
		golden(t, "form-"+name+".txt", []byte(b.String()))
	}
}

// No form leaves anything of a record out, or a placeholder in.
func TestInstructionsAreComplete(t *testing.T) {
	parked := Plan(testServer(), Domain{Domain: gomail.Domain{Name: "parked.example", Settings: gomail.DomainSettings{Parked: true}}})
	for _, provider := range formProviders {
		for _, plan := range []struct {
			zone    string
			records []Record
		}{{"example.com", formPlan()}, {"example.com", Plan(testServer(), testDomain())}, {"parked.example", parked}} {
			zone, records := plan.zone, plan.records
			steps := Instructions(provider, zone, records)
			i := 0
			for _, r := range records {
				if !within(r.Name, zone) || r.Requirement == NotApplicable {
					continue
				}
				checkStep(t, provider, zone, r, steps[i])
				i++
			}
			if i != len(steps) {
				t.Errorf("%s has %d steps for %d records", provider, len(steps), i)
			}
		}
		notes := InstructionNotes(provider)
		for _, note := range notes {
			if !strings.HasSuffix(note, ".") {
				t.Errorf("%s: %q is no sentence", provider, note)
			}
		}
		if len(notes) == 0 {
			t.Errorf("%s says not where its form is", provider)
		}
	}
}

func checkStep(t *testing.T, provider, zone string, r Record, s Step) {
	t.Helper()
	var all []string
	for _, f := range s.Fields {
		if f.Label == "" || strings.ContainsAny(f.Label+f.Value, "{}") {
			t.Errorf("%s, %s: the field %+v", provider, s.Record, f)
		}
		all = append(all, strings.Trim(strings.ReplaceAll(f.Value, `" "`, ""), `"`))
	}
	text := " " + strings.Join(all, " ") + " "
	var want []string
	switch r.Type {
	case "TXT", "A", "AAAA":
		want = []string{r.Value}
	case "CAA":
		want = []string{strings.Trim(strings.SplitN(r.Value, " ", 3)[2], `"`), "0"}
	default:
		for _, w := range strings.Fields(r.Value) {
			want = append(want, formOf(provider).host(w))
		}
	}
	if r.Priority != nil {
		want = append(want, fmt.Sprint(*r.Priority))
	}
	for _, w := range want {
		if !strings.Contains(text, " "+w+" ") && !strings.Contains(text, `"`+w+" ") {
			t.Errorf("%s, %s: %q is missing in %v", provider, s.Record, w, s.Fields)
		}
	}
	for label := range strings.SplitSeq(relative(r.Name, zone), ".") {
		if label != "@" && !strings.Contains(text, label) {
			t.Errorf("%s, %s: %q of its name is missing in %v", provider, s.Record, label, s.Fields)
		}
	}
	if slices.ContainsFunc(s.Fields, func(f Field) bool { return strings.TrimSuffix(f.Value, ".") == r.Name }) {
		t.Errorf("%s, %s: its name is not relative: %v", provider, s.Record, s.Fields)
	}
}

// Where a form takes data in the form of zone files, it is what the zone file
// has.
func TestInstructionsInZoneForm(t *testing.T) {
	records := formPlan()
	for provider, label := range map[string]string{"route53": "Value", "powerdns": "Content"} {
		steps := Instructions(provider, "example.com", records)
		for _, r := range records {
			if !within(r.Name, "example.com") {
				continue
			}
			rr, err := r.rr()
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ToLower(data(rr)) // the library writes TLSA in lower case
			if !slices.ContainsFunc(steps, func(s Step) bool {
				return s.Record == r.Type+" "+r.Name && slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Label == label && strings.ToLower(f.Value) == want })
			}) {
				t.Errorf("%s has no step with %s", provider, rr)
			}
		}
	}
}

func TestTTLChoices(t *testing.T) {
	for _, test := range []struct {
		provider string
		seconds  int
		want     string
	}{
		{"cloudflare", 3600, "1 hr"}, {"cloudflare", 3599, "30 min"}, {"cloudflare", 60, "1 min"}, {"cloudflare", 604800, "1 day"},
		{"godaddy", 3600, "1 Hour"}, {"godaddy", 300, "Custom: 600 seconds"}, {"godaddy", 86400, "Custom: 86400 seconds"},
		{"namecheap", 1800, "30 min"}, {"desec", 60, "3600"}, {"desec", 7200, "7200"}, {"", 60, "60"},
	} {
		if got := formOf(test.provider).ttl(test.seconds); got != test.want {
			t.Errorf("%s writes %d as %q, not %q", test.provider, test.seconds, got, test.want)
		}
	}
}

// TestGoldenExports shows the exports of a domain below its zone's apex, and
// those of a zone in use.
func TestGoldenExports(t *testing.T) {
	records := formPlan()
	golden(t, "below-apex.zone", []byte(ZoneIn(records, "example.com")))
	golden(t, "below-apex.nsupdate", []byte(NSUpdate(records, "example.com")))
	batch, err := Route53(records, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "below-apex.route53.json", []byte(batch))
	changes := inUse(records)
	script, err := NSUpdateChanges(changes, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "in-use.nsupdate", []byte(script))
	merged, err := Route53Changes(changes, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "in-use.route53.json", []byte(merged))
}

// inUse merges a plan into a zone that holds other people's values, mail that
// goes elsewhere and a name that is in the way.
func inUse(records []Record) []Change {
	z := zone{
		"dept.example.com TXT": {"v=spf1 include:_spf.google.com -all", "ü=\"x\"\\y"}, "dept.example.com MX": {"1 aspmx.l.google.com."},
		"mta-sts.dept.example.com A": {"198.51.100.9"}, "mail.example.com A": {"192.0.2.1"},
	}
	return Merge(records, z.see(records))
}

// Batches are of the shape that Amazon documents, and never lose a foreign
// value.
func TestRoute53Shape(t *testing.T) {
	records := formPlan()
	plain, err := Route53(records, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	changes := inUse(records)
	merged, err := Route53Changes(append(changes, Change{
		Name: "old._domainkey.dept.example.com", Type: "TXT", TTL: 300, Action: Delete, Before: []Value{{Text: "v=DKIM1; p="}},
	}), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	for text, actions := range map[string][]string{plain: {"CREATE"}, merged: {"UPSERT", "DELETE"}} {
		var batch route53Batch
		if err := json.Unmarshal([]byte(text), &batch); err != nil {
			t.Fatal(err)
		}
		if len(batch.Changes) == 0 || len(batch.Changes) > 1000 || batch.Comment == "" || len(batch.Comment) > maxComment {
			t.Errorf("%d changes, comment %q", len(batch.Changes), batch.Comment)
		}
		seen := map[string]bool{}
		for _, ch := range batch.Changes {
			set := ch.ResourceRecordSet
			if !slices.Contains(actions, ch.Action) || !strings.HasSuffix(set.Name, ".") || set.TTL <= 0 || len(set.ResourceRecords) == 0 || seen[set.Name+set.Type] {
				t.Errorf("not a change as documented: %+v", ch)
			}
			seen[set.Name+set.Type] = true
			for _, v := range set.ResourceRecords {
				if v.Value == "" || strings.ContainsFunc(v.Value, func(r rune) bool { return r < ' ' || r > '~' }) || set.Type == "TXT" && !strings.HasPrefix(v.Value, `"`) {
					t.Errorf("%s %s holds %q", set.Type, set.Name, v.Value)
				}
			}
		}
	}
	for _, want := range []string{`\\303\\274=\\\"x\\\"\\\\y`, "v=spf1 mx include:_spf.google.com -all", "Left out, as they need your decision: MX dept.example.com, CNAME mta-sts.dept.example.com"} {
		if !strings.Contains(merged, want) {
			t.Errorf("the merged batch lacks %s:\n%s", want, merged)
		}
	}
	if strings.Contains(merged, `"A"`) {
		t.Error("a set that is right already is changed")
	}
}
