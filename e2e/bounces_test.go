package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBounces learns from Postfix what does not exist: from its reply, and from
// the bounce that it sends after it has taken the message. A forged one teaches
// nothing, and what was learned can be cleared.
func TestBounces(t *testing.T) {
	need(t, "swaks")
	i, _ := peers(t)
	gomail := func(args ...string) string {
		return mustRun(t, "", binary, append([]string{"--dir", i.dir}, args...)...)
	}
	suppressed := func(address string) func() bool {
		return func() bool { return strings.Contains(gomail("suppress", "list", i.anna.Address), "\n"+address+" ") }
	}
	rcpt := func(address string) string {
		c := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
		c.ehlo()
		c.want("235", "AUTH PLAIN %s", plain(i.anna))
		c.want("250", "MAIL FROM:<%s>", i.anna.Address)
		return c.cmd("RCPT TO:<%s>", address)
	}
	letter := "From: " + i.anna.Address + "\r\nSubject: a letter\r\n\r\nx\r\n"

	i.submit("nobody@peer.test", letter)
	eventually(t, "the refused address to be suppressed", suppressed("nobody@peer.test"))
	i.submit("gone@peer.test", letter)
	eventually(t, "the address that bounced to be suppressed", suppressed("gone@peer.test"))
	if n := len(holding(i.mailbox("INBOX"), "Subject: Undelivered Mail Returned to Sender")); n != 1 {
		t.Errorf("anna has the bounce %d times", n)
	}
	for address, want := range map[string]string{"nobody@peer.test": "when we sent there", "gone@peer.test": "in a bounce"} {
		if reply := rcpt(address); !strings.HasPrefix(reply, "550 5.1.1 mail to "+address+" is not sent until ") || !strings.Contains(reply, want) {
			t.Errorf("again to %s: %s", address, reply)
		}
	}

	// The bounce that came, from another, of bob.
	bounce := holding(i.mailbox("INBOX"), "Subject: Undelivered Mail Returned to Sender")[0]
	forged := filepath.Join(t.TempDir(), "forged.eml")
	_, bounce, _ = strings.Cut(bounce, "\r\nReceived: ") // after the fields of our own
	write(t, forged, strings.ReplaceAll("Received: "+bounce, "gone@peer.test", "bob@peer.test"))
	mustRun(t, "", "swaks", "--server", peerAddress+":25", "--helo", "localhost", "--from", "<>", "--to", i.anna.Address, "--data", "@"+forged)
	eventually(t, "the forged bounce", func() bool { return len(holding(i.mailbox("INBOX"), "rfc822;bob@peer.test")) == 1 })
	eventually(t, "the forged bounce to be looked at", func() bool {
		return strings.Contains(i.stderr.String(), "recipients=0")
	})
	if reply := rcpt("bob@peer.test"); !strings.HasPrefix(reply, "250") {
		t.Errorf("bob after the forged bounce: %s", reply)
	}

	gomail("suppress", "clear", i.anna.Address, "gone@peer.test")
	if reply := rcpt("gone@peer.test"); !strings.HasPrefix(reply, "250") {
		t.Errorf("cleared: %s", reply)
	}
	if shown := strings.Join(strings.Fields(gomail("bounces")), " "); !strings.Contains(shown, "example.test 2 1 0 2 0") {
		t.Errorf("gomail bounces: %s", shown)
	}

	// A list's copies have senders of their own: what Postfix sends back to them
	// is of the member, and in nobody's mailbox.
	gomail("list", "add", "dev@example.test", "--post", "anyone")
	gomail("list", "member", "add", "dev@example.test", "gone@peer.test", "bob@peer.test")
	i.submit("dev@example.test", letter)
	eventually(t, "the member's bounce to be counted", func() bool {
		return strings.Contains(strings.Join(strings.Fields(gomail("list", "member", "list", "dev@example.test")), " "), " 1 5.1.1 ")
	})
	if n := len(holding(i.mailbox("INBOX"), "Subject: Undelivered Mail Returned to Sender")); n != 2 {
		t.Errorf("anna has %d bounces, with one of the list", n)
	}
}
