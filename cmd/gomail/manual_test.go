package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// writeManual has the program write its manual.
func writeManual(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var out bytes.Buffer
	if code := run(t.Context(), []string{"manual", dir}, nil, &out, &out, nil); code != exitOK {
		t.Fatal(out.String())
	}
	return dir
}

// The man pages know every command, flag and key, and groff nothing to warn of.
func TestManPages(t *testing.T) {
	dir := writeManual(t)
	for name, wants := range map[string][]string{
		"gomail.1":      {`.SS "gomail setup"`, `.SS "gomail account app\-password add`, `\fB\-\-acme\-email\fR=\fIADDRESS\fR`, `.SS "gomail dns publish <domain>"`},
		"gomail.toml.5": {`.SH "[smtp]"`, `\fBpublic_addresses\fR = []`, `[[outbound.smarthosts]]`},
	} {
		path := filepath.Join(dir, "man", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if groff, err := exec.LookPath("groff"); err == nil {
			if out, err := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v\n%.2000s", name, err, out)
			}
		}
	}
}

// What the shells are told leads to every command and to its flags.
func TestCompletion(t *testing.T) {
	script := filepath.Join(writeManual(t), "completion", "gomail.bash")
	for _, test := range []struct{ words, want string }{
		{"gomail d", "demo doctor domain dns dkim"},
		{"gomail domain a", "add"},
		{"gomail --dir /srv domain re", "remove"},
		{"gomail dns publish --dry", "--dry-run"},
		{"gomail account app-password l", "list"},
	} {
		words := strings.Fields(test.words)
		line := `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gomail; echo "${COMPREPLY[@]}"`
		out, err := exec.Command("bash", append([]string{"-c", line, "bash", script}, words...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := strings.TrimSpace(string(out)); got != test.want {
			t.Errorf("%s: %q, want %q", test.words, got, test.want)
		}
	}
}
