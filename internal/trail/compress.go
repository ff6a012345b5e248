package trail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// packed ends the names of files that are compressed. All are but the one that
// is written to: lines say much the same, and take a tenth of the room.
const packed = ".zst"

// packWindow is how far back likeness is looked for, which is also what
// reading a file takes of memory.
const packWindow = 256 << 10

// compressOld compresses what is no longer written to.
func (t *Trail) compressOld(ctx context.Context) error {
	files, err := t.files()
	if err != nil {
		return err
	}
	for _, name := range files[min(1, len(files)):] {
		if ctx.Err() != nil {
			return nil
		}
		if strings.HasSuffix(name, packed) {
			continue
		}
		if err := compress(name); err != nil {
			return fmt.Errorf("compress a file of the trail: %w", err)
		}
	}
	return nil
}

// compress puts a compressed file in the place of another. Between the two
// steps both are there, and the plain one counts.
func compress(name string) (err error) {
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
	if err := errors.Join(pack(to, from), to.Close()); err != nil {
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

// unpacking closes both the decoder and its file.
type unpacking struct {
	io.ReadCloser
	file *os.File
}

// Close ends reading.
func (u unpacking) Close() error { return errors.Join(u.ReadCloser.Close(), u.file.Close()) }
