package store

import (
	"context"
	"database/sql"
	"time"

	"gomail"
	"gomail/queue"
)

// leaseName is the lease on all slots. One node holds them all; with several,
// each slot gets a lease of its own under "queue/<slot>".
const leaseName = "queue"

// Lease takes or renews all slots for owner.
func (s *Store) Lease(ctx context.Context, owner string, ttl time.Duration) (lease queue.Lease, err error) {
	err = s.update(ctx, func(t *tx) error {
		now := t.store.now()
		var holder string
		var expires int64
		known, err := t.row([]any{&holder, &lease.Token, &expires}, "SELECT owner, token, expires FROM lease WHERE name = ?", leaseName)
		if err != nil {
			return err
		}
		if holder != owner {
			if known && expires > now {
				return gomail.Errorf(gomail.Unavailable, "the queue is worked on by %s", holder)
			}
			lease.Token++
		}
		lease.Owner, lease.Expires = owner, fromMicro(now).Add(ttl)
		_, err = t.write("INSERT INTO lease (name, owner, token, expires) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = excluded.token, expires = excluded.expires",
			leaseName, owner, lease.Token, toMicro(lease.Expires))
		return err
	})
	return lease, err
}

// fenced returns Closed unless the lease is still the caller's.
func (t *tx) fenced(lease queue.Lease) error {
	token, err := t.int64("SELECT token FROM lease WHERE name = ?", leaseName)
	if err == nil && token != lease.Token {
		err = gomail.Errorf(gomail.Closed, "the queue has been taken over by another node")
	}
	return err
}

const (
	messageColumns   = "m.slot, m.id, m.account_id, m.prefix, m.sender, m.smtputf8, m.eightbit, m.ret, m.envid, m.received, m.expires, m.size"
	recipientColumns = "r.n, r.rcpt, r.site, r.notify, r.orcpt, r.due, r.attempts, r.status, r.delayed, r.last_error"
	queueJoin        = " FROM qrcpt r JOIN qmsg m ON m.slot = r.slot AND m.id = r.msg_id"
	queueOrder       = " ORDER BY r.slot, r.msg_id, r.n"
)

// readQueue reads recipients with their messages, in the order of their keys.
func readQueue(c *conn, condition string, args ...any) ([]queue.Summary, error) {
	var found []queue.Summary
	err := c.query(func(rows *sql.Rows) error {
		m, r, err := scanQueued(rows)
		if err != nil {
			return err
		}
		if n := len(found); n == 0 || found[n-1].Key != m.Key {
			found = append(found, m)
		}
		last := &found[len(found)-1]
		last.Rcpts = append(last.Rcpts, r)
		return nil
	}, "SELECT "+messageColumns+", "+recipientColumns+queueJoin+condition, args...)
	return found, err
}

func scanQueued(rows *sql.Rows) (m queue.Summary, r queue.Recipient, err error) {
	var sender, rcpt string
	var received, expires, due int64
	err = rows.Scan(&m.Slot, &m.ID, &m.Account, &m.Prefix, &sender, &m.Envelope.SMTPUTF8, &m.Envelope.EightBit, &m.Envelope.Return, &m.Envelope.EnvelopeID, &received, &expires, &m.Size,
		&r.N, &rcpt, &r.Site, &r.Notify, &r.Original, &due, &r.Attempts, &r.Status, &r.Delayed, &r.LastError)
	if err != nil {
		return m, r, sqlError(err)
	}
	m.Received, m.Expires, r.Due = fromMicro(received), fromMicro(expires), fromMicro(due)
	if sender != "" {
		if m.Envelope.From, err = gomail.ParseAddress(sender); err != nil {
			return m, r, gomail.Errorf(gomail.Corrupt, "queued message %d has the sender %q: %w", m.ID, sender, err)
		}
	}
	if r.Address, err = gomail.ParseAddress(rcpt); err != nil {
		err = gomail.Errorf(gomail.Corrupt, "queued message %d has the recipient %q: %w", m.ID, rcpt, err)
	}
	return m, r, err
}

// Due returns the pending recipients due before a time.
func (s *Store) Due(ctx context.Context, before time.Time, after queue.Key, n, limit int) (due []queue.Message, err error) {
	err = s.read(ctx, func(c *conn) error {
		found, err := readQueue(c, " WHERE r.status = ? AND r.due < ? AND (r.slot, r.msg_id, r.n) > (?, ?, ?)"+queueOrder+" LIMIT ?",
			queue.Pending, toMicro(before), after.Slot, after.ID, n, limit)
		for _, m := range found {
			due = append(due, m.Message)
		}
		return err
	})
	return due, err
}

// Queued returns one message with its remaining recipients.
func (s *Store) Queued(ctx context.Context, key queue.Key) (m queue.Summary, err error) {
	err = s.read(ctx, func(c *conn) error {
		found, err := readQueue(c, " WHERE r.slot = ? AND r.msg_id = ?"+queueOrder, key.Slot, key.ID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return gomail.Errorf(gomail.NotFound, "the queue has no such message")
		}
		m = found[0]
		return nil
	})
	return m, err
}

// List returns queued messages in the order of their keys.
func (s *Store) List(ctx context.Context, after queue.Key, limit int) (list []queue.Summary, err error) {
	err = s.read(ctx, func(c *conn) error {
		list, err = readQueue(c, " WHERE (m.slot, m.id) IN (SELECT slot, id FROM qmsg WHERE (slot, id) > (?, ?) ORDER BY slot, id LIMIT ?)"+queueOrder,
			after.Slot, after.ID, limit)
		return err
	})
	return list, err
}

// QueueContent opens what is sent: prefix and body.
func (s *Store) QueueContent(ctx context.Context, key queue.Key) (gomail.Content, error) {
	return s.openContent(ctx, func(c *conn) (account gomail.AccountID, blobID int64, prefix []byte, err error) {
		ok, err := c.row([]any{&account, &blobID, &prefix}, "SELECT account_id, blob_id, prefix FROM qmsg WHERE slot = ? AND id = ?", key.Slot, key.ID)
		if err == nil && !ok {
			err = gomail.Errorf(gomail.NotFound, "the queue has no such message")
		}
		return account, blobID, prefix, err
	})
}

// Finish writes the outcome of attempts.
func (s *Store) Finish(ctx context.Context, lease queue.Lease, changes []queue.Change) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.fenced(lease); err != nil {
			return err
		}
		for _, ch := range changes {
			if err := t.finish(ch); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) finish(ch queue.Change) error {
	if !ch.Done {
		_, err := t.write("UPDATE qrcpt SET due = ?, attempts = ?, last_error = ?, delayed = ? WHERE slot = ? AND msg_id = ? AND n = ?",
			toMicro(ch.Due), ch.Attempts, ch.LastError, ch.Delayed, ch.Slot, ch.ID, ch.N)
		return err
	}
	return t.removeRecipient(ch.Key, ch.N)
}

// removeRecipient removes a recipient, or all (n negative), and the message
// with its hold on the body when none is left.
func (t *tx) removeRecipient(key queue.Key, n int) error {
	if _, err := t.write("DELETE FROM qrcpt WHERE slot = ? AND msg_id = ? AND (n = ? OR ? < 0)", key.Slot, key.ID, n, n); err != nil {
		return err
	}
	left, err := t.int64("SELECT COUNT(*) FROM qrcpt WHERE slot = ? AND msg_id = ?", key.Slot, key.ID)
	if err != nil || left > 0 {
		return err
	}
	var account gomail.AccountID
	var blobID int64
	ok, err := t.row([]any{&account, &blobID}, "SELECT account_id, blob_id FROM qmsg WHERE slot = ? AND id = ?", key.Slot, key.ID)
	if err != nil || !ok {
		return err
	}
	if _, err := t.write("DELETE FROM qmsg WHERE slot = ? AND id = ?", key.Slot, key.ID); err != nil {
		return err
	}
	return t.releaseBlobs(account, []int64{blobID})
}

// SetStatus holds or releases recipients.
func (s *Store) SetStatus(ctx context.Context, key queue.Key, n int, status queue.Status, due time.Time) error {
	return s.update(ctx, func(t *tx) error {
		changed, err := t.write("UPDATE qrcpt SET status = ?, due = ? WHERE slot = ? AND msg_id = ? AND (n = ? OR ? < 0)", status, toMicro(due), key.Slot, key.ID, n, n)
		if err == nil && changed == 0 {
			err = gomail.Errorf(gomail.NotFound, "the queue has no such message")
		}
		return err
	})
}

// Drop removes recipients without telling anybody.
func (s *Store) Drop(ctx context.Context, key queue.Key, n int) error {
	return s.update(ctx, func(t *tx) error {
		if count, err := t.int64("SELECT COUNT(*) FROM qrcpt WHERE slot = ? AND msg_id = ?", key.Slot, key.ID); err != nil || count == 0 {
			return cmpErr(err, gomail.Errorf(gomail.NotFound, "the queue has no such message"))
		}
		return t.removeRecipient(key, n)
	})
}
