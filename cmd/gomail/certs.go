package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gomail"
	"gomail/certs"
	"gomail/dnsplan"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/web/api"
)

// makeCertificates reads what the listeners show, or makes a self-signed one.
// Where certificates come from an authority, they are ordered once the server
// runs.
func (s *server) makeCertificates(r *resolver.Resolver) (err error) {
	t := s.config.TLS
	cc := certs.Config{Hostname: s.config.Server.Hostname, Dir: s.config.Server.DataDir, MinVersion: t.MinVersion, Logger: s.log}
	switch t.Mode {
	case "files":
		cc.CertFile, cc.KeyFile = t.CertFile, t.KeyFile
	case "acme":
		if cc.ACME, err = s.acme(r); err != nil {
			return err
		}
	}
	if s.certs, err = certs.New(cc); err != nil {
		return err
	}
	s.certificates = s.certs
	s.metrics.registry.MustRegister(certificateMetrics{s.certs})
	return nil
}

// acme says how certificates are ordered.
func (s *server) acme(r *resolver.Resolver) (*certs.ACME, error) {
	t := s.config.TLS
	roots, err := trusted(t.ACMECAFile)
	return &certs.ACME{
		Directory: t.ACMEDirectory, Email: t.ACMEEmail, Roots: roots, Issuer: acmeIssuer(t.ACMEDirectory), Vault: s.vault,
		Names: s.certificateNames, Resolver: r, Addresses: s.config.Server.PublicAddresses, DNS: challenges{s.services},
		Alert: s.certificateAlert, Used: func(context.Context, string) { s.serverChanged() },
		Published: s.keyPublished,
	}, err
}

// certificateNames returns the names of hosted domains that programs come to
// over HTTPS.
func (s *services) certificateNames(ctx context.Context) ([]certs.Name, error) {
	all, err := s.domains.List(ctx)
	if err != nil {
		return nil, err
	}
	server, err := s.settings.Server(ctx)
	if err != nil {
		return nil, err
	}
	var names []certs.Name
	for _, d := range all {
		if d.Disabled {
			continue
		}
		for _, host := range dnsplan.WebHosts(server, dnsplan.Domain{Domain: d}) {
			names = append(names, certs.Name{Name: host, Domain: d.Name})
		}
	}
	return names, nil
}

// certificateAlert tells whoever can do something about a failing order.
func (s *services) certificateAlert(ctx context.Context, o certs.Order) error {
	if o.Domain == "" {
		if s.announce == nil {
			return errNoServer
		}
		return s.announce(ctx, gomail.Address{Local: "postmaster", Domain: s.config.Server.Hostname}, o.Subject(), o.Text())
	}
	return s.tellAdministrators(ctx, o.Domain, o.Subject(), o.Text())
}

// challenges sets the records that prove a name, where its domain has a
// connection to its DNS provider. It implements certs.DNS.
type challenges struct{ services *services }

// domain returns the hosted domain whose zone holds a name; empty: there is
// none that is published here.
func (c challenges) domain(ctx context.Context, name string) (found string) {
	all, err := c.services.domains.List(ctx)
	if err != nil {
		return ""
	}
	for _, d := range all {
		if d.Settings.Publishing.Connection != "" && !d.Disabled && strings.HasSuffix("."+name, "."+d.Name) && len(d.Name) > len(found) {
			found = d.Name
		}
	}
	return found
}

// Covers implements certs.DNS.
func (c challenges) Covers(ctx context.Context, name string) bool { return c.domain(ctx, name) != "" }

// Present implements certs.DNS.
func (c challenges) Present(ctx context.Context, name, record, value string) error {
	return c.services.publisher.AddText(ctx, c.domain(ctx, name), record, value)
}

// Visible implements certs.DNS.
func (c challenges) Visible(ctx context.Context, name, record, value string) (bool, error) {
	q := dnsplan.Question{Name: record, Type: "TXT"}
	seen, err := c.services.prober.Look(ctx, c.domain(ctx, name), nil, q)
	asked := 0
	for _, a := range seen.Answers[q] {
		if a.Resolver {
			continue
		}
		if asked++; !slices.ContainsFunc(a.Values, func(v dnsplan.Value) bool { return v.Text == value }) {
			return false, err
		}
	}
	return asked > 0, err
}

// Remove implements certs.DNS.
func (c challenges) Remove(ctx context.Context, name, record, value string) error {
	return c.services.publisher.RemoveText(ctx, c.domain(ctx, name), record, value)
}

// hostKey adds to a plan what is known of the mail host's certificate.
func (s *services) hostKey(ctx context.Context, p *dnsplan.Server) error {
	if s.config.TLS.Mode != "acme" {
		if cert, err := readCertificate(s.config); err == nil {
			p.TLSA = []dnsplan.TLSAHash{sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)}
		}
		return nil
	}
	h, err := s.vault.Host(ctx, s.config.Server.Hostname, s.config.TLS.ACMEDirectory)
	if gomail.KindOf(err) == gomail.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	p.TLSA, p.KeyKept, p.ACMEAccountURI = []dnsplan.TLSAHash{sha256.Sum256(h.PublicKey)}, true, h.Account
	next, err := s.vault.NextKey(ctx, s.config.Server.Hostname)
	if gomail.KindOf(err) == gomail.NotFound {
		return nil
	}
	if hash := dnsplan.TLSAHash(sha256.Sum256(next)); err == nil && hash != p.TLSA[0] {
		p.TLSA = append(p.TLSA, hash)
	}
	return err
}

// keyPublished says whether the TLSA record of a key is at every name server
// of the mail host, and known to the resolvers.
func (s *services) keyPublished(ctx context.Context, hash string) (bool, error) {
	host := s.config.Server.Hostname
	records := []dnsplan.Record{dnsplan.TLSARecord(host, hash)}
	seen, err := s.prober.Look(ctx, host, records)
	if err != nil {
		return false, err
	}
	f := dnsplan.Compare(records, seen)[0]
	if f.State == dnsplan.Unknown {
		return false, gomail.Errorf(gomail.Unavailable, "%s", f.Fix)
	}
	return f.State == dnsplan.OK || f.State == dnsplan.OKDiffers, nil
}

// Certificates returns what is known of each certificate. With Renew it
// implements api.Certificates.
func (s *services) Certificates(ctx context.Context) ([]api.Certificate, error) {
	var all []certs.Order
	var err error
	switch {
	case s.certificates != nil:
		all = s.certificates.Orders()
	case s.config.TLS.Mode == "acme":
		all, err = s.vault.Orders(ctx)
	default:
		all, err = fileOrder(s.config)
	}
	shown := []api.Certificate{}
	for _, o := range all {
		shown = append(shown, api.Certificate{
			Name: o.Name, Domain: o.Domain, State: string(o.State), NotBefore: o.NotBefore, NotAfter: o.NotAfter, Issuer: o.Issuer, Method: string(o.Method),
			Next: o.Next, Failures: o.Failures, Since: o.Since, Code: o.Cause.Code, Found: o.Cause.Found, Mend: o.Cause.Mend,
		})
	}
	return shown, err
}

// fileOrder is what the files say, while no server runs.
func fileOrder(c config.Config) ([]certs.Order, error) {
	cert, err := readCertificate(c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is made at the first start
	}
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "the certificate cannot be read: %w", err)
	}
	return []certs.Order{{Name: c.Server.Hostname, State: certs.Valid, NotBefore: cert.Leaf.NotBefore, NotAfter: cert.Leaf.NotAfter, Issuer: cert.Leaf.Issuer.CommonName}}, nil
}

// RenewCertificate orders a certificate now.
func (s *services) RenewCertificate(_ context.Context, name string) error {
	if s.certificates == nil {
		return gomail.Errorf(gomail.Unavailable, "certificates are ordered by the running server: start it with gomail serve")
	}
	return s.certificates.Renew(name)
}

// recheckCertificates has the names of a domain looked at that wait for the
// DNS; empty: those of all.
func (s *services) recheckCertificates(domain string) {
	if s.certificates != nil {
		s.certificates.Recheck(domain)
	}
}

// certificateMetrics shows when certificates end and how often orders failed.
type certificateMetrics struct{ manager *certs.Manager }

func (certificateMetrics) descriptions() (expiry, failures *prometheus.Desc) {
	return prometheus.NewDesc("gomail_certificate_expiry_timestamp_seconds", "When the certificate of a name ends; 0: there is none.", []string{"name"}, nil),
		prometheus.NewDesc("gomail_certificate_order_failures", "How often in a row the order of a certificate has failed.", []string{"name", "cause"}, nil)
}

// Describe implements prometheus.Collector.
func (c certificateMetrics) Describe(to chan<- *prometheus.Desc) {
	expiry, failures := c.descriptions()
	to <- expiry
	to <- failures
}

// Collect implements prometheus.Collector.
func (c certificateMetrics) Collect(to chan<- prometheus.Metric) {
	expiry, failures := c.descriptions()
	for _, o := range c.manager.Orders() {
		end := 0.0
		if !o.NotAfter.IsZero() {
			end = float64(o.NotAfter.Unix())
		}
		to <- prometheus.MustNewConstMetric(expiry, prometheus.GaugeValue, end, o.Name)
		to <- prometheus.MustNewConstMetric(failures, prometheus.GaugeValue, float64(o.Failures), o.Name, o.Cause.Code)
	}
}
