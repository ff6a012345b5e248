// Package arc verifies and extends the Authenticated Received Chain of a
// message, RFC 8617: what servers that passed it on saw of its authentication,
// each set of fields sealed with the ones before.
//
// Verification follows section 5.2: a chain has at most 50 sets, each complete
// and numbered without a gap; the newest message signature and every seal have
// to be right. The older message signatures only tell how far back the message
// is as it was (oldest-pass). Signatures are package dkim's, with its rules
// (RFC 8301: no SHA-1, no short RSA keys; a signature of part of the body is
// none), and the body is hashed in the one pass that DKIM's need.
//
// It does not say whom to believe: a chain that verifies is worth as much as
// those who sealed it.
package arc
