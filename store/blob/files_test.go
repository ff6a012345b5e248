package blob

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func packsIn(t *testing.T, n int) func(int64) string {
	t.Helper()
	dir := t.TempDir()
	path := func(number int64) string { return filepath.Join(dir, fmt.Sprint(number)) }
	for i := range n {
		if err := os.WriteFile(path(int64(i)), []byte{byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A pack that is dropped while somebody reads it is closed when they end.
func TestDroppedFileIsReadToItsEnd(t *testing.T) {
	path := packsIn(t, 2)
	var f files
	first, err := f.acquire(1, path(1))
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.acquire(1, path(1))
	if err != nil || second != first {
		t.Fatalf("the second user got another file (%v)", err)
	}
	if err := f.drop(1); err != nil {
		t.Fatal(err)
	}
	if err := f.release(first); err != nil {
		t.Fatal(err)
	}
	if _, err := second.ReadAt(make([]byte, 1), 0); err != nil {
		t.Errorf("while it is used: %v", err)
	}
	if err := f.release(second); err != nil {
		t.Fatal(err)
	}
	if _, err := second.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("the file is still open")
	}
	if _, err := f.acquire(7, path(7)); err == nil {
		t.Error("a pack that is not there was opened")
	}
}

func TestFewFilesStayOpen(t *testing.T) {
	path := packsIn(t, maxOpen+10)
	var f files
	held, err := f.acquire(0, path(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(maxOpen + 10) {
		r, err := f.acquire(i, path(i))
		if err != nil {
			t.Fatal(err)
		}
		f.release(r)
	}
	if len(f.open) > maxOpen {
		t.Errorf("%d are open", len(f.open))
	}
	if _, err := held.ReadAt(make([]byte, 1), 0); err != nil {
		t.Errorf("one in use was closed: %v", err)
	}
	f.release(held)
	if err := f.dropAll(); err != nil || len(f.open) != 0 {
		t.Errorf("%d stay open: %v", len(f.open), err)
	}
}
