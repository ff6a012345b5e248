package dnsplan

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"

	"gomail"
)

// guideServer is the server of the guide's examples.
var guideServer = Server{
	Hostname: "mail.example.com", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, ACMEIssuer: "letsencrypt.org",
}

// guideDomain is a domain as the guide sets it up.
func guideDomain(name, key string) Domain {
	return Domain{
		Domain: gomail.Domain{Name: name, Settings: gomail.DomainSettings{
			ApexAddress: name == "example.com",
			DMARC:       gomail.DMARCSettings{Policy: "quarantine", RUA: []string{"admin@example.com"}},
			TLSRPT:      gomail.TLSRPTSettings{RUA: []string{"admin@example.com"}},
			MTASTS:      gomail.MTASTSSettings{Mode: "enforce", PolicyID: "20250101"},
		}},
		Keys: []gomail.DKIMKey{{Domain: name, Selector: "mail", Algorithm: "ed25519", PublicKey: []byte(key), State: gomail.DKIMActive}},
	}
}

// guideLine is a record as the guide writes it: name, type, priority, value.
type guideLine struct{ name, kind, priority, value string }

// guideSection returns the records between two headings of the guide.
func guideSection(t *testing.T, from, to string) []guideLine {
	t.Helper()
	text, err := os.ReadFile("testdata/guide.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+from+"\n")
	section, _, ended := strings.Cut(rest, "\n"+to+"\n")
	if !found || !ended {
		t.Fatalf("the guide has no section from %q to %q", from, to)
	}
	var lines []guideLine
	for text := range strings.Lines(section) {
		if line, ok := parseGuideLine(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "• "))); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

func parseGuideLine(text string) (guideLine, bool) {
	fields := strings.Fields(text)
	if len(fields) < 3 || !strings.Contains(strings.TrimSuffix(fields[0], "."), ".") || strings.HasPrefix(text, "#") || !strings.Contains(" A AAAA MX TXT CAA PTR ", " "+fields[1]+" ") {
		return guideLine{}, false
	}
	line := guideLine{name: fields[0], kind: fields[1], value: strings.Join(fields[2:], " ")}
	switch line.kind {
	case "MX":
		line.priority, line.value = fields[2], fields[3]
	case "TXT":
		line.value = strings.Trim(line.value, `"`)
	case "PTR":
		line.name, line.value = reverseOf(line.name), strings.TrimSuffix(line.value, ".")+"."
	}
	return line, true
}

func reverseOf(address string) string {
	parts := strings.Split(address, ".")
	return parts[3] + "." + parts[2] + "." + parts[1] + "." + parts[0] + ".in-addr.arpa"
}

// planHolds fails unless a record of the plan is the guide's line, whose value
// may be cut short by "..." or by a name in angle brackets.
func planHolds(t *testing.T, plan []Record, want guideLine) {
	t.Helper()
	value, _, cut := strings.Cut(want.value, "fD0qv...")
	if !cut {
		value, _, cut = strings.Cut(want.value, "<")
	}
	for _, r := range plan {
		if r.Name == want.name && r.Type == want.kind && (r.Value == value || cut && strings.HasPrefix(r.Value, value)) &&
			r.TTL == 3600 && (r.Priority == nil) == (want.priority == "") {
			return
		}
	}
	t.Errorf("the plan lacks %v", want)
}

func TestGuideSingleDomain(t *testing.T) {
	lines := guideSection(t, "Complete Single Domain Example", "Multi-Domain Setup")
	if len(lines) != 10 {
		t.Errorf("the guide's example has %d records", len(lines))
	}
	plan := Plan(guideServer, guideDomain("example.com", "one"))
	for _, line := range lines {
		planHolds(t, plan, line)
	}
}

func TestGuideSeveralDomains(t *testing.T) {
	lines := guideSection(t, "Multi-Domain Setup", "Verification")
	if len(lines) != 10 {
		t.Errorf("the guide's example has %d records", len(lines))
	}
	var all []Record
	keys := map[string]bool{}
	for _, name := range []string{"example.com", "example.org", "example.net"} {
		plan := Plan(guideServer, guideDomain(name, "the key of "+name))
		planHolds(t, plan, guideLine{name: "mail.example.com", kind: "A", value: "203.0.113.1"})
		for _, r := range plan {
			keys[r.Value] = keys[r.Value] || r.Purpose == DKIM
		}
		all = append(all, plan...)
	}
	for _, line := range lines {
		planHolds(t, all, line)
	}
	n := 0
	for _, isKey := range keys {
		if isKey {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d different keys for three domains", n)
	}
}

// The records of the guide's chapters, each under settings that make it.
func TestGuideChapters(t *testing.T) {
	d := guideDomain("example.com", "one")
	s := guideServer
	s.Addresses = append(s.Addresses, netip.MustParseAddr("2001:db8::1"))
	for _, line := range guideSection(t, "1. A Record (Infrastructure)", "For multiple mail servers:") {
		planHolds(t, Plan(s, d), line)
	}
	two := s
	two.Hostname, two.MX = "mail1.example.com", []MX{{"mail2.example.com", 20}}
	for _, line := range guideSection(t, "For multiple mail servers:", "3. SPF Record (Sender Policy Framework)") {
		planHolds(t, Plan(two, d), line)
	}
	d.Settings.CAA.Issuers = []string{"letsencrypt.org", "digicert.com"}
	for _, line := range guideSection(t, "3. SPF Record (Sender Policy Framework)", "Complete Single Domain Example") {
		planHolds(t, Plan(s, d), line)
	}
}

// The values that the guide shows without a name.
func TestGuideValues(t *testing.T) {
	guide, err := os.ReadFile("testdata/guide.txt")
	if err != nil {
		t.Fatal(err)
	}
	d := guideDomain("example.com", "one")
	d.Settings.SPF.Mechanisms = []string{"include:sendgrid.net", "include:mailgun.org"}
	values := []string{spfValue(d.Settings.SPF), dmarcValue(d.Settings.DMARC), PolicyFile(guideServer, d)}
	d.Settings.DMARC.Policy = "reject"
	values = append(values, dmarcValue(d.Settings.DMARC))
	d.Settings.DMARC.Policy, d.Settings.DMARC.FO = "none", "1"
	values = append(values, dmarcValue(d.Settings.DMARC))
	for _, v := range values {
		if !bytes.Contains(guide, []byte(v)) {
			t.Errorf("the guide does not show %q", v)
		}
	}
	if err := Validate(d.Settings); err != nil {
		t.Error(err)
	}
}
