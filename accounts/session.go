package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"gomail"
)

// SessionLife is how long a browser stays signed in.
const SessionLife = 12 * time.Hour

// SignIn authenticates and opens a session for one audience. The token is
// shown once; it goes into the browser's cookie.
func (s *Service) SignIn(ctx context.Context, try Attempt, audience string) (token string, account gomail.Account, err error) {
	account, err = s.Authenticate(ctx, try)
	if err != nil {
		return "", account, err
	}
	if audience == "admin" && account.Role != gomail.RoleAdmin {
		return "", account, gomail.Errorf(gomail.Forbidden, "this account is not an administrator")
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	token = base64.RawURLEncoding.EncodeToString(raw)
	now := s.clock()
	err = s.store.AddSession(ctx, Session{
		TokenSHA256: sha256.Sum256([]byte(token)), Account: account.ID, Audience: audience,
		Created: now, Expires: now.Add(SessionLife), Remote: try.Remote.String(),
	})
	return token, account, err
}

// SignedIn returns the account of a session's token. Unauthenticated when the
// session does not exist, has expired or is for another audience.
func (s *Service) SignedIn(ctx context.Context, token, audience string) (gomail.Account, error) {
	session, err := s.store.Session(ctx, sha256.Sum256([]byte(token)))
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		return gomail.Account{}, err
	}
	if err != nil || session.Audience != audience || !s.clock().Before(session.Expires) {
		return gomail.Account{}, gomail.Errorf(gomail.Unauthenticated, "you are not signed in")
	}
	account, err := s.store.Account(ctx, session.Account)
	if err != nil {
		return gomail.Account{}, err
	}
	if account.Disabled || audience == "admin" && account.Role != gomail.RoleAdmin {
		return gomail.Account{}, gomail.Errorf(gomail.Unauthenticated, "you are not signed in")
	}
	return account, nil
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.store.RemoveSession(ctx, sha256.Sum256([]byte(token)))
}
