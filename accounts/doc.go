// Package accounts knows who may sign in: accounts, their passwords
// (argon2id, RFC 9106), SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677), app
// passwords, second factors (RFC 6238, WebAuthn), the limits on guessing, and
// the sessions of the web.
//
// A password is checked behind a semaphore, because each check takes 64 MiB;
// one that was right is remembered for a while under a key of this process, so
// that a mail client which signs in every minute costs nothing. Unknown names
// cost what known ones cost.
package accounts
