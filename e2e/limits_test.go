package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSendingLimits holds an account to its limits over SMTP, also after a
// restart; account show tells of it, and administrators get a message.
func TestSendingLimits(t *testing.T) {
	_, resolver := startDNS(t)
	i := serve(t, resolver, "")
	gomail := func(args ...string) string {
		return mustRun(t, "", binary, append([]string{"--dir", i.dir}, args...)...)
	}
	gomail("account", "set", i.anna.Address, "--messages-per-hour", "3", "--recipients-per-day", "6")
	session := func() *smtpConn {
		c := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
		c.ehlo()
		c.want("235", "AUTH PLAIN %s", plain(i.anna))
		return c
	}
	c := session()
	c.want("250", "MAIL FROM:<%s>", i.anna.Address)
	for range 6 {
		c.want("250", "RCPT TO:<r@far.test>")
	}
	if reply := c.cmd("RCPT TO:<r@far.test>"); !strings.HasPrefix(reply, "550 5.7.1 this account may send to 6 recipients a day") {
		t.Errorf("a seventh recipient: %s", reply)
	}
	c.want("250", "RSET")
	for range 3 {
		if reply := c.message(i.anna.Address, i.anna.Address, "From: "+i.anna.Address+"\r\nSubject: one of three\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
	}
	const refusal = "450 4.7.0 this account has reached its limit of 3 messages an hour: try again after "
	if reply := c.cmd("MAIL FROM:<%s>", i.anna.Address); !strings.HasPrefix(reply, refusal) {
		t.Errorf("a fourth message: %s", reply)
	}
	i.stop()
	i.start(t)
	if reply := session().cmd("MAIL FROM:<%s>", i.anna.Address); !strings.HasPrefix(reply, refusal) {
		t.Errorf("after a restart: %s", reply)
	}
	shown := strings.Join(strings.Fields(gomail("account", "show", i.anna.Address)), " ")
	for _, want := range []string{"Sent in an hour 3 of 3 (its own limit) messages, 3 of 10000 recipients", "Sent in 24 hours 3 of 20000 messages, 3 of 6 (its own limit) recipients"} {
		if !strings.Contains(shown, want) {
			t.Errorf("account show lacks %q: %s", want, shown)
		}
	}
	alert := "Subject: The account " + i.anna.Address + " has reached its sending limit"
	eventually(t, "the message to the administrator", func() bool { return len(holding(i.mailbox("INBOX"), alert)) > 0 })
	if n := len(holding(i.mailbox("INBOX"), alert)); n != 1 {
		t.Errorf("the administrator was told %d times", n)
	}
	gomail("account", "set", i.anna.Address, "--messages-per-hour", "default")
	c = session()
	c.want("250", "MAIL FROM:<%s>", i.anna.Address)
	gomail("account", "hold", i.anna.Address, "--why", "looked at by the postmaster")
	if reply := session().cmd("MAIL FROM:<%s>", i.anna.Address); !strings.HasPrefix(reply, "450 4.7.0 this account may not send since ") || !strings.Contains(reply, "looked at by the postmaster") {
		t.Errorf("while it is held: %s", reply)
	}
	if shown := gomail("account", "show", i.anna.Address); !strings.Contains(shown, "it may not send since ") {
		t.Errorf("account show: %s", shown)
	}
	gomail("account", "release", i.anna.Address)
	session().want("250", "MAIL FROM:<%s>", i.anna.Address)
	for _, bad := range []string{"-1", "many", "1e9"} {
		if r := run(t, "", binary, "--dir", i.dir, "account", "set", i.anna.Address, "--messages-per-hour="+bad); r.code != 2 || !strings.Contains(r.stderr, "is not a limit") {
			t.Errorf("--messages-per-hour %s exits %d: %s", bad, r.code, r.stderr)
		}
	}
}
