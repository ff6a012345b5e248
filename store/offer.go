package store

import (
	"context"
	"database/sql"
	"time"
)

// TLSOffers returns when hosts last offered TLS, of the limit hosts that did so
// last.
func (s *Store) TLSOffers(ctx context.Context, limit int) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var host string
			var last int64
			err := rows.Scan(&host, &last)
			all[host] = fromMicro(last)
			return err
		}, "SELECT host, last FROM tls_offer ORDER BY last DESC LIMIT ?", limit)
	})
	return all, err
}

// NoteTLSOffer keeps that a host offers TLS, and removes those that did so
// last before a moment.
func (s *Store) NoteTLSOffer(ctx context.Context, host string, at, before time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO tls_offer (host, last) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET last = excluded.last", host, toMicro(at))
		if err != nil {
			return err
		}
		_, err = t.write("DELETE FROM tls_offer WHERE last < ?", toMicro(before))
		return err
	})
}
