package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"gomail/store/blob"
)

// backupPages is how many pages of the database are copied at a time: 1 MiB.
const backupPages = 256

// saveDatabase copies the database as it is at one moment. Writers go on: the
// copy holds a read transaction, so the write-ahead log grows until it ends
// and no longer.
func (b *backup) saveDatabase(ctx context.Context) (SavedFile, error) {
	b.report.Instant = fromMicro(b.store.now())
	f := SavedFile{Name: "gomail.db", Stored: "gomail-" + instantName(b.report.Instant) + ".db"}
	path := filepath.Join(b.dir, f.Stored)
	err := b.store.read(ctx, func(c *conn) error {
		if _, err := c.int64("SELECT COUNT(*) FROM setting"); err != nil { // the moment
			return err
		}
		return c.copyTo(ctx, path)
	})
	if err != nil {
		os.Remove(path)
		return f, err
	}
	b.made[b.dir] = true
	f.Size, f.SHA256, err = syncAndSum(path)
	b.report.Copied += f.Size
	return f, err
}

// copyTo copies the database, as this connection's transaction sees it.
func (c *conn) copyTo(ctx context.Context, path string) error {
	target := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"
	return c.conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("the driver has no online backup")
		}
		copying, err := source.NewBackup(target)
		if err != nil {
			return sqlError(err)
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = copying.Step(backupPages)
			}
		}
		if endErr := copying.Finish(); err == nil {
			err = endErr
		}
		return sqlError(err)
	})
}

// openFrozen opens a database file that nobody writes.
func openFrozen(ctx context.Context, path string) (*conn, error) {
	return openDSN(ctx, path, "mode=ro&immutable=1&_pragma=query_only(ON)&_pragma=cache_size(-16384)&_pragma=temp_store(MEMORY)")
}

// wanted is a file that a backup needs.
type wanted struct {
	name   string // in the data directory
	source string // where it is read
	size   int64  // octets that are needed from its beginning; -1: all
	pack   bool
	body   *blob.Frame // of an object
	secret bool
}

// wanted lists the files that the copy of the database names, packs first.
func (b *backup) wanted(ctx context.Context, database SavedFile) ([]wanted, error) {
	b.add(database)
	c, err := openFrozen(ctx, filepath.Join(b.dir, database.Stored))
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := b.report.describe(c); err != nil {
		return nil, err
	}
	all, err := b.extra()
	if err != nil {
		return nil, err
	}
	err = c.query(func(rows *sql.Rows) error {
		var id, size int64
		err := rows.Scan(&id, &size)
		all = append(all, b.file(wanted{name: blob.PackFile(id), size: size, pack: true}))
		return err
	}, "SELECT id, bytes FROM pack ORDER BY id")
	if err != nil {
		return nil, err
	}
	err = c.query(func(rows *sql.Rows) error {
		f := &blob.Frame{Location: blob.Location{Kind: blob.InObject}}
		l := &f.Location
		var sum []byte
		err := rows.Scan(&f.ID, &l.Stored, &l.Size, &l.Codec, &sum)
		copy(l.SHA256[:], sum)
		all = append(all, b.file(wanted{name: blob.ObjectFile(f.ID), size: l.Stored, body: f}))
		return err
	}, "SELECT id, clen, rlen, codec, sha256 FROM frame WHERE loc_kind = ? ORDER BY id", blob.InObject)
	return all, err
}

func (b *backup) file(w wanted) wanted {
	w.source = filepath.Join(b.store.options.Dir, w.name)
	return w
}

// extra lists the files beside the store. One that is not there is left out.
func (b *backup) extra() (all []wanted, err error) {
	for _, e := range b.options.Extra {
		info, err := os.Stat(e.Path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, wanted{name: e.Name, source: e.Path, size: info.Size(), secret: e.Secret})
		b.report.Secrets = b.report.Secrets || e.Secret
	}
	return all, nil
}
