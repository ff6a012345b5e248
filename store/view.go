package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"gomail"
	"gomail/mailbox"
)

const entryColumns = "uid, message_id, flags, keywords, modseq, size, received"

func entryOf(row []driver.Value) mailbox.Entry {
	return mailbox.Entry{
		UID: intOf[gomail.UID](row[0]), Message: intOf[gomail.MessageID](row[1]), Flags: intOf[gomail.Flags](row[2]),
		Keywords: textOf(row[3]), ModSeq: intOf[gomail.ModSeq](row[4]), Size: intOf[int64](row[5]), Received: intOf[int64](row[6]),
	}
}

// Snapshot returns a mailbox with all its entries at one moment.
func (s *Store) Snapshot(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (snap mailbox.Snapshot, err error) {
	err = s.read(ctx, func(c *conn) error {
		if snap.Mailbox, snap.Seq, err = readMailbox(c, account, id); err != nil {
			return err
		}
		snap.Entries = make([]mailbox.Entry, 0, snap.Mailbox.Total)
		return c.scan(func(row []driver.Value) error {
			snap.Entries = append(snap.Entries, entryOf(row))
			return nil
		}, "SELECT "+entryColumns+" FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? ORDER BY uid", int64(account), int64(id))
	})
	return snap, err
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
		if err := readChanged(c, account, id, since, &d); err != nil {
			return err
		}
		return readVanished(c, account, id, since, &d)
	})
	return d, err
}

func readChanged(c *conn, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq, d *mailbox.Delta) error {
	err := c.scan(func(row []driver.Value) error {
		d.Changed = append(d.Changed, entryOf(row))
		return nil
	}, "SELECT "+entryColumns+" FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? AND modseq > ?", int64(account), int64(id), int64(since))
	slices.SortFunc(d.Changed, func(a, b mailbox.Entry) int { return int(int64(a.UID) - int64(b.UID)) })
	return err
}

func readVanished(c *conn, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq, d *mailbox.Delta) error {
	err := c.query(func(rows *sql.Rows) error {
		var uid gomail.UID
		err := rows.Scan(&uid)
		d.Vanished = append(d.Vanished, uid)
		return err
	}, "SELECT uid FROM change WHERE account_id = ? AND seq > ? AND mailbox_id = ? AND op = ?", account, since, id, opEntryGone)
	slices.Sort(d.Vanished)
	return err
}

// Content opens a message's header and body.
func (s *Store) Content(ctx context.Context, account gomail.AccountID, id gomail.MessageID) (gomail.Content, error) {
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
