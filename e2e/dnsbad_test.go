package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// Zones as owners leave them: each mistake has a finding of its own.
func TestBadZones(t *testing.T) {
	world := startInternet(t, 0)
	many := ""
	for i := range 80 { // BIND holds at most 100 records at one name
		many += fmt.Sprintf("@ TXT \"verification-%03d=\" \"%s\" \"%[2]s\" \"%[2]s\"\n", i, strings.Repeat("x", 240))
	}
	provider := world.provider(provider1,
		hosted{name: "two.test.", lines: "@ TXT \"v=spf1 mx ~all\"\n@ TXT \"v=spf1 include:_spf.other.test ~all\""},
		hosted{name: "quoted.test."},
		hosted{name: "carrier.test.", lines: "alias CNAME www.carrier.test.\nwww A 127.0.73.9"},
		hosted{name: "narrow.test.", lines: `@ TXT "theirs"`, updates: "grant gomail-test name _dmarc.narrow.test. TXT;"},
		hosted{name: "xn--bcher-kva.test."},
		hosted{name: "large.test.", lines: many},
		hosted{name: "octets.test.", lines: `@ TXT "caf\195\169 \200\255\000 \"quoted\" back\\slash"`},
		hosted{name: "wild.test.", lines: "* TXT \"v=spf1 -all\"\n* A 127.0.73.9"},
		hosted{name: "example.test."})
	m := world.join(t, "mta-sts.xn--bcher-kva.test")
	add := func(domain string) []dnsplan.Record {
		t.Helper()
		m.must("domain", "add", domain, "--dkim-algorithm", "both")
		return m.plan(domain)
	}
	enter := func(zone, domain string, skip ...dnsplan.Purpose) {
		t.Helper()
		provider.enter(zone, lines(add(domain), zone, func(r dnsplan.Record) bool { return !slices.Contains(skip, r.Purpose) }))
	}
	provider.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))

	t.Run("two SPF records", func(t *testing.T) {
		enter("two.test.", "two.test", dnsplan.SPF)
		r := m.check("two.test")
		if f := r.want("TXT", "two.test", dnsplan.Wrong, "spf_two_records"); !strings.Contains(f.Fix, "merge them into one") || r.Ready {
			t.Errorf("%s, ready %t", f.Fix, r.Ready)
		}
	})
	t.Run("a key of 4096 bits with the provider's quotes", func(t *testing.T) {
		enter("quoted.test.", "quoted.test", dnsplan.DKIM)
		key, err := rsa.GenerateKey(rand.Reader, 4096)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		pasted := chunks("v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der))
		provider.enter("quoted.test.", "mail-rsa._domainkey.quoted.test. 60 TXT "+chunks(pasted))
		f := m.check("quoted.test").want("TXT", "mail-rsa._domainkey.quoted.test", dnsplan.Wrong, "stray_quotes")
		if !strings.Contains(f.Fix, "without them") {
			t.Error(f.Fix)
		}
	})
	t.Run("an alias in the domain's place", func(t *testing.T) {
		add("alias.carrier.test")
		r := m.check("alias.carrier.test")
		if f := r.want("MX", "alias.carrier.test", dnsplan.Conflict, "cname_in_the_way"); !strings.Contains(f.Fix, "www.carrier.test") {
			t.Error(f.Fix)
		}
		r.want("TXT", "alias.carrier.test", dnsplan.Conflict, "cname_in_the_way")
	})
	t.Run("an alias at a zone's apex", func(t *testing.T) {
		apexAlias(t, provider2)
		world.delegate("apex.test.", nil, provider2)
		add("apex.test")
		f := m.check("apex.test").want("MX", "apex.test", dnsplan.Conflict, "cname_in_the_way")
		if !strings.Contains(f.Fix, "www.carrier.test") {
			t.Error(f.Fix)
		}
	})
	t.Run("a key that may not update the zone", func(t *testing.T) {
		add("narrow.test")
		before := provider.contents("narrow.test.")
		if r := m.connect("narrow", provider); r.code != 0 {
			t.Fatal(r.stderr)
		}
		r := m.gomail("dns", "publish", "narrow.test", "--provider", "narrow", "--yes", "--json")
		if r.code != 1 {
			t.Errorf("exit %d", r.code)
		}
		r.code = 0
		for _, done := range decode[dnsplan.Publication](t, r).Results {
			if done.Outcome == dnsplan.Failed && !strings.Contains(done.Error, "does not let the key gomail-test. update") || done.Outcome == dnsplan.Done {
				t.Errorf("%s %s: %s: %s", done.Type, done.Name, done.Outcome, done.Error)
			}
		}
		if after := provider.contents("narrow.test."); !slices.Equal(before, after) {
			t.Errorf("the zone changed to\n%s", strings.Join(after, "\n"))
		}
	})
	t.Run("not registered", func(t *testing.T) {
		add("nobody.test")
		r := m.check("nobody.test")
		if p := r.probe(dnsplan.ProbeDelegation, "nobody.test", dnsplan.Missing, "not_registered"); !strings.Contains(p.Fix, "Register the domain") {
			t.Error(p.Fix)
		}
		if r.Ready || r.Status.State != dnsplan.DomainFix {
			t.Errorf("the domain is %+v", r.Status)
		}
		if r := m.gomail("dns", "publish", "nobody.test", "--provider", "narrow", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "does not have the zone nobody.test") {
			t.Errorf("publishing: exit %d: %s", r.code, r.stderr)
		}
	})
	t.Run("an internationalised domain", func(t *testing.T) {
		for _, r := range add("Bücher.test") {
			if strings.ContainsFunc(r.Name+r.Value, func(c rune) bool { return c > 127 }) {
				t.Errorf("the plan holds %s %s %s", r.Type, r.Name, r.Value)
			}
		}
		provider.enter("xn--bcher-kva.test.", lines(m.plan("bücher.test"), "xn--bcher-kva.test.", nil))
		r := m.check("bücher.test")
		if !r.Ready {
			t.Errorf("the domain is %+v:\n%s", r.Status, r.states())
		}
		r.probe(dnsplan.ProbePolicy, "mta-sts.xn--bcher-kva.test", dnsplan.OK, "")
	})
	t.Run("60 kB at one name", func(t *testing.T) {
		udp := new(dns.Msg)
		udp.SetQuestion("large.test.", dns.TypeTXT)
		if m, _, err := new(dns.Client).Exchange(udp, provider1+":53"); err != nil || !m.Truncated {
			t.Fatalf("over UDP the server says %v, %v", m, err)
		}
		if n := provider.ask("large.test.", dns.TypeTXT).Len(); n < 50_000 {
			t.Fatalf("over TCP the answer has %d octets", n)
		}
		enter("large.test.", "large.test")
		r := m.check("large.test")
		if !r.Ready {
			t.Errorf("the domain is %+v:\n%s", r.Status, r.states())
		}
		before := joined(provider.contents("large.test."))
		if r := m.connect("large", provider); r.code != 0 {
			t.Fatal(r.stderr)
		}
		m.must("domain", "set", "large.test", "--spf", "ip4:192.0.2.1")
		m.must("dns", "publish", "large.test", "--provider", "large", "--yes")
		kept(t, before, joined(provider.contents("large.test.")), `TXT "v=spf1`)
	})
	t.Run("octets that are no text", func(t *testing.T) {
		enter("octets.test.", "octets.test", dnsplan.SPF)
		before := provider.contents("octets.test.")
		m.must("dns", "publish", "octets.test", "--provider", "large", "--yes")
		kept(t, before, provider.contents("octets.test."))
		if r := m.check("octets.test"); !r.Ready {
			t.Errorf("the domain is %+v:\n%s", r.Status, r.states())
		}
		m.must("dns", "undo", "octets.test")
		if after := provider.contents("octets.test."); !slices.Equal(before, after) {
			t.Errorf("undone, the zone is\n%s\nand was\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
	})
	t.Run("a wildcard", func(t *testing.T) {
		enter("wild.test.", "wild.test", dnsplan.DKIM, dnsplan.DMARC, dnsplan.MTASTSHost)
		r := m.check("wild.test")
		for _, name := range []string{"_dmarc.wild.test", "mail._domainkey.wild.test", "mail-rsa._domainkey.wild.test"} {
			if f := r.want("TXT", name, dnsplan.Missing, "wildcard"); !strings.Contains(f.Fix, "takes precedence") {
				t.Error(f.Fix)
			}
		}
	})
}

// joined are lines with the strings of a TXT record as one: what they say
// together is what counts.
func joined(lines []string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], `" "`, "")
	}
	return lines
}

// apexAlias serves apex.test with an alias at its apex, which no proper name
// server loads.
func apexAlias(t testing.TB, address string) {
	t.Helper()
	records := []string{"apex.test. 60 NS ns1.apex.test.", "ns1.apex.test. 60 A " + address, "apex.test. 60 CNAME www.carrier.test."}
	soa, err := dns.NewRR("apex.test. 60 SOA ns1.apex.test. hostmaster.apex.test. 1 3600 600 86400 60")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{records: map[string][]dns.RR{}, broken: map[string]bool{}}
	z.add(t, records...)
	answer := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		asked := q.Question[0]
		for _, rr := range z.records[dns.CanonicalName(asked.Name)] {
			if kind := rr.Header().Rrtype; kind == asked.Qtype || kind == dns.TypeCNAME && asked.Qtype != dns.TypeNS && asked.Qtype != dns.TypeSOA {
				m.Answer = append(m.Answer, rr)
			}
		}
		if asked.Qtype == dns.TypeSOA && dns.CanonicalName(asked.Name) == "apex.test." {
			m.Answer = append(m.Answer, soa)
		}
		if len(m.Answer) == 0 {
			m.Ns = append(m.Ns, soa)
		}
		w.WriteMsg(m)
	}
	udp, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(answer)}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
}
