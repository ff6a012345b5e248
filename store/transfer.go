package store

import (
	"context"
	"database/sql"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// CopyMessages adds those of the uids that exist to another mailbox.
func (s *Store) CopyMessages(ctx context.Context, m mailbox.Transfer) (mailbox.Copied, error) {
	return s.transfer(ctx, m, ascendingUIDs(m.UIDs), false)
}

// MoveMessages takes those of the uids that exist to another mailbox.
func (s *Store) MoveMessages(ctx context.Context, m mailbox.Transfer) (all mailbox.Copied, err error) {
	err = inParts(m.UIDs, func(part []gomail.UID) error {
		moved, err := s.transfer(ctx, m, part, true)
		all.UIDValidity = moved.UIDValidity
		all.Source, all.Target = append(all.Source, moved.Source...), append(all.Target, moved.Target...)
		return err
	})
	return all, err
}

func (s *Store) transfer(ctx context.Context, m mailbox.Transfer, uids []gomail.UID, move bool) (copied mailbox.Copied, err error) {
	err = s.update(ctx, func(t *tx) error {
		copied, err = t.transfer(m, uids, move)
		return err
	})
	return copied, err
}

// transfer adds entries to the target and, when moving, takes them from the
// source. A message that only moves keeps its row, so its bytes, its id and
// the quota stay as they are.
func (t *tx) transfer(m mailbox.Transfer, uids []gomail.UID, move bool) (mailbox.Copied, error) {
	a, source, err := t.place(m.From)
	if err != nil {
		return mailbox.Copied{}, err
	}
	b, target, err := t.place(m.To)
	if err != nil {
		return mailbox.Copied{}, err
	}
	found, err := t.entriesOf(a, source, uids)
	if err != nil || len(found) == 0 {
		return mailbox.Copied{UIDValidity: target.UIDValidity}, err
	}
	copied := mailbox.Copied{UIDValidity: target.UIDValidity}
	for _, e := range found {
		copied.Source = append(copied.Source, e.UID)
	}
	if a == b {
		copied.Target, err = t.enterAll(a, target, found, m.Rights)
	} else {
		copied.Target, err = t.adopt(a, b, target, found, m.Rights)
	}
	switch {
	case err != nil:
		return mailbox.Copied{}, err
	case move && a == b: // each message is in as many mailboxes as before
		err = t.moveOut(a, source, found, nil, a.seq)
	case move:
		err = t.removeEntries(a, source, found, t.next(a))
	case a == b:
		err = t.addExtra(a.id, found)
	}
	return copied, err
}

// place takes the rows of an account and its mailbox.
func (t *tx) place(p mailbox.Place) (*accountRow, *mailboxRow, error) {
	a, err := t.account(p.Account)
	if err != nil {
		return nil, nil, err
	}
	m, err := t.mailbox(a, p.Mailbox)
	return a, m, err
}

// enterAll puts messages of the account into another of its mailboxes.
func (t *tx) enterAll(a *accountRow, target *mailboxRow, found []mailbox.Entry, rights mailbox.Rights) (added []gomail.UID, err error) {
	seq := t.next(a)
	for _, e := range found {
		e.Flags, e.Keywords = rights.Keep(e.Flags, e.Keywords)
		uid, err := t.addEntry(a, target, e, seq)
		if err != nil {
			return nil, err
		}
		added = append(added, uid)
	}
	return added, nil
}

// adopt makes messages of account b over the bodies of a's, in one of b's
// mailboxes.
func (t *tx) adopt(a, b *accountRow, target *mailboxRow, found []mailbox.Entry, rights mailbox.Rights) (added []gomail.UID, err error) {
	total := int64(0)
	for _, e := range found {
		total += e.Size
	}
	if err := b.roomFor(total, len(found)); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(found, chunk) {
		bodies, err := t.bodiesOf(a, part)
		if err != nil {
			return nil, err
		}
		for _, e := range part {
			in := bodies[e.Message]
			if in == nil {
				return nil, gomail.Errorf(gomail.Corrupt, "message %d of account %d has no row", e.Message, a.id)
			}
			in.flags, in.keywords = rights.Keep(e.Flags, e.Keywords)
			uid, err := t.adoptOne(b, target, in)
			if err != nil {
				return nil, err
			}
			added = append(added, uid)
		}
	}
	return added, nil
}

func (t *tx) adoptOne(b *accountRow, target *mailboxRow, in *incoming) (gomail.UID, error) {
	if n, err := t.write("UPDATE frame SET refs = refs + 1 WHERE id = ?", in.frame); err != nil || n != 1 {
		return 0, cmpErr(err, gomail.Errorf(gomail.Corrupt, "the body of a message that is copied has no row"))
	}
	added, err := t.addMessage(b, target, *in)
	return added.UID, err
}

// bodiesOf reads what makes up the messages of entries.
func (t *tx) bodiesOf(a *accountRow, entries []mailbox.Entry) (map[gomail.MessageID]*incoming, error) {
	ids := make([]gomail.MessageID, len(entries))
	for i, e := range entries {
		ids[i] = e.Message
	}
	found := make(map[gomail.MessageID]*incoming, len(ids))
	list, args := in(ids)
	err := t.query(func(rows *sql.Rows) error {
		var id gomail.MessageID
		m := &incoming{}
		err := rows.Scan(&id, &m.frame, &m.prefix, &m.index, &m.received, &m.size)
		found[id] = m
		return err
	}, "SELECT id, frame_id, prefix, env, received, size FROM message WHERE account_id = ? AND id IN "+list, append([]any{a.id}, args...)...)
	return found, err
}
