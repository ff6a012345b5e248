package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fetchmail takes mail over IMAP and POP3, over TLS and STARTTLS: first copies
// of what is new, once, and then the messages themselves.
func TestFetchmail(t *testing.T) {
	need(t, "fetchmail")
	d := startDemo(t)
	for _, way := range []struct{ name, options string }{
		{"IMAP over TLS", fmt.Sprintf("protocol imap port %s%%s ssl", portOf(t, d.IMAPS))},
		{"IMAP and STARTTLS", fmt.Sprintf("protocol imap port %s%%s sslproto tls1.2+", portOf(t, d.IMAP))},
		{"POP3 over TLS", fmt.Sprintf("protocol pop3 port %s uidl%%s ssl", portOf(t, d.POP3S))},
		{"POP3 and STLS", fmt.Sprintf("protocol pop3 port %s uidl%%s sslproto tls1.2+", portOf(t, d.POP3))},
	} {
		f := &fetchmail{demo: d, t: t, dir: t.TempDir(), options: way.options}
		d.deliver("one", "two")
		f.fetch("keep", 0, "one", "two")
		f.fetch("keep", 1)
		d.deliver("three")
		f.fetch("keep", 0, "three")
		if got := d.mailbox(d.anna(), "INBOX"); len(got) != 3 {
			t.Errorf("%s: %d messages are left", way.name, len(got))
		}
		f.fetch("fetchall nokeep", 0, "one", "two", "three")
		if got := d.mailbox(d.anna(), "INBOX"); len(got) != 0 {
			t.Errorf("%s: %d messages are left", way.name, len(got))
		}
	}
	d.checkClean()
}

type fetchmail struct {
	*demo
	t       *testing.T
	dir     string
	options string
}

// fetch runs fetchmail once; it has to end with that code (1: nothing new) and
// bring the messages of these subjects.
func (f *fetchmail) fetch(keep string, code int, subjects ...string) {
	f.t.Helper()
	a, came := f.anna(), filepath.Join(f.dir, "came")
	os.Remove(came)
	server := fmt.Sprintf(f.options, fmt.Sprintf(" username %q password %q", a.Address, a.Password))
	rc := write(f.t, filepath.Join(f.dir, "fetchmailrc"), fmt.Sprintf("poll localhost %s sslcertck sslcertfile %q %s mda %q\n", server, f.CAFile, keep, "cat >> "+came))
	r := run(f.t, "", "env", "HOME="+f.dir, "LC_ALL=C", "fetchmail", "-f", rc, "-i", filepath.Join(f.dir, "ids"), "--pidfile", filepath.Join(f.dir, "pid"))
	if r.code != code {
		f.t.Fatalf("fetchmail (%s, %s): exit %d\n%s%s", f.options, keep, r.code, r.stdout, r.stderr)
	}
	text, _ := os.ReadFile(came)
	if n := strings.Count(string(text), "Message-ID: <"); n != len(subjects) {
		f.t.Errorf("fetchmail (%s, %s) brought %d messages", f.options, keep, n)
	}
	for _, subject := range subjects {
		if !strings.Contains(string(text), "Subject: "+subject+"\n") {
			f.t.Errorf("fetchmail (%s, %s) did not bring %s:\n%s", f.options, keep, subject, text)
		}
	}
}
