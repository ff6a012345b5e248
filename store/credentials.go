package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"gomail"
	"gomail/accounts"
)

// Credentials returns the ways to sign in to an account beside its password.
func (s *Store) Credentials(ctx context.Context, account gomail.AccountID) (x accounts.Credentials, err error) {
	err = s.read(ctx, func(c *conn) error {
		if _, err := c.row([]any{&x.SCRAM.Salt, &x.SCRAM.Iterations, &x.SCRAM.Keys}, "SELECT salt, iterations, keys FROM scram WHERE account_id = ?", account); err != nil {
			return err
		}
		if _, err := c.row([]any{&x.TOTP.Secret, &x.TOTP.Confirmed, &x.TOTP.Step}, "SELECT secret, confirmed, step FROM totp WHERE account_id = ?", account); err != nil {
			return err
		}
		if x.Apps, err = readAppPasswords(c, account); err != nil {
			return err
		}
		if x.Passkeys, err = readPasskeys(c, account); err != nil {
			return err
		}
		_, err := c.row([]any{&x.Recovery}, "SELECT COUNT(*) FROM recovery_code WHERE account_id = ?", account)
		return err
	})
	return x, err
}

func readAppPasswords(c *conn, account gomail.AccountID) (all []accounts.AppPassword, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var a accounts.AppPassword
		var protocols string
		var created, expires, used int64
		err := rows.Scan(&a.ID, &a.Name, &a.SHA256, &a.Keys, &protocols, &created, &expires, &used, &a.UsedFrom, &a.UsedBy)
		a.Protocols = strings.Fields(protocols)
		a.Created, a.Expires, a.Used = fromMicro(created), timeOrZero(expires), timeOrZero(used)
		all = append(all, a)
		return err
	}, "SELECT id, name, sha256, keys, protocols, created, expires, used, used_from, used_by FROM app_password WHERE account_id = ? ORDER BY created, id", account)
	return all, err
}

func readPasskeys(c *conn, account gomail.AccountID) (all []accounts.Passkey, err error) {
	err = c.query(func(rows *sql.Rows) error {
		var p accounts.Passkey
		var created, used int64
		err := rows.Scan(&p.ID, &p.Name, &p.Credential, &created, &used, &p.UsedFrom)
		p.Created, p.Used = fromMicro(created), timeOrZero(used)
		all = append(all, p)
		return err
	}, "SELECT id, name, credential, created, used, used_from FROM passkey WHERE account_id = ? ORDER BY created, id", account)
	return all, err
}

// SetSCRAM writes the keys of the password whose hash is given.
func (s *Store) SetSCRAM(ctx context.Context, account gomail.AccountID, hash string, x accounts.SCRAM) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.int64("SELECT COUNT(*) FROM account WHERE id = ? AND pw = ?", account, hash)
		if err := oneRow(n, err, "the password is another by now"); err != nil {
			return err
		}
		return t.putSCRAM(account, x)
	})
}

// putSCRAM writes the keys of the main password. The salt of a row that is
// there stays, for app passwords have theirs from it too.
func (t *tx) putSCRAM(account gomail.AccountID, x accounts.SCRAM) error {
	_, err := t.write("INSERT INTO scram (account_id, salt, iterations, keys) VALUES (?, ?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET keys = excluded.keys",
		account, x.Salt, x.Iterations, x.Keys)
	return err
}

// AddAppPassword adds an app password.
func (s *Store) AddAppPassword(ctx context.Context, account gomail.AccountID, x accounts.SCRAM, a accounts.AppPassword, limit int) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.roomFor("app_password", account, limit, "app passwords"); err != nil {
			return err
		}
		if _, err := t.write("INSERT INTO scram (account_id, salt, iterations, keys) VALUES (?, ?, ?, ?) ON CONFLICT (account_id) DO NOTHING",
			account, x.Salt, x.Iterations, []byte{}); err != nil {
			return err
		}
		_, err := t.write("INSERT INTO app_password (account_id, id, name, sha256, keys, protocols, created, expires, used, used_from, used_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '', '')",
			account, a.ID, a.Name, a.SHA256, a.Keys, strings.Join(a.Protocols, " "), toMicro(a.Created), toMicro(a.Expires))
		return err
	})
}

// roomFor refuses one more row of an account that is gone or has its fill.
func (t *tx) roomFor(table string, account gomail.AccountID, limit int, what string) error {
	n, err := t.int64("SELECT COUNT(*) FROM account WHERE id = ? AND id <> 0", account)
	if err := oneRow(n, err, "there is no such account"); err != nil {
		return err
	}
	n, err = t.int64("SELECT COUNT(*) FROM "+table+" WHERE account_id = ?", account)
	if err == nil && n >= int64(limit) {
		err = gomail.Errorf(gomail.TooMany, "the account has %d %s, which is as many as it can have: remove one first", n, what)
	}
	return err
}

// RemoveAppPassword removes an app password.
func (s *Store) RemoveAppPassword(ctx context.Context, account gomail.AccountID, id string) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM app_password WHERE account_id = ? AND id = ?", account, id)
		return oneRow(n, err, "there is no such app password")
	})
}

// AppPasswordUsed notes that an app password was used.
func (s *Store) AppPasswordUsed(ctx context.Context, account gomail.AccountID, id string, at time.Time, from, protocol string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("UPDATE app_password SET used = ?, used_from = ?, used_by = ? WHERE account_id = ? AND id = ?", toMicro(at), from, protocol, account, id)
		return err
	})
}

// SetTOTP begins a TOTP.
func (s *Store) SetTOTP(ctx context.Context, account gomail.AccountID, x accounts.TOTP) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("INSERT INTO totp (account_id, secret, confirmed, step) VALUES (?, ?, 0, 0) ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, step = 0 WHERE totp.confirmed = 0",
			account, x.Secret)
		if err == nil && n == 0 {
			err = gomail.Errorf(gomail.Exists, "an authenticator app is set up already: remove it first")
		}
		return err
	})
}

// UseTOTP notes that the code of a step was used, and confirms the TOTP.
func (s *Store) UseTOTP(ctx context.Context, account gomail.AccountID, step int64) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE totp SET step = ?, confirmed = 1 WHERE account_id = ? AND step < ?", step, account, step)
		return oneRow(n, err, "the code was used before")
	})
}

// RemoveTOTP removes an account's TOTP.
func (s *Store) RemoveTOTP(ctx context.Context, account gomail.AccountID) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM totp WHERE account_id = ?", account)
		if err := oneRow(n, err, "there is no authenticator app to remove"); err != nil {
			return err
		}
		return t.dropIdleCodes(account)
	})
}

// dropIdleCodes removes recovery codes that nothing is left to recover from.
func (t *tx) dropIdleCodes(account gomail.AccountID) error {
	left, err := t.int64("SELECT (SELECT COUNT(*) FROM totp WHERE account_id = ?) + (SELECT COUNT(*) FROM passkey WHERE account_id = ?)", account, account)
	if err != nil || left > 0 {
		return err
	}
	_, err = t.write("DELETE FROM recovery_code WHERE account_id = ?", account)
	return err
}

// SetRecoveryCodes replaces an account's recovery codes.
func (s *Store) SetRecoveryCodes(ctx context.Context, account gomail.AccountID, codes [][]byte) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM recovery_code WHERE account_id = ?", account); err != nil {
			return err
		}
		for _, code := range codes {
			if _, err := t.write("INSERT INTO recovery_code (account_id, sha256) VALUES (?, ?)", account, code); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode removes a recovery code.
func (s *Store) UseRecoveryCode(ctx context.Context, account gomail.AccountID, code []byte) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM recovery_code WHERE account_id = ? AND sha256 = ?", account, code)
		return oneRow(n, err, "there is no such recovery code")
	})
}

// AddPasskey adds a passkey.
func (s *Store) AddPasskey(ctx context.Context, account gomail.AccountID, p accounts.Passkey, limit int) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.roomFor("passkey", account, limit, "passkeys"); err != nil {
			return err
		}
		n, err := t.write("INSERT INTO passkey (account_id, id, name, credential, created, used, used_from) VALUES (?, ?, ?, ?, ?, 0, '') ON CONFLICT (account_id, id) DO NOTHING",
			account, p.ID, p.Name, p.Credential, toMicro(p.Created))
		if err == nil && n == 0 {
			err = gomail.Errorf(gomail.Exists, "the passkey is known already")
		}
		return err
	})
}

// PasskeyUsed writes a passkey's counters, and when and where it was used.
func (s *Store) PasskeyUsed(ctx context.Context, account gomail.AccountID, p accounts.Passkey) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("UPDATE passkey SET credential = ?, used = ?, used_from = ? WHERE account_id = ? AND id = ?",
			p.Credential, toMicro(p.Used), p.UsedFrom, account, p.ID)
		return oneRow(n, err, "there is no such passkey")
	})
}

// RemovePasskey removes a passkey.
func (s *Store) RemovePasskey(ctx context.Context, account gomail.AccountID, id string) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.write("DELETE FROM passkey WHERE account_id = ? AND id = ?", account, id)
		if err := oneRow(n, err, "there is no such passkey"); err != nil {
			return err
		}
		return t.dropIdleCodes(account)
	})
}

// RemoveSecondFactors removes TOTP, passkeys and recovery codes.
func (s *Store) RemoveSecondFactors(ctx context.Context, account gomail.AccountID) error {
	return s.update(ctx, func(t *tx) error {
		for _, table := range []string{"totp", "passkey", "recovery_code"} {
			if _, err := t.write("DELETE FROM "+table+" WHERE account_id = ?", account); err != nil {
				return err
			}
		}
		return nil
	})
}
