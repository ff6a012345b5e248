package trail

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"testing"
)

// On a full disk the trail goes on in a new file as often as it tries, and
// holds none of the old ones open.
func TestFullDisk(t *testing.T) {
	tr := New(Options{Dir: t.TempDir()})
	if err := tr.Open(); err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full:", err)
	}
	tr.file.Close()
	tr.file, tr.buffer = full, bufio.NewWriter(full)
	tr.Write(bytes.Repeat([]byte("x"), 10_000))
	if tr.err == nil {
		t.Fatal("writing to a full disk did not fail")
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := full.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file that failed is still open: %v", err)
	}
	tr.Write([]byte("on\n"))
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}
