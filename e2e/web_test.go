package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// panel is a demo whose administrators' app a browser can use.
type panel struct {
	*testing.T
	demo *demo
	json string
	page string // the path at which a member of a list unsubscribes; empty: there is none
}

func startPanel(t *testing.T) panel {
	t.Helper()
	need(t, "node", "chromium")
	if _, err := os.Stat("../web/admin/node_modules/playwright-core"); err != nil {
		t.Fatal("the browser tests' packages are missing: run internal/packages.sh")
	}
	d := startDemo(t)
	d.suppress("reject@" + d.Remote.Domain)
	return panel{t, d, strings.TrimSpace(d.stdout.String()), ""}
}

// suppress has the first account write to an address that does not exist, and
// waits until no more is sent there.
func (d *demo) suppress(address string) {
	d.t.Helper()
	from := d.anna().Address
	if reply := d.submission(d.anna()).message(from, address, "From: "+from+"\r\nSubject: in vain\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		d.t.Fatal(reply)
	}
	eventually(d.t, address+" to be suppressed", func() bool { return strings.Contains(d.gomail("suppress", "list", from).stdout, address) })
}

// browse runs one of the scripts in browser/ with a browser of its own.
func (p panel) browse(t *testing.T, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("browser", script)}, args...)...)
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "GOMAIL_DEMO="+p.json, "CHROMIUM="+chromium, "GOMAIL_UNSUBSCRIBE="+p.page)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// An administrator's work in the panel, in a browser: each scenario goes its
// way through the pages and demands that the browser has nothing to complain
// of, its Content-Security-Policy included. They share a demo, so that later
// ones find what earlier ones made.
func TestPanel(t *testing.T) {
	p := startPanel(t)
	for _, scenario := range []string{
		"signin", "domains", "records", "check", "export", "publish", "guide", "rotate", "policies", "accounts", "lists", "settings", "server", "keyboard", "security",
	} {
		t.Run(scenario, func(t *testing.T) { p.browse(t, "admin.mjs", scenario) })
	}
}

// Every page, tab and dialogue of the panel, narrow and wide, light and dark:
// no violation of WCAG 2.2 AA or best practice, nothing wider than the window.
// With PANEL_SHOTS set to a directory, pictures of all of them go there.
func TestPanelLooks(t *testing.T) {
	p := startPanel(t)
	sendReports(t, p.demo.SMTP, "127.0.0.2", p.demo.Domain)
	p.page = p.demo.leave()
	p.browse(t, "looks.mjs")
}
