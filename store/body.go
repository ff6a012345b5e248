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

// insertFrame writes the row of a frame that so many blobs hold, which follow
// in the same transaction.
func (t *tx) insertFrame(f *blob.Frame, holders int) error {
	l := f.Location
	if l.Kind == blob.InPack {
		t.usePack(l)
	}
	_, err := t.write("INSERT INTO frame (id, loc_kind, pack_id, off, clen, rlen, codec, sha256, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		f.ID, l.Kind, l.Pack, l.Offset, l.Stored, l.Size, l.Codec, l.SHA256[:], holders)
	return err
}

// holdFrame sets how many blobs hold a frame that was inserted without.
func (t *tx) holdFrame(f *blob.Frame, refs int) error {
	_, err := t.write("UPDATE frame SET refs = ? WHERE id = ?", refs, f.ID)
	return err
}

// insertBlob gives an account a handle on a frame.
func (t *tx) insertBlob(account gomail.AccountID, id int64, frame *blob.Frame, refs int) error {
	_, err := t.write("INSERT INTO blob (account_id, id, frame_id, refs) VALUES (?, ?, ?, ?)", account, id, frame.ID, refs)
	return err
}

// openContent opens the content that find names. A pack that was rewritten
// between looking and opening is looked for again.
func (s *Store) openContent(ctx context.Context, find func(*conn) (gomail.AccountID, int64, []byte, error)) (content gomail.Content, err error) {
	for range 3 {
		err = s.read(ctx, func(c *conn) error {
			account, id, prefix, err := find(c)
			if err != nil {
				return err
			}
			content, err = s.openBlob(c, account, id, prefix)
			return err
		})
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return content, err
}

// openBlob opens what a blob holds, preceded by prefix.
func (s *Store) openBlob(c *conn, account gomail.AccountID, id int64, prefix []byte) (gomail.Content, error) {
	var frame int64
	var l blob.Location
	var sum []byte
	ok, err := c.row([]any{&frame, &l.Kind, &l.Pack, &l.Offset, &l.Stored, &l.Size, &l.Codec, &sum},
		"SELECT f.id, f.loc_kind, f.pack_id, f.off, f.clen, f.rlen, f.codec, f.sha256 FROM blob b JOIN frame f ON f.id = b.frame_id WHERE b.account_id = ? AND b.id = ?", account, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, gomail.Errorf(gomail.Corrupt, "the body %d of account %d has no row", id, account)
	}
	copy(l.SHA256[:], sum)
	content, err := s.bodies.Open(frame, l)
	if err != nil {
		return nil, err
	}
	if len(prefix) == 0 {
		return content, nil
	}
	return &prefixed{prefix: prefix, Content: content}, nil
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

// releaseBlobs takes one reference off each blob. Those without any wait for
// the collector, which gives an undo its time.
func (t *tx) releaseBlobs(account gomail.AccountID, ids []int64) error {
	list, args := in(ids)
	if _, err := t.write("UPDATE blob SET refs = refs - 1 WHERE account_id = ? AND id IN "+list, append([]any{account}, args...)...); err != nil {
		return err
	}
	_, err := t.write("INSERT INTO blob_gc (account_id, blob_id, at) SELECT account_id, id, ? FROM blob WHERE account_id = ? AND refs = 0 AND id IN "+list+" ON CONFLICT (account_id, blob_id) DO NOTHING",
		append([]any{t.store.now(), account}, args...)...)
	return err
}
