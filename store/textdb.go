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

	mu      sync.Mutex // guards what follows
	idle    sync.Cond  // nobody uses a connection any more
	writer  *conn      // nil: not open
	readers chan *conn
	users   int  // how many use a connection; one that writes may read meanwhile
	damaged bool // thrown away once nobody uses it
	closed  bool

	writing sync.Mutex // who uses the writer
}

// enter opens the database where it is not, and makes it if make is set. False:
// there is none. Who enters leaves.
func (x *textIndexes) enter(ctx context.Context, make bool) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return false, gomail.Errorf(gomail.Closed, "the store is closed")
	case x.damaged:
		return false, gomail.Errorf(gomail.Unavailable, "the text index is damaged and about to be made anew: try again")
	}
	if x.writer == nil {
		if _, err := os.Stat(x.path); errors.Is(err, fs.ErrNotExist) && !make {
			return false, nil
		}
		err := x.openFile(ctx)
		if gomail.KindOf(err) == gomail.Corrupt {
			x.remove()
			err = x.openFile(ctx)
		}
		if err != nil {
			return false, err
		}
	}
	x.users++
	return true, nil
}

// leave ends the use of the database with err, and throws it away when that
// says that it is damaged.
func (x *textIndexes) leave(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if gomail.KindOf(err) == gomail.Corrupt {
		x.damaged = true
		err = gomail.Errorf(gomail.Unavailable, "the text index was damaged and is made anew: %w", err)
	}
	if x.users--; x.users > 0 {
		return err
	}
	if x.damaged {
		x.shut()
		x.remove()
		x.damaged = false
	}
	x.idle.Broadcast()
	return err
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

// exists reports whether there is a database.
func (x *textIndexes) exists(ctx context.Context) (bool, error) {
	ok, err := x.enter(ctx, false)
	if ok {
		err = x.leave(nil)
	}
	return ok, err
}

// close closes the database once nobody uses it.
func (x *textIndexes) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	for x.users > 0 {
		x.idle.Wait()
	}
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

// read runs f in a reading transaction. It does nothing when there is no
// index.
func (x *textIndexes) read(ctx context.Context, f func(*conn) error) error {
	if ok, err := x.enter(ctx, false); !ok {
		return err
	}
	return x.leave(x.readIn(ctx, f))
}

func (x *textIndexes) readIn(ctx context.Context, f func(*conn) error) error {
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
	if _, err := x.enter(ctx, true); err != nil {
		return err
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.leave(inTransaction(x.writer, "BEGIN IMMEDIATE", f))
}

func inTransaction(c *conn, begin string, f func(*conn) error) error {
	if _, err := c.exec(begin); err != nil {
		return err
	}
	err := f(c)
	if err == nil {
		_, err = c.exec("COMMIT")
	}
	if err != nil {
		c.exec("ROLLBACK") // it fails when the engine has rolled back already
	}
	return err
}

// newTextIndexes returns the text indexes of a data directory.
func newTextIndexes(dir string) *textIndexes {
	x := &textIndexes{path: filepath.Join(dir, TextName)}
	x.idle.L = &x.mu
	return x
}
