package store

import (
	"context"
	"database/sql"

	"gomail"
	"gomail/mailbox"
)

// Metadata returns the entries of a mailbox, or of the account, in order.
func (s *Store) Metadata(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (all []mailbox.Metadata, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var m mailbox.Metadata
			err := rows.Scan(&m.Entry, &m.Value)
			all = append(all, m)
			return err
		}, "SELECT entry, value FROM metadata WHERE account_id = ? AND mailbox_id = ? ORDER BY entry", account, id)
	})
	return all, err
}

// SetMetadata changes entries of a mailbox, or of the account, all or none.
func (s *Store) SetMetadata(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, changes []mailbox.Metadata) error {
	return s.update(ctx, func(t *tx) error {
		a, err := t.account(account)
		if err != nil {
			return err
		}
		if id != 0 {
			if _, err := t.mailbox(a, id); err != nil {
				return err
			}
		}
		for _, m := range changes {
			if err := t.setMetadata(account, id, m); err != nil {
				return err
			}
		}
		entries, err := t.int64("SELECT COUNT(*) FROM metadata WHERE account_id = ?", account)
		if err == nil && entries > mailbox.MaxMetadata {
			err = gomail.Errorf(gomail.TooMany, "an account has at most %d entries of metadata", mailbox.MaxMetadata)
		}
		return err
	})
}

func (t *tx) setMetadata(account gomail.AccountID, id gomail.MailboxID, m mailbox.Metadata) error {
	if m.Value == nil {
		_, err := t.write("DELETE FROM metadata WHERE account_id = ? AND mailbox_id = ? AND entry = ?", account, id, m.Entry)
		return err
	}
	_, err := t.write("INSERT INTO metadata (account_id, mailbox_id, entry, value) VALUES (?, ?, ?, ?) ON CONFLICT (account_id, mailbox_id, entry) DO UPDATE SET value = excluded.value",
		account, id, m.Entry, m.Value)
	return err
}
