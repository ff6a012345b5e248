package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Keys are set in their places, whatever a file looks like, and the rest of it
// stays.
func TestEdit(t *testing.T) {
	for name, test := range map[string]struct {
		text, key, value, want string
		changed                bool
	}{
		"in place":      {"# mine\n[smtp]\nlisten = [\":25\"]   # as ever\nmax_recipients = 5\n", "smtp.listen", ":25, :2525", "# mine\n[smtp]\nlisten = [\":25\", \":2525\"]   # as ever\nmax_recipients = 5\n", true},
		"shown":         {"[dkim]\n# default_selector = \"mail\"  # of the first keys\n", "dkim.default_selector", "k#1", "[dkim]\ndefault_selector = \"k#1\"  # of the first keys\n", true},
		"below":         {"[log]\nformat = \"json\"\n[dkim]\n", "log.level", "debug", "[log]\nlevel = \"debug\"\nformat = \"json\"\n[dkim]\n", true},
		"new section":   {"[log]\nformat = \"json\"\n", "outbound.max_deliveries", "7", "[log]\nformat = \"json\"\n\n[outbound]\nmax_deliveries = 7\n", true},
		"a # in quotes": {"[dkim]\ndefault_selector = \"a#b\" # x\n", "dkim.default_selector", "c", "[dkim]\ndefault_selector = \"c\" # x\n", true},
		"as it is":      {"[smtp]\nlisten=[ ':25' ]\n", "smtp.listen", ":25", "[smtp]\nlisten=[ ':25' ]\n", false},
		"the default":   {"", "smtp.listen", ":25", "", false},
		"other section": {"[imap]\nlisten = [\":143\"]\n[smtp]\n", "smtp.listen", ":26", "[imap]\nlisten = [\":143\"]\n[smtp]\nlisten = [\":26\"]\n", true},
		"tables before": {"[outbound]\nmax_deliveries = 9\n[[outbound.smarthosts]]\nhost = \"mx\"\n", "outbound.lifetime", "24h", "[outbound]\nlifetime = \"24h\"\nmax_deliveries = 9\n[[outbound.smarthosts]]\nhost = \"mx\"\n", true},
		"list emptied":  {"[dns]\nblock_lists = [\"a.example\"]\n", "dns.block_lists", "", "[dns]\nblock_lists = []\n", true},
	} {
		got, changed, err := Edit(test.text, map[string]string{test.key: test.value})
		if err != nil || got != test.want || (len(changed) > 0) != test.changed {
			t.Errorf("%s: %q, %v, %v", name, got, changed, err)
		}
		again, changed, err := Edit(got, map[string]string{test.key: test.value})
		if again != got || len(changed) > 0 || err != nil {
			t.Errorf("%s again: %q, %v, %v", name, again, changed, err)
		}
	}
	for text, want := range map[string]string{
		"[smtp]\nlisten = [\n  \":25\",\n]\n": "several lines", "smtp.listen = [\":25\"]\n": "by hand", "[smtp\n": "line",
	} {
		if _, _, err := Edit(text, map[string]string{"smtp.listen": ":26"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for key, want := range map[string]string{"smtp.lisen": "did you mean smtp.listen", "outbound.smarthosts": "by hand", "smtp.max_recipients": "smtp.max_recipients"} {
		if _, _, err := Edit("", map[string]string{key: "x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Every key can be set in the file that setup writes.
func TestEditEveryKey(t *testing.T) {
	text, err := Commented(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	for _, s := range settings(&c) {
		if isTable(s.value.Type()) || s.value.Kind() == reflect.Bool {
			continue
		}
		var value string
		for _, try := range []string{"7", "192.0.2.7", "192.0.2.0/24", "7h", "warn", "x"} {
			if s.set(try) == nil && literal(s.value) != literal(settings(new(Default()))[indexOf(s.key)].value) {
				value = try
				break
			}
		}
		edited, changed, err := Edit(text, map[string]string{s.key: value})
		if err != nil || len(changed) != 1 || strings.Count(edited, "\n") != strings.Count(text, "\n") {
			t.Errorf("%s = %s: %v, %v", s.key, value, changed, err)
		}
	}
}

func indexOf(key string) int {
	c := Default()
	for i, s := range settings(&c) {
		if s.key == key {
			return i
		}
	}
	return -1
}

// A file keeps its rights, and one that would be refused is not written.
func TestEditFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gomail.toml")
	if err := os.WriteFile(path, []byte("[tls]\nmode = \"self-signed\"\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := EditFile(path, t.TempDir(), map[string]string{"tls.mode": "magic"}); err == nil || !strings.Contains(err.Error(), "tls.mode") {
		t.Errorf("%v", err)
	}
	changed, err := EditFile(path, t.TempDir(), map[string]string{"smtp.listen": ":26"})
	if err != nil || len(changed) != 1 {
		t.Fatal(changed, err)
	}
	text, err := os.ReadFile(path)
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o640 || string(text) != "[tls]\nmode = \"self-signed\"\n\n[smtp]\nlisten = [\":26\"]\n" {
		t.Errorf("%q %v %v", text, err, statErr)
	}
}
