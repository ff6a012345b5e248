package main

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"gomail/certs"
	"gomail/cmd/gomail/internal/doctor"
	"gomail/dnsplan"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/ladder"
	"gomail/web/api"
)

type doctorCmd struct{ printing }

// Help shows an example.
func (doctorCmd) Help() string {
	return "It exits 1 when something is wrong. It changes nothing.\n\nExample: gomail doctor"
}

// Run examines the installation.
func (c doctorCmd) Run(a *app) error {
	patient, err := a.patient()
	if err != nil {
		return err
	}
	findings := doctor.Examine(a.ctx, patient)
	smarthosts, err := smarthostFindings(a.ctx, patient.Config)
	if err != nil {
		return err
	}
	issuer, err := issuerFindings(a.ctx, patient.Config.OAuth)
	if err != nil {
		return err
	}
	findings = slices.Concat(findings, smarthosts, issuer)
	findings = doctor.Topical(append(findings, milterFindings(patient.Config.Milter)...))
	err = c.show(a, findings, func(w *tabwriter.Writer) {
		describeFindings(w, findings)
	})
	for _, f := range findings {
		if err == nil && f.State == doctor.Problem {
			err = errNotRight
		}
	}
	return err
}

// describeFindings prints what belongs to no complaint first, then what is
// wrong under each heading of the troubleshooting guide.
func describeFindings(w *tabwriter.Writer, findings []doctor.Finding) {
	for _, topic := range append([]string{""}, doctor.Topics()...) {
		heading := topic
		for _, f := range findings {
			if f.Topic != topic {
				continue
			}
			if heading != "" {
				fmt.Fprintf(w, "\n%s\n", heading)
				heading = ""
			}
			row(w, f.State, f.Check, f.Found)
			if f.Mend != "" {
				row(w, "", "", "→ "+f.Mend)
			}
		}
	}
}

// patient gathers what the doctor looks at.
func (a *app) patient() (doctor.Patient, error) {
	c, err := a.config()
	if err != nil {
		return doctor.Patient{}, err
	}
	p := doctor.Patient{Config: c, Running: listening(filepath.Join(c.Server.DataDir, socketName)), Plans: map[string][]dnsplan.Record{}, Reports: map[string]dnsplan.Report{}, Clock: time.Now,
		Sending: map[string]api.AccountSending{}, Ladders: map[string][]ladder.Ladder{}, Keys: map[string][]api.Key{}}
	if p.Resolver, err = resolver.New(resolver.Config{Servers: c.DNS.Resolvers, TrustAD: c.DNS.TrustAD}); err != nil {
		return p, err
	}
	if c.TLS.Mode != "acme" {
		p.Cert, p.CertErr = readCertificate(c)
	}
	return p, a.with(func(client *client) error { return client.fill(a, &p) })
}

// fill adds what the store knows.
func (c *client) fill(a *app, p *doctor.Patient) error {
	var accounts []api.Account
	if err := c.call(a.ctx, "GET", "/accounts", nil, &accounts); err != nil {
		return err
	}
	for _, x := range accounts {
		if x.Role == "admin" && !x.Disabled {
			p.Admins++
		}
	}
	var domains []api.Domain
	if err := c.call(a.ctx, "GET", "/domains", nil, &domains); err != nil {
		return err
	}
	if err := c.call(a.ctx, "GET", "/certificates", nil, &p.Certificates); err != nil && p.Config.TLS.Mode == "acme" {
		return err
	}
	for _, d := range domains {
		var records []dnsplan.Record
		if err := c.call(a.ctx, "GET", "/domains/"+seg(d.Name)+"/records", nil, &records); err != nil {
			return err
		}
		p.Plans[d.Name] = records
		var report dnsplan.Report
		if err := c.call(a.ctx, "GET", "/domains/"+seg(d.Name)+"/report", nil, &report); err != nil {
			return err
		}
		p.Reports[d.Name] = report // empty, when nobody has looked yet
		if err := c.fillPolicies(a, p, d); err != nil {
			return err
		}
	}
	return c.fillSending(a, p)
}

// fillPolicies adds how strict a domain's policies are, and its keys.
func (c *client) fillPolicies(a *app, p *doctor.Patient, d api.Domain) error {
	if d.Disabled {
		return nil
	}
	var policies api.DomainPolicies
	if err := c.call(a.ctx, "GET", "/domains/"+seg(d.Name)+"/policies", nil, &policies); err != nil {
		return err
	}
	p.Ladders[d.Name] = policies.Ladders
	if len(policies.Ladders) == 0 { // it is parked
		return nil
	}
	var keys []api.Key
	err := c.call(a.ctx, "GET", "/domains/"+seg(d.Name)+"/keys", nil, &keys)
	p.Keys[d.Name] = keys
	return err
}

// maxSendersSeen is of how many accounts, those that sent most, the limits are
// looked at.
const maxSendersSeen = 100

// fillSending adds what became of the mail of 24 hours.
func (c *client) fillSending(a *app, p *doctor.Patient) error {
	if err := c.call(a.ctx, "GET", "/bounces", nil, &p.Bounces); err != nil {
		return err
	}
	senders := slices.DeleteFunc(slices.Clone(p.Bounces), func(x api.BounceTotal) bool { return x.Account == "" })
	slices.SortFunc(senders, func(x, y api.BounceTotal) int { return y.Sent - x.Sent })
	for _, x := range senders[:min(len(senders), maxSendersSeen)] {
		var s api.AccountSending
		if err := c.call(a.ctx, "GET", "/accounts/"+seg(x.Account)+"/sending", nil, &s); err != nil {
			return err
		}
		p.Sending[x.Account] = s
	}
	return nil
}

// readCertificate reads what the listeners show, or would show: it makes
// none.
func readCertificate(c config.Config) (*tls.Certificate, error) {
	cc := certs.Config{Hostname: c.Server.Hostname, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile}
	if c.TLS.Mode == "self-signed" {
		cc.CertFile = filepath.Join(c.Server.DataDir, certs.SelfSignedFile)
		cc.KeyFile = cc.CertFile
	}
	m, err := certs.New(cc)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Leaf: m.Certificate()}, nil
}
