package store

import (
	"context"
	"database/sql"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/mailauth/srs"
)

// AddForward makes an address lead to one outside.
func (s *Store) AddForward(ctx context.Context, address, target gomail.Address) error {
	return s.updateDirectory(ctx, func(t *tx) error {
		domain, err := t.hosted(address.Domain)
		if err != nil {
			return err
		}
		used, err := t.int64("SELECT COUNT(*) FROM address WHERE domain_id = ? AND local = ? AND is_alias = 0", domain, address.Local)
		if err != nil || used > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "%s is the address of an account: make an alias that leads to it and outside", address))
		}
		if err := t.noList(domain, address); err != nil {
			return err
		}
		targets, err := t.int64("SELECT COUNT(*) FROM forward WHERE domain_id = ? AND local = ?", domain, address.Local)
		if err != nil || targets >= domains.MaxTargets {
			return cmpErr(err, gomail.Errorf(gomail.TooMany, "%s leads to %d addresses outside, and to no more", address, domains.MaxTargets))
		}
		there, err := t.int64("SELECT COUNT(*) FROM forward WHERE domain_id = ? AND local = ? AND target = ?", domain, address.Local, target.String())
		if err != nil || there > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "%s leads to %s already", address, target))
		}
		_, err = t.write("INSERT INTO forward (domain_id, local, target) VALUES (?, ?, ?)", domain, address.Local, target.String())
		return err
	})
}

// Forwards returns the aliases that lead outside.
func (s *Store) Forwards(ctx context.Context) (all []gomail.Alias, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = readForwards(c)
		return err
	})
	return all, err
}

func readForwards(c *conn) (all []gomail.Alias, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var a gomail.Alias
		var target string
		if err := rows.Scan(&a.Address.Local, &a.Address.Domain, &target); err != nil {
			return sqlError(err)
		}
		var err error
		if a.Target, err = gomail.ParseAddress(target); err != nil {
			return gomail.Errorf(gomail.Corrupt, "the alias %s leads to %q: %w", a.Address, target, err)
		}
		all = append(all, a)
		return nil
	}, "SELECT f.local, d.name, f.target FROM forward f JOIN domain d ON d.id = f.domain_id ORDER BY d.name, f.local, f.target")
	return all, err
}

// keepSender keeps the sender of a forwarded message under its token, and
// forgets those whose addresses have expired.
func (t *tx) keepSender(k domains.KeptSender) error {
	now := t.store.now()
	if _, err := t.write("DELETE FROM forwarded_sender WHERE last < ?", now-(srs.Lifetime+24*time.Hour).Microseconds()); err != nil {
		return err
	}
	_, err := t.write("INSERT INTO forwarded_sender (token, sender, last) VALUES (?, ?, ?) ON CONFLICT (token) DO UPDATE SET last = excluded.last", k.Token, k.Sender.String(), now)
	return err
}

// ForwardedSender returns the sender that was kept under a token.
func (s *Store) ForwardedSender(ctx context.Context, token string) (sender gomail.Address, err error) {
	var text string
	err = s.read(ctx, func(c *conn) error {
		known, err := c.row([]any{&text}, "SELECT sender FROM forwarded_sender WHERE token = ?", token)
		if err == nil && !known {
			err = gomail.Errorf(gomail.NotFound, "the rewritten address is not known here any more")
		}
		return err
	})
	if err != nil {
		return gomail.Address{}, err
	}
	return gomail.ParseAddress(text)
}
