package trail

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, o Options) *Trail {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	trail := New(o)
	if err := trail.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trail.Close() })
	return trail
}

func (t *Trail) lines(test *testing.T, texts ...string) (lines []string) {
	test.Helper()
	if err := t.Find(test.Context(), texts, func(line []byte) bool { lines = append(lines, string(line)); return true }); err != nil {
		test.Fatal(err)
	}
	return lines
}

// The log says what it says without details; the trail keeps the messages that
// it is for, with all that their loggers know.
func TestHandler(t *testing.T) {
	var log bytes.Buffer
	trail := open(t, Options{Messages: []string{"received"}})
	l := slog.New(trail.Handler(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))).With("remote", "192.0.2.1")
	l.Info("received", "msgid", "a1", Detail, []string{"because"})
	l.Warn("received", "msgid", "b2", Detail, []string{"of that"})
	l.Warn("something else", "msgid", "a1")
	l.Debug("received", "msgid", "a1")
	if got := log.String(); strings.Contains(got, "because") || strings.Contains(got, "of that") || strings.Count(got, "\n") != 2 {
		t.Errorf("the log says\n%s", got)
	}
	got := trail.lines(t, `"a1"`)
	if len(got) != 1 || !strings.Contains(got[0], `"why":["because"]`) || !strings.Contains(got[0], `"remote":"192.0.2.1"`) {
		t.Errorf("the trail has %q", got)
	}
	if all := trail.lines(t, "a1", "b2"); len(all) != 2 {
		t.Errorf("of both: %q", all)
	}
}

// Files have their bounds, and the oldest go.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "20200101T000000.000000000.jsonl")
	if err := os.WriteFile(old, []byte("{\"n\":\"ancient\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	trail := open(t, Options{Dir: dir, MaxFile: 1000, MaxFiles: 4})
	if got := trail.lines(t, "ancient"); len(got) != 0 {
		t.Errorf("what is a year old is still there: %q", got)
	}
	for i := range 1000 {
		fmt.Fprintf(trail, "{\"n\":\"line %d of many\"}\n", i)
	}
	files, err := trail.files()
	if err != nil || len(files) != 4 {
		t.Errorf("there are %d files (%v)", len(files), err)
	}
	got := trail.lines(t, "of many")
	if len(got) < 100 || len(got) > 200 || !strings.Contains(got[len(got)-1], "line 999 ") {
		t.Errorf("%d lines are left, the last %q", len(got), got[len(got)-1])
	}
}

// A disk that takes nothing more stops nobody, and the trail goes on after it.
func TestFailure(t *testing.T) {
	trail := open(t, Options{})
	trail.file.Close()
	for range 3000 {
		if n, err := fmt.Fprintf(trail, "{\"n\":\"%s\"}\n", strings.Repeat("x", 100)); n == 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := trail.Flush(); err != nil {
		t.Fatalf("it does not go on: %v", err)
	}
	fmt.Fprintf(trail, "{\"n\":\"after\"}\n")
	if got := trail.lines(t, "after"); len(got) != 1 {
		t.Errorf("after a failure: %q", got)
	}
}
