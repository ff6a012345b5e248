package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"

	"github.com/miekg/dns"

	"gomail"
	"gomail/accounts"
	"gomail/dnsplan"
	"gomail/dnswatch"
	"gomail/domains"
	"gomail/internal/config"
	"gomail/internal/seal"
	"gomail/mailbox"
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
	prober    *dnswatch.Prober
}

// openServices opens the store of an installation.
func openServices(ctx context.Context, c config.Config, log *slog.Logger) (*services, error) {
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
	s := &services{log: log, store: st, hub: hub}
	s.accounts = accounts.New(accounts.Config{Store: st, Logger: log})
	s.domains = domains.New(domains.Config{
		Store: st, Sealer: sealer, Hostname: c.Server.Hostname, Selector: c.DKIM.DefaultSelector, Algorithm: c.DKIM.DefaultAlgorithm, Logger: log,
	})
	s.mailboxes = mailbox.New(st, hub)
	s.queue = queue.New(queue.Config{Store: st}) // for administration; a server runs one of its own
	s.prober = dnswatch.New(dnswatch.Config{Resolvers: systemResolvers(c.DNS.Resolvers)})
	return s, nil
}

func (s *services) close() error { return s.store.Close() }

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
		Accounts: s.accounts, Domains: s.domains, Queue: s.queue, Check: s.store.Check,
		Look:   s.prober.Look,
		Server: func() dnsplan.Server { return planServer(c) }, Version: version, Hostname: c.Server.Hostname,
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
