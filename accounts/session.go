package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gomail"
)

// SessionLife is how long a browser stays signed in.
const SessionLife = 12 * time.Hour

// secondLife is how long one may take for the second factor.
const secondLife = 5 * time.Minute

// awaiting marks the audience of a session whose second factor is still to
// come. It opens nothing.
const awaiting = "/second"

// Entry is what a sign-in on the web opens.
type Entry struct {
	Token   string // shown once; it goes into the browser's cookie
	Account gomail.Account
	Second  bool // the token is only for SecondStep
}

// SignIn authenticates and opens a session for one audience; where the account
// has a second factor, only one that waits for it.
func (s *Service) SignIn(ctx context.Context, try Attempt, audience string) (Entry, error) {
	try.Protocol = webProtocol
	account, _, err := s.check(ctx, try)
	if err != nil {
		return Entry{}, err
	}
	c, err := s.store.Credentials(ctx, account.ID)
	if err != nil {
		return Entry{}, err
	}
	if !c.SecondFactor() || account.Disabled {
		if err := s.admit(ctx, try, account, nil); err != nil {
			return Entry{}, err
		}
		return s.openSession(ctx, try, account, audience, SessionLife)
	}
	entry, err := s.openSession(ctx, try, account, audience+awaiting, secondLife)
	entry.Second = true
	s.logAttempt(try, account, "second factor wanted")
	return entry, err
}

// openSession opens a session if the account has something to do there.
func (s *Service) openSession(ctx context.Context, try Attempt, account gomail.Account, audience string, life time.Duration) (Entry, error) {
	if err := s.mayEnter(ctx, account, strings.TrimSuffix(audience, awaiting)); err != nil {
		return Entry{}, err
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	token := base64.RawURLEncoding.EncodeToString(raw)
	now := s.clock()
	err := s.store.AddSession(ctx, Session{
		TokenSHA256: sha256.Sum256([]byte(token)), Account: account.ID, Audience: audience,
		Created: now, Expires: now.Add(life), Remote: try.Remote.String(), Agent: shortened(try.Agent),
	})
	return Entry{Token: token, Account: account}, err
}

// shortened bounds what a browser says of itself.
func shortened(agent string) string {
	const most = 300
	return strings.ToValidUTF8(agent[:min(len(agent), most)], "")
}

// Sessions returns an account's sessions, the newest first.
func (s *Service) Sessions(ctx context.Context, id gomail.AccountID) ([]Session, error) {
	all, err := s.store.SessionsOf(ctx, id)
	return slices.DeleteFunc(all, func(x Session) bool { return strings.HasSuffix(x.Audience, awaiting) }), err
}

// ID names a session to its owner; it does not open it.
func (x Session) ID() string { return hex.EncodeToString(x.TokenSHA256[:8]) }

// SessionID is the ID of the session that a token opens.
func SessionID(token string) string { return Session{TokenSHA256: sha256.Sum256([]byte(token))}.ID() }

// EndSession ends one session of an account.
func (s *Service) EndSession(ctx context.Context, id gomail.AccountID, session string) error {
	ended, err := s.endSessions(ctx, id, func(x Session) bool { return x.ID() == session })
	if err == nil && ended == 0 {
		err = gomail.Errorf(gomail.NotFound, "there is no such session: it may have ended already")
	}
	return err
}

// EndSessions ends all sessions of an account but one; empty: all.
func (s *Service) EndSessions(ctx context.Context, id gomail.AccountID, but string) error {
	_, err := s.endSessions(ctx, id, func(x Session) bool { return x.ID() != but })
	return err
}

func (s *Service) endSessions(ctx context.Context, id gomail.AccountID, which func(Session) bool) (ended int, err error) {
	all, err := s.store.SessionsOf(ctx, id)
	for _, x := range all {
		if err == nil && which(x) {
			err = s.store.RemoveSession(ctx, x.TokenSHA256)
			ended++
		}
	}
	return ended, err
}

// ChangePassword gives an account another password on behalf of its owner, who
// knows the present one, and ends its sessions but this.
func (s *Service) ChangePassword(ctx context.Context, account gomail.Account, present, password, session string, remote netip.Addr) error {
	if err := s.Confirm(ctx, account, present, remote); err != nil {
		return err
	}
	if err := s.writePassword(ctx, account.ID, password); err != nil {
		return err
	}
	return s.EndSessions(ctx, account.ID, session)
}

// Confirm checks the password of somebody who is signed in, before what a
// browser left open should not let others do. Forbidden when it is wrong.
func (s *Service) Confirm(ctx context.Context, account gomail.Account, password string, remote netip.Addr) error {
	_, _, err := s.check(ctx, Attempt{Username: account.Address.String(), Password: password, Remote: remote, Protocol: webProtocol})
	if gomail.KindOf(err) == gomail.Unauthenticated {
		err = gomail.Errorf(gomail.Forbidden, "the present password is wrong")
	}
	return err
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
