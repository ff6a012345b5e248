package domains

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"gomail"
)

// The algorithms of DKIM keys.
const (
	Ed25519 = "ed25519" // RFC 8463
	RSA     = "rsa"     // RFC 8301, 2048 bits
	Both    = "both"    // a key of each
)

const rsaBits = 2048

// Signer is a DKIM key that can sign.
type Signer struct {
	gomail.DKIMKey
	Private crypto.Signer
}

// Keys returns a domain's keys in the order in which they were made.
func (s *Service) Keys(ctx context.Context, name string) ([]gomail.DKIMKey, error) {
	signers, err := s.signers(ctx, name)
	keys := make([]gomail.DKIMKey, len(signers))
	for i, k := range signers {
		keys[i] = k.DKIMKey
	}
	return keys, err
}

// Signers returns the keys with which mail from the domain is signed now:
// every active one. None when the domain is not hosted here, or parked.
func (s *Service) Signers(ctx context.Context, name string) ([]Signer, error) {
	c, err := s.current(ctx)
	if err != nil || c.domains[name].Settings.Parked {
		return nil, err
	}
	all := c.keys[name]
	if active := ofState(all, gomail.DKIMActive); len(active) > 0 {
		return active, nil
	}
	if s.config.Observer == nil || !slices.ContainsFunc(all, mayComeToSign) {
		return nil, nil
	}
	return s.firstSigners(ctx, name)
}

// mayComeToSign reports whether a key that does not sign may do so once it is
// seen.
func mayComeToSign(k Signer) bool {
	return k.State == gomail.DKIMPending || k.State == gomail.DKIMRetiring
}

// Pairs returns the keys that sign or are to sign, with their private halves.
func (s *Service) Pairs(ctx context.Context, name string) ([]Signer, error) {
	all, err := s.signers(ctx, name)
	return append(ofState(all, gomail.DKIMActive), ofState(all, gomail.DKIMPending)...), err
}

func ofState(all []Signer, state gomail.DKIMKeyState) []Signer {
	return slices.DeleteFunc(slices.Clone(all), func(k Signer) bool { return k.State != state })
}

// How often the first keys of a domain are looked for when mail wants to be
// signed, and for how long it waits.
const (
	seekEvery = 10 * time.Second
	seekTime  = 5 * time.Second
)

// sought is what was found when keys were looked for because none signs.
type sought struct {
	at   time.Time
	keys map[string]bool // selectors that may sign although they do not yet: the DNS does not say
}

// firstSigners looks whether keys have been published in the meantime, where
// none signs: whoever sends mail right after publishing expects it to be
// signed. They do not sign while every name server says that they are not
// there. Where the DNS does not say, they do: a signature that cannot be
// verified is worth as much as none. Mail waits no longer than for one look,
// and of several messages only the first.
func (s *Service) firstSigners(ctx context.Context, name string) ([]Signer, error) {
	if last, fresh := s.soughtBefore(name); fresh {
		return s.chosen(ctx, name, last)
	}
	looking, cancel := context.WithTimeout(ctx, seekTime)
	defer cancel()
	release, err := s.hold(looking, name)
	if err != nil { // a step of the rotation is under way, and the DNS is slow
		last, _ := s.soughtBefore(name)
		return s.chosen(ctx, name, s.note(name, last.keys))
	}
	defer release()
	if last, fresh := s.soughtBefore(name); fresh {
		return s.chosen(ctx, name, last)
	}
	all, err := s.signers(ctx, name)
	if err != nil {
		return nil, err
	}
	keys := s.lookAt(looking, all)
	for _, step := range []func(context.Context, []sighted) error{s.rescue, s.activate} {
		if err := step(looking, keys); err != nil && looking.Err() == nil {
			return nil, err
		}
	}
	may := map[string]bool{}
	for _, k := range keys {
		if !k.known && mayComeToSign(k.Signer) {
			may[k.Selector] = true
		}
	}
	return s.chosen(ctx, name, s.note(name, may))
}

// note remembers what was found, for the messages that follow.
func (s *Service) note(name string, may map[string]bool) sought {
	found := sought{at: s.config.Clock(), keys: may}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sought[name] = found
	return found
}

// soughtBefore returns what was found the last time, and whether that holds.
func (s *Service) soughtBefore(name string) (last sought, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.sought[name]
	age := s.config.Clock().Sub(last.at)
	return last, known && age >= 0 && age < seekEvery
}

// chosen returns the keys that sign by now, else those that may.
func (s *Service) chosen(ctx context.Context, name string, found sought) ([]Signer, error) {
	all, err := s.signers(ctx, name)
	if active := ofState(all, gomail.DKIMActive); err != nil || len(active) > 0 {
		return active, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(k Signer) bool { return !mayComeToSign(k) || !found.keys[k.Selector] }), nil
}

func (s *Service) signers(ctx context.Context, name string) ([]Signer, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	return c.keys[name], nil
}

// mostKeys bounds the keys of a domain, those that were retired among them.
const mostKeys = 40

// Generate makes further keys for a domain. They are pending until they have
// been seen in the DNS.
func (s *Service) Generate(ctx context.Context, name, algorithm, selector string) ([]gomail.DKIMKey, error) {
	d, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if algorithm == "" {
		algorithm = d.Settings.DKIM.Algorithm
	}
	all, err := s.signers(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	if len(all) >= mostKeys {
		return nil, gomail.Errorf(gomail.TooMany, "%s has %d DKIM keys already: each is published and looked at for as long as it lives", d.Name, len(all))
	}
	if selector == "" {
		if selector, err = s.freeSelector(ctx, d); err != nil {
			return nil, err
		}
	}
	keys, err := s.newKeys(d.Name, algorithm, selector)
	if err != nil {
		return nil, err
	}
	made := make([]gomail.DKIMKey, len(keys))
	for i := range keys {
		made[i] = keys[i].DKIMKey
	}
	if err = s.changed(s.config.Store.AddKeys(ctx, d.ID, keys)); err == nil {
		s.tell(d.Name)
	}
	return made, err
}

// newKeys makes the keys of an algorithm. Where there are two, the selector is
// that of the Ed25519 key and the RSA key has "-rsa" after its first label
// part: mail and mail-rsa, mail-202611 and mail-rsa-202611.
func (s *Service) newKeys(domain, algorithm, selector string) ([]StoredKey, error) {
	if algorithm == "" {
		algorithm = s.config.Algorithm
	}
	if selector == "" {
		selector = s.config.Selector
	}
	if err := validSelector(selector); err != nil {
		return nil, err
	}
	switch algorithm {
	case Ed25519, RSA:
		key, err := s.newKey(domain, algorithm, selector)
		return []StoredKey{key}, err
	case Both:
		first, err := s.newKey(domain, Ed25519, selector)
		if err != nil {
			return nil, err
		}
		second, err := s.newKey(domain, RSA, rsaSelector(selector))
		return []StoredKey{first, second}, err
	}
	return nil, gomail.Errorf(gomail.Invalid, "there is no DKIM algorithm %q: use ed25519, rsa or both", algorithm)
}

// freeSelector is the domain's selector with the month: mail-202611; of a
// second set in a month with a number: mail-202611-2.
func (s *Service) freeSelector(ctx context.Context, d gomail.Domain) (string, error) {
	const most = 100
	all, err := s.signers(ctx, d.Name)
	if err != nil {
		return "", err
	}
	base := d.Settings.DKIM.Selector
	if base == "" {
		base = s.config.Selector
	}
	base += "-" + s.config.Clock().UTC().Format("200601")
	taken := func(selector string) bool {
		return slices.ContainsFunc(all, func(k Signer) bool { return k.Selector == selector || k.Selector == rsaSelector(selector) })
	}
	for n := 1; n < most; n++ {
		selector := base
		if n > 1 {
			selector = fmt.Sprintf("%s-%d", base, n)
		}
		if !taken(selector) {
			return selector, nil
		}
	}
	return "", gomail.Errorf(gomail.TooMany, "%s has had too many keys this month: name a selector", d.Name)
}

// rsaSelector puts "-rsa" before the numbers at a selector's end.
func rsaSelector(selector string) string {
	end := len(selector)
	for {
		i := strings.LastIndexByte(selector[:end], '-')
		if i <= 0 || i+1 == end || strings.Trim(selector[i+1:end], "0123456789") != "" {
			break
		}
		end = i
	}
	return selector[:end] + "-rsa" + selector[end:]
}

func validSelector(selector string) error {
	name, err := gomail.CanonicalDomain(selector + ".x")
	if err != nil || name != selector+".x" {
		return gomail.Errorf(gomail.Invalid, "%q cannot be a selector: use lower-case letters, digits and hyphens", selector)
	}
	return nil
}

// newKey makes one key, pending and sealed.
func (s *Service) newKey(domain, algorithm, selector string) (StoredKey, error) {
	private, public, err := generateKey(algorithm)
	if err != nil {
		return StoredKey{}, fmt.Errorf("make a DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return StoredKey{}, fmt.Errorf("make a DKIM key: %w", err)
	}
	now := s.now()
	return StoredKey{
		DKIMKey: gomail.DKIMKey{
			Domain: domain, Selector: selector, Algorithm: algorithm, PublicKey: public,
			State: gomail.DKIMPending, Created: now, Since: now,
		},
		PrivateSealed: s.config.Sealer.Seal(der, keyPlace(domain, selector)),
	}, nil
}

// now is the time as the store keeps it.
func (s *Service) now() time.Time { return s.config.Clock().UTC().Truncate(time.Microsecond) }

// keyPlace binds a sealed key to its table, row and column.
func keyPlace(domain, selector string) string {
	return "dkim_key/" + domain + "/" + selector + "/priv_sealed"
}

// generateKey returns a key pair; public is what the record's p= tag holds.
func generateKey(algorithm string) (crypto.Signer, []byte, error) {
	if algorithm == Ed25519 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		return private, public, err
	}
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	return private, public, err
}

// open unseals a stored key.
func (s *Service) open(k StoredKey) (Signer, error) {
	der, err := s.config.Sealer.Open(k.PrivateSealed, keyPlace(k.Domain, k.Selector))
	if err != nil {
		return Signer{}, fmt.Errorf("open the DKIM key %s of %s: %w", k.Selector, k.Domain, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Signer{}, fmt.Errorf("read the DKIM key %s of %s: %w", k.Selector, k.Domain, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return Signer{}, gomail.Errorf(gomail.Corrupt, "the DKIM key %s of %s cannot sign", k.Selector, k.Domain)
	}
	return Signer{DKIMKey: k.DKIMKey, Private: signer}, nil
}
