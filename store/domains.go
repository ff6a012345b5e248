package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/domains"
)

// AddDomain makes a domain with its first keys.
func (s *Store) AddDomain(ctx context.Context, d gomail.Domain, keys []domains.StoredKey) (gomail.DomainID, error) {
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return 0, fmt.Errorf("write the settings: %w", err)
	}
	id := gomail.DomainID(s.bodies.NextID())
	err = s.update(ctx, func(t *tx) error {
		if known, err := t.int64("SELECT COUNT(*) FROM domain WHERE name = ?", d.Name); err != nil || known > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the domain %s is hosted already", d.Name))
		}
		if _, err := t.write("INSERT INTO domain (id, name, disabled, settings, created) VALUES (?, ?, ?, ?, ?)",
			id, d.Name, d.Disabled, string(settings), toMicro(d.Created)); err != nil {
			return err
		}
		return t.insertKeys(id, keys)
	})
	return id, err
}

func (t *tx) insertKeys(id gomail.DomainID, keys []domains.StoredKey) error {
	for _, k := range keys {
		if known, err := t.int64("SELECT COUNT(*) FROM dkim_key WHERE domain_id = ? AND selector = ?", id, k.Selector); err != nil || known > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the selector %s is in use: give another with --selector", k.Selector))
		}
		if _, err := t.write("INSERT INTO dkim_key (domain_id, selector, alg, priv_sealed, pub, state, created, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id, k.Selector, k.Algorithm, k.PrivateSealed, k.PublicKey, k.State, toMicro(k.Created), toMicro(k.Since)); err != nil {
			return err
		}
	}
	return nil
}

// AddKeys adds keys to a domain.
func (s *Store) AddKeys(ctx context.Context, id gomail.DomainID, keys []domains.StoredKey) error {
	return s.update(ctx, func(t *tx) error { return t.insertKeys(id, keys) })
}

const keyOf = " WHERE selector = ? AND domain_id = (SELECT id FROM domain WHERE name = ?)"

// SetKeyState writes a key's state and since when it has it.
func (s *Store) SetKeyState(ctx context.Context, domain, selector string, state gomail.DKIMKeyState, since time.Time) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE dkim_key SET state = ?, since = ?"+keyOf, state, toMicro(since), selector, domain)
		return oneRow(n, err, "there is no key "+selector+" of "+domain)
	})
}

// RemoveKey removes a key.
func (s *Store) RemoveKey(ctx context.Context, domain, selector string) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM dkim_key"+keyOf, selector, domain)
		return oneRow(n, err, "there is no key "+selector+" of "+domain)
	})
}

// Domains returns all domains.
func (s *Store) Domains(ctx context.Context) (all []gomail.Domain, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var d gomail.Domain
			var settings string
			var created int64
			if err := rows.Scan(&d.ID, &d.Name, &d.Disabled, &settings, &created); err != nil {
				return err
			}
			d.Created = fromMicro(created)
			all = append(all, d)
			return json.Unmarshal([]byte(settings), &all[len(all)-1].Settings)
		}, "SELECT id, name, disabled, settings, created FROM domain ORDER BY name")
	})
	return all, err
}

// UpdateDomain writes settings and whether the domain is disabled.
func (s *Store) UpdateDomain(ctx context.Context, d gomail.Domain) error {
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE domain SET disabled = ?, settings = ? WHERE id = ?", d.Disabled, string(settings), d.ID)
		return oneRow(n, err, "there is no such domain")
	})
}

// RemoveDomain removes a domain without accounts, its aliases and keys.
func (s *Store) RemoveDomain(ctx context.Context, id gomail.DomainID) error {
	return s.updateDirectory(ctx, func(t *tx) error {
		if used, err := t.int64("SELECT COUNT(*) FROM address WHERE domain_id = ? AND is_alias = 0", id); err != nil || used > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the domain still has %d accounts: remove them first", used))
		}
		for _, table := range []string{"address", "forward", "dkim_key", "dns_look", "dns_history", "domain_admin"} {
			if _, err := t.write("DELETE FROM "+table+" WHERE domain_id = ?", id); err != nil {
				return err
			}
		}
		if err := t.removeLists("domain_id = ?", id); err != nil {
			return err
		}
		if _, err := t.write("DELETE FROM setting WHERE key = ?", reminded(id)); err != nil {
			return err
		}
		if err := t.forgetDNS(id); err != nil {
			return err
		}
		n, err := t.write("DELETE FROM domain WHERE id = ?", id)
		return oneRow(n, err, "there is no such domain")
	})
}

// Keys returns the keys of all domains in the order in which they were made.
func (s *Store) Keys(ctx context.Context) (keys []domains.StoredKey, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var k domains.StoredKey
			var created, since int64
			err := rows.Scan(&k.Domain, &k.Selector, &k.Algorithm, &k.PrivateSealed, &k.PublicKey, &k.State, &created, &since)
			k.Created, k.Since = fromMicro(created), fromMicro(since)
			keys = append(keys, k)
			return err
		}, "SELECT d.name, k.selector, k.alg, k.priv_sealed, k.pub, k.state, k.created, k.since FROM dkim_key k JOIN domain d ON d.id = k.domain_id ORDER BY d.name, k.created, k.selector")
	})
	return keys, err
}

// AddAlias makes an address lead to an account.
func (s *Store) AddAlias(ctx context.Context, address gomail.Address, account gomail.AccountID) error {
	return s.updateDirectory(ctx, func(t *tx) error {
		domain, err := t.hosted(address.Domain)
		if err != nil {
			return err
		}
		if err := t.addressFree(domain, address); err != nil {
			return err
		}
		return t.insertAddress(domain, address.Local, account, true)
	})
}

// hosted returns a domain's id. NotFound when it is not hosted here.
func (t *tx) hosted(name string) (int64, error) {
	domain, err := t.int64("SELECT id FROM domain WHERE name = ?", name)
	if err == nil && domain == 0 {
		err = gomail.Errorf(gomail.NotFound, "the domain %s is not hosted here", name)
	}
	return domain, err
}

// Aliases returns all aliases in the order of their addresses, those that lead
// outside behind those that lead to accounts.
func (s *Store) Aliases(ctx context.Context) (all []gomail.Alias, err error) {
	err = s.read(ctx, func(c *conn) error {
		err := c.query(func(rows *sql.Rows) error {
			var a gomail.Alias
			err := rows.Scan(&a.Address.Local, &a.Address.Domain, &a.Account, &a.Target.Local, &a.Target.Domain)
			all = append(all, a)
			return err
		}, "SELECT x.local, d.name, x.account_id, m.local, e.name FROM address x JOIN domain d ON d.id = x.domain_id JOIN address m ON m.account_id = x.account_id AND m.is_alias = 0 JOIN domain e ON e.id = m.domain_id WHERE x.is_alias = 1 ORDER BY d.name, x.local")
		if err != nil {
			return err
		}
		forwards, err := readForwards(c)
		all = append(all, forwards...)
		return err
	})
	slices.SortStableFunc(all, func(a, b gomail.Alias) int {
		return cmp.Or(strings.Compare(a.Address.Domain, b.Address.Domain), strings.Compare(a.Address.Local, b.Address.Local))
	})
	return all, err
}

// RemoveAlias removes what an alias leads to: one target, or all when that is
// null.
func (s *Store) RemoveAlias(ctx context.Context, address, target gomail.Address) error {
	return s.updateDirectory(ctx, func(t *tx) error {
		const ofAlias = " WHERE local = ? AND domain_id = (SELECT id FROM domain WHERE name = ?)"
		inside, outside := []any{address.Local, address.Domain}, []any{address.Local, address.Domain}
		account, exact := "", ""
		if !target.IsNull() {
			account, exact = " AND account_id = (SELECT y.account_id FROM address y JOIN domain e ON e.id = y.domain_id WHERE y.is_alias = 0 AND y.local = ? AND e.name = ?)", " AND target = ?"
			inside, outside = append(inside, target.Local, target.Domain), append(outside, target.String())
		}
		n, err := t.write("DELETE FROM address"+ofAlias+" AND is_alias = 1"+account, inside...)
		if err != nil {
			return err
		}
		m, err := t.write("DELETE FROM forward"+ofAlias+exact, outside...)
		if err == nil && n+m == 0 {
			err = gomail.Errorf(gomail.NotFound, "there is no alias %s", address)
			if !target.IsNull() {
				err = gomail.Errorf(gomail.NotFound, "the alias %s does not lead to %s", address, target)
			}
		}
		return err
	})
}

// reminded is the setting that holds when a domain's owner was reminded.
func reminded(id gomail.DomainID) string { return fmt.Sprintf("dkim_reminded/%d", id) }

// Reminded returns when a domain's owner was last reminded of waiting keys.
func (s *Store) Reminded(ctx context.Context, id gomail.DomainID) (time.Time, error) {
	text, err := s.Setting(ctx, reminded(id))
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}

// SetReminded writes it.
func (s *Store) SetReminded(ctx context.Context, id gomail.DomainID, at time.Time) error {
	return s.SetSetting(ctx, reminded(id), at.UTC().Format(time.RFC3339))
}

// Setting returns a setting's value, empty when it was never written.
func (s *Store) Setting(ctx context.Context, key string) (value string, err error) {
	err = s.read(ctx, func(c *conn) error {
		_, err := c.row([]any{&value}, "SELECT value FROM setting WHERE key = ?", key)
		return err
	})
	return value, err
}

// SetSetting writes a setting.
func (s *Store) SetSetting(ctx context.Context, key, value string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
		return err
	})
}
