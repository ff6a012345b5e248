package trail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Finished files are compressed, keep their age, and are found as before; a
// compression that was cut short loses and doubles nothing.
func TestCompressed(t *testing.T) {
	dir := t.TempDir()
	trail := open(t, Options{Dir: dir, MaxFile: 10_000})
	for i := range 1000 {
		fmt.Fprintf(trail, "{\"n\":\"line %d of many that say the same\"}\n", i)
	}
	before := trail.lines(t, "of many")
	files, _ := trail.files()
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	os.Chtimes(files[2], long, long)
	plain, err := os.ReadFile(files[1])
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	os.WriteFile(files[3]+".tmp", []byte("cut short"), 0o600)
	if err := trail.compressOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[1], plain, 0o600); err != nil { // it was cut short after the first of its two steps
		t.Fatal(err)
	}
	if got := trail.lines(t, "of many"); len(got) != len(before) || got[0] != before[0] || got[999] != before[999] {
		t.Errorf("%d lines are found, before %d", len(got), len(before))
	}
	if err := trail.compressOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	total := int64(0)
	for i, name := range names {
		info, _ := os.Stat(name)
		total += info.Size()
		if last := i == len(names)-1; strings.HasSuffix(name, packed) == last {
			t.Errorf("%s of %d files is there", filepath.Base(name), len(names))
		}
	}
	if info, err := os.Stat(files[2] + packed); err != nil || !info.ModTime().Equal(long) {
		t.Errorf("it is younger than it was: %v, %v", info, err)
	}
	if got := trail.lines(t, "of many"); len(got) != len(before) || total > 20_000 {
		t.Errorf("%d lines in %d octets", len(got), total)
	}
	newest, _ := os.Stat(names[len(names)-1])
	trail.options.MaxBytes = trail.options.MaxFile + (total-newest.Size())/2
	if err := trail.prune(); err != nil {
		t.Fatal(err)
	}
	if got := trail.lines(t, "of many"); len(got) >= len(before) || len(got) < 200 {
		t.Errorf("%d lines are left in the room there is", len(got))
	}
}

// A clock that was set back does not have the file compressed or removed that is
// written to.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	future := time.Now().UTC().Add(time.Hour).Format(nameForm) + ".jsonl"
	if err := os.WriteFile(filepath.Join(dir, future), []byte("{\"n\":\"of the future\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	trail := open(t, Options{Dir: dir})
	for range 3 {
		fmt.Fprintf(trail, "{\"n\":\"now\"}\n")
		if err := trail.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := trail.compressOld(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := trail.lines(t, "now", "of the future"); len(got) != 4 {
		t.Errorf("there are %q", got)
	}
}

// A damaged file says nothing, and the others all they know. What a crash left
// is removed.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	trail := open(t, Options{Dir: dir, MaxFile: 5_000})
	for i := range 1000 {
		fmt.Fprintf(trail, "{\"n\":\"line %d of many\"}\n", i)
	}
	if err := trail.compressOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, _ := trail.files()
	for i, damaged := range []string{"", "no such thing", "half"} {
		if damaged == "half" {
			whole, _ := os.ReadFile(files[i+2])
			damaged = string(whole[:len(whole)/2])
		}
		if err := os.WriteFile(files[i+2], []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := trail.lines(t, "of many"); len(got) < 300 || len(got) > 900 || !strings.Contains(got[len(got)-1], "line 999 ") {
		t.Errorf("%d lines are found", len(got))
	}
	left := filepath.Join(dir, "20200101T000000.000000000.jsonl.tmp")
	os.WriteFile(left, nil, 0o600)
	trail.Close()
	open(t, Options{Dir: dir})
	if _, err := os.Stat(left); err == nil {
		t.Error("what a crash left is still there")
	}
}
