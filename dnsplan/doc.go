// Package dnsplan says which DNS records a hosted domain needs: one typed
// value that is shown, exported, published and held against what is there.
//
// It knows addresses and MX (RFC 5321), SPF (RFC 7208), DKIM keys (RFC 6376,
// RFC 8463), DMARC (RFC 9989, RFC 9990), CAA (RFC 8659), PTR, MTA-STS (RFC
// 8461), TLS reports (RFC 8460), TLSA (RFC 7672), the SRV records by which
// mail programs find the server (RFC 6186, RFC 8314) and what a domain
// without mail says (RFC 7505). A file per kind of record.
//
// It is pure: it asks no DNS, reads no clock and writes nothing.
package dnsplan
