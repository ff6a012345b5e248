package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
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
	messageColumns   = "m.slot, m.id, m.account_id, m.prefix, m.sender, m.smtputf8, m.eightbit, m.ret, m.envid, m.received, m.expires, m.size, m.release_at, m.deliver_by, m.by_return, m.by_trace, m.tls"
	dueColumns       = "m.slot, m.id, m.account_id, x'', m.sender, m.smtputf8, m.eightbit, m.ret, m.envid, m.received, m.expires, m.size, m.release_at, m.deliver_by, m.by_return, m.by_trace, m.tls" // without the prefix
	recipientColumns = "r.n, r.rcpt, r.site, r.notify, r.orcpt, r.due, r.attempts, r.status, r.delayed, r.late, r.last_error, r.last_tls"
	queueJoin        = " FROM qrcpt r JOIN qmsg m ON m.slot = r.slot AND m.id = r.msg_id"
	queueOrder       = " ORDER BY r.slot, r.msg_id, r.n"
)

// readQueue reads recipients with their messages, in the order of their keys.
func readQueue(c *conn, columns, condition string, args ...any) ([]queue.Summary, error) {
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
	}, "SELECT "+columns+", "+recipientColumns+queueJoin+condition, args...)
	return found, err
}

// scanQueued reads a row of the queue's columns, and what follows them.
func scanQueued(rows *sql.Rows, further ...any) (m queue.Summary, r queue.Recipient, err error) {
	var sender, rcpt string
	var received, expires, due, release, by int64
	err = rows.Scan(append([]any{&m.Slot, &m.ID, &m.Account, &m.Prefix, &sender, &m.Envelope.SMTPUTF8, &m.Envelope.EightBit, &m.Envelope.Return, &m.Envelope.EnvelopeID, &received, &expires, &m.Size,
		&release, &by, &m.Envelope.DeliverBy.Return, &m.Envelope.DeliverBy.Trace, &m.Envelope.TLS,
		&r.N, &rcpt, &r.Site, &r.Notify, &r.Original, &due, &r.Attempts, &r.Status, &r.Delayed, &r.Late, &r.LastError, &r.LastTLS}, further...)...)
	if err != nil {
		return m, r, sqlError(err)
	}
	m.Received, m.Expires, r.Due = fromMicro(received), fromMicro(expires), fromMicro(due)
	m.Envelope.Release, m.Envelope.DeliverBy.Deadline = maybeMicro(release), maybeMicro(by)
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

// Sites returns sites with pending recipients. Each costs one step into the
// index, however much mail it has.
func (s *Store) Sites(ctx context.Context, after string, limit int) (sites []queue.SiteDue, err error) {
	err = s.read(ctx, func(c *conn) error {
		for len(sites) < limit {
			var due int64
			ok, err := c.row([]any{&after, &due}, "SELECT site, due FROM qrcpt WHERE status = ? AND site > ? ORDER BY site, due LIMIT 1", queue.Pending, after)
			if err != nil || !ok {
				return err
			}
			sites = append(sites, queue.SiteDue{Name: after, Due: fromMicro(due)})
		}
		return nil
	})
	return sites, err
}

// Due returns the pending recipients of a site behind a position and due before
// a time.
func (s *Store) Due(ctx context.Context, site string, after queue.Position, before time.Time, limit int) (due []queue.Message, next time.Time, err error) {
	err = s.read(ctx, func(c *conn) error {
		var err error
		if due, err = s.readDue(c, site, after, toMicro(before), limit); err != nil {
			return err
		}
		count := 0
		for _, m := range due {
			if count += len(m.Rcpts); count == limit {
				next = m.Rcpts[len(m.Rcpts)-1].Due
				return nil
			}
		}
		var at int64
		ok, err := c.row([]any{&at}, "SELECT due FROM qrcpt WHERE status = ? AND site = ? AND due >= ? ORDER BY due LIMIT 1", queue.Pending, site, toMicro(before))
		if ok {
			next = fromMicro(at)
		}
		return err
	})
	return due, next, err
}

// readDue reads what is due at a site, with where its content is, so that an
// attempt need not ask for it.
func (s *Store) readDue(c *conn, site string, after queue.Position, before int64, limit int) (due []queue.Message, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var body storedBody
		m, r, err := scanQueued(rows, body.dest()...)
		if err != nil {
			return err
		}
		if n := len(due); n == 0 || due[n-1].Key != m.Key {
			m.Open = func() (gomail.Content, error) { return body.open(s) }
			due = append(due, m.Message)
		}
		last := &due[len(due)-1]
		last.Rcpts = append(last.Rcpts, r)
		return nil
	}, "SELECT "+dueColumns+", "+recipientColumns+", "+bodyColumns+queueJoin+bodyJoin+" WHERE r.status = ? AND r.site = ? AND r.due < ? AND (r.due, r.slot, r.msg_id, r.n) > (?, ?, ?, ?) ORDER BY r.due, r.slot, r.msg_id, r.n LIMIT ?",
		queue.Pending, site, before, toMicro(after.Due), after.Key.Slot, after.Key.ID, after.N, limit)
	return due, err
}

// Queued returns one message with its remaining recipients.
func (s *Store) Queued(ctx context.Context, key queue.Key) (m queue.Summary, err error) {
	err = s.read(ctx, func(c *conn) error {
		found, err := readQueue(c, messageColumns, " WHERE r.slot = ? AND r.msg_id = ?"+queueOrder, key.Slot, key.ID)
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
		list, err = readQueue(c, dueColumns, " WHERE (m.slot, m.id) IN (SELECT slot, id FROM qmsg WHERE (slot, id) > (?, ?) ORDER BY slot, id LIMIT ?)"+queueOrder,
			after.Slot, after.ID, limit)
		return err
	})
	return list, err
}

// bodyJoin finds the body of a queued message.
const bodyJoin = " JOIN blob b ON b.account_id = m.account_id AND b.id = m.blob_id JOIN frame f ON f.id = b.frame_id"

// QueueContent opens what is sent: prefix and body.
func (s *Store) QueueContent(ctx context.Context, key queue.Key) (gomail.Content, error) {
	content, found, err := s.openBody(ctx, "SELECT "+bodyColumns+" FROM qmsg m"+bodyJoin+" WHERE m.slot = ? AND m.id = ?", key.Slot, key.ID)
	if err == nil && !found {
		err = gomail.Errorf(gomail.NotFound, "the queue has no such message")
	}
	return content, err
}

// Finish writes the outcome of attempts.
func (s *Store) Finish(ctx context.Context, lease queue.Lease, changes []queue.Change) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.fenced(lease); err != nil {
			return err
		}
		held := holds{}
		for _, ch := range changes {
			if err := t.finish(ch, held); err != nil {
				return err
			}
		}
		return t.releaseAll(held)
	})
}

func (t *tx) finish(ch queue.Change, held holds) error {
	if ch.Done {
		return t.removeRecipient(ch.Key, ch.N, held)
	}
	_, err := t.write("UPDATE qrcpt SET due = ?, attempts = ?, last_error = ?, last_tls = ?, delayed = ?, late = ? WHERE slot = ? AND msg_id = ? AND n = ?",
		toMicro(ch.Due), ch.Attempts, ch.LastError, ch.LastTLS, ch.Delayed, ch.Late, ch.Slot, ch.ID, ch.N)
	return err
}

// holds are bodies that queued messages held, and how many of them.
type holds map[gomail.AccountID]map[int64]int

// removeRecipient removes a recipient, or all (n negative), and the message
// when none is left; its hold on the body is added to held.
func (t *tx) removeRecipient(key queue.Key, n int, held holds) error {
	recipients, args := "slot = ? AND msg_id = ?", []any{key.Slot, key.ID}
	if n >= 0 {
		recipients, args = recipients+" AND n = ?", append(args, n)
	}
	if _, err := t.write("DELETE FROM qrcpt WHERE "+recipients, args...); err != nil {
		return err
	}
	var account gomail.AccountID
	var blobID int64
	ok, err := t.row([]any{&account, &blobID}, "DELETE FROM qmsg WHERE slot = ? AND id = ? AND NOT EXISTS (SELECT 1 FROM qrcpt WHERE qrcpt.slot = qmsg.slot AND msg_id = id) RETURNING account_id, blob_id",
		key.Slot, key.ID)
	if err != nil || !ok {
		return err
	}
	if held[account] == nil {
		held[account] = map[int64]int{}
	}
	held[account][blobID]++
	return nil
}

// releaseAll releases bodies, in few statements.
func (t *tx) releaseAll(held holds) error {
	for _, account := range slices.Sorted(maps.Keys(held)) {
		blobs := held[account]
		for len(blobs) > 0 { // a body that several slots held goes round again
			ids := slices.Sorted(maps.Keys(blobs))
			for chunk := range slices.Chunk(ids, 256) {
				if err := t.releaseBlobs(account, chunk); err != nil {
					return err
				}
			}
			maps.DeleteFunc(blobs, func(id int64, n int) bool { blobs[id]--; return n <= 1 })
		}
	}
	return nil
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
		held := holds{}
		if err := t.removeRecipient(key, n, held); err != nil {
			return err
		}
		return t.releaseAll(held)
	})
}
