// Package imapwire reads and writes the grammar of IMAP (RFC 9051 section 9,
// RFC 3501 section 9): lines, literals (RFC 7888, RFC 3516), atoms and
// strings, sequence sets, dates, and mailbox names in modified UTF-7. It knows
// no commands; package imapd does.
//
// Reading is strict where that protects the server (sizes, nesting, control
// characters) and tolerant where real clients err (a bare LF, needless spaces
// at the end of a line).
package imapwire
