package dnswatch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"gomail"
)

// referral asks the servers of the zone above to whom they refer for a name
// (RFC 1034 section 4.3.2): that is certain even where a zone's own servers
// say nothing, or nothing sensible. When they refer to nobody, it is the zone
// above itself that is returned.
func (p *Prober) referral(ctx context.Context, name string) (*zone, error) {
	name = dns.CanonicalName(name)
	failure := fmt.Errorf("no zone above it can be found")
	for at := parent(name); at != "."; at = parent(at) {
		apex, err := p.apex(ctx, at)
		if err != nil {
			failure = err
			continue
		}
		above, err := p.zone(ctx, apex)
		if err != nil {
			return nil, err
		}
		return p.referredBy(ctx, above, name)
	}
	return nil, failure
}

func (p *Prober) referredBy(ctx context.Context, above *zone, name string) (*zone, error) {
	for _, s := range above.servers {
		m, err := p.ask(ctx, s.address, name, dns.TypeNS, false)
		switch {
		case err != nil:
			continue
		case m.Authoritative && (m.Rcode == dns.RcodeNameError || m.Rcode == dns.RcodeSuccess):
			return above, nil
		}
		if z := p.readReferral(ctx, m, above.name, name); z != nil {
			return z, nil
		}
	}
	return nil, gomail.Errorf(gomail.Unavailable, "the name servers of %s do not say where %s is served", above.name, name)
}

// readReferral reads the name servers of the zone to which a message refers,
// with the addresses that come along; nil when it refers to none.
func (p *Prober) readReferral(ctx context.Context, m *dns.Msg, above, name string) *zone {
	z := &zone{}
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		owner := strings.TrimSuffix(dns.CanonicalName(rr.Header().Name), ".")
		if !ok || owner == above || !dns.IsSubDomain(dns.Fqdn(above), dns.Fqdn(owner)) || !dns.IsSubDomain(dns.Fqdn(owner), name) {
			continue
		}
		z.name = owner
		z.nameServers = append(z.nameServers, strings.TrimSuffix(dns.CanonicalName(ns.Ns), "."))
	}
	if z.name == "" {
		return nil
	}
	p.locate(ctx, z, p.glue(m))
	return z
}

// glue returns the IPv4 addresses that a referral brings along, by host, as
// far as they may be asked.
func (p *Prober) glue(m *dns.Msg) map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	for _, rr := range m.Extra {
		a, ok := rr.(*dns.A)
		if !ok {
			continue
		}
		host := strings.TrimSuffix(dns.CanonicalName(a.Hdr.Name), ".")
		if addr, ok := netip.AddrFromSlice(a.A.To4()); ok && p.config.Allow(addr) && !slices.Contains(all[host], addr) {
			all[host] = append(all[host], addr)
		}
	}
	return all
}
