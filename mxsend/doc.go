// Package mxsend delivers mail to other servers: it looks up who takes mail
// for a domain and speaks SMTP with them. It implements the queue's Deliverer.
//
// It follows RFC 5321 section 5 for choosing servers, RFC 7505 for domains
// that take no mail, and sections 4.1 to 4.5 for the conversation, with
// PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC
// 6531), DSN (RFC 3461), ENHANCEDSTATUSCODES (RFC 2034), LIMITS (RFC 9422) and
// STARTTLS (RFC 3207). Connections are kept for a few seconds and used again. A
// smarthost may take the place of the MX.
//
// How safe the way has to be follows from the TLSA records of the hosts (DANE,
// RFC 7672), the domain's MTA-STS policy (RFC 8461), the configuration, and the
// message itself (RFC 8689); with none of them TLS is opportunistic (RFC 7435).
// Records are believed where the resolver says that they are authenticated.
//
// Delivery is at least once: when the connection is lost between the final dot
// and its reply nobody can tell whether the message arrived, so the result is
// temporary and the message will be sent again (RFC 5321 section 6.1).
//
// Not here: the schedule of attempts and limits per destination (queue),
// notifications, CHUNKING, and conversion of 8-bit content for servers that
// lack 8BITMIME: they get it as it is.
package mxsend
