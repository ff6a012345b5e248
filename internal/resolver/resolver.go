package resolver

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"gomail"
)

// Config says whom a Resolver asks and how long it waits. The zero value asks
// the servers of /etc/resolv.conf.
type Config struct {
	// Servers are recursive name servers as "host:port" or "host" (port 53),
	// tried in turn. Empty: those of /etc/resolv.conf.
	Servers []string
	// TrustAD believes the AD bit of every server's answers. Only right when
	// the servers validate and nobody can write on the path to them. That of
	// servers at loopback addresses is believed in any case: there is no path.
	TrustAD bool
	// Timeout bounds one attempt at one server. 0: 3 seconds.
	Timeout time.Duration
	// MaxEntries bounds the cache. 0: 10,000 answers.
	MaxEntries int
	// Clock tells the time by which answers grow old. nil: time.Now.
	Clock func() time.Time
	// Dial opens a connection to a server; network is "udp" or "tcp". nil: a
	// plain net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	defaultTimeout    = 3 * time.Second
	defaultMaxEntries = 10_000
	// rounds is how often the whole list of servers is tried.
	rounds = 2
	// maxChain bounds the CNAMEs followed for one question, within one answer
	// and over several.
	maxChain = 8
)

// nameServer is a recursive name server.
type nameServer struct {
	address string
	trusted bool // its AD bit is believed
}

// trust says of each server whether its AD bit is believed.
func trust(addresses []string, all bool) []nameServer {
	servers := make([]nameServer, len(addresses))
	for i, address := range addresses {
		at, err := netip.ParseAddrPort(address)
		servers[i] = nameServer{address, all || err == nil && at.Addr().Unmap().IsLoopback()}
	}
	return servers
}

// Resolver is a caching stub resolver. It is safe for concurrent use.
type Resolver struct {
	servers []nameServer
	timeout time.Duration
	clock   func() time.Time
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	preferred atomic.Uint32 // index of the server that answered last
	cache     cache
	flights   flights
}

// New returns a Resolver. It fails with an Invalid error when no server is
// given and /etc/resolv.conf cannot be read.
func New(cfg Config) (*Resolver, error) {
	servers, err := serverList(cfg.Servers)
	if err != nil {
		return nil, err
	}
	r := &Resolver{
		servers: trust(servers, cfg.TrustAD),
		timeout: cfg.Timeout,
		clock:   cfg.Clock,
		dial:    cfg.Dial,
	}
	if r.timeout <= 0 {
		r.timeout = defaultTimeout
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.dial == nil {
		r.dial = new(net.Dialer).DialContext
	}
	r.cache.limit = cfg.MaxEntries
	if r.cache.limit <= 0 {
		r.cache.limit = defaultMaxEntries
	}
	return r, nil
}

func serverList(configured []string) ([]string, error) {
	port := "53"
	if len(configured) == 0 {
		system, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, gomail.Errorf(gomail.Invalid, "no name server is configured and /etc/resolv.conf cannot be read: %w", err)
		}
		configured, port = system.Servers, system.Port
	}
	if len(configured) == 0 {
		return nil, gomail.Errorf(gomail.Invalid, "no name server is configured and /etc/resolv.conf names none: set dns.resolvers")
	}
	servers := make([]string, 0, len(configured))
	for _, s := range configured {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), port)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// Close cancels the questions under way and waits for them. The resolver
// answers from its cache afterwards and refuses everything else.
func (r *Resolver) Close() { r.flights.close() }

// Answer is what the DNS says about one name and type.
type Answer struct {
	// Records are those of the type asked for, CNAMEs already followed. They
	// are shared with the cache: not to be changed.
	Records []dns.RR
	// Name is where the records stand: the end of the CNAME chain, lower
	// case, without the trailing dot.
	Name string
	// Authenticated: a trusted server validated the whole answer (AD bit).
	// Also set on a NotFound error's Answer.
	Authenticated bool
	// NXDomain: the name does not exist at all. Without it and without
	// records, it exists and has none of this type.
	NXDomain bool
	// Expires is when the answer has to be asked for again.
	Expires time.Time
}

// Query asks for the records of one type at a name, which is taken as
// absolute. Where there are none it returns an IsNotFound error together with
// an Answer that says why.
func (r *Resolver) Query(ctx context.Context, name string, qtype uint16) (Answer, error) {
	key, ok := canonical(name)
	if !ok {
		// Such a name cannot be in the DNS, so nobody needs to be asked.
		return Answer{NXDomain: true}, notFound(name)
	}
	q := question{key, qtype}
	answer, hit := r.cache.get(q, r.clock)
	if !hit {
		var err error
		answer, err = r.flights.do(ctx, q, r.fetch)
		if err != nil {
			return Answer{}, err
		}
	}
	if len(answer.Records) == 0 {
		return *answer, notFound(name)
	}
	return *answer, nil
}

// fetch asks the servers and remembers the answer. It follows a CNAME that
// leads out of one answer with another question.
func (r *Resolver) fetch(ctx context.Context, q question) (*Answer, error) {
	whole := &Answer{Name: q.name, Authenticated: true, Expires: r.clock().Add(maxTTL)}
	for range maxChain {
		msg, err := r.ask(ctx, question{whole.Name, q.qtype})
		if err != nil {
			return nil, err
		}
		more, err := whole.take(msg, q.qtype, r.clock())
		if err != nil {
			return nil, err
		}
		if !more {
			r.cache.put(q, whole, r.clock())
			return whole, nil
		}
	}
	return nil, temporary(q.name, "", "the name is an alias of too many others")
}

// canonical returns a name in lower case without its trailing dot, and false
// when it cannot be a domain name. It does not allocate for a name that is
// canonical already.
func canonical(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return "", false
	}
	label, upper := 0, false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case c == '\\':
			// It begins an escape in presentation form; no name that mail
			// has to ask for holds one. Other octets are taken as they are:
			// SPF macros make names such as "anna@example.com.example.net".
			return "", false
		case 'A' <= c && c <= 'Z':
			upper = true
		}
		if label++; label > 63 {
			return "", false
		}
	}
	if label == 0 {
		return "", false
	}
	if upper {
		name = lowerASCII(name)
	}
	return name, true
}

// lowerASCII folds the letters that the DNS folds (RFC 4343) and no others.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host or record", Name: name, IsNotFound: true}
}

func temporary(name, server, reason string) error {
	return &net.DNSError{Err: reason, Name: name, Server: server, IsTemporary: true}
}

// question is one name (canonical) and type.
type question struct {
	name  string
	qtype uint16
}
