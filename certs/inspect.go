package certs

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
)

// method is a way to prove a name to an authority.
type method string

const (
	byHTTP method = "http-01"
	byTLS  method = "tls-alpn-01"
	byDNS  method = "dns-01"
)

// at is where an authority asks.
func (m method) at(name string) string {
	switch m {
	case byHTTP:
		return "port 80 of " + name
	case byTLS:
		return "port 443 of " + name
	}
	return "_acme-challenge." + name
}

// inspect looks whether an order can succeed, and by which methods, best
// first.
func (o *orders) inspect(ctx context.Context, n Name, last method) ([]method, Cause) {
	permitted, cause := o.caa(ctx, n.Name)
	if cause.Code != "" {
		return nil, cause
	}
	here := o.address(ctx, n.Name)
	byRecord := o.acme.DNS != nil && o.acme.DNS.Covers(ctx, n.Name)
	if here.Code != "" && (n.Domain != "" || !byRecord) {
		return nil, here
	}
	var ways []method
	o.mu.Lock()
	if o.http != "" && here.Code == "" {
		ways = append(ways, byHTTP)
	}
	if o.https != "" && here.Code == "" {
		ways = append(ways, byTLS)
	}
	o.mu.Unlock()
	if byRecord {
		ways = append(ways, byDNS)
	}
	ways = slices.DeleteFunc(ways, func(m method) bool { return permitted != nil && !slices.Contains(permitted, string(m)) })
	if len(ways) == 0 {
		return nil, Cause{Code: NoWay, Found: "Nothing that an authority could ask is served.", Mend: "Listen on port 80 (web.http_listen) or 443 (web.listen), or connect the domain with its DNS provider: gomail dns connection add."}
	}
	slices.SortStableFunc(ways, func(a, b method) int { // what worked before comes first
		if a == last {
			return -1
		}
		if b == last {
			return 1
		}
		return 0
	})
	return ways, Cause{}
}

// address looks whether a name leads to this server, and to no other:
// authorities may ask any of its addresses.
func (o *orders) address(ctx context.Context, name string) Cause {
	ours := o.acme.Addresses
	if len(ours) == 0 && name != o.config.Hostname {
		var cause Cause
		if ours, cause = o.lookUp(ctx, o.config.Hostname); cause.Code != "" {
			return cause
		}
	}
	found, cause := o.lookUp(ctx, name)
	if cause.Code != "" || len(ours) == 0 {
		return cause
	}
	for _, a := range found {
		if !slices.Contains(ours, a) {
			return Cause{Code: Elsewhere, Found: name + " leads to " + a.String() + ", which is not an address of this server (" + join(ours) + ").", Mend: o.pointHere(name)}
		}
	}
	return Cause{}
}

func (o *orders) pointHere(name string) string {
	if name == o.config.Hostname {
		return "Set its A and AAAA records to this server's addresses, or correct server.public_addresses."
	}
	return "Make it an alias (CNAME) of " + o.config.Hostname + " at your DNS provider; gomail dns plan shows the record. If it is meant to lead elsewhere, nothing is to be done."
}

// lookUp returns a name's addresses as they are now: a look comes after
// something has changed, and what was not there a moment ago may be.
func (o *orders) lookUp(ctx context.Context, name string) ([]netip.Addr, Cause) {
	o.acme.Resolver.Forget(name)
	all, err := o.acme.Resolver.LookupIPAddr(ctx, name)
	if absent(err) {
		return nil, Cause{Code: NoAddress, Found: name + " is not in the DNS, or has no address there.", Mend: o.pointHere(name)}
	}
	if err != nil {
		return nil, notLookedUp(name, err)
	}
	var addresses []netip.Addr
	for _, a := range all {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			addresses = append(addresses, ip.Unmap())
		}
	}
	return addresses, Cause{}
}

func absent(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func notLookedUp(name string, err error) Cause {
	return Cause{Code: DNSTrouble, Found: lookingUp + name + " failed: " + err.Error() + ".", Mend: "It is tried again. If it lasts, look at dns.resolvers and at the domain's name servers: gomail dns check."}
}

func join(all []netip.Addr) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}

// caa looks whether the authority may issue for a name, RFC 8659 section 3:
// the records of the nearest name upwards that has any count. It returns the
// methods that they allow, RFC 8657 section 4; nil: all.
func (o *orders) caa(ctx context.Context, name string) ([]string, Cause) {
	for at := name; at != ""; _, at, _ = strings.Cut(at, ".") {
		answer, err := o.acme.Resolver.Query(ctx, at, dns.TypeCAA)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, notLookedUp(at+" (CAA)", err)
		}
		return judgeCAA(at, answer.Records, o.identities(ctx))
	}
	return nil, Cause{}
}

// knownTags are those that a record marked critical may have.
var knownTags = []string{"issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"}

func judgeCAA(at string, records []dns.RR, identities []string) (methods []string, cause Cause) {
	var issuers []string
	forbids := Cause{Code: CAAForbids, Mend: "Add the CAA record 0 issue \"" + identities[0] + "\" at " + at + ", or take the others away; gomail dns plan shows what is planned."}
	for _, rr := range records {
		r, ok := rr.(*dns.CAA)
		if !ok {
			continue
		}
		tag := strings.ToLower(r.Tag)
		if r.Flag&128 != 0 && !slices.Contains(knownTags, tag) {
			forbids.Found = "The CAA records of " + at + " have a critical property “" + cut(tag) + "”, with which no authority issues."
			return nil, forbids
		}
		if tag != "issue" {
			continue
		}
		domain, parameters, _ := strings.Cut(r.Value, ";")
		domain = strings.ToLower(strings.TrimSpace(domain))
		if slices.Contains(identities, domain) {
			return allowedMethods(parameters), Cause{}
		}
		if domain == "" {
			domain = "nobody"
		}
		issuers = append(issuers, domain)
	}
	if len(issuers) == 0 {
		return nil, Cause{}
	}
	forbids.Found = "The CAA records of " + at + " allow " + cut(strings.Join(issuers, ", ")) + " alone to issue certificates, not " + identities[0] + "."
	return nil, forbids
}

// allowedMethods reads the validationmethods parameter; nil: all are allowed.
func allowedMethods(parameters string) []string {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, ok := strings.Cut(p, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "validationmethods") {
			all := strings.Split(value, ",")
			for i := range all {
				all[i] = strings.TrimSpace(all[i])
			}
			return all
		}
	}
	return nil
}

// identitiesLife is how long an authority's names are remembered.
const identitiesLife = 24 * time.Hour

// identities are the authority's names in CAA records: those of its directory,
// or what is known of it.
func (o *orders) identities(ctx context.Context) []string {
	o.mu.Lock()
	known, fresh := o.names, o.config.Clock().Sub(o.named) < identitiesLife
	o.mu.Unlock()
	if fresh {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := acme.Client{Directory: o.acme.directory(), HTTPClient: &http.Client{Transport: o.transport}}
	directory, err := client.GetDirectory(ctx)
	if err != nil || directory.Meta == nil || len(directory.Meta.CAAIdentities) == 0 {
		return []string{strings.ToLower(o.acme.Issuer)}
	}
	var names []string
	for _, n := range directory.Meta.CAAIdentities {
		names = append(names, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	o.mu.Lock()
	o.names, o.named = names, o.config.Clock()
	o.mu.Unlock()
	return names
}
