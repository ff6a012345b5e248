package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"github.com/miekg/dns"

	"gomail"
	"gomail/accounts"
	"gomail/bounces"
	"gomail/certs"
	"gomail/dnspub"
	"gomail/dnswatch"
	"gomail/domains"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/internal/seal"
	"gomail/internal/trail"
	"gomail/lists"
	"gomail/mailbox"
	"gomail/outbound"
	"gomail/queue"
	"gomail/store"
	"gomail/web/api"
)

// services is the store and the services over it that need no network: what
// the administration works with, whether a server runs or not.
type services struct {
	log       *slog.Logger
	store     *store.Store
	hub       *mailbox.Hub
	accounts  *accounts.Service
	domains   *domains.Service
	mailboxes *mailbox.Service
	queue     *queue.Queue
	config    config.Config
	resolver  *resolver.Resolver
	trail     *trail.Trail
	settings  *serverSettings
	prober    *dnswatch.Prober
	watcher   *dnswatch.Watcher
	publisher *dnspub.Publisher
	policies  *policies
	reported  *reported
	events    *api.Hub
	alerts    alertLimit
	limiter   *outbound.Limiter
	suspects  suspicions
	tokens    bounces.Tokens
	bounces   *bounces.Service
	lists     *lists.Service
	site      func() string // where the running server's pages are for strangers: "https://mail.example.com"; empty: nowhere. nil: no server runs
	vault     *certs.Vault

	// certificates are those of the running server. nil: none runs.
	certificates *certs.Manager

	// announce sends a message of the server itself. nil: no server runs
	// that could.
	announce func(ctx context.Context, to gomail.Address, subject, text string) error
}

// openServices opens the store of an installation.
func openServices(ctx context.Context, c config.Config, o outside, log *slog.Logger) (*services, error) {
	syscall.Umask(0o077) // what is made from here on is its owner's alone
	hub := mailbox.NewHub()
	st, err := store.Open(ctx, store.Options{Dir: c.Server.DataDir, URL: c.Store.URL, Blobs: c.Store.Blobs, Logger: log, Publish: hub.Publish})
	if err != nil {
		return nil, err
	}
	sealer, err := openSealer(ctx, c, st)
	if err != nil {
		st.Close()
		return nil, err
	}
	s := &services{log: log, trail: newTrail(c.Server.DataDir), store: st, hub: hub, config: c, events: api.NewHub()}
	salts, err := keptSecret(ctx, sealer, st, saltSetting)
	if err != nil {
		st.Close()
		return nil, err
	}
	ac := accounts.Config{
		Store: st, Logger: log, PerNetwork: c.SMTP.MaxConnectionsPerAddress / 3, Sealer: sealer, SaltSecret: salts, Site: c.Server.Hostname,
	}
	if c.OAuth.Issuer != "" {
		if ac.Tokens, err = newVerifier(c.OAuth); err != nil {
			st.Close()
			return nil, err
		}
	}
	s.accounts = accounts.New(ac)
	if s.tokens, err = bounceTokens(ctx, sealer, st); err != nil {
		st.Close()
		return nil, err
	}
	s.bounces = s.newBounces(bounces.Metrics{})
	s.mailboxes = mailbox.New(st, hub)
	s.limiter = s.newLimiter()
	s.vault = certs.NewVault(st, sealer, c.Server.Hostname)
	s.queue = queue.New(queue.Config{Store: st}) // for administration; a server runs one of its own
	if err := s.openDNS(o, sealer); err != nil {
		st.Close()
		return nil, err
	}
	if s.lists, err = s.newLists(ctx, sealer, o); err != nil {
		st.Close()
		return nil, err
	}
	return s, nil
}

// openDNS makes what knows, asks and writes the DNS of the domains. They need
// each other: a plan holds the domain's keys, and keys wait for what is seen.
func (s *services) openDNS(o outside, sealer *seal.Sealer) (err error) {
	c := s.config
	if o.resolver == nil {
		if o.resolver, err = resolver.New(resolver.Config{Servers: c.DNS.Resolvers, TrustAD: c.DNS.TrustAD}); err != nil {
			return err
		}
	}
	if s.prober, err = newProber(c, o); err != nil {
		return err
	}
	s.settings = &serverSettings{config: c, store: s.store, look: s.prober.DNSSEC, key: s.hostKey, told: s.serverChanged}
	s.domains = domains.New(domains.Config{
		Store: s.store, Sealer: sealer, Hostname: c.Server.Hostname, Selector: c.DKIM.DefaultSelector, Algorithm: c.DKIM.DefaultAlgorithm,
		Observer: keyObserver{s.prober, o.resolver}, Publisher: keyPublisher{s}, Remind: s.remind, Changed: s.domainChanged, Clock: o.clock, Logger: s.log,
	})
	s.watcher = s.newWatcher()
	s.publisher = s.newPublisher(o, sealer)
	s.policies = newPolicies(s)
	s.resolver = o.resolver
	s.reported = &reported{services: s, names: addressNames{resolver: o.resolver, networks: c.Reports.Networks}}
	return nil
}

func (s *services) close() error { return errors.Join(s.store.Close(), s.trail.Close()) }

// sealProbe is a setting that only the right secret key opens.
const sealProbe = "secret_key_probe"

// openSealer loads the secret key and makes sure that it is the one this
// store was written with.
func openSealer(ctx context.Context, c config.Config, st *store.Store) (*seal.Sealer, error) {
	probe, err := st.Setting(ctx, sealProbe)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.Load(c.Secrets.KeyFile, probe == "")
	if err != nil {
		return nil, err
	}
	if probe == "" {
		sealed := sealer.Seal([]byte("gomail"), "setting/"+sealProbe)
		return sealer, st.SetSetting(ctx, sealProbe, base64.StdEncoding.EncodeToString(sealed))
	}
	sealed, err := base64.StdEncoding.DecodeString(probe)
	if err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "the store's record of its secret key is damaged: restore a backup")
	}
	if _, err := sealer.Open(sealed, "setting/"+sealProbe); err != nil {
		return nil, fmt.Errorf("use the secret key %s: %w", c.Secrets.KeyFile, err)
	}
	return sealer, nil
}

// api returns the admin API over the services.
func (s *services) api(c config.Config) *api.API { return api.New(s.apiConfig(c)) }

func (s *services) apiConfig(c config.Config) api.Config {
	return api.Config{
		Accounts: s.accounts, Domains: s.domains, Queue: s.queue, Check: s.check, Backup: s.backup, Collect: collect(s.store),
		Settings: s.settings, Sending: s.limiter, Bounces: s.bounces, Lists: s.lists, Mailboxes: s.mailboxes, Watcher: s.watcher, Publisher: s.publisher, Policies: s.policies, Reports: s.reported, Explainer: s, Certificates: s, Hub: s.events, Version: version, Hostname: c.Server.Hostname,
	}
}

// systemResolvers returns the configured resolvers, or the system's.
func systemResolvers(configured []string) []string {
	if len(configured) > 0 {
		return configured
	}
	system, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil || len(system.Servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	var all []string
	for _, s := range system.Servers {
		all = append(all, net.JoinHostPort(s, system.Port))
	}
	return all
}
