// The bench command measures GoMail beside Postfix with Dovecot (LMTP,
// maildir) on this machine and prints docs/performance.md's tables:
//
//	go run ./bench
//
// Both get the same messages from the same generator over real SMTP, in turns
// (A B A B ...), so that what else the machine does falls on both. GoMail is
// the real binary with every check on: each message carries a DKIM signature
// that it has to verify, beside SPF and DMARC. What counts is messages in
// mailboxes: GoMail's 250 says that a message is in one, Postfix's that it is
// in a queue, so there the clock runs until the last file is in its maildir.
//
//	go run ./bench -queue
//
// measures how fast a queue is emptied into a sink that takes everything,
// beside Postfix and chasquid, and prints a table and JSON. All get the same
// messages while the sink answers nothing; the clock runs from its release to
// the last message's arrival. The DNS is the benchmark's own, for all three.
//
// It needs root (Postfix runs as several users) and the packages that
// internal/packages.sh installs. It is no test: nothing passes or fails by time.
package main
