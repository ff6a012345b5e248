package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"gomail"
)

// packEntries is migration 39: the rows of msg_mailbox become pages of entries,
// those of the old log of changes rows that name many.
func packEntries() *goose.Migration {
	return goose.NewGoMigration(39, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if err := packMailboxes(ctx, tx); err != nil {
			return fmt.Errorf("pack the entries of mailboxes: %w", err)
		}
		if err := packChanges(ctx, tx); err != nil {
			return fmt.Errorf("pack the log of changes: %w", err)
		}
		return nil
	}}, nil)
}

// packMailboxes goes through the old table in the order of its key.
func packMailboxes(ctx context.Context, tx *sql.Tx) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO entry_page (account_id, mailbox_id, first, modseq, lowest, highest, entries) VALUES (?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	var of mailboxKey
	var p *page
	write := func() error {
		if p == nil {
			return nil
		}
		_, err := insert.ExecContext(ctx, of.account, of.id, p.first, p.span.modseq, p.span.lowest, p.span.highest, p.writer.sealed(p.first))
		return err
	}
	err = eachRowOf(ctx, tx, func(rows *sql.Rows) error {
		var key mailboxKey
		var e entry
		if err := rows.Scan(&key.account, &key.id, &e.UID, &e.Message, &e.Flags, &e.Keywords, &e.ModSeq, &e.Size, &e.Received, &e.saved); err != nil {
			return err
		}
		if p == nil || key != of || p.full() {
			if err := write(); err != nil {
				return err
			}
			of, p = key, newPage(e.UID)
		}
		p.add(&e)
		return nil
	}, "SELECT account_id, mailbox_id, uid, message_id, flags, keywords, modseq, size, received, saved FROM msg_mailbox ORDER BY account_id, mailbox_id, uid")
	if err != nil {
		return err
	}
	return write()
}

func packChanges(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO change (account_id, seq, mailbox_id, uid, op, entries) SELECT account_id, seq, mailbox_id, uid, op, X'' FROM old_change WHERE op = 2"); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO change (account_id, seq, mailbox_id, uid, op, entries) VALUES (?, ?, ?, ?, 1, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	type removal struct {
		mailboxKey
		seq gomail.ModSeq
	}
	var of removal
	var all []gone
	write := func() error {
		if len(all) == 0 {
			return nil
		}
		_, err := insert.ExecContext(ctx, of.account, of.seq, of.id, all[0].uid, packGone(all))
		all = all[:0]
		return err
	}
	err = eachRowOf(ctx, tx, func(rows *sql.Rows) error {
		var r removal
		var e gone
		if err := rows.Scan(&r.account, &r.seq, &r.id, &e.uid, &e.message, &e.whole); err != nil {
			return err
		}
		if r != of || len(all) == goneInRow {
			if err := write(); err != nil {
				return err
			}
			of = r
		}
		all = append(all, e)
		return nil
	}, `SELECT c.account_id, c.seq, c.mailbox_id, c.uid, c.message_id, NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = c.account_id AND m.id = c.message_id)
		FROM old_change c WHERE c.op = 1 ORDER BY c.account_id, c.seq, c.mailbox_id, c.uid`)
	if err != nil {
		return err
	}
	return write()
}

func eachRowOf(ctx context.Context, tx *sql.Tx, f func(*sql.Rows) error, query string) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
