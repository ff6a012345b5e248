package sts

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gomail/tlspolicy"
)

// Store keeps policies over restarts.
type Store interface {
	// STSPolicies returns all that are kept.
	STSPolicies(ctx context.Context) ([]tlspolicy.CachedPolicy, error)
	// SetSTSPolicy keeps a policy in the place of the domain's last.
	SetSTSPolicy(ctx context.Context, p tlspolicy.CachedPolicy) error
	// RemoveSTSPolicies removes those that expired before a moment.
	RemoveSTSPolicies(ctx context.Context, before time.Time) error
}

// Resolver answers for the records. Its errors are *net.DNSError.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Web fetches over HTTPS.
type Web interface {
	Get(ctx context.Context, address string, most int64) ([]byte, error)
}

// Config is what a Cache needs.
type Config struct {
	Store    Store
	Resolver Resolver
	Web      Web
	Clock    func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: nothing is logged
}

// Cache finds policies. It is safe for concurrent use.
type Cache struct {
	config  Config
	flights singleflight.Group

	mu     sync.Mutex
	known  map[string]*entry // by domain
	failed map[string]failed // fetches that failed of late, by domain
}

// entry is a policy that is in force.
type entry struct {
	tlspolicy.CachedPolicy
	policy tlspolicy.Policy
	used   time.Time
}

// halfLife is from when on it is fetched anew. That, as its end, is never so
// soon that every message would ask for it.
func (e *entry) halfLife() time.Time { return e.Fetched.Add(max(e.policy.MaxAge/2, retryAfter)) }

// failed is a fetch that failed, and why.
type failed struct {
	at      time.Time
	id      string
	failure *tlspolicy.Failure
}

// The pace of fetching.
const (
	fetchTimeout = 40 * time.Second
	retryAfter   = 5 * time.Minute     // RFC 8461 section 3.3
	refreshEvery = time.Hour           // how often it is looked for policies that grow old
	unusedAfter  = 30 * 24 * time.Hour // without mail a policy is not fetched anew
	mostKnown    = 50_000              // domains in memory
)

// New returns a Cache with the policies that the store has.
func New(ctx context.Context, c Config) (*Cache, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	cache := &Cache{config: c, known: map[string]*entry{}, failed: map[string]failed{}}
	all, err := c.Store.STSPolicies(ctx)
	for _, p := range all {
		// What was kept could be parsed then; a parser that has become
		// stricter has it fetched again.
		if policy, err := tlspolicy.ParsePolicy(p.Text); err == nil {
			cache.known[p.Domain] = &entry{p, policy, c.Clock()}
		}
	}
	return cache, err
}

// Policy returns the policy that is in force for a domain; nil: none is. A
// failure is why a policy that is announced could not be had, or not be had
// anew.
func (c *Cache) Policy(ctx context.Context, domain string) (*tlspolicy.Policy, *tlspolicy.Failure) {
	id, announced := c.announced(ctx, domain)
	now := c.config.Clock()
	old := c.current(domain, now)
	switch {
	case !announced:
		return policyOf(old), nil
	case old != nil && old.ID == id && now.Before(old.halfLife()):
		return policyOf(old), nil
	}
	if f, recent := c.recentFailure(domain, id, now); recent {
		return policyOf(old), f
	}
	fresh, failure := c.refresh(ctx, domain, id)
	if failure != nil {
		return policyOf(old), failure
	}
	return policyOf(fresh), nil
}

func policyOf(e *entry) *tlspolicy.Policy {
	if e == nil {
		return nil
	}
	return &e.policy
}

// announced returns the id that the domain's record has. That there is none,
// or that it cannot be known now, leaves a policy in force.
func (c *Cache) announced(ctx context.Context, domain string) (id string, ok bool) {
	txts, err := c.config.Resolver.LookupTXT(ctx, "_mta-sts."+domain)
	if err != nil {
		return "", false
	}
	id, err = tlspolicy.STSRecordID(txts)
	return id, err == nil
}

// current returns what is in force for a domain.
func (c *Cache) current(domain string, now time.Time) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.known[domain]
	if e == nil || !now.Before(e.Expires) {
		return nil
	}
	e.used = now
	return e
}

func (c *Cache) recentFailure(domain, id string, now time.Time) (*tlspolicy.Failure, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.failed[domain]
	return f.failure, ok && f.id == id && now.Sub(f.at) < retryAfter
}

// refresh fetches a domain's policy and keeps it, once for all who wait for it.
func (c *Cache) refresh(ctx context.Context, domain, id string) (*entry, *tlspolicy.Failure) {
	type result struct {
		e *entry
		f *tlspolicy.Failure
	}
	done := c.flights.DoChan(domain+" "+id, func() (any, error) {
		fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		e, f := c.fetch(fetching, domain, id)
		return result{e, f}, nil
	})
	select {
	case r := <-done:
		got := r.Val.(result)
		return got.e, got.f
	case <-ctx.Done():
		return nil, &tlspolicy.Failure{Type: tlspolicy.STSPolicyFetchError, Err: ctx.Err()}
	}
}

// fetch asks the policy's host.
func (c *Cache) fetch(ctx context.Context, domain, id string) (*entry, *tlspolicy.Failure) {
	text, err := c.config.Web.Get(ctx, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", tlspolicy.MaxPolicy)
	if err != nil {
		return nil, c.fail(domain, id, &tlspolicy.Failure{Type: fetchFailure(err), Err: err})
	}
	policy, err := tlspolicy.ParsePolicy(text)
	if err != nil {
		return nil, c.fail(domain, id, &tlspolicy.Failure{Type: tlspolicy.STSPolicyInvalid, Err: err})
	}
	now := c.config.Clock()
	e := &entry{tlspolicy.CachedPolicy{Domain: domain, ID: id, Text: text, Fetched: now, Expires: now.Add(max(policy.MaxAge, retryAfter))}, policy, now}
	if err := c.config.Store.SetSTSPolicy(ctx, e.CachedPolicy); err != nil {
		c.config.Logger.Error("an MTA-STS policy could not be kept", slog.String("domain", domain), slog.Any("error", err))
	}
	c.config.Logger.Info("MTA-STS policy", slog.String("domain", domain), slog.String("mode", string(policy.Mode)), slog.String("id", id))
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.failed, domain)
	makeRoom(c.known)
	c.known[domain] = e
	return e, nil
}

// fail remembers that a fetch failed.
func (c *Cache) fail(domain, id string, f *tlspolicy.Failure) *tlspolicy.Failure {
	c.config.Logger.Warn("an MTA-STS policy could not be fetched", slog.String("domain", domain), slog.String("result", string(f.Type)), slog.Any("error", f.Err))
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.failed)
	c.failed[domain] = failed{c.config.Clock(), id, f}
	return f
}

// makeRoom drops any when a map is full: what is dropped is fetched again.
func makeRoom[V any](m map[string]V) {
	for key := range m {
		if len(m) < mostKnown {
			return
		}
		delete(m, key)
	}
}

// fetchFailure is the name that reports have for an error of a fetch.
func fetchFailure(err error) tlspolicy.ResultType {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return tlspolicy.STSWebPKIInvalid
	}
	return tlspolicy.STSPolicyFetchError
}

// Run fetches policies anew before they end, and forgets those that have
// ended, until ctx ends.
func (c *Cache) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		c.sweep(ctx)
	}
}

func (c *Cache) sweep(ctx context.Context) {
	now := c.config.Clock()
	for _, domain := range c.old(now) {
		if id, announced := c.announced(ctx, domain); announced && ctx.Err() == nil {
			c.refresh(ctx, domain, id)
		}
	}
	if err := c.config.Store.RemoveSTSPolicies(ctx, now); err != nil && ctx.Err() == nil {
		c.config.Logger.Error("old MTA-STS policies were not removed", slog.Any("error", err))
	}
}

// old returns the domains with mail of late whose policies are half through,
// and drops what has ended.
func (c *Cache) old(now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.failed, func(_ string, f failed) bool { return now.Sub(f.at) > retryAfter })
	var old []string
	for domain, e := range c.known {
		switch {
		case !now.Before(e.Expires):
			delete(c.known, domain)
		case now.Sub(e.used) < unusedAfter && !now.Before(e.halfLife()):
			old = append(old, domain)
		}
	}
	slices.Sort(old)
	return old
}
