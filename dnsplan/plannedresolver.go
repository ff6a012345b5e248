package dnsplan

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// plannedResolver answers as the DNS will once the plan is published: from the
// plan, and outside it from what was seen. What neither knows is a temporary
// error, and noted.
type plannedResolver struct {
	planned map[Question][]Value
	seen    Seen

	mu      sync.Mutex
	unknown []string // guarded by mu
}

func newPlannedResolver(records []Record, seen Seen) *plannedResolver {
	p := &plannedResolver{planned: map[Question][]Value{}, seen: seen}
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		v := Value{Text: r.Value}
		if r.Priority != nil {
			v.Priority = *r.Priority
		}
		q := Question{canonicalName(r.Name), r.Type}
		p.planned[q] = append(p.planned[q], v)
	}
	return p
}

// missing returns what was asked and not known.
func (p *plannedResolver) missing() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.unknown)
	return slices.Compact(slices.Clone(p.unknown))
}

// maxAliases bounds how far a chain of aliases is followed.
const maxAliases = 8

// look returns the values at a name, or an error as a resolver would.
func (p *plannedResolver) look(name, kind string) ([]Value, error) {
	name = canonicalName(name)
	for range maxAliases {
		if values := p.plannedAt(name, kind); len(values) > 0 {
			return values, nil
		}
		alias := p.plannedAt(name, "CNAME")
		if len(alias) == 0 {
			return p.seenAt(name, kind)
		}
		name = canonicalName(alias[0].Text)
	}
	return nil, notFound(name)
}

// plannedAt returns the planned values, those of a wildcard too (RFC 4592).
func (p *plannedResolver) plannedAt(name, kind string) []Value {
	if values, ok := p.planned[Question{name, kind}]; ok {
		return values
	}
	_, parent, ok := strings.Cut(name, ".")
	if !ok {
		return nil
	}
	return p.planned[Question{"*." + parent, kind}]
}

// seenAt returns what the DNS holds outside the plan.
func (p *plannedResolver) seenAt(name, kind string) ([]Value, error) {
	if strings.HasSuffix(name, ".invalid") { // RFC 6761 section 6.4: nothing is there, ever
		return nil, notFound(name)
	}
	a, ok := p.seen.first(name, kind)
	switch {
	case !ok:
		p.mu.Lock()
		p.unknown = append(p.unknown, name+" ("+kind+")")
		p.mu.Unlock()
		return nil, &net.DNSError{Err: "not asked yet", Name: name, IsTemporary: true}
	case len(a.Values) == 0:
		return nil, notFound(name)
	}
	return a.Values, nil
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// LookupTXT is mailauth's.
func (p *plannedResolver) LookupTXT(_ context.Context, name string) ([]string, error) {
	values, err := p.look(name, "TXT")
	return texts(values), err
}

// LookupMX is mailauth's.
func (p *plannedResolver) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	values, err := p.look(name, "MX")
	var all []*net.MX
	for _, v := range values {
		all = append(all, &net.MX{Host: v.Text, Pref: uint16(v.Priority)})
	}
	return all, err
}

// LookupIPAddr is mailauth's. That one family was not asked about is no
// matter where the other has an address.
func (p *plannedResolver) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a, errA := p.look(host, "A")
	b, errB := p.look(host, "AAAA")
	var all []net.IPAddr
	for _, v := range slices.Concat(a, b) {
		if ip := net.ParseIP(v.Text); ip != nil {
			all = append(all, net.IPAddr{IP: ip})
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case temporary(errA):
		return nil, errA
	}
	return nil, errB
}

// LookupAddr is mailauth's: the planned names of our addresses.
func (p *plannedResolver) LookupAddr(_ context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, notFound(addr)
	}
	name, err := dns.ReverseAddr(plain(a).String())
	if err != nil {
		return nil, notFound(addr)
	}
	values := p.plannedAt(canonicalName(name), "PTR")
	if len(values) == 0 {
		return nil, notFound(addr)
	}
	return texts(values), nil
}
