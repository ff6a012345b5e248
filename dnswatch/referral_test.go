package dnswatch

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

const registrySOA = "com. 300 SOA ns.registry.example. h.registry.example. 1 3600 600 86400 120"

// registry serves com and refers to the servers of example.com.
func registry(w dns.ResponseWriter, q *dns.Msg) {
	if !dns.IsSubDomain("example.com.", q.Question[0].Name) {
		zoneFile(true, registrySOA)(w, q)
		return
	}
	m := new(dns.Msg).SetReply(q)
	for _, line := range delegation[1:3] {
		rr, _ := dns.NewRR(line)
		m.Ns = append(m.Ns, rr)
	}
	for _, line := range delegation[3:5] {
		rr, _ := dns.NewRR(line)
		m.Extra = append(m.Extra, rr)
	}
	w.WriteMsg(m)
}

// misled is a resolver that came to a server of example.com which answers for
// another zone: it denies the name, and has no zone to name for that.
func misled(w dns.ResponseWriter, q *dns.Msg) {
	if dns.IsSubDomain("example.com.", q.Question[0].Name) {
		m := new(dns.Msg).SetRcode(q, dns.RcodeNameError)
		w.WriteMsg(m)
		return
	}
	zoneFile(false, registrySOA, "com. 300 NS ns.registry.example.", "ns.registry.example. 300 A 192.0.2.41")(w, q)
}

// A domain whose servers mislead the resolvers is not taken for one that is
// not registered: the registry says where it is served, and each server is
// asked.
func TestReferral(t *testing.T) {
	n := newInternet(t)
	n.serve(resolver, misled)
	n.serve("192.0.2.41", registry)
	records, lines := plan(t)
	n.serve("192.0.2.51", zoneFile(true, append(lines, soa)...))
	n.serve("192.0.2.52", zoneFile(true, registrySOA))
	p := n.prober()
	if apex, err := p.Zone(t.Context(), "example.com"); err != nil || apex != "example.com" {
		t.Errorf("the zone is %q, %v", apex, err)
	}
	probes := p.begin().delegation(t.Context(), "example.com")
	wantProbe(t, probes[:1], dnsplan.Unknown, "zone_unknown")
	for subject, code := range map[string]string{"ns1.example.net (192.0.2.51)": "", "ns2.example.net (192.0.2.52)": "server_lame"} {
		if !slices.ContainsFunc(probes, func(p dnsplan.Probe) bool { return p.Subject == subject && p.Code == code }) {
			t.Errorf("%s is not %q: %+v", subject, code, probes)
		}
	}
	seen, err := p.Look(t.Context(), "example.com", records)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range dnsplan.Compare(records, seen) {
		if f.SetAt == dnsplan.DNSProvider && f.State != dnsplan.Unknown && f.State != dnsplan.InapplicableNow {
			t.Errorf("%s %s is %s (%s)", f.Type, f.Name, f.State, f.Code)
		}
	}
	answers := seen.Answers[dnsplan.Question{Name: "example.com", Type: "MX"}]
	if len(answers) < 2 || answers[0].Status != dnsplan.Answered || answers[1].Status != dnsplan.Lame {
		t.Errorf("the servers answer %+v", answers)
	}
	wantProbe(t, p.begin().delegation(t.Context(), "nobody.com")[:1], dnsplan.Missing, dnsplan.NotRegistered)
}

// refers answers whatever is asked with a referral, and one address beside it.
func refers(servers []string, glue string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, line := range servers {
			m.Ns = append(m.Ns, mustRR(line))
		}
		m.Extra = append(m.Extra, mustRR(glue))
		w.WriteMsg(m)
	}
}

// Name servers that lie in the zone they serve have the addresses that the
// registry hands out, where the resolvers find none.
func TestGlue(t *testing.T) {
	n := newInternet(t)
	inside := func(lines ...string) []string {
		return append(lines, soa, "example.com. 300 NS ns1.example.com.", "example.com. 300 NS ns2.example.com.")
	}
	n.serve(resolver, zoneFile(false, inside("ns1.example.com. 300 A 192.0.2.51", registrySOA, "com. 300 NS ns.registry.example.", "ns.registry.example. 300 A 192.0.2.41")...))
	n.serve("192.0.2.41", refers(inside()[1:], "ns2.example.com. 300 A 192.0.2.52"))
	z, err := n.prober().zone(t.Context(), "example.com")
	if err != nil || len(z.unresolved) > 0 || len(z.servers) != 2 || !strings.HasPrefix(z.servers[1].address, "192.0.2.52:") {
		t.Errorf("the zone is %+v, %v", z, err)
	}
}

// What failed is tried again for whoever asks, and what went well is not.
func TestRetryOfWhatFailed(t *testing.T) {
	n := newInternet(t)
	n.serve(resolver, zoneFile(false, soa))
	p := n.prober()
	p.config.ACME = true
	records, _ := plan(t)
	inspect := func(retry bool) string {
		_, probes, err := p.Inspect(t.Context(), Target{Domain: "example.com", Records: records, Retry: retry})
		if err != nil {
			t.Fatal(err)
		}
		for _, probe := range probes {
			if probe.Kind == dnsplan.ProbePort80 {
				return probe.Code
			}
		}
		return "none"
	}
	if code := inspect(false); code != "port80_closed" {
		t.Fatalf("the port is %q", code)
	}
	n.listen("192.0.2.1:80", func(net.Conn) {})
	if code := inspect(false); code != "port80_closed" {
		t.Errorf("a moment later, on schedule, the port is %q", code)
	}
	if code := inspect(true); code != "" {
		t.Errorf("asked for, the port is %q", code)
	}
	delete(n.ports, "192.0.2.1:80")
	if code := inspect(true); code != "" {
		t.Errorf("what went well is tried again: %q", code)
	}
}
