package e2e

import (
	"strings"
	"testing"
	"time"
)

// send sends a message as an account with parameters of MAIL.
func (c *smtpConn) sendWith(from, params, to, subject string) {
	c.t.Helper()
	c.want("250", "MAIL FROM:<%s> %s", from, params)
	c.want("250", "RCPT TO:<%s>", to)
	c.want("354", "DATA")
	c.send("From: " + from + "\r\nSubject: " + subject + "\r\n\r\nx\r\n.\r\n")
	if reply := c.reply(); !strings.HasPrefix(reply, "250") {
		c.t.Fatal(reply)
	}
}

// A message waits for the time that its sender chose, also while the server is
// down meanwhile.
func TestFutureRelease(t *testing.T) {
	d := startDemo(t)
	c := d.submission(d.anna())
	if hello := c.ehlo(); !strings.Contains(hello, "250-FUTURERELEASE 2592000 2") || !strings.Contains(hello, "250-DELIVERBY\n") {
		t.Errorf("EHLO: %s", hello)
	}
	if hello := dialSMTP(t, d.SMTP).ehlo(); strings.Contains(hello, "FUTURERELEASE") || strings.Contains(hello, "DELIVERBY") {
		t.Errorf("EHLO on port 25: %s", hello)
	}
	const wait = 4 * time.Second
	begin := time.Now()
	c.sendWith(d.anna().Address, "HOLDFOR=4", d.bert().Address, "held for a while")
	c.sendWith(d.anna().Address, "HOLDUNTIL="+begin.Add(24*time.Hour).UTC().Format(time.RFC3339), "joe@remote.test", "held until tomorrow")
	c.sendWith(d.anna().Address, "", d.bert().Address, "at once")
	d.received(d.bert(), "INBOX", "Subject: at once")
	if time.Since(begin) < wait-time.Second && len(holding(d.mailbox(d.bert(), "INBOX"), "held for a while")) > 0 {
		t.Error("it did not wait")
	}
	d.received(d.bert(), "INBOX", "Subject: held for a while")
	if after := time.Since(begin); after < wait {
		t.Errorf("it was there after %v", after)
	}
	c.sendWith(d.anna().Address, "HOLDFOR=3600 BY=7200;R", "jane@remote.test", "held, and then in time")
	type queued struct {
		ID, Release string
		DeliverBy   string `json:"deliver_by"`
		Mode        string `json:"by_mode"`
	}
	for _, m := range decode[[]queued](t, d.gomail("queue", "list", "--json")) {
		if m.Release == "" || (m.DeliverBy != "") != (m.Mode == "R") {
			t.Errorf("the queue shows %+v", m)
		}
		if r := d.gomail("queue", "show", m.ID); m.Mode == "R" && (!strings.Contains(r.stdout, "Deliver by") || !strings.Contains(r.stdout, "else it is returned")) {
			t.Errorf("queue show: %s", r.stdout)
		}
		if r := d.gomail("explain", m.ID); !strings.Contains(r.stdout, "submitted here and queued, signed with") || !strings.Contains(r.stdout, "it waits, as its sender asked, until") {
			t.Errorf("explain %s: %s%s", m.ID, r.stdout, r.stderr)
		}
	}
	if queued := d.gomail("queue", "list", "--json").stdout; !strings.Contains(queued, "joe@remote.test") || !strings.Contains(queued, "it waits, as its sender asked, until ") {
		t.Errorf("the queue: %s", queued)
	}
	d.noRemoteMessage()
}

// noRemoteMessage looks whether the remote domain got anything.
func (d *demo) noRemoteMessage() {
	d.t.Helper()
	if r := run(d.t, "", "ls", d.Remote.Maildir); strings.TrimSpace(r.stdout) != "" {
		d.t.Errorf("the remote domain holds %s", r.stdout)
	}
}

// What has to be delivered by a time, or come back, does not go to a server that
// promises nothing; where it may be late its sender hears that it left.
func TestDeliverBy(t *testing.T) {
	d := startDemo(t)
	c := d.submission(d.anna())
	c.sendWith(d.anna().Address, "BY=3600;R", "joe@remote.test", "by the hour or not at all")
	report := d.received(d.anna(), "INBOX", "Final-Recipient: rfc822; joe@remote.test\r\nAction: failed")
	for _, want := range []string{"Status: 5.4.7", "Deliver-By-Date: ", "The server", "DELIVERBY"} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is missing in\n%s", want, report)
		}
	}
	d.noRemoteMessage()
	c.sendWith(d.anna().Address, "BY=3600;R", d.bert().Address, "by the hour, to a mailbox")
	d.received(d.bert(), "INBOX", "Subject: by the hour, to a mailbox")
	c.sendWith(d.anna().Address, "BY=3600;N", "joe@remote.test", "by the hour or later")
	d.remoteMessage("Subject: by the hour or later")
	relayed := d.received(d.anna(), "INBOX", "Final-Recipient: rfc822; joe@remote.test\r\nAction: relayed")
	if !strings.Contains(relayed, "Deliver-By-Date: ") {
		t.Errorf("it says\n%s", relayed)
	}
	c.sendWith(d.anna().Address, "BY=2;N", "later@remote.test", "it is late")
	late := d.received(d.anna(), "INBOX", "Final-Recipient: rfc822; later@remote.test\r\nAction: delayed")
	for _, want := range []string{"Status: 4.4.7", "the time by which it was to be delivered has passed", "Will-Retry-Until: "} {
		if !strings.Contains(strings.Join(strings.Fields(late), " "), want) {
			t.Errorf("%q is missing in\n%s", want, late)
		}
	}
}
