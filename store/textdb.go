package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"gomail"
)

// TextName is the file of the text indexes in the data directory. It is made
// when somebody searches; without it everything works, more slowly.
const TextName = "text.db"

// textSchema is the version of the text indexes' tables. Another one's are
// thrown away and made anew.
const textSchema = 1

const textTables = `
CREATE TABLE segment (account_id BIGINT NOT NULL, id BIGINT NOT NULL, through BIGINT NOT NULL, messages BYTEA NOT NULL, PRIMARY KEY (account_id, id)) WITHOUT ROWID;
CREATE TABLE posting (account_id BIGINT NOT NULL, segment BIGINT NOT NULL, gram BIGINT NOT NULL, messages BYTEA NOT NULL, PRIMARY KEY (account_id, segment, gram)) WITHOUT ROWID;
`

// textIndexes is a database of its own: what is written to it never waits for
// a delivery, nor a delivery for it, and it can be thrown away. A power cut
// may take its last commits, never its consistency.
type textIndexes struct {
	path string

	mu      sync.RWMutex // held for reading by who uses a connection, for writing to open and to throw away
	writer  *conn        // nil: not open
	readers chan *conn
	writing sync.Mutex // who uses the writer
}

// open opens the database, and makes it if make is set. False: there is none.
func (x *textIndexes) open(ctx context.Context, make bool) (bool, error) {
	x.mu.RLock()
	ready := x.writer != nil
	x.mu.RUnlock()
	if ready {
		return true, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.writer != nil {
		return true, nil
	}
	if _, err := os.Stat(x.path); errors.Is(err, fs.ErrNotExist) && !make {
		return false, nil
	}
	err := x.openFile(ctx)
	if gomail.KindOf(err) == gomail.Corrupt {
		x.remove()
		err = x.openFile(ctx)
	}
	return err == nil, err
}

func (x *textIndexes) openFile(ctx context.Context) (err error) {
	w, err := openConn(ctx, x.path, "page_size(4096)", "journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(10000)", "cache_size(-8192)", "journal_size_limit(8388608)")
	if err != nil {
		return err
	}
	version, err := w.int64("PRAGMA user_version")
	if err == nil && version != textSchema {
		if version != 0 {
			err = gomail.Errorf(gomail.Corrupt, "the text indexes are of another version")
		} else if _, err = w.conn.ExecContext(ctx, textTables); err == nil {
			_, err = w.exec("PRAGMA user_version = 1")
		}
	}
	if err == nil {
		x.readers, err = openReaders(ctx, x.path, 2)
	}
	if err != nil {
		w.close()
		return sqlError(err)
	}
	x.writer = w
	return nil
}

// close closes the database.
func (x *textIndexes) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.shut()
}

func (x *textIndexes) shut() {
	if x.writer == nil {
		return
	}
	for range cap(x.readers) {
		(<-x.readers).close()
	}
	x.writer.close()
	x.writer = nil
}

func (x *textIndexes) remove() {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(x.path + suffix)
	}
}

// ended throws the database away when err says that it is damaged.
func (x *textIndexes) ended(err error) error {
	if gomail.KindOf(err) != gomail.Corrupt {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.shut()
	x.remove()
	return gomail.Errorf(gomail.Unavailable, "the text index was damaged and is made anew: %w", err)
}

// read runs f in a reading transaction. It does nothing when there is no
// index.
func (x *textIndexes) read(ctx context.Context, f func(*conn) error) error {
	if ok, err := x.open(ctx, false); !ok {
		return x.ended(err)
	}
	return x.ended(x.transact(ctx, f))
}

func (x *textIndexes) transact(ctx context.Context, f func(*conn) error) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.writer == nil {
		return nil // thrown away meanwhile
	}
	var c *conn
	select {
	case c = <-x.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { x.readers <- c }()
	return inTransaction(c, "BEGIN", f)
}

// write runs f in a writing transaction.
func (x *textIndexes) write(ctx context.Context, f func(*conn) error) error {
	if _, err := x.open(ctx, true); err != nil {
		return x.ended(err)
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.ended(func() error {
		x.mu.RLock()
		defer x.mu.RUnlock()
		if x.writer == nil {
			return gomail.Errorf(gomail.Unavailable, "the text index was thrown away: try again")
		}
		return inTransaction(x.writer, "BEGIN IMMEDIATE", f)
	}())
}

func inTransaction(c *conn, begin string, f func(*conn) error) error {
	if _, err := c.exec(begin); err != nil {
		return err
	}
	if err := f(c); err != nil {
		c.exec("ROLLBACK")
		return err
	}
	_, err := c.exec("COMMIT")
	return err
}

// newTextIndexes returns the text indexes of a data directory.
func newTextIndexes(dir string) *textIndexes {
	return &textIndexes{path: filepath.Join(dir, TextName)}
}
