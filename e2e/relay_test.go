package e2e

import (
	"os"
	"strings"
	"testing"
)

// relayForms are recipients by which open relays have been found. None of
// them may be taken from a stranger.
var relayForms = []string{
	"<joe@remote.test>",
	"joe@remote.test",
	"<joe@remote.test.>",
	"<joe@REMOTE.TEST>",
	"<@gomail.test:joe@remote.test>",
	"<@gomail.test,@remote.test:joe@remote.test>",
	"<@remote.test:joe@gomail.test>",
	"<@mail.gomail.test:joe@remote.test>",
	"<joe%remote.test@gomail.test>",
	"<joe%remote.test@mail.gomail.test>",
	"<joe%remote.test@[127.0.0.1]>",
	"<joe%remote.test>",
	"<joe@remote.test%gomail.test>",
	`<"joe%remote.test"@gomail.test>`,
	`<"joe@remote.test"@gomail.test>`,
	`<"joe@remote.test">`,
	`<"joe@remote.test"@[127.0.0.1]>`,
	`<"joe"@remote.test>`,
	`<"joe\"@remote.test>`,
	"<remote.test!joe>",
	"<remote.test!joe@gomail.test>",
	"<gomail.test!joe@remote.test>",
	"<remote.test!joe@[127.0.0.1]>",
	"<joe@remote.test@gomail.test>",
	"<joe@gomail.test@remote.test>",
	"<joe@remote.test:gomail.test>",
	"<joe:remote.test@gomail.test>",
	"<joe@[127.0.0.2]>",
	"<joe@[IPv6:::1]>",
	"<joe@127.0.0.2>",
	"<joe@[127.0.0.1]>",
	"<joe>",
	"<>",
	"<@>",
	"<joe@>",
	"<@remote.test>",
	"<joe@remote.test> ORCPT=rfc822;anna@gomail.test",
	"<joe@remote.test><anna@gomail.test>",
	"<anna@gomail.test>joe@remote.test",
	"<anna@gomail.test,joe@remote.test>",
	"<anna@gomail.test joe@remote.test>",
	"<anna@gomail.test\x00joe@remote.test>",
	"<joe(anna@gomail.test)@remote.test>",
	"<joe@remote.test(gomail.test)>",
	"<joe@remote\xe3\x80\x82test>",
	"<joe@\xef\xbd\x92\xef\xbd\x85mote.test>",
	"<joe\xef\xbc\xa0remote.test@gomail.test>",
	"<joe@remote.test\xe2\x80\x8b>",
	"<joe@gomail.test.remote.test>",
	"<joe@xgomail.test>",
	"<joe@sub.gomail.test>",
	"<joe+anna@remote.test>",
	"<anna=gomail.test@remote.test>",
	"<postmaster@remote.test>",
	"<relay=joe=remote.test@gomail.test>",
}

// TestNoRelay offers each form after each kind of sender, a forged one of
// ours included, on port 25 and without sign-in on submission.
func TestNoRelay(t *testing.T) {
	d := startDemo(t)
	for _, from := range []string{"", "you@remote.test", d.anna().Address, "postmaster@" + d.Domain, "x@[127.0.0.1]"} {
		for _, form := range relayForms {
			c := dialSMTP(t, d.SMTP)
			c.ehlo()
			c.want("250", "MAIL FROM:<%s> SMTPUTF8", from)
			if reply := c.cmd("RCPT TO:%s", form); reply[0] != '5' {
				t.Errorf("from <%s>: %q is answered with %q", from, form, reply)
			}
			c.Close()
		}
	}
	c := dialSMTP(t, d.Submission)
	c.ehlo()
	c.startTLS(d.tls())
	for _, line := range []string{"MAIL FROM:<" + d.anna().Address + ">", "RCPT TO:<joe@remote.test>", "DATA"} {
		if reply := c.cmd("%s", line); reply[0] != '5' {
			t.Errorf("%s without sign-in: %q", line, reply)
		}
	}
	d.noneRelayed()
}

// noneRelayed looks whether the remote domain got anything, or is to get it.
func (d *demo) noneRelayed() {
	d.t.Helper()
	files, err := os.ReadDir(d.Remote.Maildir)
	if err != nil || len(files) > 0 {
		d.t.Errorf("the remote domain holds %d messages (%v)", len(files), err)
	}
	if r := d.gomail("queue", "list", "--json"); strings.TrimSpace(r.stdout) != "[]" {
		d.t.Errorf("the queue holds %s", r.stdout)
	}
}
