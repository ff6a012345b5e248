package spf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// The limits of RFC 7208 section 4.6.4.
const (
	maxLookups = 10 // terms that ask the DNS, over all records of a check
	maxVoids   = 2  // look-ups that find nothing
	maxHosts   = 10 // of one mx: more is an error; of one ptr: more are passed over
)

// outcome is what check_host() returns, with a reason in our own words.
type outcome struct {
	status Status
	reason string
}

// check is one run of check_host() with all records that it leads to.
type check struct {
	ctx      context.Context // of the one call that it lives for
	resolver Resolver
	client   netip.Addr // never an IPv4 address within an IPv6 one
	helo     string
	local    string // of the sender
	origin   string // the sender's domain
	lookups  int
	voids    int
	names    []string // the client's validated names, once named
	named    bool
}

// matching tells how the comparison of a mechanism ended.
type matching int

const (
	differs matching = iota
	matches
	stopped // the check's result is known: an error
)

// checkHost evaluates a domain's record, RFC 7208 section 4.
func (c *check) checkHost(domain string) outcome {
	if !checkable(domain) {
		return outcome{None, "the domain is not a name of several labels"}
	}
	text, problem := c.fetch(domain)
	if problem.status != "" {
		return problem
	}
	r, err := parseRecord(text)
	if err != nil {
		return outcome{PermError, "the SPF record or one that it includes is not valid"}
	}
	for _, t := range r.terms {
		switch match, problem := c.match(t, domain); match {
		case stopped:
			return problem
		case matches:
			return outcome{t.result, statusReasons(t.result)}
		}
	}
	if r.redirect == "" {
		return outcome{Neutral, "no term of the SPF record names the client"}
	}
	return c.redirect(r.redirect, domain)
}

// redirect evaluates another record in place of this one, section 6.1.
func (c *check) redirect(spec, domain string) outcome {
	if problem := c.count(); problem.status != "" {
		return problem
	}
	target, ok := c.expandDomain(spec, domain)
	if !ok {
		return outcome{PermError, "the SPF record leads to a name that cannot be"}
	}
	result := c.checkHost(target)
	if result.status == None {
		return outcome{PermError, "the SPF record leads to a domain without one"}
	}
	return result
}

// fetch returns the one SPF record of a domain, sections 4.4 and 4.5.
func (c *check) fetch(domain string) (string, outcome) {
	texts, err := c.resolver.LookupTXT(c.ctx, domain)
	if err != nil && !isNotFound(err) {
		return "", silent
	}
	found, record := 0, ""
	for _, text := range texts {
		if IsRecord(text) {
			found, record = found+1, text
		}
	}
	switch found {
	case 0:
		return "", outcome{None, "the domain has no SPF record"}
	case 1:
		return record, outcome{}
	}
	return "", outcome{PermError, "the domain has more than one SPF record"}
}

var silent = outcome{TempError, "the DNS did not answer"}

// count counts a term that asks the DNS.
func (c *check) count() outcome {
	if c.lookups++; c.lookups > maxLookups {
		return outcome{PermError, "the record needs more than 10 DNS look-ups"}
	}
	return outcome{}
}

// match compares one mechanism with the client.
func (c *check) match(t term, domain string) (matching, outcome) {
	switch t.name {
	case "all":
		return matches, outcome{}
	case "ip4", "ip6":
		return matchingIf(t.network.Contains(c.client)), outcome{}
	}
	if problem := c.count(); problem.status != "" {
		return stopped, problem
	}
	target, ok := domain, true
	if t.spec != "" {
		target, ok = c.expandDomain(t.spec, domain)
	}
	switch {
	case t.name == "include":
		return c.include(target)
	case !ok:
		return differs, outcome{} // a name that cannot be has no records, section 4.3
	case t.name == "a":
		return c.matchHost(t, target)
	case t.name == "mx":
		return c.matchMX(t, target)
	case t.name == "ptr":
		return c.matchName(target)
	}
	return c.exists(target)
}

func matchingIf(yes bool) matching {
	if yes {
		return matches
	}
	return differs
}

// include evaluates another record, section 5.2: only its pass matches.
func (c *check) include(domain string) (matching, outcome) {
	switch result := c.checkHost(domain); result.status {
	case Pass:
		return matches, outcome{}
	case TempError, PermError:
		return stopped, result
	case None:
		return stopped, outcome{PermError, "the SPF record includes a domain without one"}
	}
	return differs, outcome{}
}

// matchHost compares the addresses of a host, section 5.3.
func (c *check) matchHost(t term, host string) (matching, outcome) {
	addrs, problem := c.addresses(host)
	if problem.status != "" {
		return stopped, problem
	}
	return matchingIf(c.within(addrs, t)), outcome{}
}

// within reports whether the client is in the network around one of the
// addresses. Those of the other family never match.
func (c *check) within(addrs []netip.Addr, t term) bool {
	bits := t.prefix4
	if c.client.Is6() {
		bits = t.prefix6
	}
	for _, addr := range addrs {
		if network, err := addr.Prefix(bits); err == nil && network.Contains(c.client) {
			return true
		}
	}
	return false
}

// matchMX compares the addresses of a domain's mail hosts, section 5.4. A
// domain without an MX has none: the address record does not stand in.
func (c *check) matchMX(t term, domain string) (matching, outcome) {
	hosts, err := c.resolver.LookupMX(c.ctx, domain)
	if problem := c.answered(len(hosts), err); problem.status != "" {
		return stopped, problem
	}
	if len(hosts) > maxHosts {
		return stopped, outcome{PermError, "an mx mechanism names more than 10 hosts"}
	}
	for _, host := range hosts {
		name := strings.TrimSuffix(host.Host, ".")
		if name == "" { // a null MX, RFC 7505
			continue
		}
		if match, problem := c.matchHost(t, name); match != differs {
			return match, problem
		}
	}
	return differs, outcome{}
}

// matchName looks for a validated name of the client at or below a domain,
// section 5.5.
func (c *check) matchName(domain string) (matching, outcome) {
	names, problem := c.clientNames()
	if problem.status != "" {
		return stopped, problem
	}
	for _, name := range names {
		if isWithin(name, domain) {
			return matches, outcome{}
		}
	}
	return differs, outcome{}
}

// isWithin reports whether a name is the domain or stands below it.
func isWithin(name, domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// exists matches when there is any IPv4 address, also for IPv6 clients,
// section 5.7.
func (c *check) exists(name string) (matching, outcome) {
	addrs, problem := c.addresses(name)
	if problem.status != "" {
		return stopped, problem
	}
	for _, addr := range addrs {
		if addr.Is4() {
			return matches, outcome{}
		}
	}
	return differs, outcome{}
}

// addresses returns the addresses of a host. A name that is an address in the
// DNS's notation is no host, whatever the resolver would make of it.
func (c *check) addresses(host string) ([]netip.Addr, outcome) {
	if _, err := netip.ParseAddr(host); err == nil || !queryable(host) {
		return nil, outcome{}
	}
	found, err := c.resolver.LookupIPAddr(c.ctx, host)
	if problem := c.answered(len(found), err); problem.status != "" {
		return nil, problem
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, f := range found {
		if addr, ok := netip.AddrFromSlice(f.IP); ok {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs, outcome{}
}

// answered tells what a look-up's answer means for the check: it failed, or it
// was one too many that found nothing.
func (c *check) answered(found int, err error) outcome {
	if err != nil && !isNotFound(err) {
		return silent
	}
	if found > 0 {
		return outcome{}
	}
	if c.voids++; c.voids > maxVoids {
		return outcome{PermError, "the record leads to more than 2 names without data"}
	}
	return outcome{}
}

// queryable reports whether a name may be asked for: several labels, none
// empty or too long.
func queryable(name string) bool {
	if !strings.Contains(name, ".") || len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isNotFound(err error) bool {
	var dnsErr *net.DNSError
	return errors.As(err, &dnsErr) && dnsErr.IsNotFound
}
