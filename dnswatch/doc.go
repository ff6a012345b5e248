// Package dnswatch asks the DNS what is there: every authoritative server of a
// zone directly, over UDP and TCP, and the resolvers beside them. What it sees
// is compared by package dnsplan.
//
// It asks without recursion and believes only answers with the AA bit; a
// server that does not know the zone it should serve is lame (RFC 1912 section
// 2.8).
package dnswatch
