package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gomail"
)

// CertValue returns what is kept under a name, sealed, and since when.
// NotFound: nothing is.
func (s *Store) CertValue(ctx context.Context, name string) (sealed []byte, modified time.Time, err error) {
	var at int64
	found, err := s.readOne(ctx, []any{&sealed, &at}, "SELECT value_sealed, modified FROM cert_kv WHERE name = ?", name)
	if err == nil && !found {
		err = gomail.Errorf(gomail.NotFound, "nothing is kept under %s", name)
	}
	return sealed, timeOrZero(at), err
}

// SetCertValue keeps a sealed value under a name.
func (s *Store) SetCertValue(ctx context.Context, name string, sealed []byte) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO cert_kv (name, value_sealed, modified) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value_sealed = excluded.value_sealed, modified = excluded.modified",
			name, sealed, t.store.now())
		return err
	})
}

// RemoveCertValues removes what is kept under a name and below it.
func (s *Store) RemoveCertValues(ctx context.Context, name string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM cert_kv WHERE name = ? OR name >= ? AND name < ?", name, name+"/", name+"0")
		return err
	})
}

// CertNames returns the names below a prefix, in order; all where it is empty.
func (s *Store) CertNames(ctx context.Context, prefix string) (names []string, err error) {
	from, to := prefix+"/", prefix+"0" // 0 follows the slash
	if prefix == "" {
		from, to = "", "\U0010FFFF"
	}
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		}, "SELECT name FROM cert_kv WHERE name >= ? AND name < ? ORDER BY name", from, to)
	})
	return names, err
}

// CertOrders returns where the order of each name stands.
func (s *Store) CertOrders(ctx context.Context) (all map[string][]byte, err error) {
	all = map[string][]byte{}
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var name, content string
			err := rows.Scan(&name, &content)
			all[name] = []byte(content)
			return err
		}, "SELECT name, content FROM cert_order")
	})
	return all, err
}

// SetCertOrder writes where the order of a name stands.
func (s *Store) SetCertOrder(ctx context.Context, name string, content []byte) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO cert_order (name, content) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content", name, string(content))
		return err
	})
}

// RemoveCertOrder forgets the order of a name.
func (s *Store) RemoveCertOrder(ctx context.Context, name string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM cert_order WHERE name = ?", name)
		return err
	})
}

// certLease is what a lock's lease is called.
func certLease(name string) string { return "cert/" + name }

// LockCert takes or renews a lock for owner. False: another owner has it. An
// owner who died has it still, and takes it again.
func (s *Store) LockCert(ctx context.Context, name, owner string, ttl time.Duration) (taken bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		now := t.store.now()
		var holder string
		var token, expires int64
		if _, err := t.row([]any{&holder, &token, &expires}, "SELECT owner, token, expires FROM lease WHERE name = ?", certLease(name)); err != nil {
			return fmt.Errorf("read a lock: %w", err)
		}
		if taken = holder == owner || expires <= now; !taken {
			return nil
		}
		_, err := t.write("INSERT INTO lease (name, owner, token, expires) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = excluded.token, expires = excluded.expires",
			certLease(name), owner, token+1, toMicro(fromMicro(now).Add(ttl)))
		return err
	})
	return taken, err
}

// UnlockCert gives a lock back.
func (s *Store) UnlockCert(ctx context.Context, name, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM lease WHERE name = ? AND owner = ?", certLease(name), owner)
		return err
	})
}
