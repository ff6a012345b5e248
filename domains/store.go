package domains

import (
	"context"
	"time"

	"gomail"
)

// StoredKey is a DKIM key with its sealed private half.
type StoredKey struct {
	gomail.DKIMKey
	PrivateSealed []byte
}

// Store keeps domains. Each method is one transaction.
type Store interface {
	// AddDomain makes a domain with its first keys. Exists when it is
	// hosted already.
	AddDomain(ctx context.Context, domain gomail.Domain, keys []StoredKey) (gomail.DomainID, error)
	Domains(ctx context.Context) ([]gomail.Domain, error)

	// UpdateDomain writes settings and whether the domain is disabled.
	UpdateDomain(ctx context.Context, domain gomail.Domain) error

	// RemoveDomain removes a domain, its aliases and keys. Exists while it
	// has accounts.
	RemoveDomain(ctx context.Context, id gomail.DomainID) error

	// Keys returns the keys of all domains.
	Keys(ctx context.Context) ([]StoredKey, error)
	AddKeys(ctx context.Context, id gomail.DomainID, keys []StoredKey) error

	// SetKeyState writes a key's state and since when it has it.
	SetKeyState(ctx context.Context, domain, selector string, state gomail.DKIMKeyState, since time.Time) error
	RemoveKey(ctx context.Context, domain, selector string) error

	// Reminded returns when the owner was last reminded of keys that wait;
	// zero: never.
	Reminded(ctx context.Context, id gomail.DomainID) (time.Time, error)
	SetReminded(ctx context.Context, id gomail.DomainID, at time.Time) error

	// AccountOf returns the account that an address, main or alias, belongs
	// to. NotFound when there is none.
	AccountOf(ctx context.Context, address gomail.Address) (gomail.Account, error)

	// FirstAdmin returns the administrator who was made first. NotFound when
	// there is none yet.
	FirstAdmin(ctx context.Context) (gomail.Account, error)

	AddAlias(ctx context.Context, address gomail.Address, account gomail.AccountID) error

	// AddForward makes an address lead to one outside. Exists when it does
	// already, or is an account's own; TooMany above MaxTargets.
	AddForward(ctx context.Context, address, target gomail.Address) error

	// Aliases returns all aliases, Forwards those that lead outside.
	Aliases(ctx context.Context) ([]gomail.Alias, error)
	Forwards(ctx context.Context) ([]gomail.Alias, error)

	// ListAddresses returns the addresses of all mailing lists.
	ListAddresses(ctx context.Context) ([]gomail.Address, error)

	// RemoveAlias removes one target of an alias, or all when that is null.
	RemoveAlias(ctx context.Context, address, target gomail.Address) error

	// ForwardedSender returns the sender that was kept under a token (see
	// KeptSender). NotFound when there is none, or not any more.
	ForwardedSender(ctx context.Context, token string) (gomail.Address, error)
}
