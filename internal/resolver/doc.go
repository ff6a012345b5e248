// Package resolver asks recursive name servers and remembers what they said:
// a stub resolver (RFC 1034 section 5.3.1) with a positive and negative cache
// (RFC 2308), EDNS0 (RFC 6891), TCP after truncation (RFC 7766) and the AD bit
// (RFC 6840 section 5.7) of servers on loopback, or to which the operator trusts
// the path.
//
// Its Lookup methods have the shapes of net.Resolver's, and all errors are
// *net.DNSError: IsNotFound for NXDOMAIN and for a name without such data,
// IsTemporary for everything that may succeed later.
//
// It reads no hosts file, applies no search list and validates no signatures
// itself.
package resolver
