package dnswatch

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// delegation says whether the domain is registered and delegated, and how each
// of its name servers does.
func (l *look) delegation(ctx context.Context, domain string) []dnsplan.Probe {
	z, err := l.zones.of(ctx, domain)
	p := dnsplan.Probe{Kind: dnsplan.ProbeDelegation, Subject: domain, State: dnsplan.OK}
	switch {
	case err != nil:
		p.State, p.Code, p.Found = dnsplan.Unknown, "zone_unknown", err.Error()
		p.Fix = "It is looked up again; if it lasts, check that the domain's name servers answer, and that this server's resolver works."
		return []dnsplan.Probe{p}
	case !delegated(domain, z.name):
		p.State, p.Code, p.Found = dnsplan.Missing, dnsplan.NotRegistered, "The registry does not know "+domain
		p.Fix = "Register the domain, or, if it is yours already, set its name servers at your registrar."
		return []dnsplan.Probe{p}
	}
	p.Found = "Served by " + strings.Join(z.nameServers, ", ")
	l.judgeDelegation(ctx, z, &p)
	return append([]dnsplan.Probe{p}, l.nameServers(ctx, z)...)
}

// judgeDelegation looks at the zone as a whole.
func (l *look) judgeDelegation(ctx context.Context, z *zone, p *dnsplan.Probe) {
	switch {
	case len(z.nameServers) == 0:
		p.State, p.Code, p.Found = dnsplan.Wrong, "no_name_servers", "No name servers are named for "+z.name
		p.Fix = "Set the domain's name servers at your registrar, as your DNS provider names them."
	case l.prober.bogus(ctx, z.name):
		p.State, p.Code, p.Found = dnsplan.Wrong, "dnssec_bogus", "The zone's DNSSEC signatures do not verify"
		p.Fix = "Resolvers that validate see nothing of " + z.name + ": renew the DS record at your registrar, or remove it until your DNS provider's keys match."
	case z.trouble != nil:
		p.State, p.Code = dnsplan.Unknown, "zone_unknown"
		p.Found += ", but " + z.trouble.Error()
		p.Fix = "Resolvers get no sensible answer from the domain's name servers: look at what is said of each of them, and tell your DNS provider."
	case z.unnamed+z.unasked > 0:
		p.State, p.Code = dnsplan.OKDiffers, "many_name_servers"
		p.Found += fmt.Sprintf("; %d more name servers and %d more addresses are not looked at", z.unnamed, z.unasked)
		p.Fix = fmt.Sprintf("At most %d name servers with %d addresses are asked, and what the others say is not known: remove those that the zone does not need.", maxNameServers, maxAddresses)
	case len(z.nameServers) == 1:
		p.State, p.Code = dnsplan.OKDiffers, "one_name_server"
		p.Fix = "The zone has one name server only: when it is down, no mail arrives. Ask your DNS provider for a second."
	}
}

// bogus reports whether a resolver refuses a zone for its signatures alone.
func (p *Prober) bogus(ctx context.Context, apex string) bool {
	for _, r := range p.config.Resolvers {
		m, err := p.ask(ctx, r, apex, dns.TypeSOA, true)
		if err != nil || m.Rcode != dns.RcodeServerFailure {
			continue
		}
		if m, err = p.askUnchecked(ctx, r, apex, dns.TypeSOA); err == nil && m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0 {
			return true
		}
	}
	return false
}

// nameServers asks each server for the zone's SOA.
func (l *look) nameServers(ctx context.Context, z *zone) []dnsplan.Probe {
	probes := make([]dnsplan.Probe, len(z.servers))
	serials := make([]uint32, len(z.servers))
	var wg sync.WaitGroup
	for i, s := range z.servers {
		wg.Go(func() { probes[i], serials[i] = l.nameServer(ctx, z.name, s) })
	}
	wg.Wait()
	compareSerials(probes, serials)
	for _, host := range z.unresolved {
		probes = append(probes, dnsplan.Probe{
			Kind: dnsplan.ProbeServer, Subject: host, State: dnsplan.Wrong, Code: "server_no_address", Found: "It has no address",
			Fix: "Remove " + host + " from the domain's name servers at your registrar, or give it an address.",
		})
	}
	return probes
}

func (l *look) nameServer(ctx context.Context, apex string, s server) (dnsplan.Probe, uint32) {
	p := dnsplan.Probe{Kind: dnsplan.ProbeServer, Subject: s.name, State: dnsplan.OK}
	m, err := l.prober.ask(ctx, s.address, apex, dns.TypeSOA, false)
	a := answer(m, err, apex, dns.TypeSOA, false)
	switch a.Status {
	case dnsplan.Answered:
		soa, _ := m.Answer[0].(*dns.SOA)
		if soa == nil {
			break
		}
		p.Found = fmt.Sprintf("Serial %d", soa.Serial)
		if !l.prober.answersOverTCP(ctx, s.address, apex) {
			p.State, p.Code = dnsplan.OKDiffers, "server_no_tcp"
			p.Fix = "It does not answer over TCP (RFC 7766), which long records such as RSA keys may need: tell your DNS provider."
		}
		return p, soa.Serial
	case dnsplan.Timeout:
		p.State, p.Code, p.Found = dnsplan.Unknown, "server_silent", "It does not answer"
		p.Fix = "It is asked again; if it lasts, tell your DNS provider that " + s.host + " does not answer."
		return p, 0
	case dnsplan.ServFail:
		p.State, p.Code, p.Found = dnsplan.Unknown, "server_fails", "It answers SERVFAIL"
		p.Fix = "It is asked again; if it lasts, tell your DNS provider that " + s.host + " cannot load the zone."
		return p, 0
	}
	p.State, p.Code, p.Found = dnsplan.Wrong, "server_lame", "It does not know the zone "+apex
	p.Fix = "Remove " + s.host + " from the domain's name servers at your registrar, or have your DNS provider serve " + apex + " there."
	return p, 0
}

// compareSerials marks servers whose copy of the zone is not the newest. It
// does no harm by itself: they follow as a rule within minutes.
func compareSerials(probes []dnsplan.Probe, serials []uint32) {
	newest := uint32(0)
	for _, s := range serials {
		if newest == 0 || int32(s-newest) > 0 && s != 0 { // RFC 1982: serials wrap
			newest = s
		}
	}
	for i, s := range serials {
		if s != 0 && s != newest {
			probes[i].State, probes[i].Code = dnsplan.OKDiffers, "serial_behind"
			probes[i].Found += fmt.Sprintf(", the newest is %d", newest)
			probes[i].Fix = "It has an older copy of the zone. It follows as a rule within minutes; if it does not, tell your DNS provider."
		}
	}
}
