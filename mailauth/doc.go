// Package mailauth finds out who really sent a message: the client's name
// (iprev, RFC 8601 section 3), SPF (RFC 7208), DKIM (RFC 6376), from these
// DMARC (RFC 9989), and what servers before us sealed of it (ARC, RFC 8617),
// told in Authentication-Results (RFC 8601) and
// Received-SPF (RFC 7208 section 9.1) fields.
//
// It is pure over a Resolver and a clock: it opens no connection and keeps no
// state between messages. It only says what is so and what the author's
// domain asks for; what is done about it is the caller's matter.
package mailauth
