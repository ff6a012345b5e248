package store

import (
	"database/sql"

	"gomail"
	"gomail/mailbox"
)

// AlterEntries rewrites every page of entries in a database's file: f gets the
// entries of one and returns what becomes of them.
func AlterEntries(path string, f func([]mailbox.Entry) []mailbox.Entry) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	return eachPage(db, "entry_page", func(of mailboxKey, first gomail.UID, entries []entry) error {
		plain := make([]mailbox.Entry, len(entries))
		for i, e := range entries {
			plain[i] = e.Entry
		}
		p := newPage(first)
		for _, e := range f(plain) {
			p.add(&entry{Entry: e})
		}
		_, err := db.Exec("UPDATE entry_page SET modseq = ?, lowest = ?, highest = ?, entries = ? WHERE account_id = ? AND mailbox_id = ? AND first = ?",
			p.span.modseq, p.span.lowest, p.span.highest, p.writer.sealed(first), of.account, of.id, first)
		return err
	})
}

// UnpackEntries fills the tables of a schema before pages out of those of the
// attached database "newer".
func UnpackEntries(db *sql.DB) error {
	err := eachPage(db, "newer.entry_page", func(of mailboxKey, _ gomail.UID, entries []entry) error {
		for _, e := range entries {
			if _, err := db.Exec("INSERT INTO msg_mailbox (account_id, mailbox_id, uid, message_id, flags, keywords, modseq) VALUES (?, ?, ?, ?, ?, ?, ?)",
				of.account, of.id, e.UID, e.Message, e.Flags, e.Keywords, e.ModSeq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	type row struct {
		of  mailboxKey
		seq int64
		uid gomail.UID
		op  int64
		all []gone
	}
	var all []row
	rows, err := db.Query("SELECT account_id, mailbox_id, seq, uid, op, entries FROM newer.change")
	if err != nil {
		return err
	}
	for rows.Next() {
		var r row
		var packed []byte
		if err := rows.Scan(&r.of.account, &r.of.id, &r.seq, &r.uid, &r.op, &packed); err != nil {
			return err
		}
		if r.all, err = unpackGone(r.uid, packed); err != nil {
			return err
		}
		if r.op == opMailboxGone {
			r.all = []gone{{}}
		}
		all = append(all, r)
	}
	rows.Close()
	for _, r := range all {
		for _, e := range r.all {
			if _, err := db.Exec("INSERT INTO change (account_id, seq, mailbox_id, uid, op, message_id) VALUES (?, ?, ?, ?, ?, ?)", r.of.account, r.seq, r.of.id, e.uid, r.op, e.message); err != nil {
				return err
			}
		}
	}
	return nil
}

func eachPage(db *sql.DB, table string, f func(of mailboxKey, first gomail.UID, entries []entry) error) error {
	type row struct {
		of     mailboxKey
		first  gomail.UID
		stored []byte
	}
	var all []row
	rows, err := db.Query("SELECT account_id, mailbox_id, first, entries FROM " + table)
	if err != nil {
		return err
	}
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.of.account, &r.of.id, &r.first, &r.stored); err != nil {
			return err
		}
		all = append(all, r)
	}
	rows.Close()
	for _, r := range all {
		entries, err := readAllOf(r.first, r.stored)
		if err != nil {
			return err
		}
		if err := f(r.of, r.first, entries); err != nil {
			return err
		}
	}
	return nil
}
