// Package bounces learns from what becomes of the mail that we sent: from the
// replies of other servers, from the bounces that come back later (RFC 3464 and
// older forms), and from complaints (RFC 5965). It counts per sending domain
// and account, keeps the addresses that mail is no longer to be sent to, and
// tells when too much comes back.
//
// A bounce is believed only for a message that we sent, to a recipient that the
// message had: both are proved by the token in our Received field (see Trace).
//
// It does not decide whether a message is tried again (queue does), and sends
// nothing itself.
package bounces
