// Package spool keeps one message for a moment, so that it can be read more
// than once before it is stored: in memory, and in a file without a name once
// it is large.
package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"gomail"
)

// maxMemory is how much of a message is kept in memory.
const maxMemory = 256 << 10

// Spool is a message that is written first and read then. It is not safe for
// concurrent use.
type Spool struct {
	dir    string
	memory []byte
	file   *os.File // nil: all is in memory
	size   int64
}

// New returns an empty spool whose file, if it needs one, is made in dir;
// empty: where the system keeps temporary files.
func New(dir string) *Spool { return &Spool{dir: dir} }

// Write adds octets. NoSpace when the disk is full.
func (s *Spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.memory)+len(p) <= maxMemory {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if err := s.open(); err != nil {
		return 0, err
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, spoolError(err)
}

// open moves what was written to a file. Its name goes at once: nothing is left
// behind by a crash.
func (s *Spool) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "gomail-spool-")
	if err != nil {
		return spoolError(err)
	}
	s.file = f
	if err := os.Remove(f.Name()); err != nil {
		return spoolError(err)
	}
	_, err = f.Write(s.memory)
	s.memory = nil
	return spoolError(err)
}

// Size returns the octets written so far.
func (s *Spool) Size() int64 { return s.size }

// Reader reads from an offset to the end of what was written.
func (s *Spool) Reader(offset int64) io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.memory[min(offset, s.size):])
	}
	return io.NewSectionReader(s.file, offset, s.size-offset)
}

// ReadAt implements io.ReaderAt over what was written.
func (s *Spool) ReadAt(p []byte, offset int64) (int, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory).ReadAt(p, offset)
	}
	return s.file.ReadAt(p, offset)
}

// Close gives back memory and file. A nil spool has none.
func (s *Spool) Close() error {
	if s == nil {
		return nil
	}
	s.memory = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func spoolError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return gomail.Errorf(gomail.NoSpace, "the disk is full: %w", err)
	}
	return gomail.Errorf(gomail.Unavailable, "%w", fmt.Errorf("keep a message for the filters: %w", err))
}
