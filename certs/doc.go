// Package certs gives the TLS listeners their certificates: from files, read
// again when they change; self-signed; or from an authority by ACME (RFC 8555)
// with HTTP-01, TLS-ALPN-01 (RFC 8737) or DNS-01.
//
// Each name has an order of its own. It is placed once the name leads here and
// CAA (RFC 8659) permits, is tried again ever more seldom when it fails, and
// says in words why. The mail host's certificate is self-signed until the first
// one has come. It keeps its key through renewals, so that TLSA 3 1 1 records
// stay right; the key of the next one is there already, and is used once its
// record has been seen everywhere for two days (RFC 7671 section 8.1). The
// protocol is certmagic's; when to order what is decided here.
package certs
