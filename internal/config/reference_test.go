package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every key is explained: docs and the file that setup writes are made of it.
func TestEveryKeyIsExplained(t *testing.T) {
	for _, k := range Reference() {
		if k.SectionText == "" {
			t.Errorf("the section %s is not explained", k.Section)
		}
		obvious := map[string]bool{"max_connections": true, "max_connections_per_address": true, "level": true, "format": true}
		if k.Text == "" && !obvious[k.Name] {
			t.Errorf("%s.%s is not explained", k.Section, k.Name)
		}
	}
}

// What Commented writes says what was set and leaves the rest as it is
// without a file.
func TestCommentedIsReadAsMeant(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gomail.toml")
	set := map[string]string{
		"server.hostname": "mail.example.com", "server.public_addresses": "192.0.2.1, 2001:db8::1", "smtp.max_message_size": "20MB",
		"outbound.lifetime": "36h30m", "log.level": "debug", "server.confine": "true", "web.metrics_allow": "192.0.2.0/24",
	}
	if err := WriteCommented(path, set, 0o640); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	for key, value := range set {
		environ = append(environ, setting{key: key}.environment()+"="+value)
	}
	want, err := Load("", t.TempDir(), environ)
	if err != nil {
		t.Fatal(err)
	}
	want.Server.DataDir, want.Secrets.KeyFile, want.Store.BackupDir = got.Server.DataDir, got.Secrets.KeyFile, got.Store.BackupDir
	a, _ := Commented(nil)
	if mine, theirs := all(&got), all(&want); mine != theirs {
		t.Errorf("read as\n%s\nmeant was\n%s\nfile:\n%s", mine, theirs, a)
	}
	if err := WriteCommented(path, set, 0o640); err == nil {
		t.Error("a file that exists was written over")
	}
	text, _ := os.ReadFile(path)
	if !strings.Contains(string(text), "\nhostname = \"mail.example.com\"  # ") || !strings.Contains(string(text), "\n# listen = [\":25\"]") {
		t.Errorf("%s", text)
	}
}

// A file whose commented keys are all taken in is the default.
func TestDefaultsAsShownAreTheDefaults(t *testing.T) {
	text, err := Commented(nil)
	if err != nil {
		t.Fatal(err)
	}
	var live strings.Builder
	for line := range strings.Lines(text) {
		if off, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(off, " = ") {
			line = off
		}
		live.WriteString(line)
	}
	path := filepath.Join(t.TempDir(), "gomail.toml")
	if err := os.WriteFile(path, []byte(live.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default()
	if err := c.readFile(path); err != nil {
		t.Fatalf("%v\n%s", err, live.String())
	}
	want := Default()
	if got := all(&c); got != all(&want) {
		t.Errorf("%s", got)
	}
}

func TestCommentedRefusesUnknownKeys(t *testing.T) {
	_, err := Commented(map[string]string{"smtp.listne": ":25"})
	if err == nil || !strings.Contains(err.Error(), "did you mean smtp.listen?") {
		t.Error(err)
	}
}

// all writes every setting of a configuration.
func all(c *Config) string {
	var b strings.Builder
	for _, s := range settings(c) {
		if !isTable(s.value.Type()) {
			b.WriteString(s.key + " = " + literal(s.value) + "\n")
		}
	}
	return b.String()
}

var update = flag.Bool("update", false, "write the manual anew")

// The manual's page is made from the reference.
func TestManual(t *testing.T) {
	const path = "../../docs/operate/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(manual()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != manual() {
		t.Errorf("%s is not what the code says (%v): go test ./internal/config -update", path, err)
	}
}

func manual() string {
	var b strings.Builder
	b.WriteString("# Configuration: every key of gomail.toml\n\n" +
		"Made from the source by `go test ./internal/config -update`.\n\n" +
		"`gomail setup` writes the file, with comments. It is read from `--config FILE`, else from `gomail.toml` in `--dir DIR`, else from\n" +
		"`/etc/gomail/gomail.toml`, else from `./gomail.toml`. A key that does not stand in it has its default. An unknown one is an error that names the nearest\n" +
		"known one. `gomail check-config` reads it as the server would and says what is wrong, with the line. The environment overrides the file: the variable of each key\n" +
		"is named below; lists are separated by commas. Sizes are written as `50MB`, `5GiB` or in octets, durations as `36h` or `90s`.\n" +
		"Changes hold from the next start: `systemctl restart gomail`. What changes while the server runs (domains, accounts, policies) is not here: see the\n" +
		"admin panel, or `gomail --help`.\n")
	section := ""
	for _, k := range Reference() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "\n## [%s]\n\n%s.\n\n| key | default | what it is | environment |\n|---|---|---|---|\n", section, strings.ToUpper(k.SectionText[:1])+k.SectionText[1:])
		}
		name, what := "`"+k.Name+"`", strings.ReplaceAll(k.Text, "|", "\\|")
		if k.Table {
			fmt.Fprintf(&b, "| `[[%s.%s]]` | | %s; a table for each | |\n", k.Section, k.Name, what)
			continue
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | `%s` |\n", name, k.Default, what, k.Environment)
	}
	b.WriteString("\n## Tables\n\n```toml\n[[server.extra_mx]]       # a further host that takes mail for the domains here\nhost = \"mx2.example.com\"\npriority = 20\n\n" +
		"[[outbound.smarthosts]]   # mail from one domain goes through a relay of its own\nhost = \"smtp.example.net:587\"\nsenders = [\"example.com\"]\nusername = \"relay-user\"\npassword_file = \"/etc/gomail/relay.password\"\n\n" +
		"[[outbound.destinations]] # mail to a partner only goes over TLS with a certificate that is right\ndomains = [\"example.org\"]\ntls = \"verify\"\n```\n")
	return b.String()
}
