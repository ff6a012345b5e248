package domains

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/internal/seal"
	"gomail/mailauth/srs"
)

// Config is what the service needs.
type Config struct {
	Store     Store
	Sealer    *seal.Sealer
	Hostname  string           // the mail host's name; postmaster without a domain is there
	Selector  string           // of the first key; empty: "mail"
	Algorithm string           // of new keys: "both" (also when empty), "ed25519", "rsa"
	Pace      Pace             // of rotations; the zero value: DefaultPace
	Clock     func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: silent

	// Observer sees keys as the world does. nil: nobody looks, so the first
	// keys sign unseen, and later ones wait for ever.
	Observer Observer

	Publisher Publisher                                   // nil: every owner publishes by hand
	Remind    func(ctx context.Context, r Reminder) error // nil: nobody is reminded
	Changed   func(domain string)                         // told when a domain or its keys have changed; nil: nobody is
}

// Service manages the hosted domains.
type Service struct {
	config Config
	log    *slog.Logger
	srs    srs.Rewriter

	mu     sync.Mutex
	cache  *snapshot         // nil: to be read again
	sought map[string]sought // by domain: its first keys, while they wait

	advancing map[string]chan struct{} // by domain: held while its rotation goes a step
}

// snapshot is all domains with their keys, as they were a moment ago.
type snapshot struct {
	domains map[string]gomail.Domain
	keys    map[string][]Signer
	// forwards are the aliases that lead outside.
	forwards map[gomail.Address][]gomail.Address
	lists    map[gomail.Address]bool
	until    time.Time
}

// cacheLife bounds how long another process's change goes unnoticed.
const cacheLife = 30 * time.Second

// New returns the service.
func New(c Config) *Service {
	if c.Selector == "" {
		c.Selector = "mail"
	}
	if c.Algorithm == "" {
		c.Algorithm = Both
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Pace == (Pace{}) {
		c.Pace = DefaultPace()
	}
	rewriter := srs.Rewriter{Clock: c.Clock}
	if c.Sealer != nil {
		rewriter.Secret = c.Sealer.Derive("srs")
	}
	return &Service{config: c, log: c.Logger, srs: rewriter, sought: map[string]sought{}, advancing: map[string]chan struct{}{}}
}

// current returns the domains and keys, read again when they may have
// changed.
func (s *Service) current(ctx context.Context) (*snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache != nil && s.config.Clock().Before(s.cache.until) {
		return s.cache, nil
	}
	all, err := s.config.Store.Domains(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := s.config.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	forwards, err := s.config.Store.Forwards(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := s.config.Store.ListAddresses(ctx)
	if err != nil {
		return nil, err
	}
	fresh := &snapshot{forwards: forwardsOf(forwards), lists: map[gomail.Address]bool{}, domains: map[string]gomail.Domain{}, keys: map[string][]Signer{}, until: s.config.Clock().Add(cacheLife)}
	for _, d := range all {
		fresh.domains[d.Name] = d
	}
	for _, a := range lists {
		fresh.lists[a] = true
	}
	for _, k := range keys {
		signer, err := s.open(k)
		if err != nil {
			return nil, err
		}
		fresh.keys[k.Domain] = append(fresh.keys[k.Domain], signer)
	}
	s.cache = fresh
	return fresh, nil
}

// changed makes the next look see what was just written.
func (s *Service) changed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache = nil
	return err
}

// Reload makes the next look see what others have written: mailing lists were
// made or removed.
func (s *Service) Reload() { _ = s.changed(nil) }

func (s *Service) tell(domain string) {
	if s.config.Changed != nil {
		s.config.Changed(domain)
	}
}

// AddOptions say how a domain is made.
type AddOptions struct {
	Algorithm string // of its DKIM keys; empty: the configured one
	Selector  string // of its first key; empty: the configured one
	Settings  gomail.DomainSettings
}

// Add makes a domain with DKIM keys of its own. They are pending: they sign
// as soon as the world can see them.
func (s *Service) Add(ctx context.Context, name string, o AddOptions) (gomail.Domain, error) {
	name, err := hostedName(name)
	if err != nil {
		return gomail.Domain{}, err
	}
	keys, err := s.newKeys(name, o.Algorithm, o.Selector)
	if err != nil {
		return gomail.Domain{}, err
	}
	for i := range keys {
		if s.config.Observer == nil {
			keys[i].State = gomail.DKIMActive
		}
	}
	d := gomail.Domain{Name: name, Settings: o.Settings, Created: s.config.Clock()}
	d.ID, err = s.config.Store.AddDomain(ctx, d, keys)
	if err = s.changed(err); err == nil {
		s.tell(d.Name)
	}
	return d, err
}

// hostedName returns the canonical form of a name that can be a mail domain.
func hostedName(name string) (string, error) {
	name, err := gomail.CanonicalDomain(name)
	if err != nil {
		return "", err
	}
	if !strings.Contains(name, ".") {
		return "", gomail.Errorf(gomail.Invalid, "%q is not a full domain name: write it with its ending, such as %s.com", name, name)
	}
	return name, nil
}

// List returns all domains in the order of their names.
func (s *Service) List(ctx context.Context) ([]gomail.Domain, error) {
	all, err := s.config.Store.Domains(ctx)
	slices.SortFunc(all, func(a, b gomail.Domain) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Get returns a hosted domain. NotFound when it is not hosted here.
func (s *Service) Get(ctx context.Context, name string) (gomail.Domain, error) {
	name, err := gomail.CanonicalDomain(name)
	if err != nil {
		return gomail.Domain{}, err
	}
	c, err := s.current(ctx)
	if err != nil {
		return gomail.Domain{}, err
	}
	d, ok := c.domains[name]
	if !ok {
		return gomail.Domain{}, gomail.Errorf(gomail.NotFound, "the domain %s is not hosted here: add it with gomail domain add %s", name, name)
	}
	return d, nil
}

// Update writes a domain's settings and whether it is disabled.
func (s *Service) Update(ctx context.Context, d gomail.Domain) error {
	err := s.changed(s.config.Store.UpdateDomain(ctx, d))
	if err == nil {
		s.tell(d.Name)
	}
	return err
}

// Remove removes a domain that has no accounts, with its aliases and keys.
func (s *Service) Remove(ctx context.Context, name string) error {
	d, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	err = s.changed(s.config.Store.RemoveDomain(ctx, d.ID))
	if err == nil {
		s.mu.Lock()
		delete(s.sought, d.Name)
		s.mu.Unlock()
	}
	return err
}
