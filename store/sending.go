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
	var told int64
	if _, err := c.row([]any{&x.Own.MessagesHour, &x.Own.MessagesDay, &x.Own.RecipientsHour, &x.Own.RecipientsDay, &told},
		"SELECT messages_hour, messages_day, recipients_hour, recipients_day, told FROM sending_limit WHERE account_id = ?", account); err != nil {
		return x, err
	}
	x.Told = fromMicro(told)
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
