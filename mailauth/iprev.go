package mailauth

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"gomail"
)

// Status is a result of the iprev method, RFC 8601 section 2.7.3.
type Status string

// The results.
const (
	Pass      Status = "pass"
	Fail      Status = "fail"      // the address has a name that does not lead back to it
	TempError Status = "temperror" // the DNS did not answer
	PermError Status = "permerror" // the address has no name
)

// IPRev is the client's name by forward-confirmed reverse DNS, RFC 8601
// section 3.
type IPRev struct {
	Status Status
	Addr   netip.Addr
	Name   string // canonical; only with a pass
}

// maxNames bounds how many names of one address are tried.
const maxNames = 10

func checkIPRev(ctx context.Context, resolver Resolver, addr netip.Addr) IPRev {
	names, err := resolver.LookupAddr(ctx, addr.String())
	if err != nil || len(names) == 0 {
		return IPRev{Status: absent(err), Addr: addr}
	}
	status := Fail
	for _, name := range names[:min(len(names), maxNames)] {
		name, err := gomail.CanonicalDomain(name)
		if err != nil {
			continue
		}
		addrs, err := resolver.LookupIPAddr(ctx, name)
		if err != nil && absent(err) == TempError {
			status = TempError
		}
		for _, a := range addrs {
			if found, ok := netip.AddrFromSlice(a.IP); ok && found.Unmap() == addr {
				return IPRev{Status: Pass, Addr: addr, Name: name}
			}
		}
	}
	return IPRev{Status: status, Addr: addr}
}

// absent tells a certain absence from a failure to answer.
func absent(err error) Status {
	var dnsErr *net.DNSError
	if err == nil || errors.As(err, &dnsErr) && dnsErr.IsNotFound {
		return PermError
	}
	return TempError
}
