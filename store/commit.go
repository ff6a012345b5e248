package store

import (
	"context"
	"slices"

	"gomail"
	"gomail/store/blob"
)

// Bounds of one batch.
const (
	maxBatch      = 512
	maxBatchBytes = 16 << 20
)

// write is one caller's transaction on its way through the group commit.
type write struct {
	frames  []*blob.Frame   // those that are not durable yet go to a pack before the commit
	holders int             // how many messages and blobs apply gives each of them
	apply   func(*tx) error // writes the rows
	done    chan error      // receives the outcome, once
}

// packed reports whether a body of the write goes to a pack.
func (w *write) packed() bool { return slices.ContainsFunc(w.frames, (*blob.Frame).InPack) }

// commit makes bodies and the rows that hold them durable, together with
// whatever else is waiting. holders is how many messages and blobs apply gives
// each body. It returns when all is durable. ctx counts until
// the write is handed over; from then on the outcome is waited for, because it
// can no longer be taken back.
func (s *Store) commit(ctx context.Context, frames []*blob.Frame, holders int, apply func(*tx) error) error {
	w := &write{frames: frames, holders: holders, apply: apply, done: make(chan error, 1)}
	err := s.handOver(ctx, w)
	if err == nil {
		err = <-w.done
		s.underWay.Add(-1)
	}
	if err != nil && gomail.KindOf(err) != gomail.Closed {
		for _, f := range frames {
			s.bodies.Remove(f) // certainly not committed, so nobody will miss it
		}
	}
	return err
}

// update is commit for writes without a body.
func (s *Store) update(ctx context.Context, apply func(*tx) error) error {
	return s.commit(ctx, nil, 0, apply)
}

// handOver gives the write to those who commit; who finds them idle commits it
// at once. Without an error its outcome is in done, or will be.
func (s *Store) handOver(ctx context.Context, w *write) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.Failure(); err != nil {
		return err
	}
	if s.closed {
		return gomail.Errorf(gomail.Closed, "the store is closed")
	}
	if s.underWay.Add(1) == 1 && s.commitAlone(w) {
		return nil
	}
	err := s.queueUp(ctx, w)
	if err != nil {
		s.underWay.Add(-1)
	}
	return err
}

func (s *Store) queueUp(ctx context.Context, w *write) error {
	if w.packed() {
		select {
		case s.packing <- w:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case s.committer <- &batch{writes: []*write{w}}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitAlone packs and commits a write in the caller's own goroutine, unless
// another is at it. A lone delivery would spend more time waking those who
// commit for all than on the disk; what comes meanwhile queues up for them.
func (s *Store) commitAlone(w *write) bool {
	if !s.packer.TryLock() {
		return false
	}
	if !s.writing.TryLock() {
		s.packer.Unlock()
		return false
	}
	defer s.writing.Unlock()
	defer s.packer.Unlock()
	b := &batch{writes: []*write{w}}
	defer b.wait() // whatever became of the rows, the pack is for the next
	defer s.failUnlessDone(w)
	if w.packed() {
		appending, err := s.append(b.writes)
		if err != nil {
			answer(b.writes, err)
			return true
		}
		appending.Start()
		b.durable = append(b.durable, func() error { return s.finish(appending) })
	}
	s.commitBatch(b)
	return true
}

// failUnlessDone stops the store when a write panics in a goroutine that may
// recover from it: its transaction is neither committed nor rolled back.
func (s *Store) failUnlessDone(w *write) {
	if len(w.done) == 0 {
		s.fail(gomail.Errorf(gomail.Internal, "a write was broken off"))
	}
}

// batch is writes that go into one transaction.
type batch struct {
	writes  []*write
	durable []func() error // each returns when a part of the bodies is on disk
	lost    error          // why a part of them is not
}

// add joins another batch.
func (b *batch) add(other *batch) {
	b.writes = append(b.writes, other.writes...)
	b.durable = append(b.durable, other.durable...)
}

// wait returns when all bodies of the batch are on disk. That they are not, it
// says as often as it is asked.
func (b *batch) wait() error {
	for _, d := range b.durable {
		if err := d(); err != nil {
			b.lost = err
		}
	}
	b.durable = nil
	return b.lost
}

// pack appends the bodies of waiting writes to the pack, one sync for all.
// While they are being synced their rows are written already; only the commit
// waits. It ends when packing is closed and empty.
func (s *Store) pack() {
	defer s.wg.Done()
	defer close(s.committer)
	for w := range s.packing {
		s.packer.Lock()
		s.packWith(w)
		s.packer.Unlock()
	}
}

// packWith packs a write and those that wait behind it.
func (s *Store) packWith(first *write) {
	writes := s.gather(first)
	appending, err := s.append(writes)
	if err != nil {
		answer(writes, err)
		return
	}
	durable := make(chan error, 1)
	s.committer <- &batch{writes: writes, durable: []func() error{func() error { return <-durable }}}
	durable <- s.finish(appending)
}

// append begins to append the bodies of writes to the pack.
func (s *Store) append(writes []*write) (*blob.Appending, error) {
	frames := make([]*blob.Frame, 0, len(writes))
	for _, w := range writes {
		for _, f := range w.frames {
			if f.InPack() {
				frames = append(frames, f)
			}
		}
	}
	appending, err := s.bodies.Begin(frames)
	s.failIfFinal(err)
	return appending, err
}

// finish returns when what was appended is on disk.
func (s *Store) finish(a *blob.Appending) error {
	err := a.Finish()
	s.failIfFinal(err)
	return err
}

// weight is how many octets of the write go to a pack.
func (w *write) weight() (n int) {
	for _, f := range w.frames {
		if f.InPack() {
			n += f.Weight()
		}
	}
	return n
}

// gather takes what waits behind the first write, within the batch's bounds.
func (s *Store) gather(first *write) []*write {
	writes, weight := []*write{first}, first.weight()
	for len(writes) < maxBatch && weight < maxBatchBytes {
		select {
		case w, ok := <-s.packing:
			if !ok {
				return writes
			}
			writes = append(writes, w)
			weight += w.weight()
		default:
			return writes
		}
	}
	return writes
}

// commitAll commits waiting writes, one transaction for all. It ends when
// committer is closed and empty.
func (s *Store) commitAll() {
	defer s.wg.Done()
	for b := range s.committer {
		s.writing.Lock()
		s.commitWith(b)
		s.writing.Unlock()
	}
}

// commitWith commits a batch and those that wait behind it.
func (s *Store) commitWith(b *batch) {
	for more := true; more && len(b.writes) < maxBatch; {
		select {
		case next, ok := <-s.committer:
			if ok {
				b.add(next)
			}
			more = ok
		default:
			more = false
		}
	}
	s.commitBatch(b)
}

// commitBatch commits a batch in one transaction. When a write fails after it
// changed something, all are rolled back and each is run alone, so that one
// bad write cannot fail its neighbours.
func (s *Store) commitBatch(b *batch) {
	if err := s.Failure(); err != nil {
		answer(b.writes, err)
		return
	}
	errs, err := s.transact(b)
	switch {
	case err == nil:
		for i, w := range b.writes {
			w.done <- errs[i]
		}
	case len(b.writes) == 1 || s.Failure() != nil:
		answer(b.writes, err)
	default:
		s.commitEach(b)
	}
}

// commitEach commits the writes of a batch one by one, once their bodies are
// on disk. Where a body is not, none of the batch's is trusted.
func (s *Store) commitEach(b *batch) {
	bodies := b.wait()
	for _, w := range b.writes {
		if bodies != nil && w.packed() {
			w.done <- bodies
			continue
		}
		s.commitBatch(&batch{writes: []*write{w}})
	}
}

// transact runs the batch in one transaction. errs are the outcomes of writes
// that failed without having changed anything; err is why the whole was
// rolled back.
func (s *Store) transact(b *batch) (errs []error, err error) {
	t := newTx(s, s.writer)
	if _, err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		s.failIfFinal(err)
		return nil, err
	}
	errs = make([]error, len(b.writes))
	for i, w := range b.writes {
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
	if err := t.end(b.wait); err != nil {
		s.failIfFinal(err)
		return nil, err
	}
	s.stats.commits.Add(1)
	s.stats.writes.Add(int64(len(b.writes)))
	s.log.grown(len(b.writes))
	t.publish()
	s.kept.put(t.accounts)
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

func answer(writes []*write, err error) {
	for _, w := range writes {
		w.done <- err
	}
}
