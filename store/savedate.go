package store

import (
	"context"
	"database/sql/driver"

	"gomail"
	"gomail/mailbox"
)

// SaveDates returns when messages were put into a mailbox, ascending UID.
func (s *Store) SaveDates(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, first, last gomail.UID) (dates []mailbox.SaveDate, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.scan(func(row []driver.Value) error {
			dates = append(dates, mailbox.SaveDate{UID: intOf[gomail.UID](row[0]), Saved: maybeMicro(intOf[int64](row[1]))})
			return nil
		}, "SELECT uid, saved FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid", int64(account), int64(id), int64(first), int64(last))
	})
	return dates, err
}

// DeletedBytes returns the sum of the sizes of the messages with \Deleted.
func (s *Store) DeletedBytes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (n int64, err error) {
	_, err = s.readOne(ctx, []any{&n}, "SELECT COALESCE(SUM(size), 0) FROM msg_mailbox WHERE account_id = ? AND mailbox_id = ? AND flags & ? <> 0",
		account, id, gomail.FlagDeleted)
	return n, err
}
