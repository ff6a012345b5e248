package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// Mailboxes returns an account's mailboxes in the order of their paths, INBOX
// first.
func (s *Store) Mailboxes(ctx context.Context, account gomail.AccountID) (all []gomail.Mailbox, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = readMailboxes(c, account)
		return err
	})
	return all, err
}

func readMailboxes(c *conn, account gomail.AccountID) ([]gomail.Mailbox, error) {
	var all []gomail.Mailbox
	err := c.query(func(rows *sql.Rows) error {
		var m gomail.Mailbox
		all = append(all, m)
		return rows.Scan(mailboxDest(&all[len(all)-1])...)
	}, "SELECT "+mailboxColumns+" FROM mailbox WHERE account_id = ?", account)
	if err != nil {
		return nil, err
	}
	setPaths(all)
	slices.SortFunc(all, func(a, b gomail.Mailbox) int {
		if (a.Role == gomail.RoleInbox) != (b.Role == gomail.RoleInbox) {
			return map[bool]int{true: -1, false: 1}[a.Role == gomail.RoleInbox]
		}
		return strings.Compare(a.Path, b.Path)
	})
	return all, nil
}

// setPaths turns the names that rows hold into paths.
func setPaths(all []gomail.Mailbox) {
	byID := make(map[gomail.MailboxID]gomail.Mailbox, len(all))
	for _, m := range all {
		byID[m.ID] = m
	}
	for i := range all {
		path := all[i].Path
		// A level is looked up at most once per mailbox, so that a ring in
		// damaged data ends.
		for parent, steps := all[i].Parent, 0; parent != 0 && steps < len(all); steps++ {
			path = byID[parent].Path + string(gomail.MailboxSeparator) + path
			parent = byID[parent].Parent
		}
		all[i].Path = path
	}
}

// CreateMailbox makes a mailbox below parent (0: top level). Exists when the
// name is taken.
func (s *Store) CreateMailbox(ctx context.Context, account gomail.AccountID, parent gomail.MailboxID, name string, role gomail.MailboxRole) (gomail.Mailbox, error) {
	var id gomail.MailboxID
	err := s.update(ctx, func(t *tx) error {
		a, err := t.account(account)
		if err != nil {
			return err
		}
		if taken, err := t.int64("SELECT COUNT(*) FROM mailbox WHERE account_id = ? AND parent = ? AND name = ?", account, parent, name); err != nil || taken > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the mailbox %q exists already", name))
		}
		if parent != 0 {
			if _, err := t.mailbox(a, parent); err != nil {
				return err
			}
		}
		if id, err = t.insertMailbox(a, parent, name, role); err != nil {
			return err
		}
		return t.inheritGrants(account, parent, id)
	})
	if err != nil {
		return gomail.Mailbox{}, err
	}
	return s.mailboxByID(ctx, account, id)
}

func (s *Store) mailboxByID(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (gomail.Mailbox, error) {
	all, err := s.Mailboxes(ctx, account)
	if err != nil {
		return gomail.Mailbox{}, err
	}
	for _, m := range all {
		if m.ID == id {
			return m, nil
		}
	}
	return gomail.Mailbox{}, gomail.Errorf(gomail.NotFound, "the mailbox is gone")
}

// insertMailbox writes a new mailbox's row. Its id is a sequence value.
func (t *tx) insertMailbox(a *accountRow, parent gomail.MailboxID, name string, role gomail.MailboxRole) (gomail.MailboxID, error) {
	seq := t.next(a)
	id := gomail.MailboxID(seq)
	a.mailboxes = append(a.mailboxes, id)
	_, err := t.write("INSERT INTO mailbox (account_id, id, parent, name, role, uidvalidity, uidnext, modseq, total, unseen, deleted, bytes, crc, subscribed) VALUES (?, ?, ?, ?, ?, ?, 1, ?, 0, 0, 0, 0, 0, 1)",
		a.id, id, parent, name, role, t.nextUIDValidity(a), seq)
	return id, err
}

// RenameMailbox gives a mailbox another name and parent. What is below it
// moves along.
func (s *Store) RenameMailbox(ctx context.Context, account gomail.AccountID, id, parent gomail.MailboxID, name string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := t.account(account)
		if err != nil {
			return err
		}
		m, err := t.mailbox(a, id)
		if err != nil {
			return err
		}
		if err := t.checkNewPlace(a, id, parent, name); err != nil {
			return err
		}
		m.Parent, m.Path = parent, name
		t.touch(a, m, t.next(a))
		_, err = t.write("UPDATE mailbox SET parent = ?, name = ? WHERE account_id = ? AND id = ?", parent, name, account, id)
		return err
	})
}

// checkNewPlace refuses a taken name and a place below the mailbox itself.
func (t *tx) checkNewPlace(a *accountRow, id, parent gomail.MailboxID, name string) error {
	for up := parent; up != 0; {
		if up == id {
			return gomail.Errorf(gomail.Invalid, "a mailbox cannot be moved below itself")
		}
		m, err := t.mailbox(a, up)
		if err != nil {
			return err
		}
		up = m.Parent
	}
	taken, err := t.int64("SELECT COUNT(*) FROM mailbox WHERE account_id = ? AND parent = ? AND name = ? AND id <> ?", a.id, parent, name, id)
	if err == nil && taken > 0 {
		err = gomail.Errorf(gomail.Exists, "the mailbox %q exists already", name)
	}
	return err
}

// SetSubscribed sets whether a mailbox is subscribed.
func (s *Store) SetSubscribed(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, subscribed bool) error {
	return s.update(ctx, func(t *tx) error {
		a, err := t.account(account)
		if err != nil {
			return err
		}
		m, err := t.mailbox(a, id)
		if err != nil || m.Subscribed == subscribed {
			return err
		}
		m.Subscribed = subscribed
		t.touch(a, m, t.next(a))
		_, err = t.write("UPDATE mailbox SET subscribed = ? WHERE account_id = ? AND id = ?", subscribed, account, id)
		return err
	})
}

// DeleteMailbox removes a mailbox and the messages that are in no other.
func (s *Store) DeleteMailbox(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) error {
	if err := s.shrink(ctx, account, id); err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error { return t.deleteMailbox(account, id) })
}

func (t *tx) deleteMailbox(account gomail.AccountID, id gomail.MailboxID) error {
	a, m, err := t.place(mailbox.Place{Account: account, Mailbox: id})
	if err != nil {
		return err
	}
	if below, err := t.int64("SELECT COUNT(*) FROM mailbox WHERE account_id = ? AND parent = ?", account, id); err != nil || below > 0 {
		return cmpErr(err, gomail.Errorf(gomail.Exists, "the mailbox has others below it"))
	}
	seq := t.next(a)
	entries, err := t.entriesOf(a, m, nil)
	if err != nil {
		return err
	}
	if err := t.removeEntries(a, m, entries, seq); err != nil {
		return err
	}
	a.forget(id)
	if _, err := t.write("DELETE FROM entry_page WHERE account_id = ? AND mailbox_id = ?", account, id); err != nil {
		return err
	}
	a.mailboxes = append(a.mailboxes, id)
	if _, err := t.write("INSERT INTO change (account_id, seq, mailbox_id, uid, op, entries) VALUES (?, ?, ?, 0, ?, ?)", account, seq, id, opMailboxGone, []byte{}); err != nil {
		return err
	}
	if _, err := t.write("DELETE FROM metadata WHERE account_id = ? AND mailbox_id = ?", account, id); err != nil {
		return err
	}
	if err := t.unshare(account, id); err != nil {
		return err
	}
	_, err = t.write("DELETE FROM mailbox WHERE account_id = ? AND id = ?", account, id)
	return err
}

// shrink takes messages out of a mailbox that is to be deleted until few are
// left, a part at a time: mail comes in meanwhile.
func (s *Store) shrink(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) error {
	for more := true; more; {
		err := s.update(ctx, func(t *tx) error {
			a, err := t.account(account)
			if err != nil {
				return err
			}
			m, err := t.mailbox(a, id)
			if err != nil {
				return err
			}
			below, err := t.int64("SELECT COUNT(*) FROM mailbox WHERE account_id = ? AND parent = ?", account, id)
			if more = m.Total > bulk && below == 0; err != nil || !more {
				return err
			}
			part, err := t.firstEntries(a, m, bulk)
			if err != nil {
				return err
			}
			return t.removeEntries(a, m, part, t.next(a))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// cmpErr returns the first error that is not nil.
func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
