package dnswatch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"gomail"
	"gomail/dnsplan"
)

// zoneCache remembers the zones of names for one look. Two who ask for the
// same at once may both look it up: that does no harm.
type zoneCache struct {
	prober *Prober
	mu     sync.Mutex
	apexes map[string]string // by name
	zones  map[string]*zone  // by apex
}

// of returns the zone that holds a name: the closest name at or above it that
// has an SOA.
func (z *zoneCache) of(ctx context.Context, name string) (*zone, error) {
	z.mu.Lock()
	apex, known := z.apexes[name]
	found := z.zones[apex]
	referred := z.referred(name)
	z.mu.Unlock()
	var err error
	switch {
	case known:
	case referred != nil:
		return referred, nil
	default:
		if apex, err = z.prober.apex(ctx, name); err != nil {
			return z.refer(ctx, name, err)
		}
		z.mu.Lock()
		found = z.zones[apex]
		z.mu.Unlock()
	}
	if found == nil {
		if found, err = z.prober.zone(ctx, apex); err != nil {
			return nil, err
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.apexes[name], z.zones[apex] = apex, found
	return found, nil
}

// refer finds a zone by what the one above says, when the resolvers could not.
func (z *zoneCache) refer(ctx context.Context, name string, failure error) (*zone, error) {
	if isTimeout(failure) || ctx.Err() != nil {
		return nil, failure // it is the resolvers that do not answer
	}
	found, err := z.prober.referral(ctx, name)
	if err != nil {
		return nil, failure
	}
	found.trouble = failure
	z.mu.Lock()
	defer z.mu.Unlock()
	z.apexes[name], z.zones[found.name] = found.name, found
	return found, nil
}

// referred returns a zone in which a name lies and that was found by a
// referral: nobody needs to be asked again.
func (z *zoneCache) referred(name string) *zone {
	for _, known := range z.zones {
		if known.trouble != nil && delegated(name, known.name) && dns.IsSubDomain(dns.Fqdn(known.name), dns.Fqdn(name)) {
			return known
		}
	}
	return nil
}

// delegated reports whether a zone can be the domain's own: a registry's zone
// answers for names that nobody has registered.
func delegated(domain, apex string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return apex != "" && apex != suffix && dns.IsSubDomain(dns.Fqdn(suffix), dns.Fqdn(apex))
}

// apex asks for the SOA: a resolver names the zone in its answer, or beside a
// negative one. Behind an alias it names the zone of the alias's target, so
// the way goes up label by label. Where that leads into the registry's zone,
// nothing is known: a server of the domain answers for another zone, or with
// an alias in the place of its own.
func (p *Prober) apex(ctx context.Context, name string) (string, error) {
	failure := fmt.Errorf("no resolver is configured")
	for _, r := range p.config.Resolvers {
		baseless := ""
		for at := dns.CanonicalName(name); at != "."; at = parent(at) {
			m, err := p.ask(ctx, r, at, dns.TypeSOA, true)
			if err == nil && m.Rcode == dns.RcodeServerFailure {
				m, err = p.askUnchecked(ctx, r, at, dns.TypeSOA)
			}
			if err != nil {
				failure = err
				break
			}
			if m.Rcode == dns.RcodeServerFailure || m.Rcode == dns.RcodeRefused {
				failure = fmt.Errorf("the resolver %s answers %s", r, dns.RcodeToString[m.Rcode])
				break
			}
			for _, rr := range slices.Concat(m.Answer, m.Ns) {
				soa, ok := rr.(*dns.SOA)
				if !ok || !dns.IsSubDomain(soa.Hdr.Name, at) {
					continue
				}
				apex := strings.TrimSuffix(dns.CanonicalName(soa.Hdr.Name), ".")
				if baseless == "" || delegated(name, apex) {
					return apex, nil
				}
			}
			if baseless == "" {
				baseless = strings.TrimSuffix(at, ".")
			}
			failure = fmt.Errorf("the resolver %s names no zone for %s", r, baseless)
		}
	}
	return "", gomail.Errorf(gomail.Unavailable, "the zone of %s cannot be found: %w", name, failure)
}

// parent is the name without its first label.
func parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// zone finds the servers of a zone.
func (p *Prober) zone(ctx context.Context, apex string) (*zone, error) {
	names := p.askResolvers(ctx, apex, dns.TypeNS)
	if !names.Status.Known() {
		return nil, gomail.Errorf(gomail.Unavailable, "the name servers of %s cannot be found: the resolvers answer %s", apex, names.Status)
	}
	if len(names.Values) == 0 {
		if z, err := p.referral(ctx, apex); err == nil && z.name == apex {
			z.trouble = fmt.Errorf("the resolvers find no name servers of it")
			return z, nil
		}
	}
	z := &zone{name: apex}
	for _, v := range names.Values {
		z.nameServers = append(z.nameServers, strings.TrimSuffix(dns.CanonicalName(v.Text), "."))
	}
	p.locate(ctx, z, nil)
	if slices.ContainsFunc(z.unresolved, func(host string) bool { return dns.IsSubDomain(dns.Fqdn(apex), dns.Fqdn(host)) }) {
		p.adopt(ctx, z)
	}
	return z, nil
}

// adopt takes the addresses of name servers from the zone above, where the
// resolvers find none: the servers lie in the zone that they serve, and one of
// them may deny the others.
func (p *Prober) adopt(ctx context.Context, z *zone) {
	known, err := p.referral(ctx, z.name)
	if err != nil || known.name != z.name {
		return
	}
	for _, s := range known.servers {
		switch {
		case !slices.Contains(z.unresolved, s.host):
		case len(z.servers) < maxAddresses:
			z.servers = append(z.servers, s)
		default:
			z.unasked++
		}
	}
	z.unresolved = slices.DeleteFunc(z.unresolved, func(host string) bool {
		return slices.ContainsFunc(known.servers, func(s server) bool { return s.host == host })
	})
}

// How much of a zone is asked. Whoever makes a zone says how many name servers
// it has, and each look asks each of them each question. Zones have 13 at most
// where people mean well, as the root has.
const (
	maxNameServers = 16
	maxAddresses   = 32
)

// locate finds the addresses of a zone's name servers: those that came with
// their names, else those that the resolvers know.
func (p *Prober) locate(ctx context.Context, z *zone, glue map[string][]netip.Addr) {
	z.boundNameServers()
	found := make([][]netip.Addr, len(z.nameServers))
	var wg sync.WaitGroup
	for i, host := range z.nameServers {
		if found[i] = glue[host]; len(found[i]) == 0 {
			wg.Go(func() { found[i] = p.serverAddresses(ctx, host) })
		}
	}
	wg.Wait()
	z.boundAddresses(found)
	for i, host := range z.nameServers {
		if len(found[i]) == 0 {
			z.unresolved = append(z.unresolved, host)
		}
		for _, a := range found[i] {
			z.servers = append(z.servers, server{fmt.Sprintf("%s (%s)", host, a), host, netip.AddrPortFrom(a, 53).String()})
		}
	}
}

// boundNameServers puts the name servers in order and leaves out those beyond
// the limit.
func (z *zone) boundNameServers() {
	slices.Sort(z.nameServers)
	z.nameServers = slices.Compact(z.nameServers)
	if more := len(z.nameServers) - maxNameServers; more > 0 {
		z.nameServers, z.unnamed = z.nameServers[:maxNameServers], more
	}
}

// boundAddresses leaves out addresses beyond the limit: each name server keeps
// its share, so that none is left without.
func (z *zone) boundAddresses(found [][]netip.Addr) {
	total := 0
	for _, addresses := range found {
		total += len(addresses)
	}
	if total <= maxAddresses {
		return
	}
	share := maxAddresses / len(found)
	for i, addresses := range found {
		if more := len(addresses) - share; more > 0 {
			found[i], z.unasked = addresses[:share], z.unasked+more
		}
	}
}

// serverAddresses returns the addresses of a name server. IPv6 is left out
// where IPv4 is there: many machines have no way to it, and silence would look
// like a fault of the server.
func (p *Prober) serverAddresses(ctx context.Context, host string) []netip.Addr {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		found := slices.DeleteFunc(p.addressesOf(ctx, host, qtype), func(a netip.Addr) bool { return !p.config.Allow(a) })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// addressesOf asks the resolvers for a host's addresses of one kind.
func (p *Prober) addressesOf(ctx context.Context, host string, qtype uint16) []netip.Addr {
	var found []netip.Addr
	for _, v := range p.askResolvers(ctx, host, qtype).Values {
		if addr, err := netip.ParseAddr(v.Text); err == nil {
			found = append(found, addr)
		}
	}
	return found
}

// askResolvers asks one resolver after another until one tells something.
// Where the signatures are broken, the data is taken without them: the
// delegation's probe says so.
func (p *Prober) askResolvers(ctx context.Context, name string, qtype uint16) dnsplan.Answer {
	a := dnsplan.Answer{Status: dnsplan.Timeout}
	for _, r := range p.config.Resolvers {
		m, err := p.ask(ctx, r, name, qtype, true)
		if a = answer(m, err, name, qtype, true); a.Status == dnsplan.ServFail {
			m, err = p.askUnchecked(ctx, r, name, qtype)
			a = answer(m, err, name, qtype, true)
		}
		if a.Status.Known() {
			return a
		}
	}
	return a
}

// dnssec asks whether the parent vouches for the zone's keys.
func (p *Prober) dnssec(ctx context.Context, apex string) dnsplan.DNSSEC {
	a := p.askResolvers(ctx, apex, dns.TypeDS)
	switch {
	case a.Status == dnsplan.Answered:
		return dnsplan.DNSSECSigned
	case a.Status.Known():
		return dnsplan.DNSSECUnsigned
	}
	return dnsplan.DNSSECUnknown
}

// negative asks for how long resolvers may remember that something of a zone
// is absent: what its SOA says, RFC 2308 section 5.
func (p *Prober) negative(ctx context.Context, apex string) int {
	for _, r := range p.config.Resolvers {
		m, err := p.ask(ctx, r, apex, dns.TypeSOA, true)
		if err != nil {
			continue
		}
		for _, rr := range m.Answer {
			if soa, ok := rr.(*dns.SOA); ok {
				return int(soa.Minttl) // a resolver's TTL of the SOA is what is left of it
			}
		}
	}
	return 0
}

// Zone returns the zone in which a domain lies, canonical. NotFound when the
// domain is not registered, Unavailable when the DNS does not say.
func (p *Prober) Zone(ctx context.Context, domain string) (apex string, err error) {
	z := &zoneCache{prober: p, apexes: map[string]string{}, zones: map[string]*zone{}}
	found, err := z.of(ctx, domain)
	if err != nil {
		return "", err
	}
	if apex = found.name; !delegated(domain, apex) {
		err = gomail.Errorf(gomail.NotFound, "%s is not registered, or not delegated: set its name servers at your registrar", domain)
	}
	return apex, err
}

// DNSSEC reports whether the zone that holds a name is signed.
func (p *Prober) DNSSEC(ctx context.Context, name string) dnsplan.DNSSEC {
	apex, err := p.apex(ctx, name)
	if err != nil {
		return dnsplan.DNSSECUnknown
	}
	return p.dnssec(ctx, apex)
}
