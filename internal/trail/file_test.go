package trail

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"testing"
	"time"
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

// A server that notes little forgets it too.
func TestQuietServer(t *testing.T) {
	tr := New(Options{Dir: t.TempDir()})
	if err := tr.Open(); err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	tr.Write([]byte("long ago\n"))
	tr.begun = time.Now().Add(-newFileEvery)
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	files, err := tr.files()
	if err != nil || len(files) != 2 {
		t.Fatalf("after a day there are files %q, %v", files, err)
	}
	old := time.Now().Add(-tr.options.MaxAge - time.Hour)
	if err := os.Chtimes(files[1], old, old); err != nil {
		t.Fatal(err)
	}
	tr.begun = time.Now().Add(-newFileEvery)
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is older than two weeks is still there: %v", err)
	}
}
