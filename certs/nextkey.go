package certs

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/caddyserver/certmagic"

	"gomail"
)

// The mail host's next certificate gets another key once that key's TLSA
// record has been seen everywhere for long enough that no cache holds what was
// there before (RFC 7671 section 8.1). Until then it keeps the key that it has.
const (
	watchEvery  = time.Hour
	watchTime   = 20 * time.Second
	publishedAt = 48 * time.Hour // that the record has to have been there
)

// nextKeyPlace is where the vault has the key of a name's next certificate.
func nextKeyPlace(name string) string { return "next_key/" + certmagic.StorageKeys.Safe(name) }

// nextKey returns the key of the mail host's next certificate. It is made
// where there is none, or where the one that is kept has come into use.
func (o *orders) nextKey(ctx context.Context) (crypto.Signer, error) {
	current, err := o.key(ctx, o.config.Hostname)
	if err != nil {
		return nil, err
	}
	v, at := o.acme.Vault, nextKeyPlace(o.config.Hostname)
	text, err := v.Load(ctx, at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the next key of %s: %w", o.config.Hostname, err)
	}
	if err == nil {
		if key, err := certmagic.PEMDecodePrivateKey(text); err == nil && !sameKey(key, current) {
			return key, nil
		}
	}
	made, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		return nil, err
	}
	if text, err = certmagic.PEMEncodePrivateKey(made); err != nil {
		return nil, err
	}
	if err := v.Store(ctx, at, text); err != nil {
		return nil, fmt.Errorf("keep the next key of %s: %w", o.config.Hostname, err)
	}
	return certmagic.PEMDecodePrivateKey(text)
}

func sameKey(a, b crypto.Signer) bool {
	public, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b.Public())
}

// hashOf names a key as TLSA 3 1 1 does.
func hashOf(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), err
}

// watchNextKey looks whether the record of the next key is there, now and then,
// and remembers since when it is; not while the host's order is worked on,
// which looks itself.
func (o *orders) watchNextKey(ctx context.Context) {
	now := o.config.Clock()
	o.mu.Lock()
	busy := o.running[o.config.Hostname]
	o.mu.Unlock()
	if o.acme.Published == nil || busy || now.Sub(o.watched) < watchEvery {
		return
	}
	o.watched = now
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	if _, err := o.lookForNextKey(ctx); err != nil && ctx.Err() == nil {
		o.log.Error("the TLSA record of the next key could not be looked for", slog.Any("error", err))
	}
}

// lookForNextKey returns the next key and notes whether its record is there.
func (o *orders) lookForNextKey(ctx context.Context) (crypto.Signer, error) {
	key, err := o.nextKey(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := hashOf(key)
	if err != nil {
		return nil, err
	}
	there, err := o.acme.Published(ctx, hash)
	if err != nil {
		return nil, err // nothing is known, and nothing is forgotten
	}
	o.noteNextKey(ctx, hash, there)
	return key, nil
}

// noteNextKey keeps since when a key's record is there.
func (o *orders) noteNextKey(ctx context.Context, hash string, there bool) {
	s := o.state(Name{Name: o.config.Hostname})
	before := s
	switch {
	case !there:
		s.NextKeySince = time.Time{}
	case s.NextKeySince.IsZero() || s.NextKey != hash:
		s.NextKeySince = o.config.Clock()
	}
	if s.NextKey = hash; s != before {
		o.save(ctx, s)
	}
}

// rotation returns the key that a renewal is to use; nil: the one that there
// is. Whatever is not known leaves that in use.
func (o *orders) rotation(ctx context.Context, n Name, s *Order) crypto.Signer {
	if n.Name != o.config.Hostname || o.acme.Published == nil {
		return nil
	}
	key, err := o.lookForNextKey(ctx)
	if err != nil {
		o.log.Warn("the certificate keeps its key: it could not be found out whether the next one's TLSA record is there", slog.Any("error", err))
		return nil
	}
	fresh := o.state(n)
	s.NextKey, s.NextKeySince = fresh.NextKey, fresh.NextKeySince
	if s.NextKeySince.IsZero() || o.config.Clock().Sub(s.NextKeySince) < publishedAt {
		return nil
	}
	return key
}

// rotated has another next key made, once the last one is in use.
func (o *orders) rotated(ctx context.Context, s *Order) {
	if s.Name != o.config.Hostname || o.acme.Published == nil {
		return
	}
	key, err := o.nextKey(ctx)
	if err != nil {
		o.log.Error("the key of the next certificate could not be made", slog.Any("error", err))
		return
	}
	if hash, err := hashOf(key); err == nil && hash != s.NextKey {
		s.NextKey, s.NextKeySince = hash, time.Time{}
	}
}

// keySource gives certmagic a key that there is already. It implements
// certmagic.KeyGenerator.
type keySource struct{ key crypto.Signer }

// GenerateKey implements certmagic.KeyGenerator.
func (k keySource) GenerateKey() (crypto.PrivateKey, error) { return k.key, nil }

// NextKey returns the public key (SubjectPublicKeyInfo) of the mail host's
// next certificate. NotFound: no server has run that makes one.
func (v *Vault) NextKey(ctx context.Context, hostname string) ([]byte, error) {
	text, err := v.Load(ctx, nextKeyPlace(hostname))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, gomail.Errorf(gomail.NotFound, "the next key of %s is made when a server runs", hostname)
	}
	if err != nil {
		return nil, err
	}
	key, err := certmagic.PEMDecodePrivateKey(text)
	if err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "the next key of %s is damaged: it is made anew: %w", hostname, err)
	}
	return x509.MarshalPKIXPublicKey(key.Public())
}
