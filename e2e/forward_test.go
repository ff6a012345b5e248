package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// Mail for an alias that leads outside goes on as its author signed it: SPF
// passes for the rewritten sender, the chain holds for us and for dkimpy, and
// what cannot be delivered is reported to who sent it.
func TestForwarding(t *testing.T) {
	d := startDemo(t)
	judges := newJudges(t, d.gomail("dns", "plan", d.Domain, "--json"))
	for _, target := range []string{"joe@" + d.Remote.Domain, d.bert().Address} {
		mustRun(t, "", binary, "--dir", d.DataDir, "alias", "add", "team@"+d.Domain, target)
	}
	mustRun(t, "", binary, "--dir", d.DataDir, "alias", "add", "dead@"+d.Domain, "reject@"+d.Remote.Domain)
	if list := mustRun(t, "", binary, "--dir", d.DataDir, "alias", "list"); !strings.Contains(list, "joe@"+d.Remote.Domain) || !strings.Contains(list, "outside") {
		t.Errorf("the aliases are listed as\n%s", list)
	}

	send := func(subject, from, to string) {
		t.Helper()
		c := dialSMTP(t, d.Remote.SMTP)
		c.ehlo()
		text := "From: Mary <mary@" + d.Remote.Domain + ">\r\nTo: " + to + "\r\nSubject: " + subject + "\r\n\r\nhello\r\n"
		if reply := c.message(from, to, text); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
	}
	send("to the team", "mary@"+d.Remote.Domain, "team@"+d.Domain)
	_, got := d.remoteMessage("Subject: to the team")
	head := unfolded(got)
	for _, want := range []string{
		"Return-Path: <SRS0=", "=mary@" + d.Domain + ">", "spf=pass smtp.mailfrom=", "dkim=pass header.d=" + d.Remote.Domain, "arc=pass header.oldest-pass=0",
		"\r\nARC-Seal: i=1; a=rsa-sha256;", "dmarc=pass", "\r\nDelivered-To: team@" + d.Domain + "\r\n",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("%q is not in\n%s", want, head)
		}
	}
	dkimpy := run(t, got, "/usr/bin/python3", "testdata/verifyarc.py", judges.zone)
	if dkimpy.code != 0 || dkimpy.stdout != "pass success\n" {
		t.Errorf("dkimpy: exit %d: %s%s", dkimpy.code, dkimpy.stdout, dkimpy.stderr)
	}

	send("to nobody", "mary@"+d.Remote.Domain, "dead@"+d.Domain)
	_, bounce := d.remoteMessage("multipart/report")
	head = unfolded(bounce)
	if !strings.Contains(head, "Return-Path: <>\r\n") || !strings.Contains(head, "Delivered-To: mary@"+d.Remote.Domain+"\r\n") || !strings.Contains(bounce, "Original-Recipient: rfc822; dead@"+d.Domain) {
		t.Errorf("the bounce:\n%s", bounce)
	}

	c := dialSMTP(t, d.SMTP)
	c.ehlo()
	rewritten := regexp.MustCompile(`<(SRS0=[^>]*)>`).FindStringSubmatch(got)[1]
	c.want("250", "MAIL FROM:<>")
	c.want("250", "RCPT TO:<%s>", rewritten)
	c.want("550", "RCPT TO:<%s>", strings.Replace(rewritten, "=mary", "=eve", 1))
	d.checkClean()
}

// unfolded is a message's header with each field on one line.
func unfolded(message string) string {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	return regexp.MustCompile(`\r\n[ \t]+`).ReplaceAllString(head, " ") + "\r\n"
}
