package e2e

import (
	"strings"
	"testing"
)

// swaks runs a session and returns what was said.
func (d *demo) swaks(args ...string) result {
	d.t.Helper()
	need(d.t, "swaks")
	return run(d.t, "", "swaks", append([]string{"--helo", "client.remote.test"}, args...)...)
}

// swaksRefused is swaks's exit code for a refused recipient.
const swaksRefused = 24

func TestStrangerDelivers(t *testing.T) {
	d := startDemo(t)
	anna := d.anna().Address
	if r := d.swaks("--server", d.SMTP, "--from", "you@remote.test", "--to", anna, "--header", "Subject: plain hello"); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.stdout)
	}
	if r := d.swaks("--server", d.SMTP, "--tls", "--tls-verify", "--tls-ca-path", d.CAFile, "--from", "you@remote.test", "--to", anna, "--header", "Subject: hello under TLS"); r.code != 0 {
		t.Fatalf("with STARTTLS: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got := d.received(d.anna(), "INBOX", "Subject: plain hello"); !strings.Contains(got, " with ESMTP id ") {
		t.Errorf("the trace of a plain session does not say ESMTP:\n%s", got)
	}
	got := d.received(d.anna(), "INBOX", "Subject: hello under TLS")
	for _, want := range []string{" with ESMTPS id ", "Return-Path: <you@remote.test>\r\n", "Delivered-To: " + anna, "spf=pass"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestStrangerToUnknownUser(t *testing.T) {
	d := startDemo(t)
	r := d.swaks("--server", d.SMTP, "--from", "you@remote.test", "--to", "nobody@"+d.Domain)
	if r.code != swaksRefused || !strings.Contains(r.stdout, "550 5.1.1") {
		t.Errorf("exit %d\n%s", r.code, r.stdout)
	}
	for _, local := range []string{"postmaster", "abuse", "PostMaster"} {
		if r := d.swaks("--server", d.SMTP, "--from", "", "--to", local+"@"+d.Domain, "--quit-after", "RCPT"); r.code != 0 {
			t.Errorf("%s@ is refused: exit %d\n%s", local, r.code, r.stdout)
		}
	}
}

func TestNoSignInForStrangers(t *testing.T) {
	d := startDemo(t)
	c := dialSMTP(t, d.SMTP)
	c.ehlo()
	c.startTLS(d.tls())
	if reply := c.ehlo(); strings.Contains(reply, "AUTH") {
		t.Errorf("port 25 offers to sign in:\n%s", reply)
	}
	if reply := c.cmd("AUTH PLAIN %s", plain(d.anna())); !strings.HasPrefix(reply, "5") {
		t.Errorf("port 25 answers AUTH with %q", reply)
	}
	c = dialSMTP(t, d.Submission)
	if reply := c.ehlo(); strings.Contains(reply, "AUTH") {
		t.Errorf("submission offers to sign in without TLS:\n%s", reply)
	}
	if reply := c.cmd("AUTH PLAIN %s", plain(d.anna())); !strings.HasPrefix(reply, "5") {
		t.Errorf("submission without TLS answers AUTH with %q", reply)
	}
	if reply := c.cmd("MAIL FROM:<%s>", d.anna().Address); !strings.HasPrefix(reply, "5") {
		t.Errorf("submission takes mail without sign-in: %q", reply)
	}
}

func TestSubmissionWithSwaks(t *testing.T) {
	d := startDemo(t)
	anna := d.anna()
	for name, how := range map[string][]string{
		"STARTTLS-PLAIN": {"--server", d.Submission, "--tls", "--auth", "PLAIN"},
		"STARTTLS-LOGIN": {"--server", d.Submission, "--tls", "--auth", "LOGIN"},
		"TLS-PLAIN":      {"--server", d.Submissions, "--tlsc", "--auth", "PLAIN"},
		"TLS-LOGIN":      {"--server", d.Submissions, "--tlsc", "--auth", "LOGIN"},
	} {
		args := append(how, "--auth-user", anna.Address, "--auth-password", anna.Password, "--from", anna.Address,
			"--to", name+"@remote.test", "--header", "Subject: from a client by "+name)
		if r := d.swaks(args...); r.code != 0 {
			t.Errorf("%s: exit %d\n%s", name, r.code, r.stdout)
			continue
		}
		if _, got := d.remoteMessage("Subject: from a client by " + name); !strings.Contains(got, "dkim=pass") || !strings.Contains(got, "spf=pass") {
			t.Errorf("%s: the remote server did not find it authentic:\n%s", name, got)
		}
	}
	r := d.swaks("--server", d.Submission, "--tls", "--auth", "PLAIN", "--auth-user", anna.Address, "--auth-password", "wrong", "--quit-after", "AUTH")
	if r.code == 0 || !strings.Contains(r.stdout, "535 5.7.8") {
		t.Errorf("a wrong password: exit %d\n%s", r.code, r.stdout)
	}
}

// TestSenderRights holds both senders, the envelope's and the header's, to
// what the account may use.
func TestSenderRights(t *testing.T) {
	d := startDemo(t)
	anna, bert := d.anna(), d.bert()
	c := d.submission(anna)
	for _, from := range []string{bert.Address, "anna@remote.test", "nobody@" + d.Domain} {
		if reply := c.cmd("MAIL FROM:<%s>", from); !strings.HasPrefix(reply, "553 5.7.1") && !strings.HasPrefix(reply, "550 5.7.1") {
			t.Errorf("MAIL FROM %s: %q", from, reply)
		}
	}
	for name, header := range map[string]string{
		"another's":  "From: " + bert.Address + "\r\n",
		"a stranger": "From: ceo@remote.test\r\n",
		"two":        "From: " + anna.Address + ", " + bert.Address + "\r\n",
		"twice":      "From: " + anna.Address + "\r\nFrom: ceo@remote.test\r\n",
		"none":       "Subject: no author\r\n",
	} {
		if reply := c.message(anna.Address, "joe@remote.test", header+"\r\nx\r\n"); !strings.HasPrefix(reply, "5") {
			t.Errorf("From field of %s: %q", name, reply)
		}
	}
	if reply := c.message(anna.Address, "joe@remote.test", "From: "+anna.Address+"\r\n\r\nhonest\r\n"); !strings.HasPrefix(reply, "250") {
		t.Errorf("an honest message after all that: %q", reply)
	}
}
