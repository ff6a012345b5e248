// Package netaddr tells addresses of the public Internet from others.
package netaddr

import "net/netip"

// IsPublic reports whether an address is of the public Internet, by the
// IANA's special-purpose registries (RFC 6890). Forms of IPv6 that carry an
// IPv4 address are as public as that one.
func IsPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if v4, ok := embedded(a); ok {
		return IsPublic(v4)
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range [...]string{
		"0.0.0.0/8",       // this network
		"100.64.0.0/10",   // carrier NAT
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"240.0.0.0/4",     // reserved
		"2001:db8::/32",   // documentation
		"3fff::/20",       // documentation
		"64:ff9b:1::/48",  // local translation
		"100::/64",        // discard
		"fec0::/10",       // site-local of old
		"2001::/23",       // protocol assignments, Teredo
		"5f00::/16",       // segment routing
	} {
		if netip.MustParsePrefix(p).Contains(a) {
			return false
		}
	}
	return true
}

// embedded returns the IPv4 address within a NAT64 (RFC 6052), 6to4 (RFC
// 3056) or IPv4-compatible address.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return netip.Addr{}, false
}
