package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"gomail"
	"gomail/internal/disk"
)

// conn is one connection with its prepared statements. It is used by one
// goroutine at a time.
//
// Statements run without a context: each is short, and an interrupt in the
// middle of a shared transaction would take its neighbours along.
type conn struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	listings map[string]driver.Stmt // for scan
}

// openConn opens a connection with pragmas.
func openConn(ctx context.Context, path string, pragmas ...string) (*conn, error) {
	query := url.Values{}
	for _, p := range pragmas {
		query.Add("_pragma", p)
	}
	return openDSN(ctx, path, query.Encode())
}

// openDSN opens a connection to a file with the driver's parameters.
func openDSN(ctx context.Context, path, parameters string) (*conn, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+parameters)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	c, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, sqlError(fmt.Errorf("open the database %s: %w", path, err))
	}
	return &conn{db: db, conn: c, stmts: map[string]*sql.Stmt{}, listings: map[string]driver.Stmt{}}, nil
}

// openWriter opens the one writing connection and brings the schema up to
// date. It returns from which version to which that went.
func openWriter(ctx context.Context, path string) (c *conn, from, to int64, err error) {
	c, err = openConn(ctx, path, "page_size(4096)", "journal_mode(WAL)", disk.Synchronous(disk.Log), "busy_timeout(10000)",
		"foreign_keys(ON)", "cache_size(-32768)", "temp_store(MEMORY)", "mmap_size(0)",
		"wal_autocheckpoint(16384)", fmt.Sprintf("journal_size_limit(%d)", logKept))
	if err != nil {
		return nil, 0, 0, err
	}
	if from, to, err = migrate(ctx, path); err != nil {
		c.close()
		return nil, 0, 0, err
	}
	return c, from, to, nil
}

func openReaders(ctx context.Context, path string, n int) (chan *conn, error) {
	readers := make(chan *conn, n)
	for range n {
		c, err := openConn(ctx, path, "query_only(ON)", "busy_timeout(10000)", "cache_size(-4096)", "temp_store(MEMORY)", "mmap_size(0)")
		if err != nil {
			return nil, err
		}
		readers <- c
	}
	return readers, nil
}

func (c *conn) close() {
	for _, s := range c.stmts {
		s.Close()
	}
	c.closeListings()
	c.conn.Close()
	c.db.Close()
}

// stmt returns the prepared form of a statement.
func (c *conn) stmt(text string) (*sql.Stmt, error) {
	if s := c.stmts[text]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, sqlError(fmt.Errorf("prepare %.60q: %w", text, err))
	}
	c.stmts[text] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(text string, args ...any) (int64, error) {
	s, err := c.stmt(text)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, sqlError(fmt.Errorf("run %.60q: %w", text, err))
	}
	n, err := r.RowsAffected()
	return n, sqlError(err)
}

// query runs a statement and calls scan for each row.
func (c *conn) query(scan func(*sql.Rows) error, text string, args ...any) error {
	s, err := c.stmt(text)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return sqlError(fmt.Errorf("run %.60q: %w", text, err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return sqlError(rows.Err())
}

// row reads one row into dest. It returns false when there is none.
func (c *conn) row(dest []any, text string, args ...any) (bool, error) {
	s, err := c.stmt(text)
	if err != nil {
		return false, err
	}
	switch err := s.QueryRow(args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, sqlError(fmt.Errorf("run %.60q: %w", text, err))
	}
	return true, nil
}

// int64 reads one number.
func (c *conn) int64(text string, args ...any) (int64, error) {
	var n int64
	_, err := c.row([]any{&n}, text, args...)
	return n, err
}

// read runs f with a reading connection inside one transaction, so that all
// its statements see the same moment (C3).
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- c }()
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := f(c)
	if _, endErr := c.exec("COMMIT"); err == nil {
		err = endErr
	}
	return err
}

// readOne reads one row, as of now. It returns false when there is none.
func (s *Store) readOne(ctx context.Context, dest []any, text string, args ...any) (bool, error) {
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { s.readers <- c }()
	return c.row(dest, text, args...)
}

// sqlError gives a kind to the driver's errors. A full disk may recover; what
// the database could not read or sync is final.
func sqlError(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch code := e.Code(); code & 0xff {
	case sqlite3.SQLITE_FULL:
		return gomail.Errorf(gomail.NoSpace, "the disk is full: free some space: %w", err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return gomail.Errorf(gomail.Unavailable, "the database is busy: %w", err)
	case sqlite3.SQLITE_CONSTRAINT:
		return gomail.Errorf(gomail.Exists, "%w", err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return gomail.Errorf(gomail.Corrupt, "the database is damaged: restore a backup: %w", err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return gomail.Errorf(gomail.Closed, "the database cannot be written: %w", err)
	}
	return err
}

// in returns "(?,?,?)" and the values as arguments for it. The list is filled
// up to a power of two with its last value, so that there are few different
// statements to keep prepared.
func in[T any](values []T) (string, []any) {
	n := 1
	for n < len(values) {
		n *= 2
	}
	args := make([]any, n)
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")", args
}
