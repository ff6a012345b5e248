package store

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"gomail"
	"gomail/store/blob"
)

// Stage returns an empty body to be filled and handed back with the rows that
// hold it.
func (s *Store) Stage() gomail.Body { return &stage{s.bodies.Stage(), s} }

// stage is a body of ours. A disk that fails under it is failing for all.
type stage struct {
	*blob.Stage
	store *Store
}

// Write adds octets. NoSpace when the disk is full.
func (b *stage) Write(p []byte) (int, error) {
	n, err := b.Stage.Write(p)
	b.store.failIfFinal(err)
	return n, err
}

// seal ends writing a body of ours.
func seal(body gomail.Body) (*blob.Frame, error) {
	b, ok := body.(*stage)
	if !ok {
		return nil, gomail.Errorf(gomail.Internal, "the body was not staged in this store")
	}
	frame, err := b.Seal()
	b.store.failIfFinal(err)
	return frame, err
}

// insertFrame writes the row of a frame with the number of messages and blobs
// that hold it, which follow in the same transaction.
func (t *tx) insertFrame(f *blob.Frame, holders int) error {
	l := f.Location
	if l.Kind == blob.InPack {
		t.usePack(l)
	}
	_, err := t.write("INSERT INTO frame (id, loc_kind, pack_id, off, clen, rlen, codec, sha256, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		f.ID, l.Kind, l.Pack, l.Offset, l.Stored, l.Size, l.Codec, l.SHA256[:], holders)
	return err
}

// insertBlob gives an account a handle on a frame that is no message of its.
func (t *tx) insertBlob(account gomail.AccountID, id int64, frame *blob.Frame, refs int) error {
	_, err := t.write("INSERT INTO blob (account_id, id, frame_id, refs) VALUES (?, ?, ?, ?)", account, id, frame.ID, refs)
	return err
}

// storedBody is where the content of a message, or of a queued one, is.
type storedBody struct {
	prefix []byte
	frame  int64
	at     blob.Location
	sum    []byte
}

const bodyColumns = "m.prefix, f.id, f.loc_kind, f.pack_id, f.off, f.clen, f.rlen, f.codec, f.sha256"

func (b *storedBody) dest() []any {
	l := &b.at
	return []any{&b.prefix, &b.frame, &l.Kind, &l.Pack, &l.Offset, &l.Stored, &l.Size, &l.Codec, &b.sum}
}

// open opens prefix and body.
func (b *storedBody) open(s *Store) (gomail.Content, error) {
	copy(b.at.SHA256[:], b.sum)
	content, err := s.bodies.Open(b.frame, b.at)
	if err != nil || len(b.prefix) == 0 {
		return content, err
	}
	return &prefixed{prefix: b.prefix, Content: content}, nil
}

// openBody opens the content that a query of bodyColumns names; found is false
// when it names none. It is one statement, which needs no transaction around
// it. A pack that was rewritten between looking and opening is looked for
// again.
func (s *Store) openBody(ctx context.Context, query string, args ...any) (content gomail.Content, found bool, err error) {
	for range 3 {
		var b storedBody
		if found, err = s.readOne(ctx, b.dest(), query, args...); err != nil || !found {
			return nil, false, err
		}
		if content, err = b.open(s); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return content, true, err
}

// prefixed is content with header fields before it.
type prefixed struct {
	prefix []byte
	gomail.Content
}

// Size returns the octets of prefix and body.
func (p *prefixed) Size() int64 { return int64(len(p.prefix)) + p.Content.Size() }

// ReadAt reads across the seam.
func (p *prefixed) ReadAt(b []byte, offset int64) (int, error) {
	n := 0
	if offset < int64(len(p.prefix)) {
		n = copy(b, p.prefix[offset:])
	}
	if n == len(b) {
		return n, nil
	}
	m, err := p.Content.ReadAt(b[n:], offset+int64(n)-int64(len(p.prefix)))
	if err == io.EOF && n+m == len(b) {
		err = nil
	}
	return n + m, err
}

// releaseBlobs takes one reference off each blob. Where none is left, the
// blob's hold on its frame waits for the collector, which gives an undo its
// time.
func (t *tx) releaseBlobs(account gomail.AccountID, ids []int64) error {
	list, args := in(ids)
	args = append([]any{account}, args...)
	if _, err := t.write("UPDATE blob SET refs = refs - 1 WHERE account_id = ? AND id IN "+list, args...); err != nil {
		return err
	}
	return t.putAside("blob", "account_id = ? AND refs = 0 AND id IN "+list, args...)
}

// putAside removes rows of a table that hold frames, messages or blobs, and
// leaves what they hold to the collector.
func (t *tx) putAside(table, condition string, args ...any) error {
	if _, err := t.write("INSERT INTO blob_gc (account_id, id, frame_id, at) SELECT account_id, id, frame_id, ? FROM "+table+" WHERE "+condition,
		append([]any{t.store.now()}, args...)...); err != nil {
		return err
	}
	_, err := t.write("DELETE FROM "+table+" WHERE "+condition, args...)
	return err
}
