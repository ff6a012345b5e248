package store

import (
	"context"
	"database/sql"
	"slices"

	"gomail"
	"gomail/mailbox"
)

const entryColumns = "uid, message_id, flags, keywords, modseq"

func scanEntry(rows *sql.Rows, e *mailbox.Entry) error {
	return rows.Scan(&e.UID, &e.Message, &e.Flags, &e.Keywords, &e.ModSeq)
}

// Snapshot returns a mailbox with all its entries at one moment.
func (s *Store) Snapshot(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (snap mailbox.Snapshot, err error) {
	err = s.read(ctx, func(c *conn) error {
		if snap.Mailbox, snap.Seq, err = readMailbox(c, account, id); err != nil {
			return err
		}
		snap.Entries = make([]mailbox.Entry, 0, snap.Mailbox.Total)
		return c.query(func(rows *sql.Rows) error {
			snap.Entries = append(snap.Entries, mailbox.Entry{})
			return scanEntry(rows, &snap.Entries[len(snap.Entries)-1])
		}, "SELECT "+entryColumns+" FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? ORDER BY uid", account, id)
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
	err := c.query(func(rows *sql.Rows) error {
		var e mailbox.Entry
		err := scanEntry(rows, &e)
		d.Changed = append(d.Changed, e)
		return err
	}, "SELECT "+entryColumns+" FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? AND modseq > ?", account, id, since)
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

// Items calls yield for those of the uids that exist, ascending.
func (s *Store) Items(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID, yield func(mailbox.Item) error) error {
	for part := range slices.Chunk(uids, chunk) {
		items, err := s.readItems(ctx, account, id, part)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := yield(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// readItems reads a chunk whole, so that no connection is held while a slow
// client takes its time over it.
func (s *Store) readItems(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID) (items []mailbox.Item, err error) {
	list, args := in(uids)
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var i mailbox.Item
			var received int64
			err := rows.Scan(&i.UID, &i.Message, &i.Flags, &i.Keywords, &i.ModSeq, &i.Size, &received, &i.Index, &i.Shift)
			i.Received = fromMicro(received)
			items = append(items, i)
			return err
		}, "SELECT e.uid, e.message_id, e.flags, e.keywords, e.modseq, m.size, m.received, m.env, LENGTH(m.prefix) FROM msg_mailbox e JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id WHERE e.account_id = ? AND e.mailbox_id = ? AND e.uid IN "+list+" ORDER BY e.uid",
			append([]any{account, id}, args...)...)
	})
	return items, err
}

// Content opens a message's header and body.
func (s *Store) Content(ctx context.Context, account gomail.AccountID, id gomail.MessageID) (gomail.Content, error) {
	return s.openContent(ctx, func(c *conn) (gomail.AccountID, int64, []byte, error) {
		var blobID int64
		var prefix []byte
		ok, err := c.row([]any{&blobID, &prefix}, "SELECT blob_id, prefix FROM message WHERE account_id = ? AND id = ?", account, id)
		if err == nil && !ok {
			err = gomail.Errorf(gomail.NotFound, "the message is gone")
		}
		return account, blobID, prefix, err
	})
}

// Usage returns an account's quota and what is used of it.
func (s *Store) Usage(ctx context.Context, account gomail.AccountID) (u mailbox.Usage, err error) {
	err = s.read(ctx, func(c *conn) error {
		ok, err := c.row([]any{&u.Used, &u.Max}, "SELECT quota_used, quota_max FROM account WHERE id = ?", account)
		if err == nil && !ok {
			err = gomail.Errorf(gomail.NotFound, "there is no account %d", account)
		}
		if err != nil {
			return err
		}
		u.Messages, err = c.int64("SELECT COUNT(*) FROM message WHERE account_id = ?", account)
		return err
	})
	return u, err
}
