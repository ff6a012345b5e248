package mxsend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"gomail"
	"gomail/internal/netaddr"
	"gomail/queue"
	"gomail/tlspolicy"
)

// route says where mail for a domain goes.
type route struct {
	hosts     []string // best first
	preferred int      // how many of them share the best preference
	port      int
	smarthost *Smarthost // nil: the hosts are the domain's own
	bySender  bool       // mail of others to the same domain may go elsewhere

	domain string            // of the recipients
	secure bool              // the hosts are authenticated by DNSSEC
	sts    *tlspolicy.Policy // nil: none is in force
	wish   Wish
	silent bool // sessions are not counted
}

// key names a host in the pool of connections. One that is signed in is not
// for mail that goes by another way, nor one that is less safe for mail that
// must be safer.
func (r route) key(host string, p policy) string {
	key := fmt.Sprintf("%s:%d", host, r.port) + p.key(r.domain)
	if r.smarthost != nil {
		key += " as " + r.smarthost.Username
	}
	return key
}

// maxMX bounds how many MX records of a domain count.
const maxMX = 20

// route finds the servers that take a task.
func (s *Sender) route(ctx context.Context, task queue.Task) (r route, f *failure) {
	if h := s.smarthost(task); h != nil {
		r = route{hosts: []string{h.Host}, preferred: 1, port: h.Port, smarthost: h}
	} else {
		r, f = s.domainRoute(ctx, task.Site)
	}
	r.domain = task.Site
	// Reports are such messages: of them nobody wants to hear in reports.
	r.silent = task.Envelope.TLS == gomail.TLSOptional
	if f == nil && r.smarthost == nil {
		s.findPolicies(ctx, &r)
	}
	r.bySender = s.dependsOnSender()
	return r, f
}

// domainRoute finds the servers of a domain, RFC 5321 section 5.1.
func (s *Sender) domainRoute(ctx context.Context, domain string) (route, *failure) {
	if strings.HasPrefix(domain, "[") {
		return route{}, &failure{outcome: queue.Permanent, enhanced: "5.1.2", text: "mail to address literals is not sent"}
	}
	records, secure, err := s.lookupMX(ctx, domain)
	if isNotFound(err) {
		return s.implicitRoute(domain, secure)
	}
	if err != nil && len(records) == 0 {
		return route{}, &failure{outcome: queue.Temporary, enhanced: "4.4.3", text: cleanText("looking up the MX of " + domain + ": " + err.Error())}
	}
	r, f := s.explicitRoute(ctx, domain, records)
	r.secure = secure
	return r, f
}

// findPolicies adds what is wanted of TLS with any of the domain's servers.
func (s *Sender) findPolicies(ctx context.Context, r *route) {
	r.wish = s.wish(r.domain)
	if s.cfg.STS == nil {
		return
	}
	var flaw *tlspolicy.Failure
	if r.sts, flaw = s.cfg.STS(ctx, r.domain); flaw != nil {
		p := policy{kind: tlspolicy.PolicySTS}
		if r.sts != nil {
			p.text, p.hosts = r.sts.Lines(), r.sts.MX
		}
		s.count(*r, p, "", nil, flaw)
	}
}

// implicitRoute is for a domain without MX: its own address takes the mail.
// That it has none is found when the address is looked up.
func (s *Sender) implicitRoute(domain string, secure bool) (route, *failure) {
	if s.isOwnName(domain) {
		return route{}, loops(domain)
	}
	return route{hosts: []string{domain}, preferred: 1, port: 25, secure: secure}, nil
}

// mx is one MX record, its host in lower case without the final dot.
type mx struct {
	host string
	pref uint16
}

func (s *Sender) explicitRoute(ctx context.Context, domain string, records []*net.MX) (route, *failure) {
	var hosts []mx
	for _, r := range records {
		host := strings.ToLower(strings.TrimSuffix(r.Host, "."))
		if host == "" && len(records) == 1 {
			return route{}, &failure{outcome: queue.Permanent, code: 556, enhanced: "5.1.10", text: "the domain " + domain + " takes no mail (null MX)"}
		}
		if host != "" && len(hosts) < maxMX && cleanText(host) == host {
			hosts = append(hosts, mx{host, r.Pref})
		}
	}
	sortMX(hosts)
	hosts = s.beforeUs(ctx, hosts)
	if len(hosts) == 0 {
		return route{}, loops(domain)
	}
	r := route{port: 25}
	for _, h := range hosts {
		r.hosts = append(r.hosts, h.host)
		if h.pref == hosts[0].pref {
			r.preferred++
		}
	}
	return r, nil
}

// sortMX puts the best first and mixes those of one preference, so that the
// load is spread.
func sortMX(hosts []mx) {
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(a, b mx) int { return int(a.pref) - int(b.pref) })
}

// beforeUs drops the MX that are ourselves and all that are not better: we
// were chosen because those were not reached, RFC 5321 section 5.1.
func (s *Sender) beforeUs(ctx context.Context, hosts []mx) []mx {
	for _, h := range hosts {
		if s.isOwnName(h.host) || s.hasOwnAddress(ctx, h.host) {
			return slices.DeleteFunc(hosts, func(o mx) bool { return o.pref >= h.pref })
		}
	}
	return hosts
}

func (s *Sender) isOwnName(host string) bool { return strings.EqualFold(host, s.cfg.Hostname) }

// hasOwnAddress reports whether a host leads to us. The look-up is not lost:
// the resolver keeps it for the connection.
func (s *Sender) hasOwnAddress(ctx context.Context, host string) bool {
	if len(s.cfg.OwnAddresses) == 0 {
		return false
	}
	addrs, err := s.cfg.Resolver.LookupIPAddr(ctx, host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(a net.IPAddr) bool {
		addr, ok := netip.AddrFromSlice(a.IP)
		return ok && slices.Contains(s.cfg.OwnAddresses, addr.Unmap())
	})
}

func loops(domain string) *failure {
	return &failure{outcome: queue.Permanent, enhanced: "5.4.6", text: "mail for " + domain + " leads back to this server, which does not host the domain"}
}

// addresses returns the addresses of a host, families in turn so that one
// broken family costs one try. IPv6 comes first (RFC 6724).
func (s *Sender) addresses(ctx context.Context, r route, host string) ([]netip.Addr, *failure) {
	found, err := s.cfg.Resolver.LookupIPAddr(ctx, host)
	if isNotFound(err) || err == nil && len(found) == 0 {
		return nil, &failure{outcome: queue.Permanent, enhanced: "5.1.2", text: cleanText("the host " + host + " does not exist or has no address")}
	}
	if err != nil {
		return nil, &failure{outcome: queue.Temporary, enhanced: "4.4.3", text: cleanText("looking up the address of " + host + ": " + err.Error())}
	}
	var v4, v6 []netip.Addr
	for _, a := range found {
		addr, ok := netip.AddrFromSlice(a.IP)
		switch addr = addr.Unmap(); {
		case !ok || r.smarthost == nil && !s.cfg.AllowPrivateNetworks && !netaddr.IsPublic(addr):
		case addr.Is4():
			v4 = append(v4, addr)
		default:
			v6 = append(v6, addr)
		}
	}
	if len(v4)+len(v6) == 0 {
		return nil, &failure{outcome: queue.Permanent, enhanced: "5.4.4", text: cleanText("the host " + host + " has only addresses of private networks")}
	}
	return interleave(v6, v4), nil
}

func interleave(a, b []netip.Addr) []netip.Addr {
	all := make([]netip.Addr, 0, len(a)+len(b))
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			all = append(all, a[i])
		}
		if i < len(b) {
			all = append(all, b[i])
		}
	}
	return all
}

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound && !e.IsTemporary && !e.IsTimeout
}
