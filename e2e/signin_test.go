package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// A client of Python's signs in by SCRAM-SHA-256 and -PLUS (bound to the
// certificate) over IMAP and SMTP, and is refused whatever is tampered with.
func TestSCRAMPython(t *testing.T) {
	need(t, "/usr/bin/python3")
	d := startDemo(t)
	out := mustRun(t, "", "/usr/bin/python3", "testdata/scram.py", "localhost", portOf(t, d.IMAPS), portOf(t, d.Submissions), d.CAFile, d.anna().Address, d.anna().Password)
	if !strings.HasSuffix(out, "done\n") || strings.Count(out, " - ") != 16 {
		t.Errorf("it said\n%s", out)
	}
	d.checkClean()
}

// bound signs in over IMAP with SCRAM-SHA-256-PLUS by tls-exporter, RFC 9266,
// and returns how the server ends the sign-in. spoil is what a man in the
// middle has: another connection.
func (d *demo) bound(a account, config *tls.Config, spoil bool) string {
	d.t.Helper()
	conn, err := tls.Dial("tcp", d.IMAPS, config)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	state := conn.ConnectionState()
	binding, err := scram.NewTLSExporterBinding(&state)
	if err != nil {
		d.t.Fatal(err)
	}
	if spoil {
		binding.Data[0] ^= 1
	}
	client, err := scram.SHA256.NewClient(a.Address, a.Password, "")
	if err != nil {
		d.t.Fatal(err)
	}
	c := client.NewConversationWithChannelBinding(binding)
	r := bufio.NewReader(conn)
	line := func() string {
		text, err := r.ReadString('\n')
		if err != nil {
			d.t.Fatal(err)
		}
		return strings.TrimSpace(text)
	}
	line()
	fmt.Fprint(conn, "a AUTHENTICATE SCRAM-SHA-256-PLUS\r\n")
	for {
		answer, more := strings.CutPrefix(line(), "+")
		if !more {
			if strings.HasPrefix(answer, "a OK") != c.Valid() {
				d.t.Errorf("the server's proof is %t, and its word %q", c.Valid(), answer)
			}
			return answer
		}
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
		if err != nil {
			d.t.Fatal(err)
		}
		response := ""
		if !c.Done() {
			if response, err = c.Step(string(challenge)); err != nil {
				d.t.Fatal(err)
			}
		}
		fmt.Fprint(conn, base64.StdEncoding.EncodeToString([]byte(response))+"\r\n")
	}
}

// The binding to the TLS connection itself, over 1.3 and 1.2.
func TestSCRAMExporter(t *testing.T) {
	d := startDemo(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := d.tls()
		config.MaxVersion = version
		if got := d.bound(d.anna(), config, false); !strings.HasPrefix(got, "a OK") {
			t.Errorf("%s: %s", tls.VersionName(version), got)
		}
		if got := d.bound(d.anna(), config, true); !strings.Contains(got, "something stands between") {
			t.Errorf("%s, another connection: %s", tls.VersionName(version), got)
		}
	}
}

// Debian's programs sign in by SCRAM, with an app password each.
func TestProgramsBySCRAM(t *testing.T) {
	need(t, "msmtp", "mbsync", "mutt", "tmux")
	d := startDemo(t)
	d.deliver("by scram")
	a, dir := d.anna(), t.TempDir()

	all := d.appPassword(a, "everything")
	rc := write(t, filepath.Join(dir, "msmtprc"), fmt.Sprintf("account default\nhost localhost\nport %s\nauth scram-sha-256\nuser %s\npassword %s\nfrom %s\ntls on\ntls_trust_file %s\n",
		portOf(t, d.Submission), a.Address, all, a.Address, d.CAFile))
	mustRun(t, "From: "+a.Address+"\nTo: you@remote.test\nSubject: msmtp by scram.\n\nx\n", "msmtp", "-C", rc, "you@remote.test")
	d.remoteMessage("Subject: msmtp by scram.")

	reading := d.appPassword(a, "reader", "--protocols", "imap", "--expires", "1d")
	rc = write(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf("IMAPAccount a\nHost localhost\nPort %s\nUser %s\nPass %s\nSSLType IMAPS\nCertificateFile %s\nAuthMechs SCRAM-SHA-256\n\n"+
		"IMAPStore far\nAccount a\n\nMaildirStore near\nInbox %s/INBOX\n\nChannel c\nFar :far:\nNear :near:\nSyncState *\n", portOf(t, d.IMAPS), a.Address, reading, d.CAFile, dir))
	mustRun(t, "", "mbsync", "-c", rc, "c")
	if files, _ := filepath.Glob(filepath.Join(dir, "INBOX", "new", "*")); len(files) != 1 {
		t.Errorf("mbsync brought %q", files)
	}

	rc = write(t, filepath.Join(dir, "muttrc"), fmt.Sprintf("set ssl_ca_certificates_file=%s\nset certificate_file=%s\nset imap_user=%s\nset imap_pass=\"%s\"\nset folder=imaps://localhost:%s/\nset spoolfile=+INBOX\nset imap_authenticators=\"scram-sha-256\"\nset sleep_time=0\n",
		d.CAFile, d.CAFile, a.Address, reading, portOf(t, d.IMAPS)))
	socket := filepath.Join(dir, "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		return run(t, "", "tmux", append([]string{"-S", socket}, args...)...).stdout
	}
	tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "HOME="+dir+" TERM=screen mutt -n -F "+rc)
	defer tmux("kill-server")
	eventually(t, "mutt to show the message", func() bool { return strings.Contains(tmux("capture-pane", "-p"), "by scram") })

	rc = write(t, filepath.Join(dir, "msmtprc"), fmt.Sprintf("account default\nhost localhost\nport %s\nauth scram-sha-256\nuser %s\npassword %s\nfrom %s\ntls on\ntls_trust_file %s\n",
		portOf(t, d.Submission), a.Address, reading, a.Address, d.CAFile))
	if r := run(t, "Subject: x\n\nx\n", "msmtp", "-C", rc, "you@remote.test"); r.code == 0 || !strings.Contains(r.stderr, "535") {
		t.Errorf("the reader's password sends mail: %d, %s", r.code, r.stderr)
	}

	var listed []struct {
		Name     string `json:"name"`
		ID       string `json:"id"`
		UsedFrom string `json:"used_from"`
		UsedBy   string `json:"used_by"`
	}
	r := d.gomail("account", "app-password", "list", a.Address, "--json")
	if err := json.Unmarshal([]byte(r.stdout), &listed); err != nil || len(listed) != 2 || listed[0].UsedFrom != "127.0.0.1" || listed[0].UsedBy != "smtp" || listed[1].UsedBy != "imap" {
		t.Errorf("the list: %s, %v, %s", r.stdout, err, r.stderr)
	}
	if r := d.gomail("account", "app-password", "remove", a.Address, listed[0].ID); r.code != 0 {
		t.Error(r.stderr)
	}
	if r := run(t, "Subject: x\n\nx\n", "swaks", "--server", d.Submission, "--tls", "--auth", "PLAIN", "--auth-user", a.Address, "--auth-password", all, "--to", "you@remote.test"); r.code == 0 {
		t.Error("a removed app password sends mail")
	}
	d.checkClean()
}

// appPassword makes an app password on the command line.
func (d *demo) appPassword(a account, name string, flags ...string) string {
	d.t.Helper()
	r := d.gomail(append([]string{"account", "app-password", "add", a.Address, name, "--json"}, flags...)...)
	var made struct {
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &made); err != nil || made.Password == "" {
		d.t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	return made.Password
}
