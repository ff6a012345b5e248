package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// scan runs a reading statement and calls f for each row with its values as
// the driver gives them: int64, string, []byte or nil. f may keep the values
// but not the slice, and must not use the connection. For long lists it takes
// about half the time of query, which converts every value by reflection.
func (c *conn) scan(f func(row []driver.Value) error, text string, args ...int64) error {
	named := make([]driver.NamedValue, len(args))
	for i, n := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: n}
	}
	return c.conn.Raw(func(dc any) error {
		s, err := c.listing(dc, text)
		if err != nil {
			return sqlError(fmt.Errorf("prepare %.60q: %w", text, err))
		}
		rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), named)
		if err != nil {
			return sqlError(fmt.Errorf("run %.60q: %w", text, err))
		}
		defer rows.Close()
		return eachRow(rows, f)
	})
}

// listing returns the prepared form of a statement for scan.
func (c *conn) listing(dc any, text string) (driver.Stmt, error) {
	if s := c.listings[text]; s != nil {
		return s, nil
	}
	s, err := dc.(driver.ConnPrepareContext).PrepareContext(context.Background(), text)
	if err == nil {
		c.listings[text] = s
	}
	return s, err
}

func eachRow(rows driver.Rows, f func([]driver.Value) error) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return sqlError(err)
		}
		if err := f(row); err != nil {
			return err
		}
	}
}

// closeListings gives back what scan has prepared.
func (c *conn) closeListings() {
	c.conn.Raw(func(any) error {
		for _, s := range c.listings {
			s.Close()
		}
		return nil
	})
}

// Values of columns that are never NULL, as scan gives them.
func intOf[N ~int64 | ~int | ~uint32 | ~uint8](v driver.Value) N {
	n, _ := v.(int64)
	return N(n)
}

func bytesOf(v driver.Value) []byte {
	b, _ := v.([]byte)
	return b
}
