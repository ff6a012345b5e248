package powercut

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// Without luck a file is what it was at its last sync; with all luck it is
// what was written.
func TestSurvivorOfAFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &file{}
		var synced []byte
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				n := rapid.IntRange(1, 3*pageSize).Draw(t, "length")
				f.write(bytes.Repeat([]byte{byte(rapid.IntRange(1, 255).Draw(t, "octet"))}, n), int64(rapid.IntRange(0, 5*pageSize).Draw(t, "offset")))
			case 2:
				f.truncate(int64(rapid.IntRange(0, 6*pageSize).Draw(t, "size")))
			case 3:
				f.sync()
				synced = slices.Clone(f.data)
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		if got := f.survivor(0, random); !bytes.Equal(got.data, synced) {
			t.Fatalf("%d octets survive, %d were synced", len(got.data), len(synced))
		}
		if got := f.survivor(1, random); len(got.data) > len(f.data) || !bytes.HasPrefix(f.data, bytes.TrimRight(got.data, "\x00")) {
			t.Fatalf("%d octets survive of %d", len(got.data), len(f.data))
		}
	})
}

func mounted(t *testing.T, d *Disk) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("mounting needs /dev/fuse")
	}
	at := t.TempDir()
	m, err := d.MountAt(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return at
}

func writeFile(t *testing.T, path, text string, sync bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

func syncDir(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// A file needs its content synced, and its name in the directory, and the
// directory's in the one above.
func TestWhatACutLeaves(t *testing.T) {
	d := New()
	at := mounted(t, d)
	in := filepath.Join(at, "dir")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	syncDir(t, at)
	writeFile(t, filepath.Join(in, "whole"), "synced", true)
	writeFile(t, filepath.Join(in, "empty"), "not synced", false)
	writeFile(t, filepath.Join(in, "old"), "renamed without a sync", true)
	syncDir(t, in)
	writeFile(t, filepath.Join(in, "nameless"), "synced, but not its name", true)
	if err := os.Rename(filepath.Join(in, "old"), filepath.Join(in, "new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(at, "lost"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(at, "lost", "file"), "x", true)
	syncDir(t, filepath.Join(at, "lost"))
	next := d.Cut(0, rand.New(rand.NewPCG(1, 1)))
	if _, err := os.Create(filepath.Join(at, "after")); !errors.Is(err, syscall.EIO) {
		t.Errorf("after the cut: %v", err)
	}
	at = mounted(t, next)
	got := map[string]string{}
	if err := filepath.WalkDir(at, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		got[path[len(at)+1:]] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"dir/whole": "synced", "dir/empty": "", "dir/old": "renamed without a sync"}
	if len(got) != len(want) {
		t.Errorf("left: %q", got)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s holds %q, want %q", name, got[name], text)
		}
	}
}

func TestFullDiskAndFaults(t *testing.T) {
	d := New()
	d.Capacity = 10_000
	at := mounted(t, d)
	path := filepath.Join(at, "file")
	if err := os.WriteFile(path, make([]byte, 20_000), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	d.Resize(0, 2)
	if err := os.WriteFile(path, make([]byte, 20_000), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path+"2", nil, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without room for files: %v", err)
	}
	d.SetFault(func(o Operation) syscall.Errno {
		if o.Name == "sync" && o.Path == "file" {
			return syscall.EIO
		}
		return 0
	})
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("with a fault: %v", err)
	}
}
