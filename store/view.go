package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// readEntries calls f with the entries of a mailbox whose pages satisfy a
// condition (empty: all), ascending UID. f must not keep the pointer.
func readEntries(c *conn, account gomail.AccountID, id gomail.MailboxID, condition string, f func(*entry), args ...int64) error {
	return c.scan(func(row []driver.Value) error {
		r := readPage(intOf[gomail.UID](row[0]), bytesOf(row[1]))
		for r.next() {
			f(&r.at)
		}
		return r.err
	}, "SELECT first, entries FROM entry_page WHERE account_id = ? AND mailbox_id = ?"+condition+" ORDER BY first", append([]int64{int64(account), int64(id)}, args...)...)
}

// Snapshot returns a mailbox with all its entries at one moment.
func (s *Store) Snapshot(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (snap mailbox.Snapshot, err error) {
	err = s.read(ctx, func(c *conn) error {
		if snap.Mailbox, snap.Seq, err = readMailbox(c, account, id); err != nil {
			return err
		}
		if snap.Entries = s.recall(c, account, snap); snap.Entries != nil {
			return nil
		}
		snap.Entries = make([]mailbox.Entry, 0, snap.Mailbox.Total)
		err := readEntries(c, account, id, "", func(e *entry) { snap.Entries = append(snap.Entries, e.Entry) })
		if err == nil {
			s.snapshots.put(account, snap)
		}
		return err
	})
	return snap, err
}

// recall makes the entries of a mailbox out of those that are remembered and
// what has changed since; nil when it is better to read them.
func (s *Store) recall(c *conn, account gomail.AccountID, now mailbox.Snapshot) []mailbox.Entry {
	old := s.snapshots.get(account, now)
	if old == nil {
		return nil
	}
	d := mailbox.Delta{Complete: true}
	err := readDelta(c, account, now.Mailbox.ID, old.seq, &d)
	if err != nil || !d.Complete || len(d.Changed)+len(d.Vanished) > len(old.entries)/16 {
		return nil
	}
	return old.since(d.Changed, d.Vanished)
}

// readMailbox reads a mailbox with its whole path, and the account's
// sequence.
func readMailbox(c *conn, account gomail.AccountID, id gomail.MailboxID) (m gomail.Mailbox, seq gomail.ModSeq, err error) {
	all, err := readMailboxes(c, account)
	if err != nil {
		return m, 0, err
	}
	i := slices.IndexFunc(all, func(m gomail.Mailbox) bool { return m.ID == id })
	if i < 0 {
		return m, 0, gomail.Errorf(gomail.NotFound, "the mailbox is gone")
	}
	_, err = c.row([]any{&seq}, "SELECT seq FROM account WHERE id = ?", account)
	return all[i], seq, err
}

// Changes returns what happened in a mailbox after since.
func (s *Store) Changes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq) (d mailbox.Delta, err error) {
	err = s.read(ctx, func(c *conn) error {
		var floor gomail.ModSeq
		if _, err := c.row([]any{&d.Seq, &floor}, "SELECT seq, log_floor FROM account WHERE id = ?", account); err != nil {
			return err
		}
		d.Complete = since >= floor
		if d.Mailbox, d.Seq, err = readMailbox(c, account, id); err != nil {
			return err
		}
		if d.Mailbox.HighestModSeq <= since {
			return nil
		}
		return readDelta(c, account, id, since, &d)
	})
	return d, err
}

func readDelta(c *conn, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq, d *mailbox.Delta) error {
	if err := readChanged(c, account, id, since, d); err != nil {
		return err
	}
	return readVanished(c, account, id, since, d)
}

func readChanged(c *conn, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq, d *mailbox.Delta) error {
	return readEntries(c, account, id, " AND modseq > ?", func(e *entry) {
		if e.ModSeq > since {
			d.Changed = append(d.Changed, e.Entry)
		}
	}, int64(since))
}

func readVanished(c *conn, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq, d *mailbox.Delta) error {
	err := c.query(func(rows *sql.Rows) error {
		var uid gomail.UID
		var packed sql.RawBytes
		if err := rows.Scan(&uid, &packed); err != nil {
			return err
		}
		entries, err := unpackGone(uid, packed)
		if err != nil { // as if the log did not reach so far
			d.Complete = false
		}
		for _, e := range entries {
			d.Vanished = append(d.Vanished, e.uid)
		}
		return nil
	}, "SELECT uid, entries FROM change WHERE account_id = ? AND seq > ? AND mailbox_id = ? AND op <> ?", account, since, id, opMailboxGone)
	slices.Sort(d.Vanished)
	return err
}

// Content opens a message's header and body.
func (s *Store) Content(ctx context.Context, account gomail.AccountID, id gomail.MessageID) (gomail.Content, error) {
	if s.unfinished.has(account, id) {
		return nil, gomail.Errorf(gomail.NotFound, "the message is gone")
	}
	content, found, err := s.openBody(ctx, "SELECT "+bodyColumns+" FROM message m JOIN frame f ON f.id = m.frame_id WHERE m.account_id = ? AND m.id = ?", account, id)
	if err == nil && !found {
		err = s.whyNoContent(ctx, account, id)
	}
	return content, err
}

// whyNoContent tells a message that is gone from one whose body is.
func (s *Store) whyNoContent(ctx context.Context, account gomail.AccountID, id gomail.MessageID) error {
	var n int64
	_, err := s.readOne(ctx, []any{&n}, "SELECT COUNT(*) FROM message WHERE account_id = ? AND id = ?", account, id)
	switch {
	case err != nil:
		return err
	case n > 0:
		return gomail.Errorf(gomail.Corrupt, "the body of message %d of account %d has no row", id, account)
	}
	return gomail.Errorf(gomail.NotFound, "the message is gone")
}

// Usage returns an account's quota and what is used of it.
func (s *Store) Usage(ctx context.Context, account gomail.AccountID) (u mailbox.Usage, err error) {
	ok, err := s.readOne(ctx, []any{&u.Used, &u.Max, &u.Messages, &u.MaxMessages}, "SELECT quota_used, quota_max, quota_messages_used, quota_messages_max FROM account WHERE id = ?", account)
	if err == nil && !ok {
		err = gomail.Errorf(gomail.NotFound, "there is no account %d", account)
	}
	return u, err
}
