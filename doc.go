// Package gomail names the things that GoMail is about: addresses, domains,
// accounts, mailboxes, messages, envelopes, flags, events and kinds of error.
// It holds nouns only. What happens to a message or a domain lives in the
// directories beside it; ARCHITECTURE.md shows how they fit together.
//
// The vocabulary is that of RFC 5598 (Internet Mail Architecture) and of IMAP
// (RFC 9051) and JMAP (RFC 8620, RFC 8621).
//
// GoMail is a program, not a library: packages are in the open to be read,
// and their APIs may change with any release (v0).
package gomail
