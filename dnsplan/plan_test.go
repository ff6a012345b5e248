package dnsplan

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fullServer has everything that a plan can show.
func fullServer() Server {
	return Server{
		Hostname:  "mx.host.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8::25"), netip.MustParseAddr("::ffff:192.0.2.26")},
		MX:        []MX{{"backup.host.example", 20}}, ACMEIssuer: "letsencrypt.org", ACMEAccountURI: "https://ca.example/acct/1",
		Services: Services{IMAPS: true, Submissions: true, Submission: true, JMAP: true, Sieve: true, CalDAV: true, CardDAV: true, Autoconfig: true, Autodiscover: true},
		TLSA:     []TLSAHash{{1}, {2}}, DNSSEC: DNSSECSigned,
	}
}

// fullDomain uses every setting; its RSA key is as long as a real one.
func fullDomain() Domain {
	rsa := bytes.Repeat([]byte{0xab, 0x12, 0xff}, 98)
	key := func(selector, algorithm string, state gomail.DKIMKeyState, public []byte) gomail.DKIMKey {
		return gomail.DKIMKey{Domain: "example.org", Selector: selector, Algorithm: algorithm, State: state, PublicKey: public, Created: time.Unix(0, 0)}
	}
	return Domain{
		Domain: gomail.Domain{Name: "example.org", Settings: gomail.DomainSettings{
			ApexAddress: true, TTL: 600,
			SPF: gomail.SPFSettings{Mechanisms: []string{"include:_spf.example.net", "ip4:198.51.100.0/24"}, All: "-all"},
			DMARC: gomail.DMARCSettings{Policy: "reject", SubdomainPolicy: "quarantine", NonexistentPolicy: "reject",
				RUA: []string{"admin@example.org", "mailto:d@reports.example.net!10m"}, RUF: []string{"a!b@sub.example.org"},
				ADKIM: "s", ASPF: "r", FO: "1:d", Testing: "y"},
			TLSRPT: gomail.TLSRPTSettings{RUA: []string{"tls@example.org", "https://reports.example.net/tls"}},
			CAA:    gomail.CAASettings{Issuers: []string{"letsencrypt.org; accounturi=https://ca.example/acct/1", "digicert.com"}, NoWildcard: true},
		}},
		Keys: []gomail.DKIMKey{
			key("mail", "ed25519", gomail.DKIMActive, []byte("thirty-two octets of public key.")), key("mail-rsa", "rsa", gomail.DKIMActive, rsa),
			key("mail-202701", "ed25519", gomail.DKIMPending, []byte("next")), key("mail-2025", "rsa", gomail.DKIMRetiring, rsa),
			key("mail-2024", "ed25519", gomail.DKIMRevoked, []byte("gone")),
		},
	}
}

func goldenPlans() map[string][]Record {
	parked := Domain{Domain: gomail.Domain{Name: "parked.example", Settings: gomail.DomainSettings{Parked: true}}}
	plain := Domain{Domain: gomail.Domain{Name: "example.com"}}
	unsigned := fullServer()
	unsigned.DNSSEC = DNSSECUnsigned
	return map[string][]Record{
		"full": Plan(fullServer(), fullDomain()), "unsigned": Plan(unsigned, fullDomain()),
		"parked": Plan(fullServer(), parked), "default": Plan(guideServer, plain),
	}
}

// TestGolden shows whole plans, as JSON and as zones.
func TestGolden(t *testing.T) {
	for name, plan := range goldenPlans() {
		text, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", append(text, '\n'))
		golden(t, name+".zone", []byte(Zone(plan)))
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was (see with -update and git diff): %v\n%s", name, err, got)
	}
}

func TestJSONComesBack(t *testing.T) {
	for name, plan := range goldenPlans() {
		text, _ := json.Marshal(plan)
		var back []Record
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(plan, back) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

// checkPlan holds what is true of every plan.
func checkPlan(t *testing.T, plan []Record) {
	t.Helper()
	rrs, err := RRs(plan)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, rr := range rrs {
		id := strings.ToLower(rr.String())
		if _, ok := dns.IsDomainName(rr.Header().Name); !ok || seen[id] {
			t.Errorf("twice, or not a name: %s", rr)
		}
		seen[id] = true
		if _, err := dns.PackRR(rr, make([]byte, 1<<16), 0, nil, false); err != nil {
			t.Errorf("%s: %v", rr, err)
		}
	}
	for _, r := range plan {
		if strings.HasSuffix(r.Name, ".") || r.Why == "" || r.Purpose == "" || r.Requirement == "" || r.SetAt == "" || r.TTL <= 0 || !r.Ours(r.Value) {
			t.Errorf("not complete: %+v", r)
		}
	}
	checkZone(t, plan)
}

// checkZone reads the zone back: it holds exactly the plan's own records.
func checkZone(t *testing.T, plan []Record) {
	t.Helper()
	zone, texts := zoneOf(plan), map[string]string{}
	parser := dns.NewZoneParser(strings.NewReader(Zone(plan)), "", "")
	n := 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		n++
		if txt, ok := rr.(*dns.TXT); ok {
			texts[txt.Hdr.Name] += "|" + unescape(strings.Join(txt.Txt, "")) + "|"
		}
	}
	if err := parser.Err(); err != nil {
		t.Errorf("%v\n%s", err, Zone(plan))
	}
	for _, r := range plan {
		if r.Requirement == NotApplicable || !within(r.Name, zone) {
			continue
		}
		n--
		if r.Type == "TXT" && !strings.Contains(texts[r.Name+"."], "|"+r.Value+"|") {
			t.Errorf("%s comes back as %q, not %q", r.Name, texts[r.Name+"."], r.Value)
		}
	}
	if n != 0 {
		t.Errorf("the zone has %d records more than the plan:\n%s", n, Zone(plan))
	}
}

// unescape reads the library's presentation form of text without octets
// beyond ASCII.
func unescape(s string) string { return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s) }

func TestEveryPlanIsWellFormed(t *testing.T) {
	for name, plan := range goldenPlans() {
		t.Run(name, func(t *testing.T) { checkPlan(t, plan) })
	}
}

// BIND reads the zone, given the SOA and NS that are its operator's.
func TestNamedReadsTheZone(t *testing.T) {
	named, err := exec.LookPath("named-checkzone")
	if err != nil {
		t.Skip("named-checkzone is not installed")
	}
	for name, plan := range goldenPlans() {
		file := filepath.Join(t.TempDir(), name)
		head := "$TTL 3600\n@ IN SOA ns.example. admin.example. 1 3600 600 86400 60\n@ IN NS ns.example.\n"
		if err := os.WriteFile(file, []byte(head+Zone(plan)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(named, "-i", "none", zoneOf(plan), file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestLongValuesAreSplit(t *testing.T) {
	rrs, err := RRs(Plan(fullServer(), fullDomain()))
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range rrs {
		txt, ok := rr.(*dns.TXT)
		if ok && strings.HasPrefix(txt.Hdr.Name, "mail-rsa.") && (len(txt.Txt) != 2 || len(txt.Txt[0]) != 255) {
			t.Errorf("%d strings", len(txt.Txt))
		}
	}
}

func TestPolicyID(t *testing.T) {
	d, s := fullDomain(), fullServer()
	id := func() string {
		for _, r := range Plan(s, d) {
			if r.Purpose == MTASTS {
				return r.Value
			}
		}
		return ""
	}
	first := id()
	d.Settings.DMARC.Policy = "none"
	if id() != first {
		t.Error("the id changed and the policy did not")
	}
	d.Settings.MTASTS.Mode = "enforce"
	enforced := id()
	s.MX = nil
	if enforced == first || id() == enforced || len(first) > len("v=STSv1; id=")+32 {
		t.Errorf("ids %q, %q, %q", first, enforced, id())
	}
	d.Settings.MTASTS.Off = true
	if id() != "" || PolicyFile(s, d) != "" {
		t.Error("a policy that is off is announced")
	}
}

// A server whose name is the domain's own, or one that we would alias, gets
// no record twice and no CNAME beside other data.
func TestMailHostWithinTheDomain(t *testing.T) {
	for _, host := range []string{"example.org", "mta-sts.example.org", "autoconfig.example.org"} {
		s := fullServer()
		s.Hostname = host
		plan := Plan(s, fullDomain())
		checkPlan(t, plan)
		kinds := map[string]string{}
		for _, r := range plan {
			if old := kinds[r.Name]; old != "" && (old == "CNAME") != (r.Type == "CNAME") {
				t.Errorf("%s has a CNAME beside other records", r.Name)
			}
			kinds[r.Name] = r.Type
			if host == "example.org" && r.Value == "v=spf1 a -all" {
				t.Error("the domain has two SPF records")
			}
		}
	}
}

func TestOurs(t *testing.T) {
	for _, test := range []struct {
		purpose Purpose
		value   string
		want    bool
	}{
		{SPF, "v=spf1 include:old.example -all", true}, {SPF, "v=spf10 -all", false}, {SPF, "google-site-verification=1", false},
		{DMARC, "v = DMARC1 ; p=reject", true}, {DMARC, "v=DMARC12; p=none", false}, {DKIM, "k=rsa; p=AAAA", true},
		{DKIM, "hello", false}, {MTASTS, "v=STSv1; id=1", true}, {TLSRPT, "v=TLSRPTv1;rua=mailto:a@b.example", true}, {TLSRPT, "v=spf1", false},
	} {
		if got := (Record{Type: "TXT", Purpose: test.purpose}).Ours(test.value); got != test.want {
			t.Errorf("%s %q: %v", test.purpose, test.value, got)
		}
	}
}
