package certs

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"gomail"
	"gomail/internal/seal"
)

// Store keeps what the ACME client knows. Each method is one transaction.
type Store interface {
	// CertValue returns what is kept under a name, sealed, and since when.
	// NotFound: nothing is.
	CertValue(ctx context.Context, name string) (sealed []byte, modified time.Time, err error)
	SetCertValue(ctx context.Context, name string, sealed []byte) error
	// RemoveCertValues removes what is kept under a name and below it.
	RemoveCertValues(ctx context.Context, name string) error
	// CertNames returns the names below a prefix, in order; all where it is
	// empty.
	CertNames(ctx context.Context, prefix string) ([]string, error)

	// LockCert takes or renews a lock for owner. False: another owner has it.
	LockCert(ctx context.Context, name, owner string, ttl time.Duration) (bool, error)
	UnlockCert(ctx context.Context, name, owner string) error

	// CertOrders returns where the order of each name stands.
	CertOrders(ctx context.Context) (map[string][]byte, error)
	SetCertOrder(ctx context.Context, name string, content []byte) error
	RemoveCertOrder(ctx context.Context, name string) error
}

// Vault is the ACME client's storage over a store: what is secret and what is
// not, all of it is sealed. It implements certmagic.Storage.
type Vault struct {
	store  Store
	sealer *seal.Sealer
	owner  string

	mu    sync.Mutex
	locks map[string]chan struct{} // by name: held while this process has it
}

// NewVault returns the storage. The owner is who holds its locks: the same one
// after a restart, and another one on each node.
func NewVault(store Store, sealer *seal.Sealer, owner string) *Vault {
	return &Vault{store: store, sealer: sealer, owner: owner, locks: map[string]chan struct{}{}}
}

func place(name string) string { return "cert_kv/" + name + "/value" }

// missing is how certmagic wants to hear that there is nothing.
func missing(err error) error {
	if gomail.KindOf(err) == gomail.NotFound {
		return fs.ErrNotExist
	}
	return err
}

// Store implements certmagic.Storage.
func (v *Vault) Store(ctx context.Context, key string, value []byte) error {
	return v.store.SetCertValue(ctx, key, v.sealer.Seal(value, place(key)))
}

// Load implements certmagic.Storage.
func (v *Vault) Load(ctx context.Context, key string) ([]byte, error) {
	sealed, _, err := v.store.CertValue(ctx, key)
	if err != nil {
		return nil, missing(err)
	}
	return v.sealer.Open(sealed, place(key))
}

// Delete implements certmagic.Storage.
func (v *Vault) Delete(ctx context.Context, key string) error {
	return v.store.RemoveCertValues(ctx, key)
}

// Exists implements certmagic.Storage.
func (v *Vault) Exists(ctx context.Context, key string) bool {
	_, err := v.Stat(ctx, key)
	return err == nil
}

// List implements certmagic.Storage.
func (v *Vault) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	names, err := v.store.CertNames(ctx, path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fs.ErrNotExist
	}
	if recursive {
		return names, nil
	}
	var direct []string
	for _, name := range names {
		below := strings.TrimPrefix(strings.TrimPrefix(name, path), "/")
		first, _, _ := strings.Cut(below, "/")
		child := strings.TrimPrefix(path+"/"+first, "/")
		if len(direct) == 0 || direct[len(direct)-1] != child {
			direct = append(direct, child)
		}
	}
	return direct, nil
}

// Stat implements certmagic.Storage.
func (v *Vault) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	sealed, modified, err := v.store.CertValue(ctx, key)
	if err == nil {
		return certmagic.KeyInfo{Key: key, Modified: modified, Size: int64(len(sealed)), IsTerminal: true}, nil
	}
	if gomail.KindOf(err) != gomail.NotFound {
		return certmagic.KeyInfo{}, err
	}
	below, err := v.store.CertNames(ctx, key)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if len(below) == 0 {
		return certmagic.KeyInfo{}, fs.ErrNotExist
	}
	return certmagic.KeyInfo{Key: key}, nil
}

// How long a lock lasts when its owner dies: longer than any order may take;
// and how often one looks whether another node has given it back.
const (
	lockLife  = orderTime + time.Minute
	lockRetry = 2 * time.Second
)

// Lock implements certmagic.Locker.
func (v *Vault) Lock(ctx context.Context, name string) error {
	held := v.held(name)
	select {
	case held <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		taken, err := v.store.LockCert(ctx, name, v.owner, lockLife)
		if taken && err == nil {
			return nil
		}
		if err == nil {
			err = sleep(ctx, lockRetry)
		}
		if err != nil {
			<-held
			return err
		}
	}
}

// Unlock implements certmagic.Locker. What was locked is given back even
// where the caller's time is over.
func (v *Vault) Unlock(ctx context.Context, name string) error {
	err := v.store.UnlockCert(context.WithoutCancel(ctx), name, v.owner)
	select {
	case <-v.held(name):
	default:
	}
	return err
}

func (v *Vault) held(name string) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.locks[name] == nil {
		v.locks[name] = make(chan struct{}, 1)
	}
	return v.locks[name]
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CheckSecrets opens everything that is kept, and tells of what the secret key
// does not open.
func (v *Vault) CheckSecrets(ctx context.Context, found func(problem string)) error {
	names, err := v.store.CertNames(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		sealed, _, err := v.store.CertValue(ctx, name)
		if gomail.KindOf(err) == gomail.NotFound {
			continue // it went meanwhile
		}
		if err == nil {
			_, err = v.sealer.Open(sealed, place(name))
		}
		if err != nil {
			found("what is kept for certificates cannot be used (" + name + "): " + err.Error())
		}
	}
	return ctx.Err()
}
