package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
	"gomail/internal/config"
)

// Settings that live in the store, because the panel changes them.
const (
	mxSetting     = "mx"          // the hosts that take mail, as JSON; empty: the configuration's
	dnssecSetting = "host_dnssec" // of the mail host's zone, as it was last seen
)

// settingStore keeps settings by name.
type settingStore interface {
	Setting(ctx context.Context, key string) (string, error)
	SetSetting(ctx context.Context, key, value string) error
}

// serverSettings are what all domains share: from the configuration, the
// store and the certificate. It implements api.ServerSettings.
type serverSettings struct {
	config config.Config
	store  settingStore
	look   func(ctx context.Context, name string) dnsplan.DNSSEC
	key    func(ctx context.Context, p *dnsplan.Server) error // adds what is known of the mail host's certificate
	told   func()                                             // called when the plan of every domain may have changed

	mu     sync.Mutex
	cached dnsplan.Server
	until  time.Time // of the cache
	looked time.Time // at the mail host's zone

	doubted dnsplan.DNSSEC // what was seen of it last, where that is not what is known
	since   time.Time      // when that was seen first
}

const (
	settingsLife = 30 * time.Second // how long another process's change goes unnoticed
	dnssecLife   = 10 * time.Minute
	dnssecApart  = 5 * time.Second // between looks, to count as two
)

// Server returns what the DNS plan needs to know of this server.
func (s *serverSettings) Server(ctx context.Context) (dnsplan.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return s.cached, nil
	}
	fresh := planServer(s.config)
	if s.key != nil {
		if err := s.key(ctx, &fresh); err != nil {
			return fresh, err
		}
	}
	hosts, err := s.store.Setting(ctx, mxSetting)
	if err != nil {
		return fresh, err
	}
	if hosts != "" {
		if err := json.Unmarshal([]byte(hosts), &fresh.MX); err != nil {
			return fresh, fmt.Errorf("read the hosts that take mail: %w", err)
		}
	}
	signed, err := s.store.Setting(ctx, dnssecSetting)
	if err != nil {
		return fresh, err
	}
	fresh.DNSSEC = dnsplan.DNSSEC(signed)
	s.cached, s.until = fresh, time.Now().Add(settingsLife)
	return fresh, nil
}

// SetMX writes the hosts that take mail; none: the configured ones.
func (s *serverSettings) SetMX(ctx context.Context, hosts []dnsplan.MX) error {
	if err := dnsplan.ValidateMX(hosts); err != nil {
		return err
	}
	text := ""
	if len(hosts) > 0 {
		raw, err := json.Marshal(hosts)
		if err != nil {
			return err
		}
		text = string(raw)
	}
	return s.write(ctx, mxSetting, text)
}

// refresh looks whether the mail host's zone is signed, unless that was done
// a moment ago: TLSA records count only where it is.
func (s *serverSettings) refresh(ctx context.Context) error {
	s.mu.Lock()
	due := time.Since(s.looked) >= dnssecLife
	if due {
		s.looked = time.Now()
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	seen := s.look(ctx, s.config.Server.Hostname)
	known, err := s.store.Setting(ctx, dnssecSetting)
	if err != nil || seen == dnsplan.DNSSECUnknown || !s.settled(dnsplan.DNSSEC(known), seen) {
		return err
	}
	return s.write(ctx, dnssecSetting, string(seen))
}

// settled reports whether what was seen of the mail host's zone is to replace
// what is known: only two looks that agree change the plan of every domain.
// Resolvers and the servers above may disagree for a while, and a TLSA record
// that comes and goes does harm. One too many does none, so that a zone counts
// as unsigned only where nobody has seen it signed between two looks a while
// apart.
func (s *serverSettings) settled(known, seen dnsplan.DNSSEC) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case seen == known:
		s.doubted = ""
		return false
	case known == "":
		return true
	case s.doubted != seen:
		s.doubted, s.since = seen, time.Now()
		return false
	}
	apart := dnssecLife
	if seen == dnsplan.DNSSECSigned {
		apart = dnssecApart
	}
	return time.Since(s.since) >= apart
}

// noticed takes what a look at a zone found: where it does not agree with what
// is known of the mail host's zone, that is looked at anew. It does not count
// itself, since the host may lie in a zone further down.
func (s *serverSettings) noticed(ctx context.Context, zone string, signed dnsplan.DNSSEC) error {
	known, err := s.store.Setting(ctx, dnssecSetting)
	if err != nil || signed == dnsplan.DNSSECUnknown || string(signed) == known || !dns.IsSubDomain(dns.Fqdn(zone), dns.Fqdn(s.config.Server.Hostname)) {
		return err
	}
	s.mu.Lock()
	s.looked = time.Time{}
	s.mu.Unlock()
	return s.refresh(ctx)
}

func (s *serverSettings) write(ctx context.Context, key, value string) error {
	err := s.store.SetSetting(ctx, key, value)
	s.mu.Lock()
	s.until = time.Time{}
	s.mu.Unlock()
	if err == nil && s.told != nil {
		s.told()
	}
	return err
}
