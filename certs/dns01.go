package certs

import (
	"context"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"gomail"
)

// DNS sets the records by which names are proved (DNS-01, RFC 8555 section
// 8.4).
type DNS interface {
	// Covers reports whether records of a name can be set.
	Covers(ctx context.Context, name string) bool
	// Present sets a TXT record of name at _acme-challenge.<name>, beside
	// others there.
	Present(ctx context.Context, name, record, value string) error
	// Visible reports whether every name server of the zone shows it.
	Visible(ctx context.Context, name, record, value string) (bool, error)
	// Remove takes it away.
	Remove(ctx context.Context, name, record, value string) error
}

// providerError marks what failed at the DNS provider.
type providerError struct{ error }

func (e providerError) Unwrap() error { return e.error }

// solver answers DNS-01 challenges. It implements acmez.Solver and Waiter.
type solver struct{ dns DNS }

// Present implements acmez.Solver.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	if err := s.dns.Present(ctx, c.Identifier.Value, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization()); err != nil {
		return providerError{err}
	}
	return nil
}

// How long name servers may take to show a record, and how often they are
// asked.
const (
	visibleWithin = 5 * time.Minute
	visibleAgain  = 2 * time.Second
)

// Wait implements acmez.Waiter: an authority that asks too early counts it as
// a failure.
func (s solver) Wait(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	for {
		shown, err := s.dns.Visible(ctx, c.Identifier.Value, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
		if shown && err == nil {
			return nil
		}
		if sleep(ctx, visibleAgain) == nil {
			continue
		}
		if err == nil {
			err = gomail.Errorf(gomail.Unavailable, "not every name server shows the record after %v", visibleWithin)
		}
		return providerError{err}
	}
}

// CleanUp implements acmez.Solver.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return s.dns.Remove(ctx, c.Identifier.Value, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}
