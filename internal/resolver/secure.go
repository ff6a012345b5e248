package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/miekg/dns"
)

// SecureMX is LookupMX that also tells whether the answer, or the absence of
// one, is authenticated.
func (r *Resolver) SecureMX(ctx context.Context, name string) (mxs []*net.MX, secure bool, err error) {
	answer, err := r.Query(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, answer.Authenticated, err
	}
	return mxRecords(answer), answer.Authenticated, nil
}

// Host is what the DNS says of where a host is.
type Host struct {
	Addresses []netip.Addr // IPv6 first
	Name      string       // where they stand: the end of its aliases, without the trailing dot
	Secure    bool         // the answer is authenticated, the aliases included
}

// SecureHost returns the addresses of a host. Those of one family are returned
// even when asking for the other failed, and are as secure as the answer that
// came: whoever can spoil one answer must not make the other look unsigned.
func (r *Resolver) SecureHost(ctx context.Context, host string) (Host, error) {
	type reply struct {
		answer Answer
		err    error
	}
	second := make(chan reply, 1)
	ask := func(qtype uint16) reply {
		answer, err := r.Query(ctx, host, qtype)
		return reply{answer, err}
	}
	if r.cached(host, dns.TypeA) {
		second <- ask(dns.TypeA)
	} else {
		go func() { second <- ask(dns.TypeA) }()
	}
	v6 := ask(dns.TypeAAAA)
	v4 := <-second
	addrs := append(addressRecords(v6.answer), addressRecords(v4.answer)...)
	if len(addrs) == 0 {
		return Host{}, worse(v6.err, v4.err)
	}
	h := Host{Addresses: addrs, Secure: true}
	for _, r := range []reply{v6, v4} {
		if r.err == nil || isNotFound(r.err) {
			h.Name, h.Secure = r.answer.Name, h.Secure && r.answer.Authenticated
		}
	}
	return h, nil
}

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// SecureAlias reports whether a name is an alias that is authenticated itself,
// wherever it leads.
func (r *Resolver) SecureAlias(ctx context.Context, name string) (bool, error) {
	answer, err := r.Query(ctx, name, dns.TypeCNAME)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil && answer.Authenticated, err
}
