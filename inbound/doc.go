// Package inbound takes a message from another server into mailboxes:
// authenticate, judge, route, deliver. It is the MDA of RFC 5598 together with
// the checks a receiver makes before it takes responsibility.
//
// SMTP itself is smtpd's; who really sent a message is mailauth's; what the
// result means for the message is decided here.
package inbound
