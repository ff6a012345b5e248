package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gomail"
	"gomail/internal/disk"
)

// BackupOptions say where a backup goes and what it holds beside the store.
type BackupOptions struct {
	To      string // the directory, made when missing; an older backup in it is built upon
	Version string // of the program, for the manifest

	// Extra are further files: the configuration, and secrets if they were
	// asked for.
	Extra []ExtraFile

	// Progress is told now and then how many of how many octets are done.
	// It may be nil.
	Progress func(done, total int64)
}

// ExtraFile is a file that a backup takes along.
type ExtraFile struct {
	Path   string // where it is
	Name   string // where it belongs, see SavedFile.Name
	Secret bool
}

// BackupReport says what a backup did.
type BackupReport struct {
	Manifest
	Octets   int64    // of all files together
	Copied   int64    // octets that were not there yet
	Problems []string // damage that was found on the way; the backup is whole otherwise
}

// progressFile stands in a backup's directory while one is being written. One
// that nobody has locked was left by a backup that was interrupted.
const progressFile = "in-progress"

// Backup copies the store as it is at one moment, while it serves. Everything
// that was acknowledged before the call is in the copy.
//
// The database is copied within one read transaction, then every pack and
// object that this copy names. Files are synced before the manifest takes the
// place of the one before; until then the earlier backup in the directory can
// be restored.
func (s *Store) Backup(ctx context.Context, o BackupOptions) (BackupReport, error) {
	to, err := s.backupDir(o.To)
	if err != nil {
		return BackupReport{}, err
	}
	unlock, err := lockBackup(to)
	if err != nil {
		return BackupReport{}, err
	}
	defer unlock()
	release := s.unlinks.hold()
	defer release()
	b := &backup{store: s, options: o, dir: to, made: map[string]bool{}}
	if err := b.run(ctx); err != nil {
		return b.report, diskFull(err)
	}
	return b.report, os.Remove(filepath.Join(to, progressFile))
}

// backupDir makes the directory and refuses one in which a backup would do
// harm.
func (s *Store) backupDir(to string) (string, error) {
	if strings.Contains(to, "://") {
		return "", gomail.Errorf(gomail.Invalid, "%s: this version backs up to a directory only; copy it on from there with a tool of your choice", to)
	}
	if to == "" || !filepath.IsAbs(to) {
		return "", gomail.Errorf(gomail.Invalid, "name the directory for the backup with its whole path, such as /srv/backup/gomail")
	}
	to = filepath.Clean(to)
	data, err := filepath.Abs(s.options.Dir)
	if err != nil {
		return "", err
	}
	if to == data || strings.HasPrefix(to, data+string(filepath.Separator)) {
		return "", gomail.Errorf(gomail.Invalid, "%s is in the data directory: a backup has to be elsewhere, best on another disk", to)
	}
	if err := disk.MkdirAll(disk.BackupName, to); err != nil {
		return "", gomail.Errorf(gomail.Invalid, "the directory for the backup cannot be made: %w", err)
	}
	return to, refuseForeign(to)
}

// refuseForeign refuses a directory with files that no backup put there.
func refuseForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the directory for the backup cannot be read: %w", err)
	}
	for _, e := range entries {
		if e.Name() == ManifestFile || e.Name() == progressFile {
			return nil
		}
	}
	for _, e := range entries {
		if e.Name() != "lost+found" {
			return gomail.Errorf(gomail.Invalid, "%s holds other files, such as %s: give an empty directory, or one with an earlier backup", dir, e.Name())
		}
	}
	return nil
}

// lockBackup marks the directory as being written.
func lockBackup(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, progressFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "the directory for the backup cannot be written: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, gomail.Errorf(gomail.Exists, "another backup into %s is under way: wait until it has ended", dir)
	}
	if err := disk.SyncDir(disk.BackupName, dir); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// diskFull gives a full disk its kind and a sentence.
func diskFull(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || gomail.KindOf(err) == gomail.NoSpace {
		return gomail.Errorf(gomail.NoSpace, "the backup's disk is full: free some space there and make it again; an earlier backup in the directory is still whole: %w", err)
	}
	return err
}

// backup is one backup under way.
type backup struct {
	store   *Store
	options BackupOptions
	dir     string
	before  map[string]SavedFile // of the backup that is there, by name
	taken   map[string]bool      // the names under which it is stored
	made    map[string]bool      // directories to be synced
	done    int64                // octets looked at or copied
	total   int64
	report  BackupReport
}

func (b *backup) run(ctx context.Context) error {
	if err := b.readBefore(); err != nil {
		return err
	}
	database, err := b.saveDatabase(ctx)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	wanted, err := b.wanted(ctx, database)
	if err != nil {
		return fmt.Errorf("read the copy of the database: %w", err)
	}
	b.total = database.Size
	for _, w := range wanted {
		b.total += w.size
	}
	b.advance(database.Size)
	if err := b.room(wanted); err != nil {
		return err
	}
	for _, w := range wanted {
		saved, err := b.save(ctx, w)
		if err != nil {
			return fmt.Errorf("copy %s: %w", w.name, err)
		}
		b.add(saved)
	}
	return b.finish()
}

// room refuses a backup for which the disk has no room, before it is full.
func (b *backup) room(all []wanted) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(b.dir, &fs); err != nil {
		return fmt.Errorf("read the free space of the backup's disk: %w", err)
	}
	needed := int64(0)
	for _, w := range all {
		needed += max(0, w.size-b.before[w.name].Size)
	}
	if free := int64(fs.Bavail) * fs.Bsize; needed > free {
		return gomail.Errorf(gomail.NoSpace, "%d MB have to be copied and %d MB are free", needed>>20, free>>20)
	}
	return nil
}

// readBefore reads what the directory holds. A damaged manifest counts as
// none: nothing is built upon it.
func (b *backup) readBefore() error {
	b.before, b.taken = map[string]SavedFile{}, map[string]bool{}
	m, err := ReadManifest(b.dir)
	switch gomail.KindOf(err) {
	case gomail.None:
		for _, f := range m.Files {
			b.before[f.Name], b.taken[f.Stored] = f, true
		}
	case gomail.Corrupt:
		b.problem("%v; everything was copied anew", err)
	case gomail.NotFound:
	default:
		return err
	}
	return nil
}

func (b *backup) add(f SavedFile) {
	b.report.Files = append(b.report.Files, f)
	b.report.Octets += f.Size
}

func (b *backup) problem(format string, args ...any) {
	b.report.Problems = append(b.report.Problems, fmt.Sprintf(format, args...))
}

func (b *backup) advance(octets int64) {
	b.done += octets
	if b.options.Progress != nil {
		b.options.Progress(b.done, b.total)
	}
}

// finish makes names durable, puts the manifest in place and removes what the
// backup no longer needs.
func (b *backup) finish() error {
	m := &b.report.Manifest
	m.Format, m.Version = manifestFormat, b.options.Version
	for dir := range b.made {
		if err := disk.SyncDir(disk.BackupName, dir); err != nil {
			return err
		}
	}
	if err := writeManifest(b.dir, *m); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return b.prune()
}

// prune removes files that the manifest does not name.
func (b *backup) prune() error {
	keep := map[string]bool{ManifestFile: true, progressFile: true}
	for _, f := range b.report.Files {
		keep[f.Stored] = true
	}
	return filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrPermission) && d != nil && d.Name() == "lost+found" {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(b.dir, path)
		if err != nil || keep[name] || strings.HasPrefix(name, "lost+found") {
			return err
		}
		return os.Remove(path)
	})
}

// schemaVersion reads the version of a database's schema.
func schemaVersion(c *conn) (int64, error) {
	return c.int64("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1")
}

// describe notes what the copy of the database holds.
func (m *Manifest) describe(c *conn) (err error) {
	for _, q := range []struct {
		dest *int64
		text string
	}{
		{&m.Epoch, "SELECT epoch FROM account WHERE id = 0"},
		{&m.Accounts, "SELECT COUNT(*) FROM account WHERE id <> 0"},
		{&m.Messages, "SELECT COUNT(*) FROM message"},
		{&m.Queued, "SELECT COUNT(*) FROM qrcpt"},
	} {
		if *q.dest, err = c.int64(q.text); err != nil {
			return err
		}
	}
	m.Schema, err = schemaVersion(c)
	return err
}

// instantName is the part of a file's name that says when.
func instantName(t time.Time) string { return t.UTC().Format("20060102T150405.000000") }
