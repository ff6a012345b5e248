// Package imapd is an IMAP server: IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC
// 3501) over the mailbox engine of package mailbox, with the extensions that
// docs/imap.md lists with the test of each, among them IDLE (2177) and NOTIFY
// (5465), CONDSTORE and QRESYNC (7162), UIDONLY (9586), MULTISEARCH (7377),
// CONTEXT (5267), SORT and THREAD (5256), CATENATE (4469), REPLACE (8508),
// METADATA (5464), ACL (4314), OBJECTID (8474) and QUOTA (9208).
//
// A command is a file; the table of commands is in command.go. What a session
// shows of its mailbox changes only between commands (RFC 9051 section 5.2):
// view.go holds what it has shown, sync.go brings it up to date. notified.go
// does the same for the mailboxes that are not open, where NOTIFY asks for it.
//
// The package does not check passwords (see Authenticator), does not decide
// what a mailbox is, and speaks no TLS of its own making.
package imapd
