package store

import (
	"context"

	"gomail"
	"gomail/mailbox"
)

// ReplaceMessage adds a message and takes another away, both or neither.
func (s *Store) ReplaceMessage(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uid gomail.UID, to gomail.MailboxID, m mailbox.Append) (mailbox.Appended, error) {
	if err := s.Room(m.Body.Size()); err != nil {
		return mailbox.Appended{}, err
	}
	one := []mailbox.Append{m}
	frames, err := sealAll(one)
	if err != nil {
		return mailbox.Appended{}, err
	}
	var added []mailbox.Appended
	err = s.commit(ctx, frames, 1, func(t *tx) error {
		if err := t.takeOut(account, id, uid); err != nil {
			return err
		}
		added, err = t.appendAll(account, to, one, frames, m.Body.Size())
		return err
	})
	if err != nil {
		return mailbox.Appended{}, err
	}
	return added[0], nil
}

// takeOut removes one message from a mailbox, whatever its flags.
func (t *tx) takeOut(account gomail.AccountID, id gomail.MailboxID, uid gomail.UID) error {
	a, m, err := t.place(mailbox.Place{Account: account, Mailbox: id})
	if err != nil {
		return err
	}
	found, err := t.entriesOf(a, m, []gomail.UID{uid})
	if err == nil && len(found) == 0 {
		err = gomail.Errorf(gomail.NotFound, "the message is gone")
	}
	if err != nil {
		return err
	}
	return t.removeEntries(a, m, found, t.next(a))
}
