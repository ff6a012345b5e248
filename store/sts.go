package store

import (
	"context"
	"database/sql"
	"time"

	"gomail/tlspolicy"
)

// STSPolicies returns the MTA-STS policies that are kept, by domain.
func (s *Store) STSPolicies(ctx context.Context) (all []tlspolicy.CachedPolicy, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var p tlspolicy.CachedPolicy
			var text string
			var fetched, expires int64
			err := rows.Scan(&p.Domain, &p.ID, &text, &fetched, &expires)
			p.Text, p.Fetched, p.Expires = []byte(text), fromMicro(fetched), fromMicro(expires)
			all = append(all, p)
			return err
		}, "SELECT domain, policy_id, policy, fetched, expires FROM sts_policy ORDER BY domain")
	})
	return all, err
}

// SetSTSPolicy keeps a policy in the place of the domain's last.
func (s *Store) SetSTSPolicy(ctx context.Context, p tlspolicy.CachedPolicy) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO sts_policy (domain, policy_id, policy, fetched, expires) VALUES (?, ?, ?, ?, ?)"+
			" ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, policy = excluded.policy, fetched = excluded.fetched, expires = excluded.expires",
			p.Domain, p.ID, string(p.Text), toMicro(p.Fetched), toMicro(p.Expires))
		return err
	})
}

// RemoveSTSPolicies removes the policies that expired before a moment.
func (s *Store) RemoveSTSPolicies(ctx context.Context, before time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM sts_policy WHERE expires < ?", toMicro(before))
		return err
	})
}
