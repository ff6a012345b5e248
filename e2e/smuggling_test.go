package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// smuggled is what follows a false end of a message: a whole transaction that
// must never be run.
func smuggled(to string) string {
	return "MAIL FROM:<ceo@remote.test>\r\nRCPT TO:<" + to + ">\r\nDATA\r\nFrom: ceo@remote.test\r\nSubject: smuggled\r\n\r\nx"
}

// falseEnds look like the end of a message to some servers.
var falseEnds = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r.\n", "\r\r\n.\r\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\r\n",
}

// TestSmuggling sends messages in which a second one is hidden (RFC 5321
// section 2.3.8 leaves bare CR and LF undefined in effect, and CVE-2023-51764
// and its sisters are what became of it). Only CRLF.CRLF ends a message.
func TestSmuggling(t *testing.T) {
	d := startDemo(t)
	anna, bert := d.anna(), d.bert()
	stranger := func() *smtpConn { return d.open() }
	client := func() *smtpConn { return d.submission(anna) }
	for name, open := range map[string]func() *smtpConn{"port 25": stranger, "submission": client} {
		c := open()
		for _, end := range falseEnds {
			if reply := c.message(anna.Address, bert.Address, "From: "+anna.Address+"\r\nSubject: carrier\r\n\r\nx"+end+smuggled(bert.Address)+"\r\n"); !strings.HasPrefix(reply, "550 5.6.0") {
				t.Errorf("%s, %q: %s", name, end, reply)
			}
			// One reply for the one message: were there more, this would
			// be answered with an earlier one.
			c.want("214", "HELP")
		}
	}
	if got := d.mailbox(bert, "INBOX"); len(got) != 0 {
		t.Errorf("bert has %q", got)
	}
	d.noneRelayed()
}

// TestEndInPieces sends an honest end of a message octet by octet.
func TestEndInPieces(t *testing.T) {
	d := startDemo(t)
	c := d.open()
	c.want("250", "MAIL FROM:<you@remote.test>")
	c.want("250", "RCPT TO:<%s>", d.anna().Address)
	c.want("354", "DATA")
	for _, octet := range strings.Split("From: you@remote.test\r\nSubject: in pieces\r\n\r\n..\r\n.\r\n", "") {
		c.send(octet)
	}
	if reply := c.reply(); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	if got := d.received(d.anna(), "INBOX", "Subject: in pieces"); !strings.HasSuffix(got, "\r\n\r\n.\r\n") {
		t.Errorf("it came as %q", got)
	}
}

// TestNothingSlipsOutOfChunks submits with BDAT what would end a message sent
// with DATA. It is content, and has to be content at the next server too.
func TestNothingSlipsOutOfChunks(t *testing.T) {
	d := startDemo(t)
	anna := d.anna()
	c := d.submission(anna)
	body := "x\r\n.\r\n" + smuggled("joe@remote.test") + "\r\n.\r\n..\r\nend\r\n"
	text := "From: " + anna.Address + "\r\nSubject: in chunks\r\n\r\n" + body
	c.want("250", "MAIL FROM:<%s>", anna.Address)
	c.want("250", "RCPT TO:<joe@remote.test>")
	c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(text), text))
	if reply := c.reply(); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	if _, got := d.remoteMessage("Subject: in chunks"); !strings.HasSuffix(got, "\r\n\r\n"+body) {
		t.Errorf("the remote server got\n%s", got)
	}
	if files, err := os.ReadDir(d.Remote.Maildir); err != nil || len(files) != 1 {
		t.Errorf("the remote server has %d messages (%v), want one", len(files), err)
	}
	// The same with bare line feeds is refused here already.
	bare := "From: " + anna.Address + "\r\n\r\nx\n.\nMAIL FROM:<ceo@remote.test>\r\n"
	c.want("250", "MAIL FROM:<%s>", anna.Address)
	c.want("250", "RCPT TO:<joe@remote.test>")
	c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(bare), bare))
	if reply := c.reply(); !strings.HasPrefix(reply, "550 5.6.0") {
		t.Errorf("bare line feeds in a chunk: %s", reply)
	}
}

// TestNoInjectionThroughAddresses tries to bring line ends into what the
// server writes itself: its header fields, and its commands to others.
func TestNoInjectionThroughAddresses(t *testing.T) {
	d := startDemo(t)
	c := dialSMTP(t, d.SMTP)
	c.cmd("EHLO x\tFrom:_evil@remote.test")
	c.want("250", "EHLO (evil)by<x>;\"y\\z")
	for _, from := range []string{`"a\` + "\r" + `b"@remote.test`, "\"a\rX-Evil: 1\"@remote.test", "a@remote.test\rX-Evil: 1", "\"a\tb\"@remote.test\x0b"} {
		if reply := c.cmd("MAIL FROM:<%s>", from); !strings.HasPrefix(reply, "5") {
			t.Errorf("MAIL FROM:<%q>: %s", from, reply)
			c.want("250", "RSET")
		}
	}
	if reply := c.message(`"a>b <c"@remote.test`, d.anna().Address, "From: you@remote.test\r\nSubject: quoted\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	got := d.received(d.anna(), "INBOX", "Subject: quoted")
	header, _, _ := strings.Cut(got, "\r\n\r\n")
	if !strings.Contains(header, `Return-Path: <"a>b <c"@remote.test>`) || strings.Count(header, "\r\nFrom:") != 1 {
		t.Errorf("the header is\n%s", header)
	}
	for _, line := range strings.Split(header, "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("a line holds a control character: %q", line)
		}
	}
}
