package blob

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"gomail"
)

// A lack of open files passes; a disk that fails does not.
func TestKindsOfDiskErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]gomail.Kind{
		syscall.ENOSPC: gomail.NoSpace, syscall.EDQUOT: gomail.NoSpace, syscall.EMFILE: gomail.Unavailable, syscall.ENFILE: gomail.Unavailable,
		syscall.ENOMEM: gomail.Unavailable, syscall.EIO: gomail.Closed, syscall.EROFS: gomail.Closed, syscall.ENOENT: gomail.Corrupt,
	} {
		if got := gomail.KindOf(diskError("write", &os.PathError{Op: "open", Path: "x", Err: errno})); got != want {
			t.Errorf("%v: %v, want %v", errno, got, want)
		}
	}
}

// Bodies are refused while no file can be opened, and taken again afterwards.
func TestNoOpenFilesLeft(t *testing.T) {
	d := openDir(t)
	var had syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	none := had
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	small := d.Stage()
	small.Write([]byte("small"))
	frame, err := small.Seal()
	if err == nil {
		err = d.Append([]*Frame{frame})
	}
	large := d.Stage()
	_, largeErr := large.Write(bytes.Repeat([]byte("large "), MaxInMemory))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if gomail.KindOf(err) != gomail.Unavailable || gomail.KindOf(largeErr) != gomail.Unavailable {
		t.Errorf("small: %v, large: %v", err, largeErr)
	}
	put(t, d, []byte("again"))
}
