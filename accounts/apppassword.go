package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gomail"
)

// Protocols are what an app password may be limited to.
var Protocols = []string{"imap", "smtp"}

// Limits on app passwords.
const (
	maxAppPasswords = 50
	maxLabel        = 100
	usedEvery       = 5 * time.Minute // how exactly the last use is noted
)

// webProtocol is how the web calls itself in an Attempt. There passwords of
// programs do not work, and a second factor is asked for.
const webProtocol = "web"

// family is the protocol as app passwords name it.
func family(protocol string) string {
	switch protocol {
	case "submission":
		return "smtp"
	case "pop3": // reads the same mail
		return "imap"
	}
	return protocol
}

// opens reports whether the app password works over a protocol at a time.
func (a AppPassword) opens(protocol string, now time.Time) bool {
	return protocol != webProtocol && (a.Expires.IsZero() || now.Before(a.Expires)) &&
		(len(a.Protocols) == 0 || slices.Contains(a.Protocols, family(protocol)))
}

// NewAppPassword is what an app password is made from.
type NewAppPassword struct {
	Name      string
	Protocols []string  // empty: all
	Expires   time.Time // zero: never
}

// AddAppPassword makes a password of 128 random bits for a program. It is
// returned this once.
func (s *Service) AddAppPassword(ctx context.Context, id gomail.AccountID, n NewAppPassword) (AppPassword, string, error) {
	app := AppPassword{ID: randomID(), Protocols: n.Protocols, Created: s.clock(), Expires: n.Expires}
	var err error
	if app.Name, err = label(n.Name, "the app password"); err != nil {
		return app, "", err
	}
	for _, p := range n.Protocols {
		if !slices.Contains(Protocols, p) {
			return app, "", gomail.Errorf(gomail.Invalid, "there is no protocol %q: an app password is for %s", p, strings.Join(Protocols, ", "))
		}
	}
	if !n.Expires.IsZero() && !n.Expires.After(app.Created) {
		return app, "", gomail.Errorf(gomail.Invalid, "the app password would have expired already")
	}
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return app, "", err
	}
	c, err := s.store.Credentials(ctx, id)
	if err != nil {
		return app, "", err
	}
	secret := randomSecret(16)
	sum := sha256.Sum256([]byte(secret))
	app.SHA256 = sum[:]
	x := s.shared(account, c.SCRAM)
	if app.Keys, err = s.sealKeys(secret, x, appPlace(id, app.ID)); err != nil {
		return app, "", err
	}
	return app, secret, s.store.AddAppPassword(ctx, id, x, app, maxAppPasswords)
}

// label returns what somebody calls a credential, without space around it.
func label(name, what string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxLabel || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", gomail.Errorf(gomail.Invalid, "%s needs a name of 1 to %d characters, such as the program that it is for", what, maxLabel)
	}
	return name, nil
}

func randomID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// randomSecret returns so many random octets as letters and digits.
func randomSecret(octets int) string {
	b := make([]byte, octets)
	rand.Read(b)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// RemoveAppPassword ends an app password.
func (s *Service) RemoveAppPassword(ctx context.Context, id gomail.AccountID, app string) error {
	return s.store.RemoveAppPassword(ctx, id, app)
}

// Credentials returns the ways to sign in to an account beside its password.
func (s *Service) Credentials(ctx context.Context, id gomail.AccountID) (Credentials, error) {
	return s.store.Credentials(ctx, id)
}

// appPassword returns the app password that a password is, if it opens the
// protocol; else nil.
func (s *Service) appPassword(c Credentials, password, protocol string) (found *AppPassword) {
	sum := sha256.Sum256([]byte(password))
	for i, app := range c.Apps {
		if subtle.ConstantTimeCompare(app.SHA256, sum[:]) == 1 && app.opens(protocol, s.clock()) {
			found = &c.Apps[i]
		}
	}
	return found
}

// noteUse notes that an app password was used, from where and for what. A
// program signs in every few minutes: not each time is written.
func (s *Service) noteUse(ctx context.Context, account gomail.Account, app *AppPassword, try Attempt) {
	now, from, by := s.clock(), try.Remote.String(), family(try.Protocol)
	if app == nil || now.Sub(app.Used) < usedEvery && app.UsedFrom == from && app.UsedBy == by {
		return
	}
	if err := s.store.AppPasswordUsed(ctx, account.ID, app.ID, now, from, by); err != nil {
		s.log.Warn("the use of an app password was not noted", slog.String("account", account.Address.String()), slog.Any("error", err))
	}
}
