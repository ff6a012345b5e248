package trail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// However often a server is started, what it noted before is there, also
// behind a line that a crash cut.
func TestRestarts(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for range 40 {
		trail := open(t, Options{Dir: dir})
		trail.Write([]byte("a line that says something\n"))
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		names, _ = trail.files()
		f, err := os.OpenFile(names[0], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("cut")
		f.Close()
	}
	trail := open(t, Options{Dir: dir})
	if got := trail.lines(t, "something"); len(got) != 40 || len(names) != 1 {
		t.Errorf("%d lines are left, in %d files", len(got), len(names))
	}
	for _, line := range trail.lines(t, "something") {
		if strings.Contains(line, "cut") {
			t.Errorf("a line was joined to one that was cut: %q", line)
		}
	}
}

// Files that may not be gone on with are left as they are.
func TestRestartInANewFile(t *testing.T) {
	now := time.Now().UTC()
	for what, c := range map[string]struct {
		name string
		size int
	}{
		"a full file":      {now.Add(-time.Hour).Format(nameForm) + ".jsonl", 200},
		"a day old":        {now.Add(-newFileEvery).Format(nameForm) + ".jsonl", 10},
		"of the future":    {now.Add(time.Hour).Format(nameForm) + ".jsonl", 10},
		"of somebody else": {"notes.jsonl", 10},
	} {
		dir := t.TempDir()
		text := strings.Repeat("x", c.size-1) + "\n"
		if err := os.WriteFile(filepath.Join(dir, c.name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		trail := open(t, Options{Dir: dir, MaxFile: 100})
		trail.Write([]byte("new\n"))
		trail.Close()
		if got, err := os.ReadFile(filepath.Join(dir, c.name)); err != nil || string(got) != text {
			t.Errorf("%s: it became %q, %v", what, got, err)
		}
	}
}
