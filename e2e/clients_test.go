package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deliver puts messages into anna's INBOX as a stranger would.
func (d *demo) deliver(subjects ...string) {
	d.t.Helper()
	c := d.open()
	for _, s := range subjects {
		if reply := c.message("you@remote.test", d.anna().Address, "From: You <you@remote.test>\r\nTo: "+d.anna().Address+"\r\nSubject: "+s+"\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <"+s+"@remote.test>\r\n\r\nThe text of "+s+".\r\n"); !strings.HasPrefix(reply, "250") {
			d.t.Fatal(reply)
		}
	}
}

// write makes a file for a program to read.
func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// mbsyncFar is how mbsync reaches an account, as its store "far".
func (d *demo) mbsyncFar(a account) string {
	return fmt.Sprintf(`IMAPAccount a
Host localhost
Port %s
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a
`, portOf(d.t, d.IMAPS), a.Address, a.Password, d.CAFile)
}

// mbsync keeps a Maildir and the server in step, in both directions, and has
// nothing to do the second time.
func TestMbsync(t *testing.T) {
	need(t, "mbsync")
	d := startDemo(t)
	d.deliver("one", "two", "three")
	dir := t.TempDir()
	rc := write(t, filepath.Join(dir, "mbsyncrc"), d.mbsyncFar(d.anna())+fmt.Sprintf(`
MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, dir, dir))
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	sync := func() { t.Helper(); mustRun(t, "", "mbsync", "-c", rc, "-a") }
	maildir := func(sub string) []string {
		files, _ := filepath.Glob(filepath.Join(dir, "mail", "INBOX", sub, "*"))
		return files
	}
	sync()
	if n := len(maildir("new")) + len(maildir("cur")); n != 3 {
		t.Fatalf("%d messages came", n)
	}
	before := fmt.Sprint(maildir("new"), maildir("cur"))
	sync()
	if after := fmt.Sprint(maildir("new"), maildir("cur")); after != before {
		t.Errorf("the second run changed %s to %s", before, after)
	}
	// Here: the first is read, and an answer is put into Sent. There: the
	// second is removed.
	first := append(maildir("new"), maildir("cur")...)[0]
	read := filepath.Join(dir, "mail", "INBOX", "cur", strings.Split(filepath.Base(first), ":")[0]+":2,S")
	if err := os.Rename(first, read); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "mail", "Sent", "cur", "1.answer:2,S"), "From: anna@gomail.test\nSubject: answer\n\nx\n")
	c := dialIMAP(t, d.IMAPS, d.tls(), d.anna())
	removeSecond(t, c)
	sync()
	sync()
	if n := len(maildir("new")) + len(maildir("cur")); n != 2 {
		t.Errorf("%d messages are left here", n)
	}
	if got := d.mailbox(d.anna(), "Sent"); len(holding(got, "Subject: answer")) != 1 {
		t.Errorf("Sent holds %q", got)
	}
	if n := unseen(t, c, "INBOX"); n != 1 {
		t.Errorf("%d messages are unread there", n)
	}
	// The other way about. There: the first is marked. Here: the third is
	// removed.
	star(t, c, 1)
	third := append(maildir("new"), maildir("cur")...)
	third = slices.DeleteFunc(third, func(f string) bool { return strings.HasSuffix(f, ":2,S") })
	if len(third) != 1 {
		t.Fatalf("the unread are %v", third)
	}
	if err := os.Rename(third[0], filepath.Join(dir, "mail", "INBOX", "cur", strings.Split(filepath.Base(third[0]), ":")[0]+":2,T")); err != nil {
		t.Fatal(err)
	}
	sync()
	if got := d.mailbox(d.anna(), "INBOX"); len(got) != 1 || !strings.Contains(got[0], "Subject: one") {
		t.Errorf("there is left %q", got)
	}
	if left := append(maildir("new"), maildir("cur")...); len(left) != 1 || !strings.HasSuffix(left[0], ":2,FS") {
		t.Errorf("here is left %v", left)
	}
	d.checkClean()
}

// mutt and neomutt show the list and a message, hear of a new one, and remove
// one.
func TestMutt(t *testing.T) {
	for name, more := range map[string]string{"mutt": "", "neomutt": "set imap_condstore=yes\n"} {
		t.Run(name, func(t *testing.T) {
			need(t, name, "tmux")
			readWithMutt(t, name, more)
		})
	}
}

func readWithMutt(t *testing.T, program, more string) {
	d := startDemo(t)
	d.deliver("for mutt")
	dir := t.TempDir()
	rc := write(t, filepath.Join(dir, "muttrc"), more+fmt.Sprintf(`set ssl_ca_certificates_file=%s
set certificate_file=%s
set imap_user=%s
set imap_pass="%s"
set folder=imaps://localhost:%s/
set spoolfile=+INBOX
set header_cache=%s
set imap_qresync=yes
set quit=yes
set sleep_time=0
set mail_check=1
set timeout=1
`, d.CAFile, d.CAFile, d.anna().Address, d.anna().Password, portOf(t, d.IMAPS), filepath.Join(dir, "cache")))
	socket := filepath.Join(dir, "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		return run(t, "", "tmux", append([]string{"-S", socket}, args...)...).stdout
	}
	tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "HOME="+dir+" TERM=screen "+program+" -n -F "+rc)
	defer tmux("kill-server")
	screen := func(text string) {
		t.Helper()
		eventually(t, program+" to show "+text, func() bool { return strings.Contains(tmux("capture-pane", "-p"), text) })
	}
	screen("for mutt")
	tmux("send-keys", "Enter")
	screen("The text of for mutt.")
	tmux("send-keys", "i")
	d.deliver("while mutt waits")
	screen("while mutt waits")
	tmux("send-keys", "1", "Enter", "d", "$", "y")
	eventually(t, program+" to remove the first", func() bool {
		left := d.mailbox(d.anna(), "INBOX")
		return len(left) == 1 && strings.Contains(left[0], "while mutt waits")
	})
	tmux("send-keys", "q")
}

// Each of these submits a message that a stranger's server accepts.
func TestSubmittingPrograms(t *testing.T) {
	need(t, "msmtp", "curl", "swaks", "/usr/bin/python3")
	d := startDemo(t)
	a, dir := d.anna(), t.TempDir()
	text := func(name string) string {
		return "From: " + a.Address + "\r\nTo: you@remote.test\r\nSubject: by " + name + ".\r\n\r\nx\r\n"
	}
	host := "localhost"
	rc := write(t, filepath.Join(dir, "msmtprc"), fmt.Sprintf("account default\nhost %s\nport %s\nauth on\nuser %s\npassword %s\nfrom %s\ntls on\ntls_trust_file %s\n",
		host, portOf(t, d.Submission), a.Address, a.Password, a.Address, d.CAFile))
	mustRun(t, strings.ReplaceAll(text("msmtp"), "\r\n", "\n"), "msmtp", "-C", rc, "you@remote.test")
	mail := write(t, filepath.Join(dir, "mail"), text("curl"))
	mustRun(t, "", "curl", "-sS", "--cacert", d.CAFile, "--url", "smtps://"+host+":"+portOf(t, d.Submissions), "--user", a.Address+":"+a.Password,
		"--mail-from", a.Address, "--mail-rcpt", "you@remote.test", "--upload-file", mail)
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		mustRun(t, "", "swaks", "--server", d.Submission, "--tls", "--auth", mechanism, "--auth-user", a.Address, "--auth-password", a.Password,
			"--from", a.Address, "--to", "you@remote.test", "--header", "Subject: by swaks "+mechanism+".")
	}
	mustRun(t, text("smtplib"), "/usr/bin/python3", "testdata/submit.py", host, portOf(t, d.Submission), d.CAFile, a.Address, a.Password)
	for _, name := range []string{"msmtp", "curl", "swaks PLAIN", "swaks LOGIN", "smtplib"} {
		_, got := d.remoteMessage("Subject: by " + name + ".")
		if strings.Count(got, "dkim=pass") != 2 || !strings.Contains(got, "dmarc=pass") {
			t.Errorf("what %s sent was judged:\n%s", name, got)
		}
	}
}

// Python's imaplib, step by step.
func TestImaplib(t *testing.T) {
	need(t, "/usr/bin/python3")
	d := startDemo(t)
	d.deliver("one", "two", "three")
	out := mustRun(t, "", "/usr/bin/python3", "testdata/read.py", "localhost", portOf(t, d.IMAP), portOf(t, d.IMAPS), d.CAFile, d.anna().Address, d.anna().Password)
	if !strings.HasSuffix(out, "done\n") {
		t.Errorf("it said\n%s", out)
	}
	d.checkClean()
}

// imapflow, the client of many services: IMAP4rev2, QRESYNC, COMPRESS, IDLE.
func TestImapflow(t *testing.T) {
	need(t, "node")
	if _, err := os.Stat("testdata/imapflow/node_modules"); err != nil {
		t.Fatal("imapflow is missing: run internal/packages.sh")
	}
	d := startDemo(t)
	out := mustRun(t, "", "node", "testdata/imapflow/client.mjs", "localhost", portOf(t, d.IMAPS), d.CAFile, d.anna().Address, d.anna().Password)
	if !strings.HasSuffix(out, "done\n") {
		t.Errorf("it said\n%s", out)
	}
	d.checkClean()
}

// curl lists mailboxes and reads a message.
func TestCurlReads(t *testing.T) {
	need(t, "curl")
	d := startDemo(t)
	d.deliver("for curl")
	curl := func(args ...string) string {
		t.Helper()
		return mustRun(t, "", "curl", append([]string{"-sS", "--cacert", d.CAFile, "--user", d.anna().Address + ":" + d.anna().Password}, args...)...)
	}
	base := "imaps://localhost:" + portOf(t, d.IMAPS) + "/"
	if out := curl(base); !strings.Contains(out, `\Junk`) || !strings.Contains(out, "INBOX") {
		t.Errorf("the mailboxes are\n%s", out)
	}
	if out := curl(base + "INBOX;UID=1"); !strings.Contains(out, "The text of for curl.") {
		t.Errorf("the message is\n%s", out)
	}
	starttls := "imap://localhost:" + portOf(t, d.IMAP) + "/"
	if out := curl("--ssl-reqd", starttls+"INBOX?SUBJECT%20curl"); !strings.Contains(out, "* SEARCH 1") {
		t.Errorf("the search found\n%s", out)
	}
}
