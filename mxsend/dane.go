package mxsend

import (
	"context"
	"encoding/hex"
	"net"
	"strings"

	"github.com/miekg/dns"

	"gomail"
	"gomail/internal/resolver"
	"gomail/queue"
	"gomail/tlspolicy"
)

// SecureResolver tells what of the DNS is authenticated by DNSSEC.
// *resolver.Resolver is one.
type SecureResolver interface {
	SecureMX(ctx context.Context, name string) ([]*net.MX, bool, error)
	SecureHost(ctx context.Context, host string) (resolver.Host, error)
	SecureAlias(ctx context.Context, name string) (bool, error)
	LookupTLSA(ctx context.Context, name string) ([]*dns.TLSA, bool, error)
}

// lookupMX looks up the MX of a domain, and whether they are authenticated.
func (s *Sender) lookupMX(ctx context.Context, domain string) ([]*net.MX, bool, error) {
	if s.cfg.Secure == nil {
		records, err := s.cfg.Resolver.LookupMX(ctx, domain)
		return records, false, err
	}
	return s.cfg.Secure.SecureMX(ctx, domain)
}

// dane finds the policy that the TLSA records of a host make, RFC 7672 section
// 2.2. Without DNSSEC all the way from the domain to the records there is
// none. Where they cannot be looked up the host is not used: somebody may be
// hiding them (section 2.1.1).
func (s *Sender) dane(ctx context.Context, r route, host string) (policy, *failure) {
	p := policy{server: host, by: queue.ByWebPKI, kind: tlspolicy.PolicyNone, shared: true}
	if s.cfg.Secure == nil || !r.secure {
		return p, nil
	}
	base, err := s.tlsaBase(ctx, host)
	if err == nil && base == "" {
		return p, nil
	}
	var found []*dns.TLSA
	var secure bool
	if err == nil {
		found, secure, err = s.cfg.Secure.LookupTLSA(ctx, "_25._tcp."+base)
		if isNotFound(err) && base != host { // RFC 7672 section 2.2.3: then those of the alias
			base = host
			found, secure, err = s.cfg.Secure.LookupTLSA(ctx, "_25._tcp."+base)
		}
	}
	switch {
	case isNotFound(err):
		return p, nil
	case err != nil:
		p.kind = tlspolicy.PolicyTLSA
		s.count(r, p, host, nil, &tlspolicy.Failure{Type: tlspolicy.DNSSECInvalid, Err: err})
		return p, &failure{outcome: queue.Temporary, enhanced: "4.7.5", text: cleanText("looking up the TLSA records of " + host + ": " + err.Error())}
	case !secure:
		return p, nil
	}
	p.useTLSA(found, base)
	p.names = []string{base, host, r.domain}
	return p, nil
}

// tlsaBase returns the name under which the TLSA records of a host stand;
// empty: none that could be believed.
func (s *Sender) tlsaBase(ctx context.Context, host string) (string, error) {
	h, err := s.cfg.Secure.SecureHost(ctx, host)
	switch {
	case isNotFound(err):
		return "", nil // that the host has no address is told later
	case err != nil:
		return "", err
	case h.Secure:
		return h.Name, nil
	case h.Name == host:
		return "", nil
	}
	// The alias leads out of what is signed: it may have records itself.
	secure, err := s.cfg.Secure.SecureAlias(ctx, host)
	if err != nil || !secure {
		return "", err
	}
	return host, nil
}

// useTLSA takes the records of a host. Where none of them can be used TLS is
// still a must, with whomever (RFC 7672 section 2.2).
func (p *policy) useTLSA(found []*dns.TLSA, base string) {
	var all []tlspolicy.TLSA
	for _, rr := range found {
		data, err := hex.DecodeString(rr.Certificate)
		if err != nil {
			continue
		}
		t := tlspolicy.TLSA{Usage: rr.Usage, Selector: rr.Selector, Matching: rr.MatchingType, Data: data}
		all = append(all, t)
		if len(p.text) < mostTLSA {
			p.text = append(p.text, t.String())
		}
	}
	p.kind, p.server, p.hosts, p.shared = tlspolicy.PolicyTLSA, base, []string{base}, false
	p.tlsa = tlspolicy.UsableTLSA(all)
	asks := "the TLSA records of " + strings.TrimSuffix(base, ".")
	p.insist(needsDANE, asks)
	if len(p.tlsa) == 0 {
		p.level = needsTLS
		p.flaw = &tlspolicy.Failure{Type: tlspolicy.TLSAInvalid, Err: gomail.Errorf(gomail.Refused, "none of the TLSA records can be used")}
	}
}

// mostTLSA bounds how many records are quoted in a report.
const mostTLSA = 20
