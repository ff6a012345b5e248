package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gomail"
	"gomail/internal/disk"
)

// BeforeUpgrade is the directory, in the data directory, with the store as it
// was before the last upgrade of its schema. It is a whole data directory: a
// copy of the database, and further names of the same packs and objects, which
// cost no space and never change once a server has ended. The version that
// wrote it can go on with it: docs/operate/upgrade.md says how.
const BeforeUpgrade = "before-upgrade"

// keepUpgrade is how long it is kept.
const keepUpgrade = 14 * 24 * time.Hour

// upgradeMark is a file in it that says from which schema to which the upgrade
// went: it is finished with it, and an upgrade that was cut short finds it.
const upgradeMark = "UPGRADE"

// keepBefore keeps the store as it is before its schema is changed. An upgrade
// that was cut short and is begun again leaves what was kept the first time.
func keepBefore(ctx context.Context, db *sql.DB, dir string, from, to int64) error {
	kept := filepath.Join(dir, BeforeUpgrade)
	mark := fmt.Sprintf("to schema %d\n", to)
	if text, err := os.ReadFile(filepath.Join(kept, upgradeMark)); err == nil && strings.HasSuffix(string(text), mark) {
		return nil
	}
	fresh := kept + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove what an earlier upgrade left behind: %w", err)
	}
	err := fillBefore(ctx, db, dir, fresh, fmt.Sprintf("from schema %d ", from)+mark)
	if err != nil {
		return errors.Join(gomail.Errorf(gomail.KindOf(err), "the store could not be kept as it is before the upgrade, so nothing was changed: %w; make room in %s, or go on with the version from before", err, dir), os.RemoveAll(fresh))
	}
	if err := os.RemoveAll(kept); err != nil {
		return fmt.Errorf("remove what was kept before the last upgrade: %w", err)
	}
	if err := os.Rename(fresh, kept); err != nil {
		return fmt.Errorf("keep the store as it is before the upgrade: %w", err)
	}
	return disk.SyncDir(disk.BackupName, dir)
}

func fillBefore(ctx context.Context, db *sql.DB, dir, to, mark string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, sub := range []string{"packs", "objects"} {
		if err := linkTree(filepath.Join(dir, sub), filepath.Join(to, sub)); err != nil {
			return err
		}
	}
	if err := copyDatabase(ctx, db, filepath.Join(to, "gomail.db")); err != nil {
		return err
	}
	return disk.WriteFile(disk.BackupData, disk.BackupName, filepath.Join(to, upgradeMark), []byte(mark))
}

// copyDatabase writes the database as it is to a file, durably.
func copyDatabase(ctx context.Context, db *sql.DB, path string) error {
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return sqlError(fmt.Errorf("copy the database: %w", err))
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(disk.Sync(disk.BackupData, f), f.Close())
}

// linkTree gives the files below a directory further names below another.
func linkTree(from, to string) error {
	var made []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == from {
			return nil // there never was a body
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if !d.IsDir() {
			return os.Link(path, target)
		}
		if err := os.Mkdir(target, 0o700); err != nil {
			return err
		}
		made = append(made, target)
		return nil
	})
	// Each when it has all of its names: a power cut must not take them from
	// what is kept once the database is changed.
	for _, dir := range made {
		err = errors.Join(err, disk.SyncDir(disk.BackupName, dir))
	}
	return err
}

// forgetUpgrade removes what was kept before an upgrade, when that has proved
// itself.
func (s *Store) forgetUpgrade(now time.Time) error {
	kept := filepath.Join(s.options.Dir, BeforeUpgrade)
	info, err := os.Stat(filepath.Join(kept, upgradeMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || now.Sub(info.ModTime()) < keepUpgrade {
		return err
	}
	return os.RemoveAll(kept)
}

// checkUpgrade holds the rows against every invariant after the schema was
// changed, and says in the log what is broken.
func (s *Store) checkUpgrade(ctx context.Context, from, to int64) error {
	problems := 0
	err := s.read(ctx, func(c *conn) error {
		_, err := checkTables(ctx, c, func(problem string) {
			problems++
			s.options.Logger.Error("after the upgrade: " + problem)
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("check the store after the upgrade: %w", err)
	}
	s.options.Logger.Info("the store was brought up to date", "from_schema", from, "to_schema", to, "problems", problems,
		"as_it_was", filepath.Join(s.options.Dir, BeforeUpgrade))
	return nil
}
