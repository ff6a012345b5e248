package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"gomail"
	"gomail/store/blob"
)

// UndeleteWindow is how long a body that nobody holds is kept.
const UndeleteWindow = 24 * time.Hour

// Bounds of one collecting transaction, so that deliveries do not wait behind
// it for long.
const (
	collectBatch  = 256
	collectOctets = 4 << 20 // that are moved to another pack
	collectEvery  = 10 * time.Minute
)

// Collected says what a collection gave back.
type Collected struct {
	Bodies  int   // holds of messages and blobs that are gone
	Frames  int   // bodies whose last hold that was
	Objects int   // files of large bodies removed
	Packs   int   // packs rewritten or removed
	Octets  int64 // of the files removed
}

// collectNowAndThen collects until the store closes.
func (s *Store) collectNowAndThen() {
	defer s.wg.Done()
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		done, err := s.Collect(context.Background(), s.options.Clock().Add(-UndeleteWindow))
		if err != nil {
			s.options.Logger.Error("collection failed", slog.Any("error", err))
		} else if done != (Collected{}) {
			s.options.Logger.Info("collected", slog.Int("bodies", done.Bodies), slog.Int("packs", done.Packs), slog.Int64("octets", done.Octets))
		}
		if err := s.forgetUpgrade(s.options.Clock()); err != nil {
			s.options.Logger.Error("what was kept before the last upgrade cannot be removed", slog.Any("error", err))
		}
	}
}

// Collect removes the bodies that nobody has held since before, rewrites packs
// that are more than half dead, and removes files that no row names. It takes
// about half of the store's time when it has much to do, so that mail comes in
// meanwhile. Files that a backup under way may need are removed after it.
//
// The order survives a power cut at any point: a copy is synced, then the rows
// that name it are committed, then the file that no row names is removed.
func (s *Store) Collect(ctx context.Context, before time.Time) (Collected, error) {
	s.collecting.Lock()
	defer s.collecting.Unlock()
	var all Collected
	gone := s.removeAllGone(ctx) // whatever became of that, there may be more to collect
	err := s.collectAll(ctx, before, &all)
	return all, errors.Join(gone, err)
}

func (s *Store) collectAll(ctx context.Context, before time.Time, all *Collected) error {
	for {
		began := time.Now()
		n, err := s.collectSome(ctx, before, all)
		if err != nil {
			return err
		}
		if n < collectBatch {
			break
		}
		s.yield(ctx, time.Since(began))
	}
	if err := s.compact(ctx, all); err != nil {
		return err
	}
	return s.sweep(ctx, before, all)
}

// yield leaves the store to others for a while, at most a second.
func (s *Store) yield(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(min(d, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.closing:
	}
}

// dead is what is left of a message or blob that is gone: its hold on a
// frame.
type dead struct {
	account gomail.AccountID
	id      int64 // of the message or blob
	frame   int64
}

// collectSome removes one batch and returns how many it looked at.
func (s *Store) collectSome(ctx context.Context, before time.Time, all *Collected) (int, error) {
	var due []dead
	var objects []*blob.Frame
	err := s.update(ctx, func(t *tx) error {
		due, objects = nil, nil
		err := t.query(func(rows *sql.Rows) error {
			var d dead
			err := rows.Scan(&d.account, &d.id, &d.frame)
			due = append(due, d)
			return err
		}, "SELECT account_id, id, frame_id FROM blob_gc WHERE at < ? ORDER BY account_id, id LIMIT ?", toMicro(before), collectBatch)
		if err != nil {
			return err
		}
		for _, d := range due {
			gone, err := t.collectOne(d, all)
			if err != nil {
				return err
			}
			if gone != nil {
				objects = append(objects, gone)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, f := range objects { // after the commit: until then the rows hold them
		s.unlinks.do(func() { s.bodies.Remove(f) })
		all.Objects++
		all.Octets += f.Location.Stored
	}
	return len(due), nil
}

// collectOne gives up what an entry holds. It returns the object whose file is
// to be removed, if the entry was its last holder.
func (t *tx) collectOne(d dead, all *Collected) (*blob.Frame, error) {
	if _, err := t.write("DELETE FROM blob_gc WHERE account_id = ? AND id = ?", d.account, d.id); err != nil {
		return nil, err
	}
	all.Bodies++
	if _, err := t.write("UPDATE frame SET refs = refs - 1 WHERE id = ?", d.frame); err != nil {
		return nil, err
	}
	return t.dropFrame(d.frame, all)
}

// dropFrame removes a frame that nothing holds any more.
func (t *tx) dropFrame(id int64, all *Collected) (*blob.Frame, error) {
	f := &blob.Frame{ID: id}
	l := &f.Location
	ok, err := t.row([]any{&l.Kind, &l.Pack, &l.Stored}, "SELECT loc_kind, pack_id, clen FROM frame WHERE id = ? AND refs = 0", id)
	if err != nil || !ok {
		return nil, err
	}
	all.Frames++
	if _, err := t.write("DELETE FROM frame WHERE id = ?", id); err != nil {
		return nil, err
	}
	if l.Kind == blob.InObject {
		return f, nil
	}
	_, err = t.write("UPDATE pack SET live = live - ? WHERE id = ?", l.Stored, l.Pack)
	return nil, err
}

// compact rewrites the packs that are more than half dead. The one being
// written is left alone.
func (s *Store) compact(ctx context.Context, all *Collected) error {
	var packs []int64
	current := s.bodies.CurrentPack()
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			if id != current {
				packs = append(packs, id)
			}
			return err
		}, "SELECT id FROM pack WHERE live * 2 < bytes ORDER BY id")
	})
	if err != nil {
		return err
	}
	for _, id := range packs {
		err := s.rewrite(ctx, id, all)
		if gomail.KindOf(err) == gomail.Corrupt && s.Failure() == nil { // the others can still be rewritten
			s.options.Logger.Error("a pack is damaged and stays as it is: run gomail check", slog.Int64("pack", id), slog.Any("error", err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rewrite moves what lives in a pack to the current one and removes the file.
// A reader that looked a frame up before and finds the file gone looks again.
func (s *Store) rewrite(ctx context.Context, pack int64, all *Collected) error {
	for {
		began := time.Now()
		moved, err := s.moveSome(ctx, pack)
		if err != nil {
			return err
		}
		if moved == 0 {
			break
		}
		s.yield(ctx, time.Since(began))
	}
	emptied, err := s.dropPack(ctx, pack)
	if err != nil || !emptied {
		return err
	}
	all.Packs++
	return s.removePack(pack, all)
}

// dropPack removes a pack's row, if no frame is in it. Whoever went into the
// pack while it was the current one has handed its rows over before the next
// pack was begun, so that they are committed first.
func (s *Store) dropPack(ctx context.Context, pack int64) (bool, error) {
	var dropped int64
	err := s.update(ctx, func(t *tx) error {
		if err := t.flush(); err != nil { // packs that this batch has counted so far
			return err
		}
		var err error
		dropped, err = t.write("DELETE FROM pack WHERE id = ? AND NOT EXISTS (SELECT 1 FROM frame WHERE loc_kind = ? AND pack_id = ?)", pack, blob.InPack, pack)
		return err
	})
	return dropped > 0, err
}

// removePack removes the file of a pack that no row names.
func (s *Store) removePack(pack int64, all *Collected) (err error) {
	var freed int64
	s.unlinks.do(func() {
		if freed, err = s.bodies.RemovePack(pack); err != nil {
			s.options.Logger.Warn("a pack could not be removed; it is tried again tomorrow", slog.Int64("pack", pack), slog.Any("error", err))
		}
	})
	all.Octets += freed
	return err
}

// moveSome copies some frames of a pack to the current pack and, once the
// copies are durable, moves their rows.
func (s *Store) moveSome(ctx context.Context, pack int64) (int, error) {
	var frames []*blob.Frame
	octets := int64(0)
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			f := &blob.Frame{Location: blob.Location{Kind: blob.InPack, Pack: pack}}
			l := &f.Location
			var sum []byte
			if err := rows.Scan(&f.ID, &l.Offset, &l.Stored, &l.Size, &l.Codec, &sum); err != nil {
				return err
			}
			copy(l.SHA256[:], sum)
			if octets += l.Stored; octets <= collectOctets || len(frames) == 0 {
				frames = append(frames, f)
			}
			return nil
		}, "SELECT id, off, clen, rlen, codec, sha256 FROM frame WHERE loc_kind = ? AND pack_id = ? ORDER BY off LIMIT ?", blob.InPack, pack, collectBatch)
	})
	if err != nil || len(frames) == 0 {
		return 0, err
	}
	for _, f := range frames {
		if err := s.bodies.Reload(f); err != nil {
			return 0, err
		}
	}
	if err := s.bodies.Append(frames); err != nil {
		s.failIfFinal(err)
		return 0, err
	}
	return len(frames), s.update(ctx, func(t *tx) error { return t.moveRows(pack, frames) })
}

func (t *tx) moveRows(from int64, frames []*blob.Frame) error {
	for _, f := range frames {
		l := f.Location
		n, err := t.write("UPDATE frame SET pack_id = ?, off = ? WHERE id = ? AND loc_kind = ? AND pack_id = ?", l.Pack, l.Offset, f.ID, blob.InPack, from)
		if err != nil {
			return err
		}
		if n == 0 { // collected meanwhile: the copy is dead weight
			continue
		}
		t.usePack(l)
		if _, err := t.write("UPDATE pack SET live = live - ? WHERE id = ?", l.Stored, from); err != nil {
			return err
		}
	}
	return nil
}
