package resolver

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

// take reads one response to a question for qtype at a.Name into the answer.
// It reports whether the response ends in an alias that has to be asked for.
func (a *Answer) take(msg *dns.Msg, qtype uint16, now time.Time) (more bool, err error) {
	a.Authenticated = a.Authenticated && msg.AuthenticatedData
	start := a.Name
	if err := a.follow(msg.Answer, qtype, now); err != nil {
		return false, err
	}
	for _, rr := range msg.Answer {
		if rr.Header().Rrtype == qtype && rr.Header().Class == dns.ClassINET && a.at(rr) {
			a.Records = append(a.Records, rr)
			a.limit(ttl(rr), now)
		}
	}
	switch {
	case len(a.Records) > 0:
		return false, nil
	case msg.Rcode == dns.RcodeNameError:
		// With aliases, NXDOMAIN is about the last name (RFC 6604).
		a.NXDomain = true
	case a.Name != start && !hasSOA(msg.Ns):
		// The server gave an alias and nothing about its target, as an
		// authoritative server does with a target in another zone.
		return true, nil
	}
	a.limit(negativeTTL(msg.Ns), now)
	return false, nil
}

// follow moves a.Name along the CNAMEs of one response.
func (a *Answer) follow(records []dns.RR, qtype uint16, now time.Time) error {
	if qtype == dns.TypeCNAME || qtype == dns.TypeANY {
		return nil
	}
	for range maxChain {
		alias := a.alias(records)
		if alias == nil {
			return nil
		}
		a.limit(ttl(alias), now)
		target, ok := canonical(alias.Target)
		if !ok {
			return temporary(a.Name, "", "the name is an alias of a name that is not valid")
		}
		a.Name = target
	}
	return temporary(a.Name, "", "the name is an alias of too many others")
}

func (a *Answer) alias(records []dns.RR) *dns.CNAME {
	for _, rr := range records {
		if cname, ok := rr.(*dns.CNAME); ok && a.at(rr) {
			return cname
		}
	}
	return nil
}

// at reports whether a record stands at the answer's name.
func (a *Answer) at(rr dns.RR) bool {
	return sameName(rr.Header().Name, a.Name)
}

// sameName compares a name in wire or presentation form with a canonical one.
func sameName(name, canonicalName string) bool {
	name = unescape(strings.TrimSuffix(name, "."))
	if len(name) != len(canonicalName) {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != canonicalName[i] {
			return false
		}
	}
	return true
}

// limit lets the answer expire no later than lifetime from now.
func (a *Answer) limit(lifetime time.Duration, now time.Time) {
	if expires := now.Add(lifetime); expires.Before(a.Expires) {
		a.Expires = expires
	}
}

// ttl is a record's time to live; with its top bit set it counts as 0 (RFC
// 2181 section 8).
func ttl(rr dns.RR) time.Duration {
	seconds := rr.Header().Ttl
	if seconds > 1<<31-1 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func hasSOA(records []dns.RR) bool {
	for _, rr := range records {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// negativeTTL is how long the absence may be remembered, RFC 2308 section 5:
// not at all without the zone's SOA.
func negativeTTL(authority []dns.RR) time.Duration {
	for _, rr := range authority {
		if soa, ok := rr.(*dns.SOA); ok {
			lifetime := min(ttl(soa), time.Duration(soa.Minttl)*time.Second)
			return min(lifetime, maxNegativeTTL)
		}
	}
	return 0
}
