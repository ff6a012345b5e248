package dnswatch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/dnsplan"
)

// Config says whom a Prober asks.
type Config struct {
	// Resolvers are recursive servers as "host:port": they lead to the
	// authoritative ones, and are asked beside them. At least one.
	Resolvers []string

	// Dial opens a connection to a server. nil: a plain net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Timeout time.Duration    // of one question to one server; 0: 3 seconds
	Clock   func() time.Time // nil: time.Now
}

// Prober asks the DNS. It is safe for concurrent use.
type Prober struct {
	config Config
}

// New returns a prober.
func New(c Config) *Prober {
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Prober{config: c}
}

// zone is a zone as it is delegated.
type zone struct {
	name        string // canonical
	nameServers []string
	servers     []server
}

// server is one address of a name server.
type server struct {
	name    string // "ns1.example.net (192.0.2.53)"
	address string // with its port
}

// parallel is how many questions are under way at once for one look.
const parallel = 16

// Look asks everything that a comparison of the plan needs, follow-ups too.
func (p *Prober) Look(ctx context.Context, domain string, records []dnsplan.Record) (dnsplan.Seen, error) {
	zones := &zoneCache{prober: p, apexes: map[string]string{}, zones: map[string]*zone{}}
	own, err := zones.of(ctx, domain)
	if err != nil {
		return dnsplan.Seen{}, err
	}
	seen := dnsplan.Seen{
		Answers: map[dnsplan.Question][]dnsplan.Answer{}, Zone: own.name, NameServers: own.nameServers,
		DNSSEC: p.dnssec(ctx, own.name), Now: p.config.Clock(),
	}
	for questions := dnsplan.Questions(records); len(questions) > 0; questions = dnsplan.FollowUps(records, seen) {
		for i, answers := range p.askAll(ctx, zones, questions) {
			seen.Answers[questions[i]] = answers
		}
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
	}
	return seen, nil
}

// askAll puts questions to all servers that are to be asked, some at once.
func (p *Prober) askAll(ctx context.Context, zones *zoneCache, questions []dnsplan.Question) [][]dnsplan.Answer {
	answers := make([][]dnsplan.Answer, len(questions))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, q := range questions {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answers[i] = p.askOne(ctx, zones, q)
		})
	}
	wg.Wait()
	return answers
}

// askOne asks every authoritative server of the question's zone, and the
// resolvers.
func (p *Prober) askOne(ctx context.Context, zones *zoneCache, q dnsplan.Question) []dnsplan.Answer {
	qtype, ok := dns.StringToType[q.Type]
	if !ok {
		return nil
	}
	var answers []dnsplan.Answer
	if z, err := zones.of(ctx, q.Name); err == nil {
		for _, s := range z.servers {
			m, err := p.ask(ctx, s.address, q.Name, qtype, false)
			a := answer(m, err, q.Name, qtype, false)
			if a.Status.Known() && len(a.Aliases) > 0 && len(a.Values) == 0 {
				p.follow(ctx, &a, qtype)
			}
			a.Server = s.name
			answers = append(answers, a)
		}
	}
	for _, r := range p.config.Resolvers {
		m, err := p.ask(ctx, r, q.Name, qtype, true)
		a := answer(m, err, q.Name, qtype, true)
		a.Server, a.Resolver = "resolver "+r, true
		answers = append(answers, a)
	}
	return answers
}

// follow finds what an alias leads to in another zone, where the server that
// was asked cannot know it.
func (p *Prober) follow(ctx context.Context, a *dnsplan.Answer, qtype uint16) {
	target := a.Aliases[len(a.Aliases)-1]
	m, err := p.ask(ctx, p.config.Resolvers[0], target, qtype, true)
	rest := answer(m, err, target, qtype, true)
	a.Values, a.Aliases = rest.Values, append(a.Aliases, rest.Aliases...)
	a.Status, a.TTL = rest.Status, rest.TTL
}

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
	z.mu.Unlock()
	var err error
	if !known {
		if apex, err = z.prober.apex(ctx, name); err != nil {
			return nil, err
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

// apex asks for the SOA: a resolver names the zone in its answer, or beside a
// negative one. Behind an alias it names the zone of the alias's target, so
// the way goes up label by label.
func (p *Prober) apex(ctx context.Context, name string) (string, error) {
	var failure error
	for _, r := range p.config.Resolvers {
		for at := dns.CanonicalName(name); at != "."; at = parent(at) {
			m, err := p.ask(ctx, r, at, dns.TypeSOA, true)
			if err != nil {
				failure = err
				break
			}
			if m.Rcode == dns.RcodeServerFailure || m.Rcode == dns.RcodeRefused {
				failure = fmt.Errorf("the resolver %s answers %s", r, dns.RcodeToString[m.Rcode])
				break
			}
			for _, rr := range slices.Concat(m.Answer, m.Ns) {
				if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, at) {
					return strings.TrimSuffix(dns.CanonicalName(soa.Hdr.Name), "."), nil
				}
			}
			failure = fmt.Errorf("the resolver %s names no zone", r)
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
	m, err := p.ask(ctx, p.config.Resolvers[0], apex, dns.TypeNS, true)
	if err != nil {
		return nil, gomail.Errorf(gomail.Unavailable, "the name servers of %s cannot be found: %w", apex, err)
	}
	z := &zone{name: apex}
	for _, rr := range m.Answer {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		host := strings.TrimSuffix(dns.CanonicalName(ns.Ns), ".")
		z.nameServers = append(z.nameServers, host)
		for _, a := range p.addresses(ctx, host) {
			z.servers = append(z.servers, server{fmt.Sprintf("%s (%s)", host, a), netip.AddrPortFrom(a, 53).String()})
		}
	}
	slices.Sort(z.nameServers)
	slices.SortFunc(z.servers, func(a, b server) int { return strings.Compare(a.name, b.name) })
	return z, nil
}

// addresses returns the addresses of a name server. IPv6 is left out where
// IPv4 is there: many machines have no way to it, and silence would look like
// a fault of the server.
func (p *Prober) addresses(ctx context.Context, host string) []netip.Addr {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := p.ask(ctx, p.config.Resolvers[0], host, qtype, true)
		a := answer(m, err, host, qtype, true)
		var found []netip.Addr
		for _, v := range a.Values {
			if addr, err := netip.ParseAddr(v.Text); err == nil {
				found = append(found, addr)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// dnssec asks whether the parent vouches for the zone's keys.
func (p *Prober) dnssec(ctx context.Context, apex string) dnsplan.DNSSEC {
	m, err := p.ask(ctx, p.config.Resolvers[0], apex, dns.TypeDS, true)
	a := answer(m, err, apex, dns.TypeDS, true)
	switch {
	case a.Status == dnsplan.Answered:
		return dnsplan.DNSSECSigned
	case a.Status.Known():
		return dnsplan.DNSSECUnsigned
	}
	return dnsplan.DNSSECUnknown
}
