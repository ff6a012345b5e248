package dnspub

import (
	"net/netip"
	"strings"
)

// canonical is a value in the one form in which it is compared and kept:
// host names in lower case with a trailing dot, addresses as RFC 5952 has
// them, hexadecimal digits in lower case, CAA values in quotes. What cannot be
// read stays as it is.
func canonical(kind, value string) string {
	switch kind {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(strings.TrimSpace(value)); err == nil {
			return a.String()
		}
	case "CNAME", "NS", "PTR", "DNAME":
		return canonicalHost(strings.TrimSpace(value))
	case "MX", "SRV":
		fields := strings.Fields(value)
		if len(fields) == map[string]int{"MX": 2, "SRV": 4}[kind] {
			fields[len(fields)-1] = canonicalHost(fields[len(fields)-1])
			return strings.Join(fields, " ")
		}
	case "TLSA":
		if fields := strings.Fields(value); len(fields) > 3 {
			return strings.Join(fields[:3], " ") + " " + strings.ToLower(strings.Join(fields[3:], ""))
		}
	case "CAA":
		return canonicalCAA(value)
	}
	return value
}

func canonicalHost(host string) string { return canonicalName(host) + "." }

// canonicalCAA writes flags and tag, and the value in quotes, RFC 8659
// section 4.1.1.
func canonicalCAA(value string) string {
	flags, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	tag, issuer, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok {
		return value
	}
	issuer = strings.TrimSpace(issuer)
	if len(issuer) >= 2 && issuer[0] == '"' && issuer[len(issuer)-1] == '"' {
		issuer = issuer[1 : len(issuer)-1]
	}
	return flags + " " + strings.ToLower(tag) + ` "` + issuer + `"`
}

// caaParts returns the three parts of a canonical CAA value.
func caaParts(value string) (flags, tag, issuer string) {
	flags, rest, _ := strings.Cut(canonicalCAA(value), " ")
	tag, issuer, _ = strings.Cut(rest, " ")
	return flags, tag, strings.Trim(issuer, `"`)
}

// sameValue compares two values by meaning. Text is compared as it stands.
func sameValue(kind, a, b string) bool { return canonical(kind, a) == canonical(kind, b) }

// withoutDot is a host as some providers want it. The root, which stands for
// "none", keeps its dot.
func withoutDot(value string) string {
	if value == "." {
		return value
	}
	return strings.TrimSuffix(value, ".")
}
