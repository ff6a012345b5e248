package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// decode reads a command's JSON.
func decode[T any](t testing.TB, r result) (v T) {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	return v
}

// The same commands work on a store that nobody serves and beside a server.
func TestAdministration(t *testing.T) {
	d := startDemo(t)
	fresh := filepath.Join(t.TempDir(), "fresh")
	for name, dir := range map[string]string{"beside a server": d.DataDir, "without one": fresh} {
		t.Run(name, func(t *testing.T) { administrate(t, dir) })
	}
}

func administrate(t *testing.T, dir string) {
	gomail := func(stdin string, args ...string) result {
		t.Helper()
		return run(t, stdin, binary, append(args, "--dir", dir)...)
	}
	want := func(code int, part string, r result) {
		t.Helper()
		if r.code != code || !strings.Contains(r.stdout+r.stderr, part) {
			t.Errorf("exit %d, want %d with %q:\n%s%s", r.code, code, part, r.stdout, r.stderr)
		}
		if r.code != 0 && strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 {
			t.Errorf("the error is more than a sentence:\n%s", r.stderr)
		}
	}
	want(0, "Added example.org", gomail("", "domain", "add", "example.org", "--dkim-algorithm", "ed25519"))
	want(1, "hosted already", gomail("", "domain", "add", "Example.ORG."))
	want(1, "not a full domain name", gomail("", "domain", "add", "org"))
	want(0, "example.org", gomail("", "domain", "list"))
	want(0, "quarantine", gomail("", "domain", "set", "example.org", "--dmarc", "quarantine"))
	want(1, "DMARC", gomail("", "domain", "set", "example.org", "--dmarc", "sometimes"))
	want(1, "not hosted here", gomail("", "domain", "show", "example.net"))

	want(0, "Added carl@example.org", gomail("a good password\n", "account", "add", "carl@example.org", "--quota", "5GB", "--password-stdin"))
	want(1, "taken", gomail("a good password\n", "account", "add", "carl@example.org", "--password-stdin"))
	want(1, "8 to 1024", gomail("short\n", "account", "add", "dora@example.org", "--password-stdin"))
	want(0, "It is not shown again", gomail("", "account", "add", "dora@example.org", "--admin"))
	want(2, "", gomail("", "account", "add", "x@example.org", "--quota", "much"))
	want(0, "", gomail("", "account", "disable", "carl@example.org"))
	want(0, "", gomail("", "account", "set", "carl@example.org", "--quota-messages", "7"))
	want(0, "0 of 7", gomail("", "account", "show", "carl@example.org"))
	shown := decode[struct {
		Disabled    bool  `json:"disabled"`
		QuotaMax    int64 `json:"quota_max"`
		MessagesMax int64 `json:"quota_messages_max"`
	}](t, gomail("", "account", "show", "carl@example.org", "--json"))
	if !shown.Disabled || shown.QuotaMax != 5e9 || shown.MessagesMax != 7 {
		t.Errorf("carl is shown as %+v", shown)
	}
	want(0, "", gomail("", "account", "enable", "carl@example.org"))
	want(0, "new password", gomail("", "account", "passwd", "carl@example.org"))

	want(0, "", gomail("", "alias", "add", "sales@example.org", "carl@example.org"))
	want(1, "no alias", gomail("", "alias", "remove", "none@example.org"))
	want(0, "sales@example.org", gomail("", "alias", "list"))
	want(0, "", gomail("", "acl", "set", "carl@example.org", "INBOX", "dora@example.org", "lrs"))
	want(0, "", gomail("", "acl", "set", "carl@example.org", "INBOX", "dora@example.org", "+wi"))
	want(1, "no account nobody@example.org", gomail("", "acl", "set", "carl@example.org", "INBOX", "nobody@example.org", "lr"))
	want(1, "no right 'q'", gomail("", "acl", "set", "carl@example.org", "INBOX", "anyone", "lrq"))
	want(0, "lrswi", gomail("", "acl", "show", "carl@example.org"))
	want(0, "", gomail("", "acl", "delete", "carl@example.org", "INBOX", "dora@example.org"))
	want(0, "[]", gomail("", "acl", "show", "carl@example.org", "--json"))
	want(0, "ed25519", gomail("", "dkim", "list", "example.org"))
	want(0, "pending", gomail("", "dkim", "generate", "example.org", "--selector", "next"))
	want(1, "still has 2 accounts", gomail("", "domain", "remove", "example.org"))
	checkPlan(t, gomail("", "dns", "plan", "example.org", "--json"))
	want(0, "$ORIGIN example.org.", gomail("", "dns", "plan", "example.org", "--zone"))
	want(0, "Every invariant holds", gomail("", "check"))
	for _, address := range []string{"carl@example.org", "dora@example.org"} {
		want(0, "", gomail("", "account", "remove", address))
	}
	want(1, "no account", gomail("", "account", "remove", "carl@example.org"))
	want(0, "", gomail("", "domain", "remove", "example.org"))
}

// checkPlan holds the plan's JSON to its documented form.
func checkPlan(t *testing.T, r result) {
	t.Helper()
	records := decode[[]map[string]any](t, r)
	kinds := map[string]bool{}
	for _, record := range records {
		for _, field := range []string{"name", "type", "ttl", "value", "priority", "purpose", "requirement", "why", "set_at"} {
			if _, ok := record[field]; !ok {
				t.Errorf("a record lacks %s: %v", field, record)
			}
		}
		kind, name := record["type"].(string), record["name"].(string)
		kinds[kind] = true
		if strings.HasSuffix(name, ".") {
			t.Errorf("the name %s ends with a dot", name)
		}
		if (kind == "MX") != (record["priority"] != nil) {
			t.Errorf("the priority of %s %s is %v", kind, name, record["priority"])
		}
		if value := record["value"].(string); (kind == "MX" || kind == "CNAME" || kind == "SRV") && !strings.HasSuffix(value, ".") {
			t.Errorf("the value of %s %s lacks its dot: %s", kind, name, value)
		}
	}
	for _, kind := range []string{"MX", "TXT", "CAA", "SRV"} {
		if !kinds[kind] {
			t.Errorf("the plan has no %s", kind)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{{}, {"bogus"}, {"domain", "add"}, {"demo", "--nonsense"}, {"queue", "show"}} {
		if r := run(t, "", binary, args...); r.code != 2 || r.stdout != "" || strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 {
			t.Errorf("%v: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	for _, args := range [][]string{{"--help"}, {"account", "add", "--help"}, {"demo", "--help"}, {"dns", "check", "--help"}} {
		r := run(t, "", binary, args...)
		if r.code != 0 || !strings.HasPrefix(r.stdout, "Usage: gomail") {
			t.Errorf("%v: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
		if len(args) > 1 && !strings.Contains(r.stdout, "Example: gomail ") {
			t.Errorf("%v shows no example", args)
		}
	}
	if out := mustRun(t, "", binary, "version"); !strings.HasPrefix(out, "gomail ") {
		t.Errorf("the version is %q", out)
	}
	if r := run(t, "", binary, "domain", "list", "--dir", filepath.Join(t.TempDir(), "none")); r.code != 1 || !strings.Contains(r.stderr, "no installation") {
		t.Errorf("without an installation: exit %d: %s", r.code, r.stderr)
	}
}

// A configuration that is wrong stops the start, with its line and its key.
func TestWrongConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"[smtp]\nlissten = []\n":   "line 2: there is no key smtp.lissten; did you mean smtp.listen?",
		"[server]\nhostname = 5\n": "line 2, key server.hostname",
		"[server\n":                "line 2",
		"":                         "server.hostname is not set",
		"[server]\nhostname = \"mail.example.org\"\n[store]\nurl = \"postgres://db/mail\"\n": "SQLite only",
		"[server]\nhostname = \"mail.example.org\"\n[store]\nblobs = \"s3://bucket\"\n":      "pack files only",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "gomail.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"serve", "check-config"} {
			if r := run(t, "", binary, command, "--dir", dir); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, want) || strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 {
				t.Errorf("%s, %q: exit %d: %s%s", command, text, r.code, r.stdout, r.stderr)
			}
		}
	}
}

// The wrong secret key stops the start.
func TestWrongSecretKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	mustRun(t, "", binary, "domain", "add", "example.org", "--dir", dir)
	key := filepath.Join(dir, "secret.key")
	if err := os.WriteFile(key, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", binary, "domain", "list", "--dir", dir); r.code != 1 || !strings.Contains(r.stderr, "not the one that sealed") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// The queue can be seen and steered while the server runs.
func TestQueueCommands(t *testing.T) {
	d := startDemo(t)
	anna := d.anna()
	c := d.submission(anna)
	for range 2 {
		if reply := c.message(anna.Address, "later@remote.test", "From: "+anna.Address+"\r\nSubject: waits\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
	}
	type queued struct {
		ID         string `json:"id"`
		Recipients []struct {
			Status    string `json:"status"`
			Attempts  int    `json:"attempts"`
			LastError string `json:"last_error"`
		} `json:"recipients"`
	}
	list := func() []queued { return decode[[]queued](t, d.gomail("queue", "list", "--json")) }
	eventually(t, "two tried messages", func() bool {
		all := list()
		return len(all) == 2 && all[0].Recipients[0].Attempts == 1 && all[1].Recipients[0].Attempts == 1
	})
	first, second := list()[0].ID, list()[1].ID
	for _, step := range []struct{ verb, id string }{{"hold", first}, {"show", first}, {"retry", second}, {"drop", second}} {
		if r := d.gomail("queue", step.verb, step.id); r.code != 0 {
			t.Errorf("queue %s: exit %d: %s", step.verb, r.code, r.stderr)
		}
	}
	if all := list(); len(all) != 1 || all[0].Recipients[0].Status != "held" {
		t.Errorf("after hold and drop: %+v", all)
	}
	d.gomail("queue", "release", first)
	eventually(t, "the released message to be tried", func() bool { return list()[0].Recipients[0].Attempts == 2 })
	if r := d.gomail("queue", "show", second); r.code != 1 || !strings.Contains(r.stderr, "no such message") {
		t.Errorf("a dropped message: exit %d: %s", r.code, r.stderr)
	}
	d.checkClean()
}

// The sandbox publishes the whole plan, and both judges find it so.
func TestDemoIsHealthy(t *testing.T) {
	d := startDemo(t)
	for _, command := range []string{"doctor", "check", "check-config"} {
		if r := d.gomail(command); r.code != 0 {
			t.Errorf("%s: exit %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
	report := decode[struct {
		Ready   bool `json:"ready"`
		Records []struct {
			Name  string `json:"name"`
			State string `json:"state"`
			Fix   string `json:"fix"`
		} `json:"records"`
	}](t, d.gomail("dns", "check", d.Domain, "--json"))
	for _, r := range report.Records {
		if r.State != "ok" && r.State != "not_applicable" {
			t.Errorf("%s is %s: %s", r.Name, r.State, r.Fix)
		}
	}
	if !report.Ready {
		t.Error("the demo's domain is not ready")
	}
}
