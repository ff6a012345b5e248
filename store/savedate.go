package store

import (
	"context"

	"gomail"
	"gomail/mailbox"
)

// SaveDates returns when messages were put into a mailbox, ascending UID.
func (s *Store) SaveDates(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, first, last gomail.UID) (dates []mailbox.SaveDate, err error) {
	err = s.read(ctx, func(c *conn) error {
		return readEntries(c, account, id, " AND first <= ? AND first >= COALESCE((SELECT MAX(first) FROM entry_page WHERE account_id = ? AND mailbox_id = ? AND first <= ?), 0)", func(e *entry) {
			if e.UID >= first && e.UID <= last {
				dates = append(dates, mailbox.SaveDate{UID: e.UID, Saved: maybeMicro(e.saved)})
			}
		}, int64(last), int64(account), int64(id), int64(first))
	})
	return dates, err
}

// DeletedBytes returns the sum of the sizes of the messages with \Deleted.
func (s *Store) DeletedBytes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (n int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		deleted, err := c.int64("SELECT deleted FROM mailbox WHERE account_id = ? AND id = ?", account, id)
		if err != nil || deleted == 0 {
			return err
		}
		return readEntries(c, account, id, "", func(e *entry) {
			if e.Flags.Has(gomail.FlagDeleted) {
				n += e.Size
			}
		})
	})
	return n, err
}
