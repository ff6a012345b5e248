package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail"
	"gomail/store/blob"
)

// packTally is what a pack's row says, and what its frames do.
type packTally struct {
	row         bool
	bytes, live int64 // of the row
	end, sum    int64 // of the frames
}

// checkFrames goes through the frames: packs' counters agree with them, and
// they with what holds them, the messages (whose holds are given), blobs and
// what waits for collection.
func checkFrames(c *conn, holds holders, found func(string)) (map[int64]*packTally, error) {
	packs := map[int64]*packTally{}
	tallyOf := func(id int64) *packTally {
		if packs[id] == nil {
			packs[id] = &packTally{}
		}
		return packs[id]
	}
	var counted holders
	err := c.query(func(rows *sql.Rows) error {
		var id, kind, pack, off, stored, refs int64
		if err := rows.Scan(&id, &kind, &pack, &off, &stored, &refs); err != nil {
			return err
		}
		counted.add(id, refs)
		if blob.Kind(kind) == blob.InPack {
			p := tallyOf(pack)
			p.end = max(p.end, off+stored)
			p.sum += stored
		}
		return nil
	}, "SELECT id, loc_kind, pack_id, off, clen, refs FROM frame")
	if err != nil {
		return nil, err
	}
	err = c.query(func(rows *sql.Rows) error {
		var id, bytes, live int64
		err := rows.Scan(&id, &bytes, &live)
		p := tallyOf(id)
		p.row, p.bytes, p.live = true, bytes, live
		return err
	}, "SELECT id, bytes, live FROM pack")
	if err != nil {
		return nil, err
	}
	for id, p := range packs {
		switch {
		case !p.row:
			found(fmt.Sprintf("a pack has frames and no row (pack %d)", id))
		case p.live != p.sum:
			found(fmt.Sprintf("a pack's live octets are miscounted (pack %d counts %d, its frames %d)", id, p.live, p.sum))
		case p.end > p.bytes:
			found(fmt.Sprintf("a frame stands behind the end of its pack (pack %d has %d octets, a frame ends at %d)", id, p.bytes, p.end))
		}
	}
	if err := sumHolders(c, &holds, "SELECT frame_id FROM blob UNION ALL SELECT frame_id FROM blob_gc"); err != nil || holds == counted {
		return packs, err
	}
	return packs, places(c, found, "a frame's holders are miscounted",
		`SELECT 'frame ' || f.id || ' counts ' || f.refs FROM frame f
		 LEFT JOIN (SELECT frame_id, COUNT(*) AS n FROM (SELECT frame_id FROM message UNION ALL SELECT frame_id FROM blob UNION ALL SELECT frame_id FROM blob_gc) GROUP BY frame_id) h
		 ON h.frame_id = f.id WHERE f.refs <> COALESCE(h.n, 0)`)
}

// checkFiles holds the files against the rows: each pack is there as far as
// its row says, and no file has been without a row for longer than collection
// lets it be.
func (s *Store) checkFiles(ctx context.Context, packs map[int64]*packTally, found func(string)) error {
	for id, p := range packs {
		info, err := os.Stat(filepath.Join(s.options.Dir, blob.PackFile(id)))
		if err == nil && info.Size() >= p.bytes {
			continue
		}
		still, lookErr := s.known(ctx, "SELECT COUNT(*) FROM pack WHERE id = ?", id)
		if lookErr != nil {
			return lookErr
		}
		switch {
		case !still: // rewritten meanwhile
		case err != nil:
			found(fmt.Sprintf("a pack's file is missing (pack %d): %v", id, err))
		default:
			found(fmt.Sprintf("a pack's file is cut short (pack %d has %d octets instead of %d)", id, info.Size(), p.bytes))
		}
	}
	return s.checkOrphans(ctx, found)
}

// orphanGrace is how long before the store's last change a file may have been
// left without a row: collection would have removed it after the undelete
// window.
const orphanGrace = UndeleteWindow + 2*collectEvery

func (s *Store) checkOrphans(ctx context.Context, found func(string)) error {
	err := s.orphans(ctx, s.lastChange().Add(-orphanGrace), func(f *blob.Frame) error {
		found("a file has no row and takes up space: " + fileOf(f))
		return nil
	})
	if err != nil {
		return err
	}
	return s.strangers(func(path string) { found("a file is not one of ours: " + path) })
}

// fileOf is the file that a frame is in.
func fileOf(f *blob.Frame) string {
	if f.Location.Kind == blob.InObject {
		return blob.ObjectFile(f.ID)
	}
	return blob.PackFile(f.Location.Pack)
}

// lastChange is when the database was written last.
func (s *Store) lastChange() (last time.Time) {
	for _, name := range []string{"gomail.db", "gomail.db-wal"} {
		if info, err := os.Stat(filepath.Join(s.options.Dir, name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// strangers calls found for files among the bodies that have no body's name.
func (s *Store) strangers(found func(path string)) error {
	for _, sub := range []string{"packs", "objects"} {
		err := filepath.WalkDir(filepath.Join(s.options.Dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, isPack := strings.CutSuffix(d.Name(), ".pack")
			digits := map[bool]string{true: "0123456789", false: "0123456789abcdef"}[isPack]
			if isPack != (sub == "packs") || strings.Trim(name, digits) != "" {
				found(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkPage is how many frames are read from the database at a time, so that
// no transaction lasts as long as reading all bodies does.
const checkPage = 8192

// checkBodies reads every frame and holds it against its hash: page by page,
// each in the order in which it stands in its packs, on every processor.
func (s *Store) checkBodies(ctx context.Context, found func(string)) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for after := int64(-1); ctx.Err() == nil; {
		page, err := s.framesAfter(ctx, after)
		if err != nil {
			return cmp.Or(g.Wait(), err)
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID
		slices.SortFunc(page, func(a, b *blob.Frame) int {
			return cmp.Or(cmp.Compare(a.Location.Pack, b.Location.Pack), cmp.Compare(a.Location.Offset, b.Location.Offset))
		})
		g.Go(func() error {
			var failed error
			s.bodies.VerifyAll(page, func() bool { return ctx.Err() != nil }, func(f *blob.Frame, _ error) {
				err := s.verify(ctx, f.ID, f.Location) // it may have moved
				if err == nil || ctx.Err() != nil {
					return
				}
				if gomail.KindOf(err) == gomail.Unavailable {
					failed = err
					return
				}
				mu.Lock()
				defer mu.Unlock()
				found(fmt.Sprintf("a body cannot be read (frame %d): %v", f.ID, err))
			})
			return failed
		})
	}
	return g.Wait()
}

// framesAfter returns the next frames that somebody holds.
func (s *Store) framesAfter(ctx context.Context, after int64) (page []*blob.Frame, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			f := &blob.Frame{}
			l := &f.Location
			var sum []byte
			err := rows.Scan(&f.ID, &l.Kind, &l.Pack, &l.Offset, &l.Stored, &l.Size, &l.Codec, &sum)
			copy(l.SHA256[:], sum)
			page = append(page, f)
			return err
		}, "SELECT id, loc_kind, pack_id, off, clen, rlen, codec, sha256 FROM frame WHERE id > ? AND refs > 0 ORDER BY id LIMIT ?", after, checkPage)
	})
	return page, err
}
