package domains

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"gomail"
)

// Observer says what the world sees of a key.
type Observer interface {
	// Visible reports whether every authoritative server and the resolvers
	// have the key. An error means that it could not be found out.
	Visible(ctx context.Context, key gomail.DKIMKey) (bool, error)

	// Verify signs a message with the key and verifies it through the live
	// DNS.
	Verify(ctx context.Context, key Signer) error
}

// Pace is how long each step of a rotation takes at least.
type Pace struct {
	Settle  time.Duration // a new key has to be visible for so long before it signs
	Overlap time.Duration // the new and the old key sign together
	Retire  time.Duration // an old key stays published after it stopped signing
	Revoke  time.Duration // a revoked key stays published as revoked
	Renew   time.Duration // the age at which a key is replaced by itself; 0: never
}

// DefaultPace is careful: mail waits in queues for days and in mailboxes for
// longer before somebody verifies it.
var DefaultPace = Pace{Settle: time.Hour, Overlap: 24 * time.Hour, Retire: 30 * 24 * time.Hour, Revoke: 30 * 24 * time.Hour, Renew: 365 * 24 * time.Hour}

// Rotate begins to replace a domain's keys: it makes new ones, which sign only
// once the world can see them. Exists while a rotation is under way.
func (s *Service) Rotate(ctx context.Context, name, algorithm, selector string) ([]gomail.DKIMKey, error) {
	all, err := s.signers(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.State == gomail.DKIMPending {
			return nil, gomail.Errorf(gomail.Exists, "the key %s of %s is waiting to be published already: gomail dns plan %s shows it", k.Selector, name, name)
		}
	}
	return s.Generate(ctx, name, algorithm, selector)
}

// Retire takes a key out of use at once: it no longer signs and stays
// published for a while. The last active key is Forbidden to retire: mail would
// go out unsigned. Whether the world sees the keys that remain is for whoever
// asks to know; Rotate looks for itself.
func (s *Service) Retire(ctx context.Context, name, selector string) error {
	all, err := s.signers(ctx, name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k Signer) bool { return k.Selector == selector })
	if i < 0 {
		return gomail.Errorf(gomail.NotFound, "the domain %s has no key %s", name, selector)
	}
	others := slices.ContainsFunc(all, func(k Signer) bool { return k.State == gomail.DKIMActive && k.Selector != selector })
	if all[i].State == gomail.DKIMActive && !others {
		return gomail.Errorf(gomail.Forbidden, "%s is the only key that signs for %s: rotate first", selector, name)
	}
	return s.setState(ctx, all[i], gomail.DKIMRetiring, s.config.Clock())
}

// Advance takes every rotation as far as what the world sees allows. What
// cannot be observed stays as it is: an old key goes on signing until a new
// one is known to be seen.
func (s *Service) Advance(ctx context.Context, o Observer, pace Pace) error {
	c, err := s.current(ctx)
	if err != nil {
		return err
	}
	var failed error // one domain never holds up another
	for name := range c.domains {
		if err := s.advance(ctx, name, o, pace); err != nil {
			failed = errors.Join(failed, fmt.Errorf("rotate the keys of %s: %w", name, err))
		}
	}
	return failed
}

func (s *Service) advance(ctx context.Context, name string, o Observer, pace Pace) error {
	all, err := s.signers(ctx, name)
	if err != nil {
		return err
	}
	for _, k := range all {
		var err error
		switch k.State {
		case gomail.DKIMPending:
			err = s.advancePending(ctx, k, o, pace)
		case gomail.DKIMActive:
			err = s.advanceActive(ctx, k, all, o, pace)
		case gomail.DKIMRetiring:
			err = s.after(ctx, k, pace.Retire, gomail.DKIMRevoked)
		case gomail.DKIMRevoked:
			err = s.removeRevoked(ctx, k, pace.Revoke)
		}
		if err != nil {
			return err
		}
	}
	return s.renew(ctx, name, all, pace)
}

// advancePending lets a new key sign once it has been visible for a while
// without a break, and a signature by it verifies.
func (s *Service) advancePending(ctx context.Context, k Signer, o Observer, pace Pace) error {
	now := s.config.Clock()
	visible, err := o.Visible(ctx, k.DKIMKey)
	switch {
	case err != nil:
		return nil // not known: it is looked at again
	case !visible && !k.Since.Equal(k.Created):
		return s.setState(ctx, k, gomail.DKIMPending, k.Created) // it was gone in between: begin anew
	case !visible:
		return nil
	case k.Since.Equal(k.Created):
		return s.setState(ctx, k, gomail.DKIMPending, now) // seen for the first time
	case now.Sub(k.Since) < pace.Settle:
		return nil
	}
	if err := o.Verify(ctx, k); err != nil {
		s.log.Warn("a new DKIM key does not verify yet", slog.String("domain", k.Domain), slog.String("selector", k.Selector), slog.Any("error", err))
		return nil
	}
	s.log.Info("a new DKIM key signs", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
	return s.setState(ctx, k, gomail.DKIMActive, now)
}

// advanceActive retires a key when a newer one of its kind has signed beside
// it for long enough and is visible now; and stops a newer one that is no
// longer visible while an older one is.
func (s *Service) advanceActive(ctx context.Context, k Signer, all []Signer, o Observer, pace Pace) error {
	newer := successor(k, all)
	if newer == nil {
		return nil
	}
	visible, err := o.Visible(ctx, newer.DKIMKey)
	if err != nil {
		return nil
	}
	now := s.config.Clock()
	if !visible {
		if old, err := o.Visible(ctx, k.DKIMKey); err == nil && old {
			s.log.Warn("a DKIM key is no longer in the DNS; the one before it signs alone", slog.String("domain", k.Domain), slog.String("selector", newer.Selector))
			return s.setState(ctx, *newer, gomail.DKIMPending, newer.Created)
		}
		return nil
	}
	if now.Sub(newer.Since) < pace.Overlap {
		return nil
	}
	s.log.Info("an old DKIM key no longer signs", slog.String("domain", k.Domain), slog.String("selector", k.Selector))
	return s.setState(ctx, k, gomail.DKIMRetiring, now)
}

// successor returns the active key of the same algorithm that was made next.
func successor(k Signer, all []Signer) *Signer {
	var next *Signer
	for i, other := range all {
		if other.State == gomail.DKIMActive && other.Algorithm == k.Algorithm && other.Created.After(k.Created) && (next == nil || other.Created.Before(next.Created)) {
			next = &all[i]
		}
	}
	return next
}

// after moves a key on when it has been in its state for long enough.
func (s *Service) after(ctx context.Context, k Signer, wait time.Duration, state gomail.DKIMKeyState) error {
	now := s.config.Clock()
	if now.Sub(k.Since) < wait {
		return nil
	}
	return s.setState(ctx, k, state, now)
}

// removeRevoked forgets a key whose revocation has been published for long
// enough.
func (s *Service) removeRevoked(ctx context.Context, k Signer, wait time.Duration) error {
	if s.config.Clock().Sub(k.Since) < wait {
		return nil
	}
	return s.changed(s.config.Store.RemoveKey(ctx, k.Domain, k.Selector))
}

// renew begins a rotation by itself when the newest key has grown old.
func (s *Service) renew(ctx context.Context, name string, all []Signer, pace Pace) error {
	if pace.Renew == 0 || len(all) == 0 {
		return nil
	}
	newest := time.Time{}
	algorithms := map[string]bool{}
	for _, k := range all {
		if k.State == gomail.DKIMPending {
			return nil
		}
		if k.Created.After(newest) {
			newest = k.Created
		}
		if k.State == gomail.DKIMActive {
			algorithms[k.Algorithm] = true
		}
	}
	if s.config.Clock().Sub(newest) < pace.Renew || len(algorithms) == 0 {
		return nil
	}
	algorithm := Both
	if len(algorithms) == 1 {
		for algorithm = range algorithms {
		}
	}
	_, err := s.Generate(ctx, name, algorithm, "")
	if gomail.KindOf(err) == gomail.Exists {
		return nil
	}
	if err == nil {
		s.log.Warn("new DKIM keys wait to be published", slog.String("domain", name))
	}
	return err
}

func (s *Service) setState(ctx context.Context, k Signer, state gomail.DKIMKeyState, since time.Time) error {
	return s.changed(s.config.Store.SetKeyState(ctx, k.Domain, k.Selector, state, since))
}
