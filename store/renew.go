package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gomail"
	"gomail/internal/disk"
	"gomail/queue"
)

// What may have been given out between a backup's instant and its restore is
// unknown. These say how far ahead of the backup a restored store begins.
const (
	uidValidityAhead = 1 << 16   // above the time in seconds, and above all that the backup knows
	seqAhead         = 1_000_000 // at least, per account
	seqPerSecond     = 10_000    // and so many for every second since the backup: more than an account can use
)

// renew gives the restored database a new epoch.
func (r *restore) renew(ctx context.Context) (err error) {
	path := filepath.Join(r.options.To, "gomail.db")
	c, err := openConn(ctx, path, "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syncFile(path)) }()
	defer c.close()
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, step := range []func(*conn) error{r.renewAccounts, r.renewMailboxes, r.renewQueue, endSessions} {
		if err := step(c); err != nil {
			c.exec("ROLLBACK")
			return err
		}
	}
	if _, err := c.exec("COMMIT"); err != nil {
		return err
	}
	_, err = c.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// renewAccounts raises the epoch and every account's sequence: ids and MODSEQ
// values that clients have seen after the backup are not given out again. The
// log of changes says nothing of the time between, so it counts from here.
func (r *restore) renewAccounts(c *conn) error {
	since := max(0, r.options.Clock().Sub(r.report.Instant))
	ahead := seqAhead + seqPerSecond*int64(since/time.Second)
	_, err := c.exec("UPDATE account SET epoch = (SELECT MAX(epoch) FROM account) + 1, seq = seq + ?", ahead)
	if err == nil {
		_, err = c.exec("UPDATE account SET log_floor = seq")
	}
	if err == nil {
		r.report.Epoch, err = c.int64("SELECT epoch FROM account WHERE id = 0")
	}
	return err
}

// renewMailboxes gives every mailbox a UIDVALIDITY that no mailbox of its
// account can have had.
func (r *restore) renewMailboxes(c *conn) error {
	floor, err := c.int64("SELECT MAX(COALESCE((SELECT MAX(uidvalidity_floor) FROM account), 0), COALESCE((SELECT MAX(uidvalidity) FROM mailbox), 0))")
	if err != nil {
		return err
	}
	base := max(floor, r.options.Clock().Unix(), r.report.Instant.Unix()) + uidValidityAhead
	_, err = c.exec(`UPDATE mailbox SET modseq = (SELECT a.seq FROM account a WHERE a.id = mailbox.account_id), uidvalidity = ? +
		(SELECT COUNT(*) FROM mailbox o WHERE o.account_id = mailbox.account_id AND o.id <= mailbox.id)`, base)
	if err == nil {
		_, err = c.exec("UPDATE account SET uidvalidity_floor = ? + (SELECT COUNT(*) FROM mailbox m WHERE m.account_id = account.id) WHERE id <> 0", base)
	}
	if top := base + 1_000_000; err == nil && top > 1<<32-1 {
		err = gomail.Errorf(gomail.Invalid, "no higher UIDVALIDITY is left: is the clock right?")
	}
	return err
}

// renewQueue ends the lease of whoever worked on the queue, and puts mail to
// other servers on hold. Mail to our own mailboxes is not held: whatever was
// delivered after the backup is not in them.
func (r *restore) renewQueue(c *conn) error {
	if _, err := c.exec("UPDATE lease SET expires = 0, token = token + 1"); err != nil || r.options.SendQueue {
		return err
	}
	local := map[string]bool{}
	err := c.query(func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		local[name] = true
		return err
	}, "SELECT name FROM domain")
	if err != nil {
		return err
	}
	type recipient struct{ slot, message, n int64 }
	var remote []recipient
	err = c.query(func(rows *sql.Rows) error {
		var to recipient
		var address string
		err := rows.Scan(&to.slot, &to.message, &to.n, &address)
		if !local[address[strings.LastIndexByte(address, '@')+1:]] {
			remote = append(remote, to)
		}
		return err
	}, "SELECT slot, msg_id, n, rcpt FROM qrcpt WHERE status = ?", queue.Pending)
	for _, to := range remote {
		if err == nil {
			_, err = c.exec("UPDATE qrcpt SET status = ? WHERE slot = ? AND msg_id = ? AND n = ?", queue.Held, to.slot, to.message, to.n)
		}
	}
	r.report.Held = int64(len(remote))
	return err
}

// endSessions signs everybody out of the web: whoever signed out after the
// backup stays signed out.
func endSessions(c *conn) error {
	_, err := c.exec("DELETE FROM session")
	return err
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return disk.Sync(disk.RestoreData, f)
}
