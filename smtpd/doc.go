// Package smtpd is an SMTP server: for other servers (MX, port 25) and for
// people's programs (submission, ports 587 and 465). It speaks the protocol
// and keeps its limits; what becomes of a sender, a recipient or a message is
// asked of a Backend.
//
// It follows RFC 5321 with these extensions: SIZE (RFC 1870), 8BITMIME (RFC
// 6152), SMTPUTF8 (RFC 6531), PIPELINING (RFC 2920), CHUNKING (RFC 3030), DSN
// (RFC 3461), ENHANCEDSTATUSCODES (RFC 2034), STARTTLS (RFC 3207), REQUIRETLS
// (RFC 8689), AUTH (RFC 4954; PLAIN and LOGIN, on submission and over TLS only),
// LIMITS (RFC 9422) and HELP. Submission follows RFC 6409 and RFC 8314.
//
// Three things differ from the letter of the standard, for safety: source
// routes are refused (RFC 5321 appendix C lets a server do so), a command line
// that ends in LF alone is refused, and so is a message that holds a CR or an
// LF alone or a NUL. Only CRLF.CRLF ends a message, and when a client stalls
// or leaves inside one the session ends: what comes after is never read as
// commands.
//
// Not here: relaying decisions, header fields, LMTP, BINARYMIME, BURL, ETRN.
package smtpd
