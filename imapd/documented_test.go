package imapd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumented holds docs/imap.md against what the server advertises, before
// and after sign-in, and against the tests that there are.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/imap.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "## What is not there")
	h := newHouse(t, implicit(), func(h *house) { h.scram = true })
	s := h.session(t)
	advertised := s.ok("CAPABILITY")[0]
	s.ok("UNAUTHENTICATE")
	advertised += s.ok("CAPABILITY")[0]
	known := map[string]bool{}
	for _, word := range strings.Fields(advertised) {
		name, _, isLimit := strings.Cut(word, "=")
		if !isLimit || name != "APPENDLIMIT" {
			name = word
		}
		known[name] = true
		if name != "*" && name != "CAPABILITY" && !strings.HasSuffix(name, "CAPABILITY") && !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is advertised and not in docs/imap.md", name)
		}
	}
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		for _, m := range regexp.MustCompile("`([A-Z][A-Z0-9=+a-z-]+)`").FindAllStringSubmatch(cells[2], -1) {
			if !known[m[1]] && m[1] != "STARTTLS" && m[1] != "LOGINDISABLED" {
				t.Errorf("%s is in docs/imap.md and not advertised", m[1])
			}
		}
	}
	testsNamed(t, string(text))
}

// testsNamed looks for the transcripts and tests of this package that a text
// names.
func testsNamed(t *testing.T, text string) {
	for _, m := range regexp.MustCompile("`([a-z0-9-]+\\.txt)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("testdata", m[1])); err != nil {
			t.Error(err)
		}
	}
	var sources []byte
	for _, pattern := range []string{"*_test.go", "imapwire/*_test.go", "../message/*_test.go", "../e2e/*_test.go", "../store/storetest/*.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, source...)
		}
	}
	for _, m := range regexp.MustCompile("`((?:Test|test|Fuzz|Benchmark)[A-Z][A-Za-z]+)`").FindAllStringSubmatch(text, -1) {
		if !bytes.Contains(sources, []byte("func "+m[1]+"(")) {
			t.Errorf("there is no test %s", m[1])
		}
	}
}
