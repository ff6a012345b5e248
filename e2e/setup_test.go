package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// quietly are the flags with which set-up asks nothing of the outside.
var quietly = []string{"--set", "dns.resolvers=127.0.0.1:1", "--set", "dns.block_lists=", "--set", "dns.reach_hosts="}

// The set-up in the browser makes an installation that serves, and ends its
// page with it.
func TestSetUpInTheBrowser(t *testing.T) {
	need(t, "node", "chromium")
	dir := filepath.Join(t.TempDir(), "mail")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	args := append([]string{"--dir", dir, "setup", "--browser", "127.0.0.1:0", "--self-signed"}, quietly...)
	for _, key := range []string{"smtp.listen", "submission.listen", "submission.tls_listen", "imap.listen", "imap.tls_listen", "web.listen", "web.http_listen"} {
		args = append(args, "--set", key+"=127.0.0.1:0")
	}
	wizard := start(t, nil, binary, args...)
	var address string
	for deadline := time.Now().Add(20 * time.Second); address == ""; time.Sleep(20 * time.Millisecond) {
		address = regexp.MustCompile(`https://\S+`).FindString(wizard.stdout.String())
		if time.Now().After(deadline) {
			t.Fatal(wizard.stdout.String())
		}
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(ctx, "node", filepath.Join("browser", "setup.mjs"), address)
	script.Env = append(os.Environ(), `GOMAIL_DEMO={}`, "CHROMIUM="+chromium)
	if text, err := script.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	wizard.wait()
	if wizard.code != 0 {
		t.Errorf("%d: %s", wizard.code, wizard.stderr.String())
	}
	if accounts := mustRun(t, "", binary, "--dir", dir, "account", "list"); !strings.Contains(accounts, "boss@example.com") {
		t.Error(accounts)
	}
}

// The service's unit gives up whatever a mail server does not need: systemd's
// own judgement is 2.0 or better, of 10.
func TestUnitIsHardened(t *testing.T) {
	need(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "gomail.service")
	mustRun(t, "", "cp", "../cmd/gomail/internal/setup/gomail.service", unit)
	r := run(t, "", "systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit)
	if r.code != 0 || !strings.Contains(r.stdout, "Overall exposure level") {
		t.Errorf("%d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := run(t, "", "systemd-analyze", "verify", unit); regexp.MustCompile(`gomail\.service:\d`).MatchString(r.stderr) {
		t.Errorf("systemd does not understand the unit: %s", r.stderr)
	}
}
