package store

import (
	"context"
	"database/sql"

	"gomail"
	"gomail/accounts"
)

// AddSession keeps a signed-in browser and forgets those that have expired.
func (s *Store) AddSession(ctx context.Context, x accounts.Session) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.write("DELETE FROM session WHERE expires < ?", t.store.now()); err != nil {
			return err
		}
		_, err := t.write("INSERT INTO session (token_sha256, account_id, audience, created, expires, remote, agent) VALUES (?, ?, ?, ?, ?, ?, ?)",
			x.TokenSHA256[:], x.Account, x.Audience, toMicro(x.Created), toMicro(x.Expires), x.Remote, x.Agent)
		return err
	})
}

// Session returns the session of a token.
func (s *Store) Session(ctx context.Context, token [32]byte) (x accounts.Session, err error) {
	x.TokenSHA256 = token
	err = s.read(ctx, func(c *conn) error {
		var created, expires int64
		ok, err := c.row([]any{&x.Account, &x.Audience, &created, &expires, &x.Remote, &x.Agent}, "SELECT account_id, audience, created, expires, remote, agent FROM session WHERE token_sha256 = ?", token[:])
		if err == nil && !ok {
			err = gomail.Errorf(gomail.NotFound, "there is no such session")
		}
		x.Created, x.Expires = fromMicro(created), fromMicro(expires)
		return err
	})
	return x, err
}

// SessionsOf returns an account's sessions, the newest first.
func (s *Store) SessionsOf(ctx context.Context, account gomail.AccountID) (all []accounts.Session, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(rows *sql.Rows) error {
			x := accounts.Session{Account: account}
			var token []byte
			var created, expires int64
			err := rows.Scan(&token, &x.Audience, &created, &expires, &x.Remote, &x.Agent)
			copy(x.TokenSHA256[:], token)
			x.Created, x.Expires = fromMicro(created), fromMicro(expires)
			all = append(all, x)
			return err
		}, "SELECT token_sha256, audience, created, expires, remote, agent FROM session WHERE account_id = ? AND expires > ? ORDER BY created DESC", account, s.now())
	})
	return all, err
}

// RemoveSession ends a session.
func (s *Store) RemoveSession(ctx context.Context, token [32]byte) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM session WHERE token_sha256 = ?", token[:])
		return err
	})
}

// RemoveSessions ends all sessions of an account.
func (s *Store) RemoveSessions(ctx context.Context, account gomail.AccountID) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.write("DELETE FROM session WHERE account_id = ?", account)
		return err
	})
}
