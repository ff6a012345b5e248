// Package queue holds mail that has to go on, to other servers or to accounts
// of ours, until each recipient is delivered or has failed for good (RFC 5321
// section 4.5.4).
//
// Rows are spread over slots by the recipient's domain; a node works on the
// slots whose lease it holds, and every change it makes is fenced by the
// lease's token, so that a node which was paused cannot mark or send what
// another has taken over. Schedule, per-destination limits and connections are
// the leaseholder's own state. A crash can repeat the deliveries whose outcome
// was not yet written (at least once, RFC 5321 section 6.1).
//
// How a message reaches another server is a Deliverer's business.
package queue
