// Package pop3d is a POP3 server (RFC 1939) over the account's INBOX, with CAPA
// and response codes (RFC 2449, 3206), STLS (2595), SASL (5034), TOP, UIDL and
// PIPELINING.
//
// A session sees the INBOX as it was when it signed in, and does not keep others
// out of it meanwhile: a message that is gone is an error where it is asked for,
// and only what the client marked is removed in the end. A command is a method
// of session; the table of commands is in command.go.
package pop3d
