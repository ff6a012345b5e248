// Package message reads and builds Internet messages: the header of RFC 5322,
// MIME structure (RFC 2045 to 2049, RFC 6532), the forms in which IMAP shows
// them (ENVELOPE and BODYSTRUCTURE, RFC 9051 section 7.5.2) and delivery
// status notifications (RFC 3464).
//
// It does no I/O of its own and never fails on what strangers send: parsing
// has hard limits, and past them the rest is taken as opaque content.
package message
