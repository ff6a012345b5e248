package dnswatch

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
	"gomail/internal/netaddr"
)

// Config says whom a Prober asks.
type Config struct {
	// Resolvers are recursive servers as "host:port": they lead to the
	// authoritative ones, and are asked beside them. At least one.
	Resolvers []string

	// Dial opens a connection to a server. nil: a plain net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Timeout time.Duration    // of one question to one server; 0: 2 seconds
	Clock   func() time.Time // nil: time.Now

	// Allow says which addresses may be connected to and asked, beyond the
	// resolvers. nil: those of the public Internet.
	Allow func(netip.Addr) bool

	Roots      *x509.CertPool // whom to trust for certificates; nil: the system's
	Addresses  []netip.Addr   // of the mail host
	ACME       bool           // certificates come from an authority that has to reach port 80
	ReachHosts []string       // mail servers of others; empty: port 25 outwards is not used
	BlockLists []string       // DNS block lists (RFC 5782), as zones
}

// Prober asks the DNS. It is safe for concurrent use.
type Prober struct {
	config Config
	pacer  *pacer
	host   *hostProbes
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
	if c.Allow == nil {
		c.Allow = netaddr.IsPublic
	}
	return &Prober{config: c, pacer: newPacer(), host: &hostProbes{tried: map[string]*try{}}}
}

// zone is a zone as it is delegated.
type zone struct {
	name        string // canonical
	nameServers []string
	servers     []server
	unresolved  []string // name servers without an address
	unnamed     int      // name servers beyond the limit, which are in none of these lists
	unasked     int      // addresses beyond the limit
	trouble     error    // why the resolvers could not lead to it; nil: they did
}

// server is one address of a name server.
type server struct {
	name    string // "ns1.example.net (192.0.2.53)"
	host    string
	address string // with its port
}

// parallel is how many questions are under way at once for one look.
const parallel = 16

// look is one look at a domain: what it found out about zones and servers on
// its way.
type look struct {
	prober *Prober
	zones  *zoneCache
	slots  chan struct{}

	mu      sync.Mutex
	tempers map[string]*temper // by address
}

func (p *Prober) begin() *look {
	return &look{
		prober: p, zones: &zoneCache{prober: p, apexes: map[string]string{}, zones: map[string]*zone{}},
		slots: make(chan struct{}, parallel), tempers: map[string]*temper{},
	}
}

// Look asks everything that a comparison of the plan needs, follow-ups too.
// Where the domain's zone cannot be found, the answers are empty; an error is
// the context's alone. Further questions are asked beside.
func (p *Prober) Look(ctx context.Context, domain string, records []dnsplan.Record, further ...dnsplan.Question) (dnsplan.Seen, error) {
	return p.begin().see(ctx, domain, records, further)
}

func (l *look) see(ctx context.Context, domain string, records []dnsplan.Record, further []dnsplan.Question) (dnsplan.Seen, error) {
	seen := dnsplan.Seen{Answers: map[dnsplan.Question][]dnsplan.Answer{}, Now: l.prober.config.Clock()}
	own, err := l.zones.of(ctx, domain)
	if err != nil || !delegated(domain, own.name) {
		return seen, ctx.Err() // the delegation's probe says what is wrong
	}
	seen.Zone, seen.NameServers, seen.DNSSEC, seen.Negative = own.name, own.nameServers, l.prober.dnssec(ctx, own.name), l.prober.negative(ctx, own.name)
	for questions := append(dnsplan.Questions(records), further...); len(questions) > 0; questions = dnsplan.FollowUps(records, seen) {
		for i, answers := range l.askAll(ctx, questions) {
			seen.Answers[questions[i]] = answers
		}
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
	}
	return seen, nil
}

// askAll puts questions to all servers that are to be asked, some at once.
func (l *look) askAll(ctx context.Context, questions []dnsplan.Question) [][]dnsplan.Answer {
	answers := make([][]dnsplan.Answer, len(questions))
	var wg sync.WaitGroup
	for i, q := range questions {
		l.slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-l.slots }()
			answers[i] = l.askOne(ctx, q)
		})
	}
	wg.Wait()
	return answers
}

// askOne asks every authoritative server of the question's zone, and the
// resolvers, all at once.
func (l *look) askOne(ctx context.Context, q dnsplan.Question) []dnsplan.Answer {
	qtype, ok := dns.StringToType[q.Type]
	if !ok {
		return nil
	}
	var servers []server
	var apex string
	if z, err := l.zones.of(ctx, q.Name); err == nil {
		servers, apex = z.servers, z.name
	}
	answers := make([]dnsplan.Answer, len(servers)+len(l.prober.config.Resolvers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { answers[i] = l.askServer(ctx, s, apex, q.Name, qtype) })
	}
	for i, r := range l.prober.config.Resolvers {
		wg.Go(func() {
			m, err := l.prober.ask(ctx, r, q.Name, qtype, true)
			a := answer(m, err, q.Name, qtype, true)
			a.Server, a.Resolver = "resolver "+r, true
			answers[len(servers)+i] = a
		})
	}
	wg.Wait()
	return answers
}

// askServer asks one authoritative server of a zone.
func (l *look) askServer(ctx context.Context, s server, apex, name string, qtype uint16) dnsplan.Answer {
	ask, end := l.temperOf(s).begin(ctx)
	if !ask {
		return dnsplan.Answer{Server: s.name, Status: dnsplan.Timeout}
	}
	m, err := l.prober.ask(ctx, s.address, name, qtype, false)
	a := answer(m, err, name, qtype, false)
	end(a.Status != dnsplan.Timeout)
	if a.Status.Known() && len(a.Values)+len(a.Aliases) == 0 && deniesForAnother(m, apex) {
		a = dnsplan.Answer{Status: dnsplan.Lame}
	}
	if a.Status.Known() && len(a.Aliases) > 0 && len(a.Values) == 0 {
		l.prober.follow(ctx, &a, qtype)
	}
	a.Server = s.name
	return a
}

// deniesForAnother reports whether a negative answer is about another zone
// than the one that was asked about: the server knows the zone above, or a
// made-up root, and not this one. The SOA beside it says (RFC 2308 section 3).
func deniesForAnother(m *dns.Msg, apex string) bool {
	return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
		soa, ok := rr.(*dns.SOA)
		return ok && !dns.IsSubDomain(dns.Fqdn(apex), soa.Hdr.Name)
	})
}

// follow finds what an alias leads to in another zone, where the server that
// was asked cannot know it.
func (p *Prober) follow(ctx context.Context, a *dnsplan.Answer, qtype uint16) {
	target := a.Aliases[len(a.Aliases)-1]
	rest := p.askResolvers(ctx, target, qtype)
	a.Values, a.Aliases = rest.Values, append(a.Aliases, rest.Aliases...)
	a.Status, a.TTL = rest.Status, rest.TTL
}
