package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// Unthreaded returns the indexes of the first messages that were not looked at.
func (s *Store) Unthreaded(ctx context.Context, account gomail.AccountID, limit int) (all []mailbox.Item, err error) {
	if err := s.removeGone(ctx, account); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *conn) error {
		var threaded int64
		if _, err := c.row([]any{&threaded}, "SELECT threaded FROM account WHERE id = ?", account); err != nil {
			return err
		}
		return c.scan(func(row []driver.Value) error {
			all = append(all, mailbox.Item{Message: intOf[gomail.MessageID](row[0]), Index: bytesOf(row[1])})
			return nil
		}, "SELECT id, env FROM message WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?", int64(account), threaded, int64(limit))
	})
	return all, err
}

// AssignThreads puts messages into threads, each into the first that one of its
// names leads to, or into one of its own. Messages that were looked at meanwhile
// are passed over, and so are those that are gone.
func (s *Store) AssignThreads(ctx context.Context, account gomail.AccountID, messages []mailbox.ThreadNames) error {
	if err := s.removeGone(ctx, account); err != nil { // their names lead nowhere any more
		return err
	}
	return s.update(ctx, func(t *tx) error {
		if _, err := t.account(account); err != nil {
			return err
		}
		threaded, err := t.int64("SELECT threaded FROM account WHERE id = ?", account)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if int64(m.Message) <= threaded {
				continue
			}
			threaded = int64(m.Message)
			if err := t.assignThread(account, m); err != nil {
				return err
			}
		}
		_, err = t.write("UPDATE account SET threaded = ? WHERE id = ?", threaded, account)
		return err
	})
}

func (t *tx) assignThread(account gomail.AccountID, m mailbox.ThreadNames) error {
	thread := int64(m.Message)
	if len(m.Names) > 0 {
		list, args := in(m.Names)
		first, err := t.int64("SELECT COALESCE(MIN(thread_id), 0) FROM thread_ref WHERE account_id = ? AND hash IN "+list, append([]any{account}, args...)...)
		if err != nil {
			return err
		}
		if first != 0 {
			thread = first
		}
	}
	there, err := t.write("INSERT INTO message_thread (account_id, message_id, thread_id) SELECT account_id, id, ? FROM message WHERE account_id = ? AND id = ?", thread, account, m.Message)
	if err != nil || there == 0 {
		return err
	}
	for _, name := range m.Names {
		if _, err := t.write("INSERT INTO thread_ref (account_id, hash, thread_id) VALUES (?, ?, ?) ON CONFLICT (account_id, hash) DO NOTHING", account, name, thread); err != nil {
			return err
		}
	}
	return nil
}

// Threads returns the threads of those of the messages that have one, by
// ascending message.
func (s *Store) Threads(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID) (all []mailbox.Threaded, err error) {
	for part := range slices.Chunk(messages, chunk) {
		if part = s.unfinished.without(account, part); len(part) == 0 {
			continue
		}
		list, args := in(part)
		err = s.read(ctx, func(c *conn) error {
			return c.query(func(rows *sql.Rows) error {
				var m mailbox.Threaded
				err := rows.Scan(&m.Message, &m.Thread)
				all = append(all, m)
				return err
			}, "SELECT message_id, thread_id FROM message_thread WHERE account_id = ? AND message_id IN "+list, append([]any{account}, args...)...)
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b mailbox.Threaded) int { return int(a.Message - b.Message) })
	return all, nil
}

// leaveThreads takes messages that go out of their threads. With its last
// message a thread goes, and what led to it.
func (t *tx) leaveThreads(account gomail.AccountID, messages []gomail.MessageID) error {
	list, args := in(messages)
	all := append([]any{account}, args...)
	// Whether a thread goes is asked once for each message and not for each of
	// its references: a thread may have hundreds of thousands of them.
	if _, err := t.write("DELETE FROM thread_ref WHERE account_id = ? AND thread_id IN (SELECT g.thread_id FROM message_thread g WHERE g.account_id = ? AND g.message_id IN "+list+
		" AND NOT EXISTS (SELECT 1 FROM message_thread o WHERE o.account_id = g.account_id AND o.thread_id = g.thread_id AND o.message_id NOT IN "+list+"))",
		append(append([]any{account}, all...), args...)...); err != nil {
		return err
	}
	_, err := t.write("DELETE FROM message_thread WHERE account_id = ? AND message_id IN "+list, all...)
	return err
}
