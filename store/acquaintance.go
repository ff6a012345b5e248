package store

import (
	"context"
	"time"

	"gomail/filter"
)

// Acquaintance returns what is known of a sender and of its whole pool.
func (s *Store) Acquaintance(ctx context.Context, pool, sender string) (of, whole filter.Acquaintance, err error) {
	err = s.read(ctx, func(c *conn) error {
		if of, err = readAcquaintance(c, pool, sender); err != nil {
			return err
		}
		whole, err = readAcquaintance(c, pool, "")
		return err
	})
	return of, whole, err
}

func readAcquaintance(c *conn, pool, sender string) (a filter.Acquaintance, err error) {
	var first, last int64
	found, err := c.row([]any{&first, &last, &a.Passed}, "SELECT first, last, passed FROM acquaintance WHERE pool = ? AND sender = ?", pool, sender)
	if found {
		a.First, a.Last = fromMicro(first), fromMicro(last)
	}
	return a, err
}

// Acquaint remembers what is known of a sender.
func (s *Store) Acquaint(ctx context.Context, pool, sender string, a filter.Acquaintance) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO acquaintance (pool, sender, first, last, passed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (pool, sender) DO UPDATE SET first = excluded.first, last = excluded.last, passed = excluded.passed",
			pool, sender, toMicro(a.First), toMicro(a.Last), a.Passed)
		return err
	})
}

// PassedSenders returns how many senders of a pool have come back.
func (s *Store) PassedSenders(ctx context.Context, pool string) (int, error) {
	return s.count(ctx, "SELECT COUNT(*) FROM acquaintance WHERE pool = ? AND sender <> '' AND passed = 1", pool)
}

// WrittenTo returns when mail was last sent to a domain.
func (s *Store) WrittenTo(ctx context.Context, domain string) (at time.Time, err error) {
	err = s.read(ctx, func(c *conn) error {
		var last int64
		found, err := c.row([]any{&last}, "SELECT last FROM written_to WHERE domain = ?", domain)
		if found {
			at = fromMicro(last)
		}
		return err
	})
	return at, err
}

// WroteTo remembers that mail was sent to domains.
func (s *Store) WroteTo(ctx context.Context, domains []string, at time.Time) error {
	return s.update(ctx, func(t *tx) error {
		for _, d := range domains {
			if _, err := t.write("INSERT INTO written_to (domain, last) VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET last = excluded.last", d, toMicro(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetAcquaintances removes what is older.
func (s *Store) ForgetAcquaintances(ctx context.Context, last, waiting time.Time) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM acquaintance WHERE last < ? OR passed = 0 AND first < ?", toMicro(last), toMicro(waiting)); err != nil {
			return err
		}
		_, err := t.write("DELETE FROM written_to WHERE last < ?", toMicro(last))
		return err
	})
}
