// Package imapd is an IMAP server: IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC
// 3501) over the mailbox engine of package mailbox, with IDLE (RFC 2177),
// NAMESPACE (2342), UNSELECT (3691), LITERAL+ (7888), UIDPLUS (4315), ESEARCH
// (4731), SEARCHRES (5182), WITHIN (5032), ENABLE (5161), LIST-EXTENDED
// (5258), LIST-STATUS (5819), SPECIAL-USE (6154), MOVE (6851), UTF8=ACCEPT
// (6855), CONDSTORE and QRESYNC (7162), APPENDLIMIT (7889), STATUS=SIZE
// (8438), OBJECTID (8474), QUOTA (9208), BINARY (3516), MULTIAPPEND (3502), SORT
// and THREAD (5256), SORT=DISPLAY (5957), ESORT (5267), SEARCH=FUZZY (6203), PARTIAL (9394),
// REPLACE (8508), METADATA (5464), PREVIEW (8970), COMPRESS=DEFLATE (4978) and UNAUTHENTICATE
// (8437), ACL (4314) and LIST-MYRIGHTS (8440).
//
// A command is a file; the table of commands is in command.go. What a session
// shows of its mailbox changes only between commands (RFC 9051 section 5.2):
// view.go holds what it has shown, sync.go brings it up to date.
//
// The package does not check passwords (see Authenticator), does not decide
// what a mailbox is, and speaks no TLS of its own making.
package imapd
