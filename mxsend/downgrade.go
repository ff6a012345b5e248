package mxsend

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// OfferStore keeps over restarts which hosts offered TLS.
type OfferStore interface {
	// TLSOffers returns when hosts last offered TLS, of the limit hosts that
	// did so last.
	TLSOffers(ctx context.Context, limit int) (map[string]time.Time, error)
	// NoteTLSOffer keeps that a host offers TLS, and removes those that did so
	// last before a moment.
	NoteTLSOffer(ctx context.Context, host string, at, before time.Time) error
}

// offers remembers when hosts last offered TLS, so that one that no longer does
// is noticed: somebody on the path may have taken it out.
type offers struct {
	load  sync.Once
	mu    sync.Mutex
	hosts map[string]time.Time
}

const (
	mostOffers     = 20_000              // bounds what is remembered
	offersAge      = 90 * 24 * time.Hour // a server may have been replaced since
	keepOfferEvery = 24 * time.Hour      // what is kept is renewed no more often
)

// note takes in whether a host offers TLS. It reports whether it did before and
// does not now, and whether that it does is worth keeping.
func (o *offers) note(host string, offered bool, now time.Time) (downgraded, keep bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, known := o.hosts[host]
	if !offered {
		return known && now.Sub(last) < offersAge, false
	}
	if known && now.Sub(last) < keepOfferEvery {
		return false, false
	}
	if o.hosts == nil {
		o.hosts = map[string]time.Time{}
	}
	for other := range o.hosts {
		if len(o.hosts) < mostOffers {
			break
		}
		delete(o.hosts, other) // any
	}
	o.hosts[host] = now
	return false, true
}

// watchOffer tells when a host has stopped to offer TLS.
func (s *Sender) watchOffer(ctx context.Context, c *client) {
	s.offers.load.Do(func() { s.loadOffers(ctx) })
	now := time.Now()
	downgraded, keep := s.offers.note(c.host, c.security.Version != "" || c.ext.starttls, now)
	if downgraded {
		s.cfg.Logger.Warn("a server that offered TLS before does not now", slog.String("remote", c.host), slog.String("addr", c.addr.String()))
	}
	if !keep || s.cfg.Offers == nil {
		return
	}
	if err := s.cfg.Offers.NoteTLSOffer(ctx, c.host, now, now.Add(-offersAge)); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("that a server offers TLS was not kept", slog.String("remote", c.host), slog.Any("error", err))
	}
}

func (s *Sender) loadOffers(ctx context.Context) {
	if s.cfg.Offers == nil {
		return
	}
	hosts, err := s.cfg.Offers.TLSOffers(ctx, mostOffers)
	if err != nil {
		s.cfg.Logger.Warn("which servers offered TLS could not be read", slog.Any("error", err))
		return
	}
	s.offers.mu.Lock()
	defer s.offers.mu.Unlock()
	s.offers.hosts = hosts
}
