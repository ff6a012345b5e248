package domains

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail"
)

// Rotate begins to replace a domain's keys: it makes new ones, which sign only
// once the world can see them. Exists while a rotation is under way.
func (s *Service) Rotate(ctx context.Context, name, algorithm, selector string) ([]gomail.DKIMKey, error) {
	d, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	release, err := s.hold(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	defer release()
	all, err := s.signers(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.State == gomail.DKIMPending {
			return nil, gomail.Errorf(gomail.Exists, "the key %s of %s is waiting to be published already: gomail dns plan %s shows it", k.Selector, d.Name, d.Name)
		}
	}
	if algorithm == "" && d.Settings.DKIM.Algorithm == "" {
		algorithm = kindsOf(all)
	}
	return s.Generate(ctx, d.Name, algorithm, selector)
}

// kindsOf is the choice that makes a key of each kind that signs now; empty
// when none does.
func kindsOf(all []Signer) string {
	kinds := map[string]bool{}
	for _, k := range ofState(all, gomail.DKIMActive) {
		kinds[k.Algorithm] = true
	}
	if len(kinds) == 0 {
		return ""
	}
	return sameKinds(kinds)
}

// Retire takes a key out of use at once: it no longer signs and stays
// published for a while. Forbidden when no other key signs that the world
// sees, or when it is the last RSA key, which many receivers need (RFC 8463
// section 5 asks signers to keep both).
func (s *Service) Retire(ctx context.Context, name, selector string) error {
	d, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	release, err := s.hold(ctx, d.Name)
	if err != nil {
		return err
	}
	defer release()
	all, err := s.signers(ctx, d.Name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k Signer) bool { return k.Selector == selector })
	switch {
	case i < 0:
		return gomail.Errorf(gomail.NotFound, "the domain %s has no key %s", d.Name, selector)
	case all[i].State == gomail.DKIMRetiring, all[i].State == gomail.DKIMRevoked:
		return gomail.Errorf(gomail.Invalid, "the key %s is %s already", selector, all[i].State)
	}
	if err := s.mayRetire(ctx, all[i], all); err != nil {
		return err
	}
	return s.setState(ctx, all[i], gomail.DKIMRetiring, s.now())
}

// mayRetire makes sure that mail stays verifiable without a key.
func (s *Service) mayRetire(ctx context.Context, k Signer, all []Signer) error {
	if k.State != gomail.DKIMActive {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(all), func(o Signer) bool { return o.State != gomail.DKIMActive || o.Selector == k.Selector })
	if len(others) == 0 {
		return gomail.Errorf(gomail.Forbidden, "%s is the only key that signs for %s: rotate first", k.Selector, k.Domain)
	}
	if k.Algorithm == RSA && !slices.ContainsFunc(others, func(o Signer) bool { return o.Algorithm == RSA }) {
		return gomail.Errorf(gomail.Forbidden, "%s is the only RSA key that signs for %s, and many receivers verify no other kind: rotate first", k.Selector, k.Domain)
	}
	if s.config.Observer == nil {
		return nil
	}
	for _, o := range others {
		if seen, err := s.config.Observer.Look(ctx, o.DKIMKey); err == nil && seen.Sight == Everywhere {
			return nil
		}
	}
	return gomail.Errorf(gomail.Forbidden, "no other key of %s is seen on every name server: publish one first, or mail would go out with nothing to verify it by", k.Domain)
}

// Bounds of advancing: how many domains at once, and how long a step of one may
// take, its publishing included.
const (
	atOnce   = 4
	stepTime = 5 * time.Minute
)

// Advance takes every rotation as far as what the world sees allows. What
// cannot be observed stays as it is: an old key goes on signing until a new
// one is known to be seen. One domain never holds up another.
func (s *Service) Advance(ctx context.Context) error {
	c, err := s.current(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failed error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for name := range c.domains {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			if err := s.AdvanceDomain(ctx, name); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}

// AdvanceDomain does the same for one domain.
func (s *Service) AdvanceDomain(ctx context.Context, name string) error {
	if s.config.Observer == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	name, err := gomail.CanonicalDomain(name)
	if err != nil {
		return err
	}
	release, err := s.hold(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	d, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	all, err := s.signers(ctx, d.Name)
	if err == nil && !d.Settings.Parked {
		err = s.advance(ctx, d, s.lookAt(ctx, all))
	}
	if err != nil {
		return fmt.Errorf("rotate the keys of %s: %w", d.Name, err)
	}
	return nil
}

// hold keeps others from deciding about a domain's keys: two at once would each
// act on what the other has changed. Domains do not wait for each other, and nobody
// for longer than they like.
func (s *Service) hold(ctx context.Context, domain string) (release func(), err error) {
	s.mu.Lock()
	held := s.advancing[domain]
	if held == nil {
		held = make(chan struct{}, 1)
		s.advancing[domain] = held
	}
	s.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sighted is a key with what the world sees of it.
type sighted struct {
	Signer
	Sighting
	known bool // false: it could not be found out
}

// signs reports whether the key signs and is known to be seen.
func (k sighted) signs() bool { return k.State == gomail.DKIMActive }

// lookAt looks at every key, at all of them at once.
func (s *Service) lookAt(ctx context.Context, all []Signer) []sighted {
	keys := make([]sighted, len(all))
	var looks sync.WaitGroup
	for i, k := range all {
		keys[i].Signer = k
		looks.Go(func() {
			seen, err := s.config.Observer.Look(ctx, k.DKIMKey)
			keys[i].Sighting, keys[i].known = seen, err == nil
		})
	}
	looks.Wait()
	return keys
}

// advance takes one domain a step further: first what must never be broken,
// then what is new, then what is old.
func (s *Service) advance(ctx context.Context, d gomail.Domain, keys []sighted) error {
	s.publish(ctx, d, keys)
	for _, step := range []func(context.Context, []sighted) error{s.mendTimes, s.rescue, s.stopUnseen, s.activate, s.retireOld, s.revokeOld, s.removeRevoked} {
		if err := step(ctx, keys); err != nil {
			return err
		}
	}
	if err := s.remind(ctx, d, keys); err != nil {
		return err
	}
	return s.renew(ctx, d, keys)
}

// publish has the provider hold what is not yet, or no longer, as it should
// be. A provider that fails is asked again the next time: nothing is decided
// by what was asked of it, but by what is seen.
func (s *Service) publish(ctx context.Context, d gomail.Domain, keys []sighted) {
	if s.config.Publisher == nil || d.Settings.Publishing.Connection == "" {
		return
	}
	var due []gomail.DKIMKey
	for _, k := range keys {
		if k.known && k.Sight != Everywhere {
			due = append(due, k.DKIMKey)
		}
	}
	if len(due) == 0 {
		return
	}
	if err := s.config.Publisher.PublishKeys(ctx, d.Name, due); err != nil {
		s.log.Warn("DKIM keys could not be published; it is tried again", slog.String("domain", d.Name), slog.Any("error", err))
	}
}

// mendTimes takes times that lie ahead for now: the clock was wrong when they
// were written, and nothing would go on until then.
func (s *Service) mendTimes(ctx context.Context, keys []sighted) error {
	for i, k := range keys {
		if !k.Since.After(s.now()) || k.State == gomail.DKIMPending && k.Since.Equal(k.Created) {
			continue
		}
		if err := s.move(ctx, &keys[i], k.State, s.now()); err != nil {
			return err
		}
	}
	return nil
}

// rescue lets a key sign again that had stopped, when none that signs can be
// seen and it can: one that is seen everywhere, or else in part.
func (s *Service) rescue(ctx context.Context, keys []sighted) error {
	for _, k := range keys {
		if k.signs() && (!k.known || k.Sight != Nowhere) {
			return nil
		}
	}
	best := Nowhere
	for _, k := range keys {
		if k.State == gomail.DKIMRetiring && k.known {
			best = max(best, k.Sight)
		}
	}
	if best == Nowhere {
		return nil
	}
	for i, k := range keys {
		if k.State == gomail.DKIMRetiring && k.known && k.Sight == best {
			s.log.Warn("an old DKIM key signs again: no newer one is in the DNS", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
			if err := s.move(ctx, &keys[i], gomail.DKIMActive, s.now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopUnseen stops keys that are in the DNS no longer: a signature by them
// verifies nowhere. They begin anew when they are seen again.
func (s *Service) stopUnseen(ctx context.Context, keys []sighted) error {
	for i, k := range keys {
		if !k.signs() || !k.known || k.Sight != Nowhere {
			continue
		}
		s.log.Warn("a DKIM key is no longer in the DNS and does not sign", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
		if err := s.move(ctx, &keys[i], gomail.DKIMPending, k.Created); err != nil {
			return err
		}
	}
	return nil
}

// activate lets new keys sign once they have been seen everywhere for as long
// as somebody may remember their absence, and a signature by them verifies.
// Where nothing signs yet there is nothing to wait for: unsigned mail is worse
// off. That holds for the second of two first keys too, when the owner
// publishes them one after the other.
func (s *Service) activate(ctx context.Context, keys []sighted) error {
	for i, k := range keys {
		if k.State != gomail.DKIMPending || !k.known {
			continue
		}
		signing := slices.ContainsFunc(keys, func(o sighted) bool { return o.signs() && !madeTogether(o, k) })
		if err := s.activateOne(ctx, &keys[i], signing); err != nil {
			return err
		}
	}
	return nil
}

// madeTogether reports whether two keys are of one set, an Ed25519 key with
// its RSA key.
func madeTogether(a, b sighted) bool {
	return a.Algorithm != b.Algorithm && a.Created.Sub(b.Created).Abs() < time.Minute
}

func (s *Service) activateOne(ctx context.Context, k *sighted, signing bool) error {
	first := k.Since.Equal(k.Created) // it was not seen everywhere before
	switch {
	case k.Sight != Everywhere && first:
		return nil
	case k.Sight != Everywhere:
		return s.move(ctx, k, gomail.DKIMPending, k.Created) // it was gone in between
	case signing && first:
		return s.move(ctx, k, gomail.DKIMPending, s.now())
	case signing && s.now().Sub(k.Since) < max(s.config.Pace.Settle, k.Settle):
		return nil
	}
	if err := s.config.Observer.Verify(ctx, k.Signer); err != nil {
		s.log.Warn("a new DKIM key does not verify yet", slog.String("domain", k.Domain), slog.String("selector", k.Selector), slog.Any("error", err))
		return nil
	}
	s.log.Info("a new DKIM key signs", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
	return s.move(ctx, k, gomail.DKIMActive, s.now())
}

// retireOld stops a key when a newer one of its kind has signed beside it for
// long enough and is seen everywhere now.
func (s *Service) retireOld(ctx context.Context, keys []sighted) error {
	for i, k := range keys {
		if !k.signs() {
			continue
		}
		newer := successor(k, keys)
		if newer == nil || !newer.known || newer.Sight != Everywhere || s.now().Sub(newer.Since) < s.config.Pace.Overlap {
			continue
		}
		s.log.Info("an old DKIM key no longer signs", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
		if err := s.move(ctx, &keys[i], gomail.DKIMRetiring, s.now()); err != nil {
			return err
		}
	}
	return nil
}

// successor returns the active key of the same algorithm that was made next.
func successor(k sighted, keys []sighted) *sighted {
	var next *sighted
	for i, other := range keys {
		if other.signs() && other.Algorithm == k.Algorithm && other.Created.After(k.Created) && (next == nil || other.Created.Before(next.Created)) {
			next = &keys[i]
		}
	}
	return next
}

// revokeOld publishes retired keys as revoked, when mail signed by them has
// arrived or never will.
func (s *Service) revokeOld(ctx context.Context, keys []sighted) error {
	for i, k := range keys {
		if k.State == gomail.DKIMRetiring && s.now().Sub(k.Since) >= s.config.Pace.Retire {
			if err := s.move(ctx, &keys[i], gomail.DKIMRevoked, s.now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeRevoked forgets keys whose revocation has been published for long
// enough, and takes their records away. While the provider fails, they stay.
func (s *Service) removeRevoked(ctx context.Context, keys []sighted) error {
	for _, k := range keys {
		if k.State != gomail.DKIMRevoked || s.now().Sub(k.Since) < s.config.Pace.Revoke {
			continue
		}
		if s.config.Publisher != nil {
			if err := s.config.Publisher.WithdrawKey(ctx, k.Domain, k.DKIMKey); err != nil {
				s.log.Warn("a revoked DKIM key could not be removed from the DNS; it is tried again", slog.String("domain", k.Domain), slog.String("selector", k.Selector), slog.Any("error", err))
				continue
			}
		}
		if err := s.changed(s.config.Store.RemoveKey(ctx, k.Domain, k.Selector)); err != nil {
			return err
		}
	}
	return nil
}

// move writes a key's state, in the store and in what is decided on next.
func (s *Service) move(ctx context.Context, k *sighted, state gomail.DKIMKeyState, since time.Time) error {
	if err := s.setState(ctx, k.Signer, state, since); err != nil {
		return err
	}
	k.State, k.Since = state, since
	return nil
}

func (s *Service) setState(ctx context.Context, k Signer, state gomail.DKIMKeyState, since time.Time) error {
	err := s.changed(s.config.Store.SetKeyState(ctx, k.Domain, k.Selector, state, since))
	if err == nil {
		s.tell(k.Domain)
	}
	return err
}
