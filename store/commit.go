package store

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"gomail"
	"gomail/internal/disk"
	"gomail/store/blob"
)

// Bounds of one batch.
const (
	maxBatch      = 512
	maxBatchBytes = 16 << 20
)

// write is one caller's transaction on its way through the group commit.
type write struct {
	frame   *blob.Frame     // goes to a pack before the commit; nil: nothing does
	holders int             // how many blobs apply gives the frame
	apply   func(*tx) error // writes the rows
	done    chan error      // receives the outcome, once
}

// commit makes a body and the rows that hold it durable, together with
// whatever else is waiting. holders is how many blobs apply gives the body. It
// returns when all is durable. ctx counts until the
// write is handed over; from then on the outcome is waited for, because it
// can no longer be taken back.
func (s *Store) commit(ctx context.Context, frame *blob.Frame, holders int, apply func(*tx) error) error {
	w := &write{frame: frame, holders: holders, apply: apply, done: make(chan error, 1)}
	err := s.handOver(ctx, w)
	if err == nil {
		err = <-w.done
	}
	if err != nil && frame != nil && gomail.KindOf(err) != gomail.Closed {
		s.bodies.Remove(frame) // certainly not committed, so nobody will miss it
	}
	return err
}

// update is commit for writes without a body.
func (s *Store) update(ctx context.Context, apply func(*tx) error) error {
	return s.commit(ctx, nil, 0, apply)
}

func (s *Store) handOver(ctx context.Context, w *write) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.Failure(); err != nil {
		return err
	}
	if s.closed {
		return gomail.Errorf(gomail.Closed, "the store is closed")
	}
	if w.frame != nil && w.frame.InPack() {
		select {
		case s.packing <- w:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case s.committer <- []*write{w}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pack appends the bodies of waiting writes to the pack, one sync for all,
// and passes the writes on. It ends when packing is closed and empty.
func (s *Store) pack() {
	defer s.wg.Done()
	defer close(s.committer)
	for w := range s.packing {
		batch := s.gather(w)
		frames := make([]*blob.Frame, len(batch))
		for i, w := range batch {
			frames[i] = w.frame
		}
		s.handing.Lock()
		if err := s.bodies.Append(frames); err != nil {
			s.handing.Unlock()
			s.failIfFinal(err)
			answer(batch, err)
			continue
		}
		s.committer <- batch
		s.handing.Unlock()
	}
}

// gather takes what waits behind the first write, within the batch's bounds.
func (s *Store) gather(first *write) []*write {
	batch, weight := []*write{first}, first.frame.Weight()
	for len(batch) < maxBatch && weight < maxBatchBytes {
		select {
		case w, ok := <-s.packing:
			if !ok {
				return batch
			}
			batch = append(batch, w)
			weight += w.frame.Weight()
		default:
			return batch
		}
	}
	return batch
}

// commitAll commits waiting writes, one transaction for all. It ends when
// committer is closed and empty.
func (s *Store) commitAll(writer *conn) {
	defer s.wg.Done()
	defer writer.close()
	for batch := range s.committer {
		for more := true; more && len(batch) < maxBatch; {
			select {
			case next, ok := <-s.committer:
				batch = append(batch, next...)
				more = ok
			default:
				more = false
			}
		}
		s.commitBatch(writer, batch)
	}
}

// commitBatch commits a batch in one transaction. When a write fails after it
// changed something, all are rolled back and each is run alone, so that one
// bad write cannot fail its neighbours.
func (s *Store) commitBatch(writer *conn, batch []*write) {
	if err := s.Failure(); err != nil {
		answer(batch, err)
		return
	}
	errs, err := s.transact(writer, batch)
	switch {
	case err == nil:
		for i, w := range batch {
			w.done <- errs[i]
		}
	case len(batch) == 1 || s.Failure() != nil:
		answer(batch, err)
	default:
		for _, w := range batch {
			s.commitBatch(writer, []*write{w})
		}
	}
}

// transact runs the batch in one transaction. errs are the outcomes of writes
// that failed without having changed anything; err is why the whole was
// rolled back.
func (s *Store) transact(writer *conn, batch []*write) (errs []error, err error) {
	t := newTx(s, writer)
	if _, err := writer.exec("BEGIN IMMEDIATE"); err != nil {
		s.failIfFinal(err)
		return nil, err
	}
	errs = make([]error, len(batch))
	for i, w := range batch {
		t.dirty = false
		if err := t.run(w); err != nil {
			if t.dirty {
				t.rollback()
				s.failIfFinal(err)
				return nil, err
			}
			errs[i] = err
		}
	}
	if err := t.end(); err != nil {
		s.failIfFinal(err)
		return nil, err
	}
	s.stats.commits.Add(1)
	s.stats.writes.Add(int64(len(batch)))
	t.publish()
	return errs, nil
}

// failIfFinal stops the store when an error says that the disk can no longer
// be trusted. A full disk and a bad request are not of that kind.
func (s *Store) failIfFinal(err error) {
	switch gomail.KindOf(err) {
	case gomail.Closed, gomail.Corrupt:
		s.fail(err)
	}
}

func answer(batch []*write, err error) {
	for _, w := range batch {
		w.done <- err
	}
}

// checkpoint copies the write-ahead log into the database while others write,
// and empties it when nobody does. It has a connection of its own, so that
// commits do not wait for it.
func (s *Store) checkpoint(path string) {
	defer s.wg.Done()
	c, err := openConn(context.Background(), path, "busy_timeout(0)", disk.Synchronous(disk.Checkpoint))
	if err != nil {
		s.options.Logger.Warn("checkpoints are left to the writer", "error", err)
		return
	}
	defer c.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		commits := s.stats.commits.Load()
		switch size := walSize(path); {
		case size > 8<<20 && commits != last:
			c.exec("PRAGMA wal_checkpoint(PASSIVE)")
		case size > 0 && commits == last:
			c.exec("PRAGMA wal_checkpoint(TRUNCATE)")
			debug.FreeOSMemory() // a burst is over: what it took goes back now, not in minutes
		}
		last = commits
	}
}

func walSize(path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}
