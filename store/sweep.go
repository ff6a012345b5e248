package store

import (
	"context"
	"database/sql"
	"time"

	"gomail/store/blob"
)

// sweepGrace is how long a file without a row is left alone whatever else is
// asked: its message may be on its way to the commit.
const sweepGrace = time.Hour

// sweep removes the files that a crash between writing and committing left
// behind: objects and packs that no row names, unchanged since before.
func (s *Store) sweep(ctx context.Context, before time.Time, all *Collected) error {
	if latest := time.Now().Add(-sweepGrace); before.After(latest) {
		before = latest
	}
	return s.orphans(ctx, before, func(f *blob.Frame) error {
		if f.Location.Kind == blob.InPack {
			all.Packs++
			return s.removePack(f.Location.Pack, all)
		}
		s.unlinks.do(func() { s.bodies.Remove(f) })
		all.Objects++
		all.Octets += f.Location.Stored
		return nil
	})
}

// orphans calls each for the objects and packs that no row names, unchanged
// since before.
func (s *Store) orphans(ctx context.Context, before time.Time, each func(*blob.Frame) error) error {
	files, err := s.bodies.Objects(before)
	if err != nil {
		return err
	}
	packs, err := s.bodies.Packs(before)
	if err != nil {
		return err
	}
	for _, id := range packs {
		files = append(files, &blob.Frame{Location: blob.Location{Kind: blob.InPack, Pack: id}})
	}
	for _, f := range files {
		known, err := s.known(ctx, "SELECT COUNT(*) FROM frame WHERE id = ?", f.ID)
		if f.Location.Kind == blob.InPack {
			known, err = s.known(ctx, "SELECT COUNT(*) FROM pack WHERE id = ?", f.Location.Pack)
		}
		if err != nil {
			return err
		}
		if !known {
			if err := each(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) known(ctx context.Context, query string, id int64) (bool, error) {
	var n int64
	err := s.read(ctx, func(c *conn) (err error) {
		n, err = c.int64(query, id)
		return err
	})
	return n > 0, err
}

// verify holds a frame against its hash where it is now: it may have moved
// since the snapshot of a check began.
func (s *Store) verify(ctx context.Context, id int64, l blob.Location) error {
	err := s.bodies.Verify(id, l)
	if err == nil {
		return nil
	}
	gone := true
	if lookErr := s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			gone = false
			return rows.Scan(&l.Pack, &l.Offset)
		}, "SELECT pack_id, off FROM frame WHERE id = ?", id)
	}); lookErr != nil {
		return lookErr
	}
	if gone { // collected meanwhile
		return nil
	}
	return s.bodies.Verify(id, l)
}
