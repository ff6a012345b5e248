package trail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// packed ends the names of files that are compressed. All are but the one that
// is written to: lines say much the same, and take a twentieth of the room.
const packed = ".zst"

// packWindow is how far back likeness is looked for, which is also what
// reading a file takes of memory.
const packWindow = 256 << 10

// compressOld compresses what is no longer written to. A file that cannot be
// stops none of the others.
func (t *Trail) compressOld(ctx context.Context) error {
	files, err := t.files()
	if err != nil {
		return err
	}
	current := t.current()
	var failed error
	for _, name := range files[min(1, len(files)):] {
		if ctx.Err() != nil {
			return nil
		}
		if strings.HasSuffix(name, packed) || name == current {
			continue
		}
		if err := compress(name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("compress a file of the trail: %w", err))
		}
	}
	return failed
}

// current returns the file that is written to, which is not the newest by its
// name when the clock was set back.
func (t *Trail) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.currentName()
}

func (t *Trail) currentName() string {
	if t.file == nil {
		return ""
	}
	return t.file.Name()
}

// compress puts a compressed file in the place of another. Between the two
// steps both are there, and the plain one counts.
func compress(name string) error {
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// On disk before the other goes, or a power cut takes both.
	if err := errors.Join(pack(to, from), to.Sync(), to.Close()); err != nil {
		return errors.Join(err, os.Remove(to.Name()))
	}
	if err := os.Chtimes(to.Name(), info.ModTime(), info.ModTime()); err != nil { // by which it is as old as it was
		return err
	}
	if err := os.Rename(to.Name(), name+packed); err != nil {
		return err
	}
	return os.Remove(name)
}

func pack(to io.Writer, from io.Reader) error {
	w, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(packWindow))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return errors.Join(err, w.Close())
}

// openFile opens a file for reading, compressed or not.
func openFile(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil || !strings.HasSuffix(name, packed) {
		return f, err
	}
	r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(packWindow))
	if err != nil {
		f.Close()
		return nil, err
	}
	return unpacking{r.IOReadCloser(), f}, nil
}

// isDamage reports whether a compressed file cannot be read on because of what is
// in it. The others tell what they can.
func isDamage(err error) bool {
	var path *os.PathError
	return err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.As(err, &path)
}

// unpacking closes both the decoder and its file.
type unpacking struct {
	io.ReadCloser
	file *os.File
}

// Close ends reading.
func (u unpacking) Close() error { return errors.Join(u.ReadCloser.Close(), u.file.Close()) }
