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
	if err := s.mayEnter(ctx, account, audience); err != nil {
		return "", account, err
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
	err = s.mayEnter(ctx, account, audience)
	if account.Disabled || gomail.KindOf(err) == gomail.Forbidden {
		return gomail.Account{}, gomail.Errorf(gomail.Unauthenticated, "you are not signed in")
	}
	return account, err
}

// mayEnter returns Forbidden unless the account has something to do there:
// administration is for those who manage the server or a domain.
func (s *Service) mayEnter(ctx context.Context, account gomail.Account, audience string) error {
	if audience != "admin" || account.Role == gomail.RoleAdmin {
		return nil
	}
	domains, err := s.Manages(ctx, account.ID)
	if err == nil && len(domains) == 0 {
		err = gomail.Errorf(gomail.Forbidden, "this account is not an administrator")
	}
	return err
}

// Manages returns the domains that an account manages beside its own mail. An
// administrator of the server manages all of them without being listed.
func (s *Service) Manages(ctx context.Context, id gomail.AccountID) ([]string, error) {
	all, err := s.store.Managed(ctx)
	return all[id], err
}

// Managed returns them for all accounts that manage any.
func (s *Service) Managed(ctx context.Context) (map[gomail.AccountID][]string, error) {
	return s.store.Managed(ctx)
}

// SetManaged makes an account manage exactly these domains. NotFound when one
// is not hosted here.
func (s *Service) SetManaged(ctx context.Context, id gomail.AccountID, domains []string) error {
	for i, d := range domains {
		name, err := gomail.CanonicalDomain(d)
		if err != nil {
			return err
		}
		domains[i] = name
	}
	return s.store.SetManaged(ctx, id, domains)
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.store.RemoveSession(ctx, sha256.Sum256([]byte(token)))
}
