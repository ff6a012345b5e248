// Package e2e holds the tests that run the finished binary against programs
// that are not ours: Postfix as a stranger's server, swaks, msmtp and curl as
// senders, mbsync, mutt and Python's imaplib as readers, dkimpy and OpenDKIM
// as judges of our signatures, BIND as registry and DNS provider, Unbound as
// the resolver that validates. internal/packages.sh installs them; the tests
// start them, on loopback only.
//
// Whatever can be tested without a process of its own is tested in the package
// that does it.
package e2e
