package store

import (
	"context"
	"database/sql"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// Metadata returns the entries of a mailbox, or of the account, in order.
func (s *Store) Metadata(ctx context.Context, at mailbox.Place, reader gomail.AccountID) (all []mailbox.Metadata, err error) {
	text, args := "SELECT entry, value FROM metadata WHERE account_id = ? AND mailbox_id = ?", []any{at.Account, at.Mailbox}
	if reader != at.Account {
		text += " AND entry LIKE '/shared/%' UNION ALL SELECT entry, value FROM shared_metadata WHERE account_id = ? AND owner_id = ? AND mailbox_id = ?"
		args = append(args, reader, at.Account, at.Mailbox)
	}
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var m mailbox.Metadata
			err := rows.Scan(&m.Entry, &m.Value)
			all = append(all, m)
			return err
		}, text+" ORDER BY entry", args...)
	})
	return all, err
}

// SetMetadata changes entries of a mailbox, or of the account, all or none.
func (s *Store) SetMetadata(ctx context.Context, at mailbox.Place, reader gomail.AccountID, changes []mailbox.Metadata) error {
	return s.update(ctx, func(t *tx) error {
		a, err := t.account(at.Account)
		if err != nil {
			return err
		}
		if at.Mailbox != 0 {
			if _, err := t.mailbox(a, at.Mailbox); err != nil {
				return err
			}
		}
		r, err := t.account(reader)
		if err != nil {
			return err
		}
		for _, m := range changes {
			of := a
			if m.Private() {
				of = r
			}
			if err := t.setMetadata(at, reader, m, t.next(of)); err != nil {
				return err
			}
			of.mailboxes = append(of.mailboxes, at.Mailbox)
		}
		return t.checkMetadata(at.Account, reader)
	})
}

// MetadataMarks returns when the entries were last changed that are the
// account's: those of its own mailboxes and of itself, and its private ones of
// the mailboxes of others.
func (s *Store) MetadataMarks(ctx context.Context, account gomail.AccountID) (all []mailbox.MetadataMark, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var m mailbox.MetadataMark
			err := rows.Scan(&m.Place.Account, &m.Place.Mailbox, &m.Entry, &m.ModSeq)
			all = append(all, m)
			return err
		}, "SELECT account_id, mailbox_id, entry, modseq FROM metadata WHERE account_id = ? UNION ALL SELECT owner_id, mailbox_id, entry, modseq FROM shared_metadata WHERE account_id = ?", account, account)
	})
	return all, err
}

func (t *tx) checkMetadata(account, reader gomail.AccountID) error {
	own, err := t.int64("SELECT COUNT(*) FROM metadata WHERE account_id = ?", account)
	if err != nil {
		return err
	}
	elsewhere, err := t.int64("SELECT COUNT(*) FROM shared_metadata WHERE account_id = ?", reader)
	if err == nil && max(own, elsewhere) > mailbox.MaxMetadata {
		err = gomail.Errorf(gomail.TooMany, "an account has at most %d entries of metadata", mailbox.MaxMetadata)
	}
	return err
}

// setMetadata writes an entry where it belongs: private ones of a mailbox of
// others are the reader's.
func (t *tx) setMetadata(at mailbox.Place, reader gomail.AccountID, m mailbox.Metadata, seq gomail.ModSeq) error {
	table, key, args := "metadata", "account_id, mailbox_id, entry", []any{at.Account, at.Mailbox, m.Entry}
	if reader != at.Account && m.Private() {
		table, key, args = "shared_metadata", "account_id, owner_id, mailbox_id, entry", []any{reader, at.Account, at.Mailbox, m.Entry}
	}
	if m.Value == nil {
		_, err := t.write("DELETE FROM "+table+" WHERE "+strings.ReplaceAll(key, ",", " = ? AND")+" = ?", args...)
		return err
	}
	_, err := t.write("INSERT INTO "+table+" ("+key+", value, modseq) VALUES (?, ?"+strings.Repeat(", ?", len(args))+") ON CONFLICT ("+key+") DO UPDATE SET value = excluded.value, modseq = excluded.modseq",
		append(args, m.Value, seq)...)
	return err
}
