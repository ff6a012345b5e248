package resolver

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// LookupTXT returns the TXT records at a name, the strings of each joined
// without anything between (RFC 7208 section 3.3).
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	answer, err := r.Query(ctx, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(answer.Records))
	for _, rr := range answer.Records {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, unescape(strings.Join(txt.Txt, "")))
		}
	}
	return texts, nil
}

// LookupMX returns the MX records at a name by preference, equal ones in
// random order (RFC 5321 section 5.1). Hosts end with a dot; a null MX (RFC
// 7505) is the host ".".
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	answer, err := r.Query(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	return mxRecords(answer), nil
}

func mxRecords(answer Answer) []*net.MX {
	mxs := make([]*net.MX, 0, len(answer.Records))
	for _, rr := range answer.Records {
		if mx, ok := rr.(*dns.MX); ok {
			mxs = append(mxs, &net.MX{Host: mx.Mx, Pref: mx.Preference})
		}
	}
	rand.Shuffle(len(mxs), func(i, j int) { mxs[i], mxs[j] = mxs[j], mxs[i] })
	slices.SortStableFunc(mxs, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	return mxs
}

// LookupA returns the IPv4 addresses of a host.
func (r *Resolver) LookupA(ctx context.Context, host string) ([]netip.Addr, error) {
	return r.addresses(ctx, host, dns.TypeA)
}

// LookupAAAA returns the IPv6 addresses of a host.
func (r *Resolver) LookupAAAA(ctx context.Context, host string) ([]netip.Addr, error) {
	return r.addresses(ctx, host, dns.TypeAAAA)
}

func (r *Resolver) addresses(ctx context.Context, host string, qtype uint16) ([]netip.Addr, error) {
	answer, err := r.Query(ctx, host, qtype)
	if err != nil {
		return nil, err
	}
	return addressRecords(answer), nil
}

func addressRecords(answer Answer) []netip.Addr {
	addrs := make([]netip.Addr, 0, len(answer.Records))
	for _, rr := range answer.Records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A.To4()
		case *dns.AAAA:
			ip = rr.AAAA.To16()
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// Forget has the addresses of a host asked for anew, for those who look because
// something has just changed.
func (r *Resolver) Forget(host string) {
	if key, ok := canonical(host); ok {
		r.cache.drop(question{key, dns.TypeA})
		r.cache.drop(question{key, dns.TypeAAAA})
	}
}

// LookupIPAddr returns the addresses of a host, IPv6 first. As with
// net.Resolver, an address literal is its own answer, and the addresses of
// one family are returned even when asking for the other failed.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []net.IPAddr{{IP: addr.AsSlice(), Zone: addr.Zone()}}, nil
	}
	type reply struct {
		addrs []netip.Addr
		err   error
	}
	second := make(chan reply, 1)
	if r.cached(host, dns.TypeA) {
		addrs, err := r.LookupA(ctx, host)
		second <- reply{addrs, err}
	} else {
		go func() {
			addrs, err := r.LookupA(ctx, host)
			second <- reply{addrs, err}
		}()
	}
	v6, err6 := r.LookupAAAA(ctx, host)
	v4 := <-second
	addrs := make([]net.IPAddr, 0, len(v6)+len(v4.addrs))
	for _, list := range [][]netip.Addr{v6, v4.addrs} {
		for _, addr := range list {
			addrs = append(addrs, net.IPAddr{IP: addr.AsSlice()})
		}
	}
	if len(addrs) == 0 {
		return nil, worse(err6, v4.err)
	}
	return addrs, nil
}

// cached spares a goroutine where the answer is at hand.
func (r *Resolver) cached(host string, qtype uint16) bool {
	name, ok := canonical(host)
	if !ok {
		return true
	}
	_, hit := r.cache.get(question{name, qtype}, r.clock)
	return hit
}

// worse returns the error that says less: absence is only certain when both
// families are absent.
func worse(a, b error) error {
	var dnsErr *net.DNSError
	if errors.As(a, &dnsErr) && dnsErr.IsNotFound && b != nil {
		return b
	}
	return a
}

// LookupAddr returns the names that the reverse zone gives to an address,
// each with its trailing dot.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	reverse, err := dns.ReverseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "not an IP address", Name: addr, IsNotFound: true}
	}
	answer, err := r.Query(ctx, reverse, dns.TypePTR)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(answer.Records))
	for _, rr := range answer.Records {
		if ptr, ok := rr.(*dns.PTR); ok {
			names = append(names, ptr.Ptr)
		}
	}
	return names, nil
}

// LookupTLSA returns the TLSA records at a name such as
// "_25._tcp.mail.example.com" and whether they are authenticated; without
// that they must not be used (RFC 7672 section 2.2).
func (r *Resolver) LookupTLSA(ctx context.Context, name string) (records []*dns.TLSA, authenticated bool, err error) {
	answer, err := r.Query(ctx, name, dns.TypeTLSA)
	if err != nil {
		return nil, answer.Authenticated, err
	}
	for _, rr := range answer.Records {
		if tlsa, ok := rr.(*dns.TLSA); ok {
			records = append(records, tlsa)
		}
	}
	return records, answer.Authenticated, nil
}

// unescape turns the presentation form in which miekg/dns keeps text (\" \\
// \123) back into the octets of the wire.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if i+2 < len(s) && isDigit(s[i]) && isDigit(s[i+1]) && isDigit(s[i+2]) {
			b = append(b, (s[i]-'0')*100+(s[i+1]-'0')*10+s[i+2]-'0')
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
