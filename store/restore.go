package store

import (
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
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/internal/disk"
)

// RestoreOptions say what is restored, and how.
type RestoreOptions struct {
	From string // the directory of the backup
	To   string // the data directory: empty but for its configuration and key, or missing

	// SendQueue lets queued mail to other servers go out as if nothing had
	// happened. Otherwise it is put on hold: some of it was sent after the
	// backup was made.
	SendQueue bool

	Clock    func() time.Time        // nil: time.Now
	Progress func(done, total int64) // octets; may be nil
}

// RestoreReport says what a restore did.
type RestoreReport struct {
	Manifest
	Octets      int64    // copied
	Epoch       int64    // the new one
	Held        int64    // queued recipients that were put on hold
	Configs     []string // files of the backup that were not put in place
	Interrupted bool     // a later backup in the directory did not come to its end
}

// restoringFile stands in a data directory while it is being restored. Open
// refuses such a directory.
const restoringFile = "restore-in-progress"

// Restore makes a data directory from a backup. Every file of the backup is
// verified before anything is written, and again as it is copied.
//
// What happened after the backup's instant is unknown to the restored store,
// but not to the clients: so each mailbox gets a UIDVALIDITY, and each account
// a sequence, higher than any that can have been given out (C5).
func Restore(ctx context.Context, o RestoreOptions) (RestoreReport, error) {
	if strings.Contains(o.From, "://") {
		return RestoreReport{}, gomail.Errorf(gomail.Invalid, "%s: this version restores from a directory only; copy the backup there first", o.From)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	r := &restore{options: o}
	var err error
	if r.report.Manifest, err = ReadManifest(o.From); err != nil {
		return r.report, err
	}
	return r.report, r.run(ctx)
}

type restore struct {
	options RestoreOptions
	lock    *os.File
	done    int64
	report  RestoreReport
	made    map[string]bool // directories to be synced
}

func (r *restore) run(ctx context.Context) error {
	if err := r.refuse(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.options.From, progressFile)); err == nil {
		r.report.Interrupted = true
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.lock.Close()
	for _, f := range r.report.Files {
		if err := r.put(ctx, f); err != nil {
			return fmt.Errorf("restore %s: %w", f.Name, err)
		}
	}
	if err := r.renew(ctx); err != nil {
		return fmt.Errorf("renew the restored database: %w", err)
	}
	return r.end()
}

// refuse refuses a backup of a newer version and a directory with data.
func (r *restore) refuse(ctx context.Context) error {
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	if m := r.report.Manifest; m.Schema > newest {
		return gomail.Errorf(gomail.Invalid, "the backup was written by a newer GoMail (%s, schema %d; this one knows %d): restore it with that version", m.Version, m.Schema, newest)
	}
	for _, f := range r.report.Files {
		if !filepath.IsLocal(f.Name) || !filepath.IsLocal(f.Stored) {
			return gomail.Errorf(gomail.Corrupt, "the backup names a file outside of it: %q", f.Name)
		}
	}
	if err := refuseHalfRestored(r.options.To); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.options.To)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the data directory: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{"gomail.toml", "secret.key", "lost+found", "gomail.lock"}, e.Name()) {
			return gomail.Errorf(gomail.Exists, "the data directory %s is not empty, it holds %s: restore into an empty one and keep the other until all is well", r.options.To, e.Name())
		}
	}
	return nil
}

// verify holds every file against the manifest.
func (r *restore) verify(ctx context.Context) error {
	for _, f := range r.report.Files {
		if err := r.read(ctx, f, io.Discard); err != nil {
			return err
		}
	}
	return nil
}

// read copies a file of the backup and holds it against the manifest.
func (r *restore) read(ctx context.Context, f SavedFile, to io.Writer) error {
	path := filepath.Join(r.options.From, f.Stored)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return gomail.Errorf(gomail.Corrupt, "the backup is damaged: %s is missing; use another backup", path)
	}
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer file.Close()
	p := &progress{ctx: ctx, sum: sha256.New(), restore: r}
	n, err := io.Copy(io.MultiWriter(p, to), io.LimitReader(file, f.Size))
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(p.sum.Sum(nil)) != f.SHA256 {
		return gomail.Errorf(gomail.Corrupt, "the backup is damaged: %s is not as it was written; use another backup", path)
	}
	return nil
}

// progress hashes what is read, tells how far it is, and ends with its
// context.
type progress struct {
	ctx     context.Context
	sum     hash.Hash
	restore *restore
}

// Write takes what was read.
func (p *progress) Write(b []byte) (int, error) {
	r := p.restore
	r.done += int64(len(b))
	if r.options.Progress != nil {
		r.options.Progress(r.done, 2*r.total())
	}
	p.sum.Write(b)
	return len(b), p.ctx.Err()
}

func (r *restore) total() (n int64) {
	for _, f := range r.report.Files {
		n += f.Size
	}
	return n
}

// begin makes the data directory and marks it.
func (r *restore) begin() (err error) {
	to := r.options.To
	if err := disk.MkdirAll(disk.RestoreName, to); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if r.lock, err = lockDir(to); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(to, restoringFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(disk.Sync(disk.RestoreData, f), f.Close(), disk.SyncDir(disk.RestoreName, to))
	}
	r.made = map[string]bool{to: true}
	if err != nil {
		r.lock.Close()
		return fmt.Errorf("mark the data directory: %w", err)
	}
	return nil
}

// put copies a file to where it belongs. A configuration or a key that is
// there already stays; one that lay elsewhere is left in the backup.
func (r *restore) put(ctx context.Context, f SavedFile) error {
	path := filepath.Join(r.options.To, f.Name)
	_, statErr := os.Stat(path)
	if strings.HasPrefix(f.Name, "config"+string(filepath.Separator)) || statErr == nil {
		r.report.Configs = append(r.report.Configs, filepath.Join(r.options.From, f.Stored))
		return nil
	}
	for dir := filepath.Dir(path); len(dir) >= len(r.options.To) && !r.made[dir]; dir = filepath.Dir(dir) {
		r.made[dir] = true
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	r.report.Octets += f.Size
	return errors.Join(r.read(ctx, f, file), disk.Sync(disk.RestoreData, file), file.Close())
}

// end makes names durable and takes the mark away.
func (r *restore) end() error {
	for dir := range r.made {
		if err := disk.SyncDir(disk.RestoreName, dir); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(r.options.To, restoringFile)); err != nil {
		return err
	}
	return disk.SyncDir(disk.RestoreName, r.options.To)
}

// refuseHalfRestored refuses a directory in which a restore did not come to
// its end.
func refuseHalfRestored(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, restoringFile)); err == nil {
		return gomail.Errorf(gomail.Invalid, "a restore into %s did not come to its end: empty the directory and restore again", dir)
	}
	return nil
}
