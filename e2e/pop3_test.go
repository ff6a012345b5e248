package e2e

import (
	"strings"
	"testing"
)

// Python and curl fetch mail by POP3; IMAP sees what they removed.
func TestPOP3(t *testing.T) {
	need(t, "/usr/bin/python3")
	need(t, "curl")
	d := startDemo(t)
	d.deliver("one", "two", "three")
	a := d.anna()
	out := mustRun(t, "", "/usr/bin/python3", "testdata/pop3.py", portOf(t, d.POP3), portOf(t, d.POP3S), d.CAFile, d.Hostname, a.Address, a.Password)
	if out != "done\n" {
		t.Fatalf("it said\n%s", out)
	}
	if got := d.mailbox(a, "INBOX"); len(got) != 2 || len(holding(got, "Subject: one")) != 0 {
		t.Errorf("%d messages are left", len(got))
	}
	at := "pop3s://" + d.Hostname + ":" + portOf(t, d.POP3S) + "/"
	app := d.appPassword(a, "fetcher", "--protocols", "imap")
	got := mustRun(t, "", "curl", "-sS", "--cacert", d.CAFile, "--resolve", d.Hostname+":"+portOf(t, d.POP3S)+":127.0.0.1", "-u", a.Address+":"+app, at+"2")
	if !strings.Contains(got, "Subject: three") {
		t.Errorf("curl fetched %q", got)
	}
}
