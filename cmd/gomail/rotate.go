package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/dnswatch"
	"gomail/domains"
	"gomail/internal/resolver"
	"gomail/mailauth/dkim"
	"gomail/message"
)

// rotateEvery is how often rotations are looked after.
const rotateEvery = 10 * time.Minute

// rotateKeys advances the rotation of every domain's DKIM keys until ctx
// ends.
func (s *server) rotateKeys(ctx context.Context) error {
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	for {
		if err := s.domains.Advance(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("key rotation", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// keyObserver sees keys as the world does. It implements domains.Observer.
type keyObserver struct {
	prober   *dnswatch.Prober
	resolver *resolver.Resolver
}

// Look asks every name server of the domain, and the resolvers.
func (o keyObserver) Look(ctx context.Context, key gomail.DKIMKey) (domains.Sighting, error) {
	records := []dnsplan.Record{dnsplan.KeyRecord(key)}
	seen, err := o.prober.Look(ctx, key.Domain, records)
	if err != nil {
		return domains.Sighting{}, err
	}
	sighting := domains.Sighting{Settle: seen.NegativeTTL()}
	switch f := dnsplan.Compare(records, seen)[0]; f.State {
	case dnsplan.OK, dnsplan.OKDiffers:
		sighting.Sight = domains.Everywhere
	case dnsplan.Propagating:
		sighting.Sight = domains.Partly
	case dnsplan.Unknown:
		return sighting, gomail.Errorf(gomail.Unavailable, "%s", f.Fix)
	}
	return sighting, nil
}

// probe is a message that is signed to try a key.
const probe = "From: postmaster@%[1]s\r\nTo: postmaster@%[1]s\r\nSubject: Test of a signature\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <probe@%[1]s>\r\n"

// Verify signs a message and verifies it through the live DNS.
func (o keyObserver) Verify(ctx context.Context, key domains.Signer) error {
	header, err := message.ParseHeader(fmt.Appendf(nil, probe, key.Domain))
	if err != nil {
		return err
	}
	field, err := dkim.Sign(dkim.SignOptions{Domain: key.Domain, Selector: key.Selector, Signer: key.Private}, header, dkim.NewBodyHash(dkim.Relaxed).Sum())
	if err != nil {
		return err
	}
	signed, err := message.ParseHeader(append(field, header.Bytes()...))
	if err != nil {
		return err
	}
	v := dkim.NewVerifier(ctx, signed, dkim.Options{Resolver: o.resolver})
	defer v.Close()
	results, _ := v.Results(ctx)
	if len(results) == 0 {
		return gomail.Errorf(gomail.Unavailable, "the signature was not judged")
	}
	for _, r := range results {
		if r.Status != dkim.Pass {
			return gomail.Errorf(gomail.Unavailable, "the signature is judged %s: %s", r.Status, r.Reason)
		}
	}
	return nil
}
