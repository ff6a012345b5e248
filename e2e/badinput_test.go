package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

const ordinary = "From: you@remote.test\r\nTo: anna@gomail.test\r\nSubject: ordinary\r\n\r\nbody\r\n"

// open begins a session as a stranger.
func (d *demo) open() *smtpConn {
	d.t.Helper()
	c := dialSMTP(d.t, d.SMTP)
	c.ehlo()
	return c
}

// Content that a server must not take is refused with a reason, the session
// goes on, and nothing of it is stored.
func TestBadContentIsRefused(t *testing.T) {
	d := startDemo(t)
	for name, test := range map[string]struct{ text, want string }{
		"a NUL":          {"From: you@remote.test\r\n\r\na\x00b\r\n", "550 5.6.0"},
		"a bare LF":      {"From: you@remote.test\r\n\r\na\nb\r\n", "550 5.6.0"},
		"a bare CR":      {"From: you@remote.test\r\n\r\na\rb\r\n", "550 5.6.0"},
		"10,000 fields":  {strings.Repeat("X-Filler: x\r\n", 10_000) + ordinary, "550 5.7.1"},
		"a 300 KB field": {"X: " + strings.Repeat("y", 300<<10) + "\r\n" + ordinary, "550 5.7.1"},
		"a loop":         {strings.Repeat("Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n", 51) + ordinary, "554 5.4.6"},
	} {
		t.Run(name, func(t *testing.T) {
			c := d.open()
			if reply := c.message("you@remote.test", d.anna().Address, test.text); !strings.HasPrefix(reply, test.want) {
				t.Errorf("got %q, want %s", reply, test.want)
			}
			c.want("250", "NOOP")
		})
	}
	if got := d.mailbox(d.anna(), "INBOX"); len(got) != 0 {
		t.Errorf("%d of them were stored", len(got))
	}
	d.checkClean()
}

// What looks odd and is allowed arrives.
func TestOddContentArrives(t *testing.T) {
	d := startDemo(t)
	deep := "From: you@remote.test\r\nSubject: deep\r\nMIME-Version: 1.0\r\n"
	for i := range 1000 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for name, text := range map[string]string{
		"deep":      deep + "\r\nbottom\r\n",
		"eightbit":  "From: you@remote.test\r\nSubject: eightbit gr\xfc\xdfe\r\n\r\n\xe4\xf6\xfc\r\n",
		"headless":  "\r\nheadless body\r\n",
		"no header": "no header at all\r\n",
		"long line": "From: you@remote.test\r\nSubject: long line\r\n\r\n" + strings.Repeat("x", 100_000) + "\r\n",
		"dots":      "From: you@remote.test\r\nSubject: dots\r\n\r\n..leading\r\n..\r\n",
	} {
		if reply := d.open().message("you@remote.test", d.anna().Address, text); !strings.HasPrefix(reply, "250") {
			t.Errorf("%s: %s", name, reply)
		}
	}
	got := d.mailbox(d.anna(), "INBOX")
	if len(got) != 6 {
		t.Fatalf("%d arrived", len(got))
	}
	if m := holding(got, "Subject: dots"); len(m) != 1 || !strings.HasSuffix(m[0], "\r\n\r\n.leading\r\n.\r\n") {
		t.Errorf("the dots came as %q", m)
	}
	c := dialIMAP(t, d.IMAPS, d.tls(), d.anna())
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	var all imap.SeqSet
	all.AddRange(1, 6)
	found, err := c.Fetch(all, &imap.FetchOptions{Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
	if err != nil || len(found) != 6 {
		t.Errorf("fetching structures: %d, %v", len(found), err)
	}
}

// Envelopes that are malformed, or that only look like ours.
func TestBadEnvelopes(t *testing.T) {
	d := startDemo(t)
	c := d.open()
	for _, from := range []string{"you", "@remote.test", "a b@remote.test", "<you@remote.test", "you@remote.test> SIZE=99999999999", "y\xc3\xbc@remote.test"} {
		if reply := c.cmd("MAIL FROM:<%s>", from); !strings.HasPrefix(reply, "5") {
			t.Errorf("MAIL FROM:<%s>: %s", from, reply)
		}
		c.want("250", "RSET")
	}
	if reply := c.cmd("MAIL FROM:<you@remote.test> SIZE=%d", 60<<20); !strings.HasPrefix(reply, "552 5.3.4") {
		t.Errorf("an announced size over the limit: %s", reply)
	}
	if reply := c.cmd("MAIL FROM:<you@remote.test> X=Y"); !strings.HasPrefix(reply, "555") {
		t.Errorf("an unknown parameter: %s", reply)
	}
	if reply := c.cmd("%s", "NOOP "+strings.Repeat("x", 64<<10)); !strings.HasPrefix(reply, "500") {
		t.Errorf("a line of 64 KB: %.80s", reply)
	}
	c.want("250", "NOOP")
}

// More than was announced, or allowed, is refused when it has come.
func TestOversizedMessage(t *testing.T) {
	d := startDemo(t)
	c := d.open()
	c.want("250", "MAIL FROM:<you@remote.test>")
	c.want("250", "RCPT TO:<%s>", d.anna().Address)
	c.want("354", "DATA")
	line := bytes.Repeat([]byte("x"), 998)
	block := bytes.Repeat(append(line, "\r\n"...), 1000)
	for range 53 {
		c.send(string(block))
	}
	c.send(".\r\n")
	if reply := c.reply(); !strings.HasPrefix(reply, "552 5.3.4") {
		t.Errorf("53 MB: %s", reply)
	}
	if got := d.mailbox(d.anna(), "INBOX"); len(got) != 0 {
		t.Error("it was stored")
	}
}

// A message that breaks off, in whatever way, is nowhere.
func TestAbortedData(t *testing.T) {
	d := startDemo(t)
	for range 5 {
		c := d.open()
		c.want("250", "MAIL FROM:<you@remote.test>")
		c.want("250", "RCPT TO:<%s>", d.anna().Address)
		c.want("354", "DATA")
		c.send("From: you@remote.test\r\nSubject: aborted\r\n\r\nhalf a mess")
		c.Close()
	}
	c := d.open()
	c.want("250", "MAIL FROM:<you@remote.test>")
	c.want("250", "RCPT TO:<%s>", d.anna().Address)
	c.want("354", "DATA")
	c.send("From: you@remote.test\r\nSubject: aborted\r\n\r\nhalf\r\n")
	c.Conn.(*net.TCPConn).CloseWrite() // half-closed: no dot will come
	c.closed()
	if reply := d.open().message("you@remote.test", d.anna().Address, ordinary); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	if got := d.mailbox(d.anna(), "INBOX"); len(got) != 1 || !strings.Contains(got[0], "ordinary") {
		t.Errorf("the mailbox holds %q", got)
	}
	d.checkClean()
}

// Plain text behind STARTTLS, in one segment, is not taken over the upgrade.
func TestInjectionAtTheUpgrade(t *testing.T) {
	d := startDemo(t)
	c := d.open()
	c.send("STARTTLS\r\nMAIL FROM:<evil@remote.test>\r\n")
	c.closed()

	nc, err := net.Dial("tcp", d.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	i := &smtpConn{Conn: nc, t: t, r: bufio.NewReader(nc)}
	i.r.ReadString('\n')
	i.send("a STARTTLS\r\nb NOOP\r\n")
	i.closed()
}

// Passwords are for encrypted connections, and for the ports that are meant
// for them.
func TestSignInWithoutTLS(t *testing.T) {
	d := startDemo(t)
	c := dialSMTP(t, d.Submission)
	if reply := c.ehlo(); strings.Contains(reply, "AUTH") {
		t.Errorf("AUTH is offered without TLS:\n%s", reply)
	}
	if reply := c.cmd("AUTH PLAIN %s", plain(d.anna())); !strings.HasPrefix(reply, "5") {
		t.Errorf("AUTH without TLS: %s", reply)
	}
	if reply := c.cmd("MAIL FROM:<%s>", d.anna().Address); !strings.HasPrefix(reply, "530") {
		t.Errorf("MAIL without AUTH: %s", reply)
	}
	nc, err := net.Dial("tcp", d.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(nc)
	if greeting, _ := r.ReadString('\n'); !strings.Contains(greeting, "LOGINDISABLED") {
		t.Errorf("the greeting without TLS: %s", greeting)
	}
	fmt.Fprintf(nc, "a LOGIN %s %s\r\n", d.anna().Address, d.anna().Password)
	if reply, _ := r.ReadString('\n'); !strings.HasPrefix(reply, "a NO") {
		t.Errorf("LOGIN without TLS: %s", reply)
	}
}
