package mxsend

import (
	"log/slog"
	"sync"
)

// offers remembers which hosts offered TLS, so that one that no longer does is
// noticed: somebody on the path may have taken it out.
type offers struct {
	mu    sync.Mutex
	hosts map[string]bool
}

// mostOffers bounds what is remembered.
const mostOffers = 20_000

// note takes in whether a host offers TLS, and reports whether it did before
// and does not now.
func (o *offers) note(host string, offered bool) (downgraded bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !offered {
		return o.hosts[host]
	}
	if o.hosts == nil {
		o.hosts = map[string]bool{}
	}
	for other := range o.hosts {
		if len(o.hosts) < mostOffers {
			break
		}
		delete(o.hosts, other) // any
	}
	o.hosts[host] = true
	return false
}

// watchOffer tells when a host has stopped to offer TLS.
func (s *Sender) watchOffer(c *client) {
	if s.offers.note(c.host, c.security.Version != "" || c.ext.starttls) {
		s.cfg.Logger.Warn("a server that offered TLS before does not now", slog.String("remote", c.host), slog.String("addr", c.addr.String()))
	}
}
