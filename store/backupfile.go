package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gomail/internal/disk"
	"gomail/store/blob"
)

// save brings one file into the backup and returns where it is. What is there
// from an earlier backup, whole and the same, is not copied again; of a pack
// that has grown, the rest is.
func (b *backup) save(ctx context.Context, w wanted) (SavedFile, error) {
	source, err := os.Open(w.source)
	if errors.Is(err, fs.ErrNotExist) {
		source, err = os.Open(os.DevNull)
	}
	if err != nil {
		return SavedFile{}, err
	}
	defer source.Close()
	s := &saving{backup: b, ctx: ctx, wanted: w, source: source, sum: sha256.New()}
	if w.pack {
		s.walker = new(blob.Walker)
	}
	if old, ok := b.before[w.name]; ok {
		if saved, ok, err := s.extend(old); err != nil || ok {
			return saved, err
		}
	}
	return s.copyAnew()
}

// saving is a file on its way into the backup.
type saving struct {
	*backup
	wanted
	ctx    context.Context
	source *os.File
	sum    hash.Hash    // of the octets that count
	walker *blob.Walker // of a pack
}

// keep hashes octets that count.
func (s *saving) keep(p []byte) {
	s.sum.Write(p)
	if s.walker != nil {
		s.walker.Write(p)
	}
}

// extend builds upon the file of an earlier backup. ok is false when the file
// has to be copied anew, under another name: the earlier backup needs it until
// this one is whole.
func (s *saving) extend(old SavedFile) (saved SavedFile, ok bool, err error) {
	target, err := os.OpenFile(filepath.Join(s.dir, old.Stored), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		s.problem("the backup's %s was missing; it was copied anew", old.Stored)
		return saved, false, nil
	}
	if err != nil {
		return saved, false, err
	}
	defer target.Close()
	same, intact, err := s.compare(target, old)
	if err != nil {
		return saved, false, err
	}
	switch {
	case !intact:
		s.problem("the backup's %s was damaged; it was copied anew", old.Stored)
		return saved, false, nil
	case !same && !s.sameOrigin(target):
		return saved, false, nil // another file of this name, as after a restore
	case !same:
		s.problem("%s in the data directory is damaged, and the backup keeps the whole copy that it had: run gomail check, and restore", s.name)
	}
	return s.append(target, old)
}

// compare reads what both files have in common. same: it does not differ.
// intact: the target is as the earlier backup wrote it. The target's octets
// that count are hashed on the way.
func (s *saving) compare(target *os.File, old SavedFile) (same, intact bool, err error) {
	common := min(old.Size, s.size)
	same = true
	whole := s.sum
	if common < old.Size {
		whole = sha256.New()
	}
	err = s.chunks(target, 0, old.Size, func(p []byte, at int64) error {
		if whole != s.sum {
			whole.Write(p)
		}
		p = p[:max(0, min(int64(len(p)), common-at))]
		s.keep(p)
		other := make([]byte, len(p))
		n, err := s.source.ReadAt(other, at)
		same = same && bytes.Equal(p, other[:n])
		s.advance(int64(len(p)))
		if err == io.EOF {
			err = nil
		}
		return err
	})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return same, false, nil
	}
	return same, err == nil && hex.EncodeToString(whole.Sum(nil)) == old.SHA256, err
}

// sameOrigin reports whether a file that differs is still the one of which
// the backup has a copy: then it is damaged. A body's file begins with an
// identity that no other has; other files may change.
func (s *saving) sameOrigin(target *os.File) bool {
	if !s.pack && s.body == nil {
		return false
	}
	ours, err := blob.FirstFrame(s.source)
	if err != nil {
		return true
	}
	theirs, err := blob.FirstFrame(target)
	return err == nil && ours == theirs
}

// append adds what the source has more.
func (s *saving) append(target *os.File, old SavedFile) (SavedFile, bool, error) {
	saved := SavedFile{Name: s.name, Stored: old.Stored, Size: min(old.Size, s.size)}
	if s.size > old.Size {
		if err := target.Truncate(old.Size); err != nil { // what an interrupted backup left
			return saved, false, err
		}
		n, err := s.copyFrom(target, old.Size)
		saved.Size += n
		if err = errors.Join(err, disk.Sync(disk.BackupData, target)); err != nil {
			return saved, false, err
		}
	}
	saved.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	s.judge()
	return saved, true, nil
}

// copyAnew copies the whole file to a name that no earlier backup uses.
func (s *saving) copyAnew() (saved SavedFile, err error) {
	s.sum.Reset()
	if s.walker != nil {
		*s.walker = blob.Walker{}
	}
	saved = SavedFile{Name: s.name, Stored: s.freeName(s.name)}
	path := filepath.Join(s.dir, saved.Stored)
	if err := s.makeDir(filepath.Dir(path)); err != nil {
		return saved, err
	}
	target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return saved, err
	}
	saved.Size, err = s.copyFrom(target, 0)
	if err = errors.Join(err, disk.Sync(disk.BackupData, target), target.Close()); err != nil {
		return saved, err
	}
	saved.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	s.judge()
	if s.body != nil {
		if err := s.store.bodies.Verify(s.body.ID, s.body.Location); err != nil {
			s.damaged(err.Error())
		}
	}
	return saved, nil
}

// copyFrom copies what counts of the source, from an offset to its end.
func (s *saving) copyFrom(target *os.File, from int64) (copied int64, err error) {
	err = s.chunks(s.source, from, s.size, func(p []byte, at int64) error {
		s.keep(p)
		n, err := target.WriteAt(p, at)
		copied += int64(n)
		s.advance(int64(n))
		return err
	})
	s.report.Copied += copied
	if errors.Is(err, io.ErrUnexpectedEOF) {
		s.problem("%s has %d octets instead of %d: what it held behind is lost; an earlier backup may have it", s.name, from+copied, s.size)
		err = nil
	}
	return copied, err
}

// judge notes what is wrong with the frames of a pack.
func (s *saving) judge() {
	if s.walker == nil {
		return
	}
	if d := s.walker.Damage(); d != "" {
		s.damaged(d)
	}
}

func (s *saving) damaged(how string) {
	s.problem("%s is damaged (%s): run gomail check to see whose mail it is", s.name, how)
}

// chunks reads a part of a file piece by piece. io.ErrUnexpectedEOF when the
// file ends before.
func (s *saving) chunks(f *os.File, from, to int64, each func(p []byte, at int64) error) error {
	buf := make([]byte, 1<<20)
	for at := from; at < to; {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(int64(len(buf)), to-at)]
		n, err := f.ReadAt(p, at)
		if n > 0 {
			if err := each(p[:n], at); err != nil {
				return err
			}
			at += int64(n)
		}
		if err == io.EOF && at < to {
			return io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// freeName returns a name in the backup that the earlier one does not use.
func (b *backup) freeName(name string) string {
	candidate := name
	for i := 2; b.taken[candidate]; i++ {
		candidate = fmt.Sprintf("%s.%d", name, i)
	}
	return candidate
}

// makeDir makes a directory of the backup with those above it.
func (b *backup) makeDir(dir string) error {
	for up := dir; len(up) >= len(b.dir) && !b.made[up]; up = filepath.Dir(up) {
		b.made[up] = true
	}
	return os.MkdirAll(dir, 0o700)
}

// syncAndSum makes a file durable and returns its size and SHA-256.
func syncAndSum(path string) (int64, string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	if err := disk.Sync(disk.BackupData, f); err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return n, hex.EncodeToString(sum.Sum(nil)), err
}
