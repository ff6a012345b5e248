package filter

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// Greylisting is who has to come back before mail is taken.
type Greylisting string

// The ways of greylisting.
const (
	GreylistOff        Greylisting = "off"
	GreylistSuspicious Greylisting = "suspicious" // who neither SPF nor DKIM vouches for, or without a name that leads back
	GreylistAll        Greylisting = "all"        // everybody who is not known
)

// ParseGreylisting reads a way of greylisting; empty is off.
func ParseGreylisting(s string) (Greylisting, error) {
	switch g := Greylisting(s); g {
	case "":
		return GreylistOff, nil
	case GreylistOff, GreylistSuspicious, GreylistAll:
		return g, nil
	}
	return "", gomail.Errorf(gomail.Invalid, "there is no greylisting %q: use off, suspicious or all", s)
}

// Times of greylisting. Servers retry within hours; those that do not come
// back within two days have given up.
const (
	retryWindow = 48 * time.Hour
	// Memory is how long somebody who came back, or whom people here wrote
	// to, stays known.
	Memory = 60 * 24 * time.Hour
	// refresh is how old the note of a visit may grow before it is renewed.
	refresh = 24 * time.Hour
	// poolPasses is how many senders of a pool have to come back before all
	// of them are known.
	poolPasses = 3
)

// Attempt is a message that somebody brings.
type Attempt struct {
	Client   netip.Addr
	Name     string         // of the client, that leads back to it; empty: none
	From     gomail.Address // the envelope's sender
	Verified []string       // domains that SPF or DKIM shows it to come from
}

// Greylist returns Throttled for a message whose sender has to come back
// later, with the time to wait. Senders are told apart by pool: servers of one
// organisation retry from another address, and count as one.
//
// A sender is known, and never waits, when it came back once; when people here
// wrote to its domain; when enough others of its pool came back. Notifications
// (the null sender) never wait.
func (s *Service) Greylist(ctx context.Context, a Attempt, how Greylisting) error {
	if how == GreylistOff || how == "" || a.From.IsNull() || how == GreylistSuspicious && a.Name != "" && a.isVerified() {
		return nil
	}
	wait, err := s.wait(ctx, a)
	if err != nil { // nobody waits for a fault of ours
		s.config.Logger.Error("greylisting", slog.String("outcome", "let through"), slog.Any("error", err))
		return nil
	}
	if wait <= 0 {
		return nil
	}
	return gomail.Errorf(gomail.Throttled, "this server does not know you yet: try again in %d minutes (greylisting)", int(wait.Minutes()+0.99))
}

// wait returns how long a sender has to wait, and remembers that it came.
func (s *Service) wait(ctx context.Context, a Attempt) (time.Duration, error) {
	pool, sender := a.pool(), a.From.Canonical().String()
	now := s.config.Clock()
	known, whole, err := s.config.Store.Acquaintance(ctx, pool, sender)
	if err != nil {
		return 0, err
	}
	if whole.Passed && now.Sub(whole.Last) < Memory {
		return 0, s.seen(ctx, pool, "", whole, now)
	}
	if known.Passed && now.Sub(known.Last) < Memory {
		return 0, s.seen(ctx, pool, sender, known, now)
	}
	if wrote, err := s.correspondent(ctx, a, now); wrote || err != nil {
		return 0, err
	}
	if known.First.IsZero() || known.Passed || now.Sub(known.First) > retryWindow {
		return s.config.Delay, s.config.Store.Acquaint(ctx, pool, sender, Acquaintance{First: now, Last: now})
	}
	if wait := s.config.Delay - now.Sub(known.First); wait > 0 {
		return wait, nil
	}
	return 0, s.pass(ctx, pool, sender, known, now)
}

// seen renews the note of a visit, not at every one.
func (s *Service) seen(ctx context.Context, pool, sender string, a Acquaintance, now time.Time) error {
	if now.Sub(a.Last) < refresh {
		return nil
	}
	a.Last = now
	return s.config.Store.Acquaint(ctx, pool, sender, a)
}

// pass remembers that a sender came back, and its pool once enough have.
func (s *Service) pass(ctx context.Context, pool, sender string, a Acquaintance, now time.Time) error {
	a.Last, a.Passed = now, true
	if err := s.config.Store.Acquaint(ctx, pool, sender, a); err != nil {
		return err
	}
	passed, err := s.config.Store.PassedSenders(ctx, pool)
	if err != nil || passed < poolPasses {
		return err
	}
	return s.config.Store.Acquaint(ctx, pool, "", Acquaintance{First: now, Last: now, Passed: true})
}

// correspondent reports whether people here wrote to the domain that a
// message verifiably comes from.
func (s *Service) correspondent(ctx context.Context, a Attempt, now time.Time) (bool, error) {
	if !a.isVerified() {
		return false, nil
	}
	at, err := s.config.Store.WrittenTo(ctx, dnsplan.Organisation(a.From.Domain))
	return !at.IsZero() && now.Sub(at) < Memory, err
}

// isVerified reports whether SPF or DKIM vouches for the sender's domain.
func (a Attempt) isVerified() bool {
	org := dnsplan.Organisation(a.From.Domain)
	for _, d := range a.Verified {
		if dnsplan.Organisation(d) == org {
			return true
		}
	}
	return false
}

// pool is whose servers a client belongs to: those that may send for the
// domain, those with names of one organisation, or those of one network.
func (a Attempt) pool() string {
	switch {
	case a.isVerified():
		return "domain:" + dnsplan.Organisation(a.From.Domain)
	case a.Name != "":
		return "host:" + dnsplan.Organisation(a.Name)
	}
	bits := 64
	addr := a.Client.Unmap().WithZone("")
	if addr.Is4() {
		bits = 24
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return "network:" + addr.String()
	}
	return "network:" + network.String()
}
