// Package dnspub writes a domain's records at its DNS provider: it shows what
// would change, changes it set by set when it is told to, keeps a journal from
// which that can be undone, and publishes and withdraws DKIM keys.
//
// It speaks RFC 2136 updates (signed with TSIG, RFC 8945) and the HTTP
// interfaces of Cloudflare, Amazon Route 53, GoDaddy, Namecheap, PowerDNS,
// Hetzner and deSEC, each behind the interfaces of libdns, so that any
// other libdns module can be compiled in beside them.
//
// What to write is dnsplan's: values that are somebody else's stay. It asks no
// resolver and does not watch what the world sees; that is dnswatch's.
package dnspub
