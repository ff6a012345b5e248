package store

import (
	"context"
	"database/sql"
	"log/slog"

	"gomail"
)

const (
	accountColumns = "a.id, d.name, r.local, a.name, a.role, a.disabled, a.quota_max, a.quota_used, a.quota_messages_max, a.quota_messages_used, a.created"
	accountJoin    = " FROM account a JOIN address r ON r.account_id = a.id AND r.is_alias = 0 JOIN domain d ON d.id = r.domain_id"
)

// accountDest returns where a row of accountColumns goes; created is filled
// in by the caller's finish.
func accountDest(a *gomail.Account, created *int64) []any {
	return []any{&a.ID, &a.Address.Domain, &a.Address.Local, &a.Name, &a.Role, &a.Disabled, &a.QuotaMax, &a.QuotaUsed, &a.QuotaMessagesMax, &a.QuotaMessagesUsed, created}
}

func readAccount(c *conn, condition string, args ...any) (a gomail.Account, err error) {
	var created int64
	ok, err := c.row(accountDest(&a, &created), "SELECT "+accountColumns+accountJoin+condition, args...)
	if err == nil && !ok {
		err = gomail.Errorf(gomail.NotFound, "there is no such account")
	}
	a.Created = fromMicro(created)
	return a, err
}

// AddAccount makes an account with its address and the standard mailboxes.
func (s *Store) AddAccount(ctx context.Context, account gomail.Account, password string) (gomail.Account, error) {
	account.ID = gomail.AccountID(s.bodies.NextID())
	err := s.updateDirectory(ctx, func(t *tx) error {
		domain, err := t.int64("SELECT id FROM domain WHERE name = ?", account.Address.Domain)
		if err != nil {
			return err
		}
		if domain == 0 {
			return gomail.Errorf(gomail.NotFound, "the domain %s is not hosted here: add it with gomail domain add %s", account.Address.Domain, account.Address.Domain)
		}
		if err := t.addressFree(domain, account.Address); err != nil {
			return err
		}
		if forwards, err := t.int64("SELECT COUNT(*) FROM forward WHERE domain_id = ? AND local = ?", domain, account.Address.Local); err != nil || forwards > 0 {
			return cmpErr(err, gomail.Errorf(gomail.Exists, "the address %s is an alias that leads outside: remove it first", account.Address))
		}
		if _, err := t.write("INSERT INTO account (id, name, role, disabled, pw, seq, epoch, uidvalidity_floor, log_floor, quota_used, quota_max, quota_messages_max, created) VALUES (?, ?, ?, ?, ?, 0, (SELECT epoch FROM account WHERE id = 0), 0, 0, 0, ?, ?, ?)",
			account.ID, account.Name, account.Role, account.Disabled, password, account.QuotaMax, account.QuotaMessagesMax, toMicro(account.Created)); err != nil {
			return err
		}
		if err := t.insertAddress(domain, account.Address.Local, account.ID, false); err != nil {
			return err
		}
		a, err := t.account(account.ID)
		if err != nil {
			return err
		}
		for _, m := range gomail.StandardMailboxes {
			if _, err := t.insertMailbox(a, 0, m.Name, m.Role); err != nil {
				return err
			}
		}
		return nil
	})
	return account, err
}

func (t *tx) addressFree(domain int64, address gomail.Address) error {
	taken, err := t.int64("SELECT COUNT(*) FROM address WHERE domain_id = ? AND local = ?", domain, address.Local)
	if err == nil && taken > 0 {
		err = gomail.Errorf(gomail.Exists, "the address %s is taken", address)
	}
	if err == nil {
		err = t.noList(domain, address)
	}
	return err
}

func (t *tx) insertAddress(domain int64, local string, account gomail.AccountID, alias bool) error {
	_, err := t.write("INSERT INTO address (domain_id, local, account_id, is_alias) VALUES (?, ?, ?, ?)", domain, local, account, alias)
	return err
}

// Account returns an account by its id.
func (s *Store) Account(ctx context.Context, id gomail.AccountID) (a gomail.Account, err error) {
	err = s.read(ctx, func(c *conn) error {
		a, err = readAccount(c, " WHERE a.id = ?", id)
		return err
	})
	return a, err
}

const byAddress = " WHERE a.id = (SELECT x.account_id FROM address x JOIN domain y ON y.id = x.domain_id WHERE y.name = ? AND x.local = ?)"

// AccountByAddress is AccountOf with the password hash.
func (s *Store) AccountByAddress(ctx context.Context, address gomail.Address) (a gomail.Account, password string, err error) {
	err = s.read(ctx, func(c *conn) error {
		if a, err = readAccount(c, byAddress, address.Domain, address.Local); err != nil {
			return err
		}
		_, err = c.row([]any{&password}, "SELECT pw FROM account WHERE id = ?", a.ID)
		return err
	})
	return a, password, err
}

// Accounts returns all accounts in the order of their addresses.
func (s *Store) Accounts(ctx context.Context) (all []gomail.Account, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var a gomail.Account
			var created int64
			err := rows.Scan(accountDest(&a, &created)...)
			a.Created = fromMicro(created)
			all = append(all, a)
			return err
		}, "SELECT "+accountColumns+accountJoin+" ORDER BY d.name, r.local")
	})
	return all, err
}

// FirstAdmin returns the administrator who was made first.
func (s *Store) FirstAdmin(ctx context.Context) (a gomail.Account, err error) {
	err = s.read(ctx, func(c *conn) error {
		a, err = readAccount(c, " WHERE a.role = ? AND a.disabled = 0 ORDER BY a.created, a.id LIMIT 1", gomail.RoleAdmin)
		return err
	})
	return a, err
}

// Managed returns the domains that accounts manage beside their own mail.
func (s *Store) Managed(ctx context.Context) (map[gomail.AccountID][]string, error) {
	all := map[gomail.AccountID][]string{}
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			var id gomail.AccountID
			var name string
			err := rows.Scan(&id, &name)
			all[id] = append(all[id], name)
			return err
		}, "SELECT m.account_id, d.name FROM domain_admin m JOIN domain d ON d.id = m.domain_id ORDER BY m.account_id, d.name")
	})
	return all, err
}

// SetManaged replaces the domains that an account manages.
func (s *Store) SetManaged(ctx context.Context, id gomail.AccountID, domains []string) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM domain_admin WHERE account_id = ?", id); err != nil {
			return err
		}
		for _, name := range domains {
			domain, err := t.int64("SELECT id FROM domain WHERE name = ?", name)
			if err != nil || domain == 0 {
				return cmpErr(err, gomail.Errorf(gomail.NotFound, "the domain %s is not hosted here", name))
			}
			if _, err := t.write("INSERT INTO domain_admin (account_id, domain_id) VALUES (?, ?) ON CONFLICT (account_id, domain_id) DO NOTHING", id, domain); err != nil {
				return err
			}
		}
		return nil
	})
}

// UpdateAccount writes name, role, disabled and quota.
func (s *Store) UpdateAccount(ctx context.Context, a gomail.Account) error {
	return s.updateDirectory(ctx, func(t *tx) error {
		row, err := t.account(a.ID)
		if err != nil {
			return err
		}
		n, err := t.write("UPDATE account SET name = ?, role = ?, disabled = ?, quota_max = ?, quota_messages_max = ? WHERE id = ? AND id <> 0", a.Name, a.Role, a.Disabled, a.QuotaMax, a.QuotaMessagesMax, a.ID)
		row.quotaMax, row.messagesMax = a.QuotaMax, a.QuotaMessagesMax
		return oneRow(n, err, "there is no such account")
	})
}

// SetPassword writes an account's password hash. The SCRAM keys of the old
// password must not go on opening the account.
func (s *Store) SetPassword(ctx context.Context, id gomail.AccountID, password string) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("UPDATE scram SET keys = ? WHERE account_id = ?", []byte{}, id); err != nil {
			return err
		}
		n, err := t.write("UPDATE account SET pw = ? WHERE id = ? AND id <> 0", password, id)
		return oneRow(n, err, "there is no such account")
	})
}

func oneRow(n int64, err error, missing string) error {
	if err == nil && n == 0 {
		err = gomail.Errorf(gomail.NotFound, "%s", missing)
	}
	return err
}

// RemoveAccount removes an account with its mail and addresses. Bodies wait
// for the collector; mail of its that is queued still goes out.
func (s *Store) RemoveAccount(ctx context.Context, id gomail.AccountID) error {
	err := s.updateDirectory(ctx, func(t *tx) error {
		if id == 0 {
			return gomail.Errorf(gomail.NotFound, "there is no such account")
		}
		if _, err := t.account(id); err != nil {
			return err
		}
		return t.removeAccount(id)
	})
	if err != nil {
		return err
	}
	s.unfinished.forget(id)
	if err := s.DropTextIndex(context.WithoutCancel(ctx), id); err != nil {
		s.options.Logger.Warn("the text index of a removed account stays until the next start", slog.Int64("account", int64(id)), slog.Any("error", err))
	}
	return nil
}

func (t *tx) removeAccount(id gomail.AccountID) error {
	if queued, err := t.int64("SELECT COUNT(*) FROM qmsg WHERE account_id = ?", id); err != nil || queued > 0 {
		return cmpErr(err, gomail.Errorf(gomail.Exists, "the account still has %d messages in the queue: wait until they are sent, or drop them", queued))
	}
	for _, table := range []string{"message", "blob"} {
		if err := t.putAside(table, "account_id = ?", id); err != nil {
			return err
		}
	}
	for _, table := range []string{"entry_page", "extra_entry", "message_thread", "thread_ref", "metadata", "mailbox", "change", "session", "address", "domain_admin", "sending_limit", "sent", "suppression", "bounce_alarm", "sending_hold",
		"scram", "app_password", "totp", "recovery_code", "passkey"} {
		if _, err := t.write("DELETE FROM "+table+" WHERE account_id = ?", id); err != nil {
			return err
		}
	}
	if err := t.unshareAccount(id); err != nil {
		return err
	}
	_, err := t.write("DELETE FROM account WHERE id = ?", id)
	delete(t.accounts, id)
	delete(t.gone, id)
	return err
}
