package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"gomail"
)

// readLeaving returns, by account, the messages that are in no mailbox and
// whose rows are still to be removed.
func readLeaving(c *conn, found func(string)) (map[gomail.AccountID]map[gomail.MessageID]bool, error) {
	leaving := map[gomail.AccountID]map[gomail.MessageID]bool{}
	err := c.query(func(rows *sql.Rows) error {
		var account gomail.AccountID
		var uid gomail.UID
		var packed sql.RawBytes
		if err := rows.Scan(&account, &uid, &packed); err != nil {
			return err
		}
		if leaving[account] == nil {
			leaving[account] = map[gomail.MessageID]bool{}
		}
		entries, _ := unpackGone(uid, packed) // checkGone tells of what cannot be read
		for _, e := range entries {
			if e.whole {
				leaving[account][e.message] = true
			}
		}
		return nil
	}, "SELECT account_id, uid, entries FROM change WHERE op = 3")
	return leaving, err
}

// placed is an entry with its mailbox.
type placed struct {
	mailbox gomail.MailboxID
	entry
}

// checkEntries goes through the accounts: every entry is of a message and says
// of it what is true, every message is in as many mailboxes as is noted, and
// what is logged as gone is gone.
func checkEntries(ctx context.Context, c *conn, found func(string)) error {
	var accounts []gomail.AccountID
	err := c.query(func(rows *sql.Rows) error {
		var account gomail.AccountID
		err := rows.Scan(&account)
		accounts = append(accounts, account)
		return err
	}, "SELECT account_id FROM entry_page UNION SELECT account_id FROM message UNION SELECT account_id FROM change UNION SELECT account_id FROM extra_entry")
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkEntriesOf(c, account, found); err != nil {
			return err
		}
	}
	return nil
}

func checkEntriesOf(c *conn, account gomail.AccountID, found func(string)) error {
	all, err := readPlaced(c, account)
	if err != nil {
		return err
	}
	dropped, whole, err := checkGone(c, account, all, found)
	if err != nil {
		return err
	}
	if err := checkExtra(c, account, all, found); err != nil {
		return err
	}
	return checkMessages(c, account, all, dropped, whole, found)
}

// readPlaced returns an account's entries by message. Of damaged pages
// checkMailboxes tells.
func readPlaced(c *conn, account gomail.AccountID) (all []placed, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var id gomail.MailboxID
		var first gomail.UID
		var stored sql.RawBytes
		if err := rows.Scan(&id, &first, &stored); err != nil {
			return err
		}
		r := readPage(first, stored)
		for r.next() {
			all = append(all, placed{id, r.at})
		}
		return nil
	}, "SELECT mailbox_id, first, entries FROM entry_page WHERE account_id = ?", account)
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.Message, b.Message) })
	return all, err
}

// goneKey names an entry in the log.
type goneKey struct {
	mailbox gomail.MailboxID
	uid     gomail.UID
}

// checkGone holds the log against the entries. It returns the messages that
// should have no row any more, and those that still have one though they left.
func checkGone(c *conn, account gomail.AccountID, all []placed, found func(string)) (dropped, leaving map[gomail.MessageID]bool, err error) {
	logged := map[goneKey]bool{}
	dropped, leaving = map[gomail.MessageID]bool{}, map[gomail.MessageID]bool{}
	err = c.query(func(rows *sql.Rows) error {
		var seq, op, next int64
		var id gomail.MailboxID
		var uid gomail.UID
		var packed sql.RawBytes
		if err := rows.Scan(&seq, &id, &uid, &op, &packed, &next); err != nil {
			return err
		}
		entries, err := unpackGone(uid, packed)
		if err != nil {
			found(fmt.Sprintf("the log of changes cannot be read (account %d, sequence %d)", account, seq))
		}
		for _, e := range entries {
			if next != 0 && int64(e.uid) >= next {
				found(fmt.Sprintf("a UID is logged as gone and may be given out again (account %d, mailbox %d, UID %d)", account, id, e.uid))
			}
			logged[goneKey{id, e.uid}] = true
			switch {
			case e.whole && op == opUnfinished:
				leaving[e.message] = true
			case e.whole:
				dropped[e.message] = true
			}
		}
		return nil
	}, `SELECT c.seq, c.mailbox_id, c.uid, c.op, c.entries, COALESCE(m.uidnext, 0) FROM change c LEFT JOIN mailbox m ON m.account_id = c.account_id AND m.id = c.mailbox_id
		WHERE c.account_id = ? AND c.op <> 2`, account)
	for _, e := range all {
		if logged[goneKey{e.mailbox, e.UID}] {
			found(fmt.Sprintf("a UID is in use and logged as gone (account %d, mailbox %d, UID %d)", account, e.mailbox, e.UID))
		}
	}
	return dropped, leaving, err
}

// checkExtra holds what is noted of messages in several mailboxes against the
// entries.
func checkExtra(c *conn, account gomail.AccountID, all []placed, found func(string)) error {
	extra := map[gomail.MessageID]int64{}
	for i := range all {
		if i > 0 && all[i].Message == all[i-1].Message {
			extra[all[i].Message]++
		}
	}
	err := c.query(func(rows *sql.Rows) error {
		var id gomail.MessageID
		var n int64
		err := rows.Scan(&id, &n)
		if extra[id] != n {
			found(fmt.Sprintf("a message's entries are miscounted (account %d, message %d: %d beyond the first, recounted %d)", account, id, n, extra[id]))
		}
		delete(extra, id)
		return err
	}, "SELECT message_id, n FROM extra_entry WHERE account_id = ?", account)
	for id, n := range extra {
		found(fmt.Sprintf("a message's entries are miscounted (account %d, message %d: none beyond the first, recounted %d)", account, id, n))
	}
	return err
}

// checkMessages goes through messages and entries side by side.
func checkMessages(c *conn, account gomail.AccountID, all []placed, dropped, leaving map[gomail.MessageID]bool, found func(string)) error {
	err := c.query(func(rows *sql.Rows) error {
		var id gomail.MessageID
		var size, received int64
		if err := rows.Scan(&id, &size, &received); err != nil {
			return err
		}
		for ; len(all) > 0 && all[0].Message < id; all = all[1:] {
			foundAt(found, "an entry is of a message that does not exist", account, all[0])
		}
		entries := 0
		for ; len(all) > 0 && all[0].Message == id; all = all[1:] {
			entries++
			if all[0].Size != size || all[0].Received != received {
				foundAt(found, "an entry's size or date is not its message's", account, all[0])
			}
			if all[0].ModSeq < gomail.ModSeq(id) {
				foundAt(found, "a message was in its mailbox before it existed", account, all[0])
			}
		}
		switch {
		case dropped[id]:
			found(fmt.Sprintf("a message is logged as removed and still there (account %d, message %d)", account, id))
		case entries == 0 && !leaving[id]:
			found(fmt.Sprintf("a message is in no mailbox (account %d, message %d)", account, id))
		case entries > 0 && leaving[id]:
			found(fmt.Sprintf("a message is in a mailbox and to be removed (account %d, message %d)", account, id))
		}
		return nil
	}, "SELECT id, size, received FROM message WHERE account_id = ? ORDER BY id", account)
	for _, e := range all {
		foundAt(found, "an entry is of a message that does not exist", account, e)
	}
	return err
}

func foundAt(found func(string), problem string, account gomail.AccountID, e placed) {
	found(fmt.Sprintf("%s (account %d, mailbox %d, UID %d)", problem, account, e.mailbox, e.UID))
}
