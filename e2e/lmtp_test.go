package e2e

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lmtpServer is an installation with an LMTP socket, and an account whose
// mailbox is small beside anna's.
func lmtpServer(t testing.TB, mode string) (*installation, string) {
	t.Helper()
	_, resolver := startDNS(t)
	dir, err := os.MkdirTemp("", "gomail-lmtp-") // other users have to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	socket := filepath.Join(dir, "lmtp")
	i := serve(t, resolver, "[lmtp]\nlisten = [\""+socket+"\"]\nmode = \""+mode+"\"\n")
	mustRun(t, "a long password\n", binary, "--dir", i.dir, "account", "add", "small@example.test", "--quota", "2KB", "--password-stdin")
	return i, socket
}

// TestLMTP speaks LMTP over the socket: each recipient has its own outcome, and
// nothing is relayed.
func TestLMTP(t *testing.T) {
	i, socket := lmtpServer(t, "0600")
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket: %v, %v", info, err)
	}
	nc, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	c := greeted(t, nc)
	c.want("500", "EHLO mta.example.test")
	if reply := c.cmd("LHLO mta.example.test"); strings.Contains(reply, "STARTTLS") || strings.Contains(reply, "AUTH") || !strings.Contains(reply, "CHUNKING") {
		t.Errorf("LHLO: %s", reply)
	}
	c.want("250", "MAIL FROM:<joe@remote.test>")
	c.want("250 2.1.5", "RCPT TO:<%s>", i.anna.Address)
	c.want("550 5.1.1", "RCPT TO:<nobody@example.test>")
	c.want("550 5.7.1", "RCPT TO:<joe@remote.test>")
	c.want("250 2.1.5", "RCPT TO:<small@example.test>")
	c.want("250 2.1.5", "RCPT TO:<anna+tag@example.test>")
	c.want("354", "DATA")
	c.send("Subject: to several\r\nReturn-Path: <forged@remote.test>\r\nAuthentication-Results: mx.front.test; spf=pass\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 100) + ".\r\n")
	for _, want := range []string{"250 2.1.5 delivered", "552 5.3.4 the message is larger than the mailbox small@example.test", "250 2.1.5 delivered"} {
		if reply := c.reply(); !strings.HasPrefix(reply, want) {
			t.Errorf("after the message: %s, want %s", reply, want)
		}
	}
	c.want("221", "QUIT")
	all := holding(i.mailbox("INBOX"), "Subject: to several")
	if len(all) != 1 {
		t.Fatalf("anna has %d copies", len(all))
	}
	for _, want := range []string{"Return-Path: <joe@remote.test>", "Delivered-To: anna@example.test", "Delivered-To: anna+tag@example.test",
		"from mta.example.test (LMTP socket)", "with LMTP id", "Authentication-Results: mx.front.test; spf=pass"} {
		if !strings.Contains(strings.Join(strings.Fields(all[0]), " "), want) {
			t.Errorf("%q is missing in\n%s", want, all[0][:800])
		}
	}
	if strings.Contains(all[0], "forged@") {
		t.Errorf("a Return-Path of others is kept:\n%s", all[0][:800])
	}
	// Killed, it leaves its socket behind; the next start takes its place.
	i.kill()
	i.start(t)
	if d := run(t, "", binary, "--dir", i.dir, "doctor"); !strings.Contains(strings.Join(strings.Fields(d.stdout), " "), "ok socket lmtp.listen "+socket+" answers") {
		t.Errorf("doctor: %s", d.stdout)
	}
	if r := run(t, "", binary, "serve", "--dir", t.TempDir()); r.code != 1 {
		t.Errorf("a server without a hostname: %d", r.code)
	}
	i.stop()
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is still there after a stop")
	}
	write(t, socket, "a file of somebody")
	if r := run(t, "", binary, "serve", "--dir", i.dir); r.code != 1 || !strings.Contains(r.stderr, "is there already and is no socket") {
		t.Errorf("a file in the socket's place: exit %d: %s", r.code, r.stderr)
	}
}

// TestLMTPFromPostfix has Postfix take mail from others and hand it to GoMail.
func TestLMTPFromPostfix(t *testing.T) {
	need(t, "swaks")
	i, socket := lmtpServer(t, "0666")
	p := startPostfixPeer(t, "transport_maps = inline:{ {example.test = lmtp:unix:"+socket+"} }\nrelay_domains = example.test\n")
	mustRun(t, "", "swaks", "--server", peerAddress+":25", "--helo", "front.test", "--from", "bob@peer.test", "--to", i.anna.Address+",nobody@example.test,small@example.test",
		"--header", "Subject: through Postfix", "--body", strings.Repeat("x", 3000))
	eventually(t, "the message", func() bool { return len(holding(i.mailbox("INBOX"), "Subject: through Postfix")) == 1 })
	got := strings.Join(strings.Fields(holding(i.mailbox("INBOX"), "Subject: through Postfix")[0]), " ")
	for _, want := range []string{"Return-Path: <bob@peer.test>", "from mx.peer.test (LMTP socket)", "with LMTP id", "by mx.peer.test (Postfix)"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%.1500s", want, got)
		}
	}
	bounce := p.received("Undelivered Mail Returned to Sender")
	if !strings.Contains(bounce, "Final-Recipient: rfc822; nobody@example.test") || !strings.Contains(bounce, "550 5.1.1") {
		t.Errorf("Postfix tells bob\n%s", bounce)
	}
	eventually(t, "the full mailbox to be tried again later", func() bool {
		return strings.Contains(p.log(), "to=<small@example.test>") && strings.Contains(p.log(), "452 4.2.2")
	})
}

// TestLMTPFromExim is the same with Exim, several recipients in one
// transaction.
func TestLMTPFromExim(t *testing.T) {
	need(t, "swaks")
	i, socket := lmtpServer(t, "0666")
	e := startExim(t, socket)
	mustRun(t, "", "swaks", "--server", e.address, "--helo", "front.test", "--from", "bob@peer.test", "--to", i.anna.Address+",nobody@example.test,small@example.test",
		"--header", "Subject: through Exim", "--body", strings.Repeat("x", 3000))
	eventually(t, "the message\n"+e.log(), func() bool { return len(holding(i.mailbox("INBOX"), "Subject: through Exim")) == 1 })
	got := strings.Join(strings.Fields(holding(i.mailbox("INBOX"), "Subject: through Exim")[0]), " ")
	for _, want := range []string{"Return-Path: <bob@peer.test>", "from mx.exim.test (LMTP socket)", "with LMTP id"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%.1500s", want, got)
		}
	}
	eventually(t, "Exim to know of each recipient\n"+e.log(), func() bool {
		log := e.log()
		return strings.Contains(log, "=> anna <anna@example.test>") && strings.Contains(log, "** nobody@example.test") && strings.Contains(log, "550 5.1.1") &&
			strings.Contains(log, "small@example.test") && strings.Contains(log, "552 5.3.4")
	})
}
