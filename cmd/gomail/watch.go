package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"

	"gomail"
	"gomail/dnsplan"
	"gomail/dnspub"
	"gomail/dnswatch"
	"gomail/domains"
	"gomail/internal/config"
	"gomail/internal/netaddr"
	"gomail/internal/seal"
	"gomail/web/api"
)

// newProber returns what asks the DNS and tries the host's ports.
func newProber(c config.Config, o outside) (*dnswatch.Prober, error) {
	roots, err := trusted(c.TLS.ACMECAFile)
	if err != nil {
		return nil, err
	}
	reach := c.DNS.ReachHosts
	if c.Outbound.Smarthost != "" { // then nothing need leave on port 25
		reach = nil
	}
	return dnswatch.New(dnswatch.Config{
		Resolvers: systemResolvers(c.DNS.Resolvers), Dial: o.dial, Roots: roots, Addresses: c.Server.PublicAddresses,
		ACME: c.TLS.Mode == "acme", ReachHosts: reach, BlockLists: c.DNS.BlockLists,
		Allow: func(a netip.Addr) bool {
			return c.Outbound.AllowPrivateNetworks || netaddr.IsPublic(a) || slices.Contains(c.Server.PublicAddresses, a)
		},
	}), nil
}

// trusted is whom to believe about certificates: the system's authorities,
// and the one of the configuration.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "tls.acme_ca_file: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, gomail.Errorf(gomail.Invalid, "tls.acme_ca_file: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// newWatcher returns what keeps an eye on every domain's DNS.
func (s *services) newWatcher() *dnswatch.Watcher {
	return dnswatch.NewWatcher(dnswatch.WatchConfig{
		Store: s.store, Prober: s.prober, Domains: s.domainNames, Target: s.target, Mend: s.mend, After: s.afterLook, Logger: s.log,
		Alert: s.alert,
		Tell: func(domain string, looking bool) {
			kind := api.EventReport
			if looking {
				kind = api.EventChecking
			}
			s.events.Tell(api.Event{Kind: kind, Domain: domain})
		},
	})
}

// newPublisher returns what writes zones at the providers.
func (s *services) newPublisher(o outside, sealer *seal.Sealer) *dnspub.Publisher {
	return dnspub.New(dnspub.Config{
		Store: s.store, Sealer: sealer, Plan: s.plan, Zone: s.prober.Zone, Domain: s.domains.Get,
		Extra: extraProviders(), Options: dnspub.Options{Dial: o.dial, Wait: o.wait}, Logger: s.log, Changed: s.watcher.Changed,
	})
}

// keyPublisher writes DKIM keys at the providers. It implements
// domains.Publisher. The publisher is made after the domains service, whose
// keys it publishes.
type keyPublisher struct{ services *services }

// PublishKeys has the provider hold the keys' records.
func (k keyPublisher) PublishKeys(ctx context.Context, domain string, keys []gomail.DKIMKey) error {
	records := make([]dnsplan.Record, len(keys))
	for i, key := range keys {
		records[i] = dnsplan.KeyRecord(key)
	}
	return k.services.publisher.PublishKeys(ctx, domain, records)
}

// WithdrawKey takes a key's record away, where the domain is published here:
// as it was while it verified, too, in case its revocation never arrived.
func (k keyPublisher) WithdrawKey(ctx context.Context, domain string, key gomail.DKIMKey) error {
	d, err := k.services.domains.Get(ctx, domain)
	if err != nil || d.Settings.Publishing.Connection == "" {
		return err
	}
	valid := key
	valid.State = gomail.DKIMRetiring
	return errors.Join(
		k.services.publisher.Withdraw(ctx, domain, dnsplan.KeyRecord(key)),
		k.services.publisher.Withdraw(ctx, domain, dnsplan.KeyRecord(valid)),
	)
}

// domainNames returns the domains to watch.
func (s *services) domainNames(ctx context.Context) ([]string, error) {
	all, err := s.domains.List(ctx)
	var names []string
	for _, d := range all {
		if !d.Disabled {
			names = append(names, d.Name)
		}
	}
	return names, err
}

// target is what is to be looked at for a domain.
func (s *services) target(ctx context.Context, name string) (dnswatch.Target, error) {
	if err := s.settings.refresh(ctx); err != nil {
		return dnswatch.Target{}, err
	}
	d, err := s.domains.Get(ctx, name)
	if err != nil {
		return dnswatch.Target{}, err
	}
	records, err := s.plan(ctx, d.Name)
	if err != nil {
		return dnswatch.Target{}, err
	}
	server, err := s.settings.Server(ctx)
	return dnswatch.Target{Domain: d.Name, Records: records, Policy: dnsplan.PolicyFile(server, dnsplan.Domain{Domain: d})}, err
}

// plan returns the records that a domain needs.
func (s *services) plan(ctx context.Context, name string) ([]dnsplan.Record, error) {
	return api.Config{Domains: s.domains, Settings: s.settings}.Plan(ctx, name)
}

// domainChanged has a domain looked at again, and its page shown anew.
func (s *services) domainChanged(domain string) {
	s.watcher.Changed(domain)
	s.recheckCertificates(domain)
	s.events.Tell(api.Event{Kind: api.EventKeys, Domain: domain})
}

// serverChanged does the same for all of them.
func (s *services) serverChanged() {
	names, err := s.domainNames(context.Background())
	if err != nil {
		s.log.Error("the domains could not be read", slog.Any("error", err))
		return
	}
	for _, name := range names {
		s.watcher.Changed(name)
	}
}

// afterLook publishes what is new where the provider is kept in sync, notices
// when the mail host's zone was signed, and goes on with a rotation that waits
// for what was just seen.
func (s *services) afterLook(ctx context.Context, r dnsplan.Report) {
	s.recheckCertificates(r.Domain)
	if unpublished(r) && s.inSync(ctx, r.Domain) {
		if _, err := s.publisher.Sync(ctx, r.Domain); err != nil && ctx.Err() == nil {
			s.log.Warn("the DNS could not be kept in sync; it is tried again", slog.String("domain", r.Domain), slog.Any("error", err))
		}
	}
	if err := s.settings.noticed(ctx, r.Zone, signed(r)); err != nil && ctx.Err() == nil {
		s.log.Error("the mail host's zone could not be looked at", slog.Any("error", err))
	}
	keys, err := s.domains.Keys(ctx, r.Domain)
	waiting := func(k gomail.DKIMKey) bool { return k.State == gomail.DKIMPending }
	if err != nil || !slices.ContainsFunc(keys, waiting) && !keyLost(r) {
		return
	}
	if err := s.domains.AdvanceDomain(ctx, r.Domain); err != nil && ctx.Err() == nil {
		s.log.Error("key rotation", slog.Any("error", err))
	}
}

// keyLost reports whether a key is not in the DNS as planned: one that signs
// must stop.
func keyLost(r dnsplan.Report) bool {
	return slices.ContainsFunc(r.Records, func(f dnsplan.Finding) bool {
		return f.Purpose == dnsplan.DKIM && (f.State == dnsplan.Missing || f.State == dnsplan.Wrong || f.State == dnsplan.Conflict)
	})
}

// signed is what a look found of its zone's signatures.
func signed(r dnsplan.Report) dnsplan.DNSSEC {
	if s := dnsplan.DNSSEC(r.DNSSEC); s == dnsplan.DNSSECSigned || s == dnsplan.DNSSECUnsigned {
		return s
	}
	return dnsplan.DNSSECUnknown
}

// unpublished reports whether something is not at the provider as planned.
func unpublished(r dnsplan.Report) bool {
	return slices.ContainsFunc(r.Records, func(f dnsplan.Finding) bool {
		return f.SetAt == dnsplan.DNSProvider && (f.State == dnsplan.Missing || f.State == dnsplan.Wrong || f.State == dnsplan.OKDiffers)
	})
}

// page is the URL of a domain's page.
func (s *services) page(domain string) string {
	site := cmp.Or(s.config.Web.PublicURL, "https://"+s.config.Server.Hostname)
	return site + "/admin/domains/" + url.PathEscape(domain)
}

// remind tells them of keys that wait to be published.
func (s *services) remind(ctx context.Context, r domains.Reminder) error {
	return s.tellAdministrators(ctx, r.Domain, "New DKIM keys of "+r.Domain+" wait to be published", reminderText(r.Keys, r.First, s.page(r.Domain)+"/keys"))
}

// mend puts right what was lost where the owner wants the provider kept in
// sync, and returns what is right again.
func (s *services) mend(ctx context.Context, domain string, lost []dnsplan.Entry) (mended []string) {
	if !s.inSync(ctx, domain) {
		return nil
	}
	done, err := s.publisher.Sync(ctx, domain)
	if err != nil {
		s.log.Error("the DNS could not be put right", slog.String("domain", domain), slog.Any("error", err))
	}
	for _, e := range lost {
		if slices.ContainsFunc(done.Results, func(r dnsplan.Result) bool {
			return r.Outcome == dnsplan.Done && r.Type == e.Type && r.Name == e.Name
		}) {
			mended = append(mended, e.Type+" "+e.Name)
		}
	}
	return mended
}

// inSync reports whether the owner wants the provider kept in sync.
func (s *services) inSync(ctx context.Context, domain string) bool {
	d, err := s.domains.Get(ctx, domain)
	return err == nil && d.Settings.Publishing.KeepInSync && d.Settings.Publishing.Connection != ""
}

// reminderText is what the owner of waiting keys is told.
func reminderText(keys []gomail.DKIMKey, first bool, page string) string {
	text := "New DKIM keys wait until you have published them at your DNS provider:\n"
	for _, k := range keys {
		text += fmt.Sprintf("\n  TXT %s\n  %s\n", k.Selector+"._domainkey."+k.Domain, dnsplan.DKIMValue(k))
	}
	if first {
		return text + "\nUntil then mail from the domain is sent without a signature.\n\n" + page + "\n"
	}
	return text + "\nUntil then the present keys go on signing. Nothing breaks; the keys only grow old.\n\n" + page + "\n"
}
