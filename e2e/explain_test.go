package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"gomail/explain"
)

// Why a message went the way it did is told by its name in a reply, by its
// Message-ID and by its addresses.
func TestExplain(t *testing.T) {
	need(t, "swaks")
	d := startDemo(t)
	in := d.swaks("--server", d.SMTP, "--from", "x@nowhere.test", "--to", d.anna().Address, "--helo", "mx.nowhere.test", "--header", "Message-Id: <told@nowhere.test>")
	if in.code != 0 {
		t.Fatal(in.stdout)
	}
	d.swaks("--server", d.SMTP, "--from", "x@nowhere.test", "--to", "nobody@"+d.Domain)
	d.swaks("--server", d.Submission, "--tls", "--auth", "PLAIN", "--auth-user", d.anna().Address, "--auth-password", d.anna().Password,
		"--from", d.anna().Address, "--to", "joe@"+d.Remote.Domain, "--header", "Subject: to be told", "--body", "told")
	d.remoteMessage("to be told")

	id := regexp.MustCompile(`\b[0-9a-v]{16}\b`).FindString(in.stdout)
	if id == "" {
		t.Fatalf("the reply names no message:\n%s", in.stdout)
	}
	for what, want := range map[string][]string{
		"<told@nowhere.test>":    {"delivered to the inbox", "SPF of nowhere.test: none", "It has no DKIM signature", "DMARC of nowhere.test"},
		id:                       {"It came from", "delivered to the inbox"},
		"NOBODY@" + d.Domain:     {"SMTP recipient refused", "there is no mailbox"},
		"joe@" + d.Remote.Domain: {"submitted here and queued, signed with mail._domainkey." + d.Domain, "mx." + d.Remote.Domain, "took it (TLS"},
		d.anna().Address:         {"delivered to the inbox", "submitted here"},
	} {
		r := d.gomail("explain", what)
		for _, text := range want {
			if !strings.Contains(r.stdout, text) {
				t.Errorf("%s is explained without %q:\n%s%s", what, text, r.stdout, r.stderr)
			}
		}
	}
	var stories []explain.Story
	if err := json.Unmarshal([]byte(d.gomail("explain", "joe@"+d.Remote.Domain, "--json").stdout), &stories); err != nil || len(stories) != 1 || len(stories[0].Steps) != 2 {
		t.Errorf("as JSON: %+v, %v", stories, err)
	}
	if r := d.gomail("explain", "stranger@nowhere.test"); r.code == 0 || !strings.Contains(r.stderr, "nothing was noted") {
		t.Errorf("of somebody unknown: %d %s", r.code, r.stderr)
	}
}
