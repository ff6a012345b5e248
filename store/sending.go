package store

import (
	"context"
	"database/sql"
	"time"

	"gomail"
	"gomail/outbound"
	"gomail/queue"
)

// sentKept is how long counts of what was sent are kept.
const sentKept = 24*time.Hour + outbound.Span

// Sending returns an account's own limits and what it sent after a time.
func (s *Store) Sending(ctx context.Context, account gomail.AccountID, after time.Time) (x outbound.Sending, err error) {
	err = s.read(ctx, func(c *conn) error {
		x, err = readSending(c, account, after)
		return err
	})
	return x, err
}

func readSending(c *conn, account gomail.AccountID, after time.Time) (outbound.Sending, error) {
	x := outbound.Sending{Own: outbound.NoOwnLimits}
	var told, created, held int64
	if _, err := c.row([]any{&created, &x.Own.MessagesHour, &x.Own.MessagesDay, &x.Own.RecipientsHour, &x.Own.RecipientsDay, &told, &held, &x.HeldWhy},
		`SELECT a.created, COALESCE(l.messages_hour, -1), COALESCE(l.messages_day, -1), COALESCE(l.recipients_hour, -1), COALESCE(l.recipients_day, -1), COALESCE(l.told, 0), COALESCE(h.since, 0), COALESCE(h.why, '')
		FROM account a LEFT JOIN sending_limit l ON l.account_id = a.id LEFT JOIN sending_hold h ON h.account_id = a.id WHERE a.id = ?`, account); err != nil {
		return x, err
	}
	x.Told, x.Created, x.Held = fromMicro(told), fromMicro(created), maybeMicro(held)
	err := c.query(func(rows *sql.Rows) error {
		var span int64
		var sent outbound.Sent
		err := rows.Scan(&span, &sent.Messages, &sent.Recipients)
		sent.Start = fromMicro(span)
		x.Sent = append(x.Sent, sent)
		return err
	}, "SELECT span, messages, recipients FROM sent WHERE account_id = ? AND span > ? ORDER BY span", account, toMicro(after))
	return x, err
}

// countSent adds a message to what its account has sent, if allow lets it.
func (t *tx) countSent(parts []queue.Message, allow func(outbound.Sending) error) error {
	account := parts[0].Account
	if account == 0 {
		return nil
	}
	now := fromMicro(t.store.now())
	if allow != nil {
		sending, err := readSending(t.conn, account, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		if err := allow(sending); err != nil {
			return err
		}
	}
	recipients := 0
	for _, p := range parts {
		recipients += len(p.Rcpts)
	}
	n, err := t.write("UPDATE sent SET messages = messages + 1, recipients = recipients + ? WHERE account_id = ? AND span = ?", recipients, account, spanOf(now))
	if err != nil || n > 0 {
		return err
	}
	// A new span: those that count no longer go.
	if _, err := t.write("DELETE FROM sent WHERE account_id = ? AND span < ?", account, toMicro(now.Add(-sentKept))); err != nil {
		return err
	}
	_, err = t.write("INSERT INTO sent (account_id, span, messages, recipients) VALUES (?, ?, 1, ?)", account, spanOf(now), recipients)
	return err
}

// spanOf returns the beginning of the span that holds a time.
func spanOf(at time.Time) int64 {
	return toMicro(at) / outbound.Span.Microseconds() * outbound.Span.Microseconds()
}

// SetSendingLimits writes an account's own limits.
func (s *Store) SetSendingLimits(ctx context.Context, account gomail.AccountID, own outbound.Limits) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.account(account); err != nil {
			return err
		}
		_, err := t.write(`INSERT INTO sending_limit (account_id, messages_hour, messages_day, recipients_hour, recipients_day, told) VALUES (?, ?, ?, ?, ?, 0)
			ON CONFLICT (account_id) DO UPDATE SET messages_hour = excluded.messages_hour, messages_day = excluded.messages_day, recipients_hour = excluded.recipients_hour, recipients_day = excluded.recipients_day`,
			account, own.MessagesHour, own.MessagesDay, own.RecipientsHour, own.RecipientsDay)
		return err
	})
}

// SetSendingTold writes when administrators were told that an account has
// reached a limit.
func (s *Store) SetSendingTold(ctx context.Context, account gomail.AccountID, at time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write(`INSERT INTO sending_limit (account_id, messages_hour, messages_day, recipients_hour, recipients_day, told) VALUES (?, -1, -1, -1, -1, ?)
			ON CONFLICT (account_id) DO UPDATE SET told = excluded.told`, account, toMicro(at))
		return err
	})
}

// HoldAccount keeps what an account has in the queue, and may send from now on.
func (s *Store) HoldAccount(ctx context.Context, account gomail.AccountID, at time.Time, why string) (keys []queue.Key, err error) {
	err = s.update(ctx, func(t *tx) error {
		if _, err := t.account(account); err != nil {
			return err
		}
		if _, err := t.write("INSERT INTO sending_hold (account_id, since, why) VALUES (?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET why = excluded.why", account, toMicro(at), why); err != nil {
			return err
		}
		keys, err = t.setAccountStatus(account, queue.Pending, queue.Held, queue.HeldAccount+why, at)
		return err
	})
	return keys, err
}

// ReleaseAccount ends it. NotFound when the account is not held.
func (s *Store) ReleaseAccount(ctx context.Context, account gomail.AccountID, at time.Time) (keys []queue.Key, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM sending_hold WHERE account_id = ?", account)
		if err == nil && n == 0 {
			err = gomail.Errorf(gomail.NotFound, "the account is not held")
		}
		if err == nil {
			keys, err = t.setAccountStatus(account, queue.Held, queue.Pending, "", at)
		}
		return err
	})
	return keys, err
}

// setAccountStatus moves an account's queued recipients from one status to
// another, due at a time. Of those that are held only what the account's hold
// has put aside is released: not what an administrator or a filter did.
func (t *tx) setAccountStatus(account gomail.AccountID, from, to queue.Status, why string, at time.Time) (keys []queue.Key, err error) {
	condition := "status = ? AND EXISTS (SELECT 1 FROM qmsg m WHERE m.slot = qrcpt.slot AND m.id = qrcpt.msg_id AND m.account_id = ?)"
	args := []any{from, account}
	if from == queue.Held {
		condition, args = condition+" AND last_error LIKE ?", append(args, queue.HeldAccount+"%")
	}
	err = t.query(func(rows *sql.Rows) error {
		var k queue.Key
		err := rows.Scan(&k.Slot, &k.ID)
		keys = append(keys, k)
		return err
	}, "SELECT DISTINCT slot, msg_id FROM qrcpt WHERE "+condition, args...)
	if err == nil && to == queue.Held { // when it was due stays: a message may wait for its own time
		_, err = t.write("UPDATE qrcpt SET status = ?, last_error = ? WHERE "+condition, append([]any{to, why}, args...)...)
	} else if err == nil {
		_, err = t.write("UPDATE qrcpt SET status = ?, last_error = '', due = CASE WHEN due > ? THEN due ELSE ? END WHERE "+condition, append([]any{to, toMicro(at), toMicro(at)}, args...)...)
	}
	return keys, err
}
