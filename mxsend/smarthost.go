package mxsend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gomail"
	"gomail/queue"
)

// Smarthost is a server of our own or our provider's that relays for us. Its
// address may be a private one: that it is configured says that it is meant.
type Smarthost struct {
	Host string // "smtp.example.net"; empty: what matches goes to the MX
	Port int    // 0: 587; at 465 TLS begins at once

	// Senders and Destinations are the domains whose mail it takes, of the
	// reverse-path and of the recipient: "example.com", or ".example.com"
	// for all below. An empty list matches all.
	Senders, Destinations []string

	// Username and Password sign us in, over TLS with a certificate that is
	// right for Host only. An empty name: no sign-in.
	Username, Password string
	Mechanism          string // of AUTH, in upper case; empty: the best of those offered

	// Opportunistic lets mail go without TLS, or with a certificate that is
	// not right. With a Username it is ignored.
	Opportunistic bool
}

// String names the smarthost: "smtp.example.net:587".
func (h Smarthost) String() string { return fmt.Sprintf("%s:%d", h.Host, h.Port) }

// smarthost returns the one that takes a task, nil when there is none.
func (s *Sender) smarthost(task queue.Task) *Smarthost {
	for i := range s.cfg.Smarthosts {
		h := &s.cfg.Smarthosts[i]
		if !covers(h.Destinations, task.Site) || !covers(h.Senders, task.Envelope.From.Domain) {
			continue
		}
		if h.Host == "" {
			return nil
		}
		return h
	}
	return nil
}

// dependsOnSender reports whether mail of two senders may go different ways.
func (s *Sender) dependsOnSender() bool {
	return slices.ContainsFunc(s.cfg.Smarthosts, func(h Smarthost) bool { return len(h.Senders) > 0 })
}

// covers reports whether a list holds a domain; an empty one holds all.
func covers(list []string, domain string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(d string) bool {
		return strings.EqualFold(d, domain) || strings.HasPrefix(d, ".") && len(domain) > len(d) && strings.EqualFold(d, domain[len(domain)-len(d):])
	})
}

// needsTLS reports whether mail must not go in plain text.
func (r route) needsTLS() bool {
	h := r.smarthost
	return h != nil && (h.Username != "" || !h.Opportunistic || r.implicitTLS())
}

// implicitTLS reports whether TLS begins at once, RFC 8314.
func (r route) implicitTLS() bool { return r.smarthost != nil && r.port == 465 }

// temper makes what is wrong with a smarthost a temporary failure: it is the
// administrator's to mend, and the mail waits meanwhile.
func (r route) temper(f *failure) *failure {
	if r.smarthost == nil || f.outcome != queue.Permanent {
		return f
	}
	g := *f
	g.outcome = queue.Temporary
	g.enhanced = "4" + g.enhanced[min(1, len(g.enhanced)):]
	return &g
}

// wantsSignIn reports whether a reply is about our sign-in at a smarthost (RFC
// 4954 section 6), which does not condemn the message.
func (c *client) wantsSignIn(r reply) bool {
	return c.via != nil && slices.Contains([]int{530, 534, 535, 538}, r.code)
}

// Probe is what a try of a smarthost found.
type Probe struct {
	Remote    string // "smtp.example.net [192.0.2.1]"
	TLS       string // "TLS1.3", empty: plain text
	Mechanism string // by which we signed in, empty: we did not
}

// Probe connects to a smarthost as a delivery would, signs in and leaves. Its
// error is a sentence that says what to do.
func (s *Sender) Probe(ctx context.Context, h Smarthost) (Probe, error) {
	setDefault(&h.Port, 587)
	r := route{hosts: []string{h.Host}, preferred: 1, port: h.Port, smarthost: &h}
	addrs, f := s.addresses(ctx, r, h.Host)
	if f != nil {
		return Probe{}, gomail.Errorf(gomail.Unavailable, "the smarthost %s cannot be found: %s: check the name in gomail.toml", h, f.text)
	}
	p := policy{server: h.Host, by: queue.ByWebPKI}
	if r.needsTLS() {
		p.level = needsCertificate
	}
	var err error
	for _, addr := range addrs[:min(len(addrs), s.cfg.MaxHosts)] {
		var c *client
		if c, err = s.open(ctx, r, p, h.Host, addr, true); err == nil {
			found := Probe{Remote: c.remote(), TLS: c.security.Version, Mechanism: c.mechanism}
			c.quit()
			return found, nil
		}
	}
	return Probe{}, probeError(h, err)
}

// probeError says what an error of a connection means to who configured it.
func probeError(h Smarthost, err error) error {
	var connecting *connectError
	var refused *signInError
	switch {
	case errors.As(err, &connecting):
		return gomail.Errorf(gomail.Unavailable, "the smarthost %s cannot be reached: %w: check the host and the port, and that no firewall is in between", h, connecting.err)
	case errors.As(err, &refused):
		return gomail.Errorf(gomail.Unauthenticated, "the smarthost %s does not let us sign in as %s: %w: check the name and the password", h, h.Username, err)
	case errors.Is(err, errNoTLS):
		return gomail.Errorf(gomail.Unavailable, "the smarthost %s offers no TLS: use another port, or set its tls to opportunistic if the way to it is safe and no password is sent", h)
	case isTLSError(err):
		return gomail.Errorf(gomail.Unavailable, "the smarthost %s cannot be trusted: %w: name it as its certificate does, or trust its authority with tls.acme_ca_file", h, err)
	}
	return gomail.Errorf(gomail.Unavailable, "the smarthost %s does not speak with us: %w", h, err)
}
