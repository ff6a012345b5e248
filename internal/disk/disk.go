// Package disk makes files and their names durable. Every sync of the mail
// store goes through it and names what it is for, so that the tests can leave
// each out in turn and see that a power cut then loses mail (build tag mutant;
// a normal build has no such switch).
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Point names a place where something has to reach the disk before the work
// goes on.
type Point string

// The points, each with what its absence would lose.
const (
	PackData   Point = "pack-data"   // the bodies of acknowledged messages
	PackName   Point = "pack-name"   // a whole pack
	ObjectData Point = "object-data" // a large body
	ObjectName Point = "object-name" // a large body's file
	ObjectDir  Point = "object-dir"  // a day of large bodies
	DataName   Point = "data-name"   // the data directory, and packs/ and objects/ in it
	Log        Point = "log"         // committed transactions
	Checkpoint Point = "checkpoint"  // what the log no longer holds
	KeyData    Point = "key-data"    // the secret key, and all that is sealed with it
	KeyName    Point = "key-name"    // the same
	CertData   Point = "cert-data"   // a readable certificate, and so the next start

	BackupData  Point = "backup-data"  // files of a finished backup
	BackupName  Point = "backup-name"  // the same
	RestoreData Point = "restore-data" // files of a restored store
	RestoreName Point = "restore-name" // the same
)

// Points lists all points.
func Points() []Point {
	return []Point{PackData, PackName, ObjectData, ObjectName, ObjectDir, DataName, Log, Checkpoint, KeyData, KeyName, CertData,
		BackupData, BackupName, RestoreData, RestoreName}
}

// Sync makes a file's content durable. It must not be tried again after an
// error: what the kernel still holds is unknown then.
func Sync(p Point, f *os.File) error {
	if skipped(p) {
		return nil
	}
	return unix.Fdatasync(int(f.Fd()))
}

// SyncDir makes the names in a directory durable.
func SyncDir(p Point, path string) error {
	if skipped(p) {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// WriteFile writes a file for its owner alone, so that after a power cut there
// is the whole of it, or what was there before. name is the point at which its
// name becomes durable; empty: when the kernel likes.
func WriteFile(data, name Point, path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = Sync(data, f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil || name == "" {
		return err
	}
	return SyncDir(name, filepath.Dir(path))
}

// MkdirAll makes a directory and those above it that are missing, for the
// owner alone, each with a durable name. One that is there may have been made
// by a process that was killed before it had made its name durable.
func MkdirAll(p Point, path string) error {
	parent := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if err = SyncDir(p, parent); errors.Is(err, fs.ErrPermission) { // nothing of ours is new there
			err = nil
		}
		return err
	}
	if parent != path {
		if err := MkdirAll(p, parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(p, parent)
}

// Synchronous is SQLite's pragma for a connection that writes: every commit
// reaches the disk before it returns.
func Synchronous(p Point) string {
	if skipped(p) {
		return unsynced(p)
	}
	return "synchronous(FULL)"
}
