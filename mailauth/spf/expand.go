package spf

import (
	"net/netip"
	"strings"
)

// clientNames returns the names of the client's address that lead back to it,
// in lower case. Failures mean that there are none (section 5.5), but names
// that are not there count as void.
func (c *check) clientNames() ([]string, outcome) {
	if c.named {
		return c.names, outcome{}
	}
	c.named = true
	found, err := c.resolver.LookupAddr(c.ctx, c.client.String())
	if err != nil && !isNotFound(err) {
		return nil, outcome{}
	}
	if problem := c.answered(len(found), nil); problem.status != "" {
		return nil, problem
	}
	for _, name := range found[:min(len(found), maxHosts)] {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); c.leadsBack(name) {
			c.names = append(c.names, name)
		}
	}
	return c.names, outcome{}
}

func (c *check) leadsBack(name string) bool {
	if !queryable(name) {
		return false
	}
	addrs, _ := c.resolver.LookupIPAddr(c.ctx, name)
	for _, a := range addrs {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && addr.Unmap() == c.client {
			return true
		}
	}
	return false
}

// expandDomain expands a domain-spec; false when what comes of it is no name
// that can be asked for.
func (c *check) expandDomain(spec, domain string) (string, bool) {
	name, ok := c.expand(spec, domain, recordLetters)
	name = shorten(strings.TrimSuffix(name, "."))
	return name, ok && queryable(name)
}

// expand replaces the macros, section 7. It is false where a local part beyond
// ASCII would stand in a name: such terms match nothing (RFC 8616 section 4).
func (c *check) expand(text, domain, letters string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); {
		literal, m, n, ok := nextPiece(text[i:], letters)
		if !ok {
			return "", false
		}
		i += n
		if m.letter == 0 {
			b.WriteString(literal)
			continue
		}
		value := c.value(m.letter, domain)
		if (m.letter == 's' || m.letter == 'l') && !isASCII(c.local) {
			return "", false
		}
		b.WriteString(m.transform(value))
	}
	return b.String(), true
}

// value returns what a macro letter stands for, section 7.2.
func (c *check) value(letter byte, domain string) string {
	switch letter {
	case 's':
		return c.local + "@" + c.origin
	case 'l':
		return c.local
	case 'o':
		return c.origin
	case 'd':
		return domain
	case 'i':
		return dotted(c.client)
	case 'p':
		return c.name(domain)
	case 'v':
		if c.client.Is4() {
			return "in-addr"
		}
		return "ip6"
	case 'h':
		return c.helo
	case 'c':
		return c.client.String()
	}
	return "unknown" // r and t: nobody is shown an explanation
}

// name chooses among the client's validated names, section 7.3: the domain
// itself, one below it, any.
func (c *check) name(domain string) string {
	names, _ := c.clientNames()
	best := "unknown"
	for i, name := range names {
		switch {
		case strings.EqualFold(name, domain):
			return name
		case i == 0, isWithin(name, domain) && !isWithin(best, domain):
			best = name
		}
	}
	return best
}
