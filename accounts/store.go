package accounts

import (
	"context"
	"time"

	"gomail"
)

// Session is a signed-in browser. Only the hash of its token is kept.
type Session struct {
	TokenSHA256 [32]byte
	Account     gomail.AccountID
	Audience    string // "admin" or "mail": each accepts only its own; with "/second" until the second factor was given
	Created     time.Time
	Expires     time.Time
	Remote      string
	Agent       string // the browser, as it names itself
}

// Store keeps accounts. Each method is one transaction.
type Store interface {
	CredentialStore

	// AddAccount makes the account with its address and the standard
	// mailboxes. Exists when the address is taken, NotFound when its domain
	// is not hosted.
	AddAccount(ctx context.Context, account gomail.Account, password string) (gomail.Account, error)
	Account(ctx context.Context, id gomail.AccountID) (gomail.Account, error)

	// AccountByAddress returns the account that an address, main or alias,
	// belongs to, and its password hash. NotFound when there is none.
	AccountByAddress(ctx context.Context, address gomail.Address) (account gomail.Account, password string, err error)
	Accounts(ctx context.Context) ([]gomail.Account, error)

	// UpdateAccount writes name, role, disabled and quota.
	UpdateAccount(ctx context.Context, account gomail.Account) error

	// SetPassword writes the password's hash and forgets its SCRAM keys.
	SetPassword(ctx context.Context, id gomail.AccountID, password string) error

	// RemoveAccount removes the account with its mail and addresses.
	RemoveAccount(ctx context.Context, id gomail.AccountID) error

	// Managed returns the domains that accounts manage beside their own mail,
	// by account, canonical and in order.
	Managed(ctx context.Context) (map[gomail.AccountID][]string, error)

	// SetManaged replaces the domains that an account manages. NotFound when
	// one is not hosted.
	SetManaged(ctx context.Context, id gomail.AccountID, domains []string) error

	AddSession(ctx context.Context, session Session) error
	Session(ctx context.Context, tokenSHA256 [32]byte) (Session, error)
	RemoveSession(ctx context.Context, tokenSHA256 [32]byte) error
	RemoveSessions(ctx context.Context, account gomail.AccountID) error
}
