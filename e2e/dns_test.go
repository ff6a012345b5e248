package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// A zone without DNSSEC, signed, and with a DS record at the registry that is
// not its key's.
func TestSignedZone(t *testing.T) {
	const tlsa = "_25._tcp.mail.example.test"
	world := startInternet(t, 0)
	provider := world.provider(provider1, hosted{name: "example.test."})
	m := world.join(t)
	provider.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	r := m.check("example.test")
	if !r.Ready || r.code != 0 || r.Status.State != dnsplan.DomainReady || r.DNSSEC != "unsigned" {
		t.Fatalf("an unsigned zone is %+v, DNSSEC %s:\n%s", r.Status, r.DNSSEC, r.states())
	}
	if f := r.want("TLSA", tlsa, dnsplan.InapplicableNow, ""); f.Requirement != dnsplan.NotApplicable || !strings.Contains(f.Why, "not signed") {
		t.Errorf("TLSA in an unsigned zone is %s: %s", f.Requirement, f.Why)
	}

	provider.stop()
	signed := world.provider(provider2, hosted{name: "example.test.", signed: true})
	eventually(t, "looks that agree that the zone is signed", func() bool {
		return m.check("example.test").record("TLSA", tlsa).State != dnsplan.InapplicableNow
	})
	signed.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	if m := world.ask("mail.example.test", dns.TypeA); !m.AuthenticatedData {
		t.Fatalf("the resolver does not validate: %v", m)
	}
	r = m.check("example.test")
	if !r.Ready || r.DNSSEC != "signed" {
		t.Errorf("a signed zone is %+v, DNSSEC %s:\n%s", r.Status, r.DNSSEC, r.states())
	}
	r.want("TLSA", tlsa, dnsplan.OK, "")
	r.probe(dnsplan.ProbeDelegation, "example.test", dnsplan.OKDiffers, "one_name_server")
	r.probe(dnsplan.ProbeStartTLS, "mail.example.test", dnsplan.OK, "")
	r.probe(dnsplan.ProbePolicy, "mta-sts.example.test", dnsplan.OK, "")

	world.registry.update("test.", "delete example.test. DS", "add example.test. 60 DS 4711 13 2 "+strings.Repeat("AB", 32))
	eventually(t, "the resolver to refuse the zone", func() bool { return world.ask("example.test", dns.TypeSOA).Rcode == dns.RcodeServerFailure })
	r = m.check("example.test")
	p := r.probe(dnsplan.ProbeDelegation, "example.test", dnsplan.Wrong, "dnssec_bogus")
	if !strings.Contains(p.Found, "do not verify") || !strings.Contains(p.Fix, "DS record at your registrar") {
		t.Errorf("it is told as %q, %q", p.Found, p.Fix)
	}
	if r.Ready || r.code == 0 || r.Status.State == dnsplan.DomainReady {
		t.Errorf("a zone of which validating resolvers see nothing is %+v", r.Status)
	}
}

// Servers that do not agree: one is behind, then follows; then further ones
// are lame, silent and in charge of something else.
func TestNameServersDisagree(t *testing.T) {
	world := startInternet(t, 0)
	m := world.join(t)
	plan := m.plan("example.test")
	copyOf := func(serial int, keep func(dnsplan.Record) bool, addresses ...string) hosted {
		z := hosted{name: "example.test.", static: true, serial: serial, lines: lines(plan, "example.test.", keep)}
		for i, address := range addresses {
			z.servers = append(z.servers, fmt.Sprintf("ns%d", i+1))
			z.lines += fmt.Sprintf("ns%d A %s\n", i+1, address)
		}
		return z
	}
	whole := copyOf(7, nil, provider1, provider2)
	older := copyOf(6, func(r dnsplan.Record) bool { return r.Purpose != dnsplan.SPF && r.Purpose != dnsplan.DKIM }, provider1, provider2)
	first := startNamed(t, provider1, whole)
	second := startNamed(t, provider2, older)
	world.delegate("example.test.", nil, provider1, provider2)

	r := m.check("example.test")
	for _, f := range r.Records {
		switch f.Purpose {
		case dnsplan.SPF, dnsplan.DKIM:
			r.want(f.Type, f.Name, dnsplan.Propagating, "servers_differ")
		case dnsplan.TLSA:
		default:
			if f.State != dnsplan.OK {
				t.Errorf("%s %s is %s (%s): %s", f.Type, f.Name, f.State, f.Code, f.Fix)
			}
		}
	}
	r.probe(dnsplan.ProbeServer, "ns1.example.test", dnsplan.OK, "")
	if p := r.probe(dnsplan.ProbeServer, "ns2.example.test", dnsplan.OKDiffers, "serial_behind"); !strings.Contains(p.Found, "6") || !strings.Contains(p.Found, "7") {
		t.Errorf("the older copy is told as %q", p.Found)
	}
	if r.Ready {
		t.Errorf("while servers differ the domain is %+v", r.Status)
	}

	second.reload(whole)
	if r = m.check("example.test"); !r.Ready {
		t.Errorf("when both have it the domain is %+v:\n%s", r.Status, r.states())
	}
	r.want("TXT", "example.test", dnsplan.OK, "")
	r.probe(dnsplan.ProbeDelegation, "example.test", dnsplan.OK, "")

	all := []string{provider1, provider2, provider3, provider4, provider5}
	whole = copyOf(8, nil, all...)
	first.reload(whole)
	second.reload(whole)
	startNamed(t, provider3, hosted{name: "other.test.", static: true})
	silent := startNamed(t, provider4, whole)
	startNamed(t, provider5, hosted{name: "test.", static: true})
	silent.signal(syscall.SIGSTOP)
	world.delegate("example.test.", nil, all...)
	r = m.check("example.test")
	for _, f := range r.Records {
		if f.SetAt == dnsplan.DNSProvider && f.Requirement != dnsplan.NotApplicable {
			r.want(f.Type, f.Name, dnsplan.Unknown, "server_silent")
		}
	}
	if r.Ready || r.Status.State != dnsplan.DomainUnknown {
		t.Errorf("while servers do not say, the domain is %+v", r.Status)
	}
	for server, want := range map[string]struct {
		state dnsplan.State
		code  string
	}{
		"ns1": {dnsplan.OK, ""}, "ns2": {dnsplan.OK, ""}, "ns3": {dnsplan.Wrong, "server_lame"},
		"ns4": {dnsplan.Unknown, "server_silent"}, "ns5": {dnsplan.Wrong, "server_lame"},
	} {
		r.probe(dnsplan.ProbeServer, server+".example.test", want.state, want.code)
	}
	spf := r.record("TXT", "example.test")
	for server, says := range map[string]string{provider3: "lame", provider4: "timeout", provider5: "lame"} {
		if !slices.ContainsFunc(spf.Found, func(f dnsplan.Found) bool {
			return strings.Contains(f.Server, server) && !f.Known && strings.Contains(strings.Join(f.Values, ""), says)
		}) {
			t.Errorf("the answer of %s is not told as %s: %+v", server, says, spf.Found)
		}
	}

	world.delegate("example.test.", nil, provider3, provider5)
	r = m.check("example.test")
	for _, f := range r.Records {
		if f.SetAt == dnsplan.DNSProvider && f.State != dnsplan.Unknown && f.State != dnsplan.InapplicableNow {
			t.Errorf("no server knows the zone, and %s %s is %s (%s)", f.Type, f.Name, f.State, f.Code)
		}
	}
	if r.Ready || r.Status.State != dnsplan.DomainUnknown {
		t.Errorf("while no server says anything, the domain is %+v", r.Status)
	}

	silent.signal(syscall.SIGCONT)
	first.reload(copyOf(9, nil, provider1, provider4))
	silent.reload(copyOf(9, nil, provider1, provider4))
	world.delegate("example.test.", nil, provider1, provider4)
	eventually(t, "all to be well again", func() bool { return m.check("example.test").Status.State == dnsplan.DomainReady })
}
