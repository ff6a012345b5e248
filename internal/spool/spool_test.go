package spool

import (
	"bytes"
	"io"
	"os"
	"testing"

	"gomail"
)

// What is written is read back from anywhere, in memory and from a file that
// has no name.
func TestSpool(t *testing.T) {
	for _, size := range []int{0, 10, maxMemory, maxMemory + 1, 3 * maxMemory} {
		dir := t.TempDir()
		s := New(dir)
		want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 7777)
			if _, err := s.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		for _, from := range []int{0, size / 2, size} {
			got, err := io.ReadAll(s.Reader(int64(from)))
			if err != nil || !bytes.Equal(got, want[from:]) {
				t.Errorf("%d octets from %d: %d came back (%v)", size, from, len(got), err)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 || (s.file != nil) != (size > maxMemory) || s.Size() != int64(size) {
			t.Errorf("%d octets: %d files left, file %v", size, len(left), s.file)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSpoolWithoutDirectory(t *testing.T) {
	s := New("/nonexistent")
	if _, err := s.Write(make([]byte, maxMemory+1)); gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("%v", err)
	}
}
