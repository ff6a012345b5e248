// Package tlspolicy holds the formats by which domains say how mail to them is
// to be encrypted, what follows from them, and the reports by which senders
// tell them how that went: MTA-STS (RFC 8461), DANE for SMTP (RFC 7672, with
// RFC 6698 and 7671) and TLS-RPT (RFC 8460).
//
// It is pure: nothing here asks the DNS, fetches a policy or opens a
// connection. What it reads comes from strangers, so every parser has limits.
package tlspolicy
