package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/inbound"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
	"gomail/outbound"
	"gomail/reports"
	"gomail/reports/aggregate"
)

// reportReader shows the mail that comes to the report addresses of the
// hosted domains to the reports service. It implements inbound.Reader.
type reportReader struct {
	*services
	mu        sync.Mutex
	addresses map[gomail.Address]bool
	read      time.Time // when they were
}

// addressesLife is how long report addresses that were changed may be missed.
const addressesLife = 30 * time.Second

// Wants reports whether others report to an address.
func (r *reportReader) Wants(ctx context.Context, from, to gomail.Address) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) > addressesLife {
		addresses, err := r.reportAddresses(ctx)
		if err != nil {
			r.log.Error("the report addresses could not be read", slog.Any("error", err))
			return false
		}
		r.addresses, r.read = addresses, time.Now()
	}
	return r.addresses[to.Canonical()]
}

func (r *reportReader) reportAddresses(ctx context.Context) (map[gomail.Address]bool, error) {
	all, err := r.domains.List(ctx)
	if err != nil {
		return nil, err
	}
	addresses := map[gomail.Address]bool{}
	for _, d := range all {
		dmarc, tls := dnsplan.ReportAddresses(d)
		for _, a := range append(dmarc, tls...) {
			addresses[a] = true
		}
	}
	return addresses, nil
}

// Read shows a message to the service with what was found out about where it
// comes from.
func (r *reportReader) Read(ctx context.Context, a inbound.Arrived) bool {
	m := reports.Arrived{ID: a.ID, Index: a.Index, Content: a.Content, Verified: a.Auth.Verified()}
	if len(a.Auth.From) == 1 {
		m.Author = a.Auth.From[0]
	}
	return r.policies.reports.Read(ctx, m)
}

// judged counts a message for the report to the domain that it claims to be
// from, if that asks for one.
func (s *server) judged(j inbound.Judgement) {
	d := j.Auth.DMARC
	if !s.config.Reports.Send || len(d.Record.RUA) == 0 || d.Status != dmarc.StatusPass && d.Status != dmarc.StatusFail {
		return
	}
	result := aggregate.Record{
		Source: j.Client, Disposition: j.Disposition, DKIM: d.AlignedDKIM, SPF: d.AlignedSPF, HeaderFrom: d.Author, EnvelopeFrom: j.From.Domain,
		SPFChecks: []aggregate.SPFCheck{{Domain: j.Auth.SPF.Domain, Scope: "mfrom", Result: string(j.Auth.SPF.Status)}},
	}
	if j.From.IsNull() {
		result.SPFChecks[0].Scope = "helo"
	}
	for _, sig := range j.Auth.DKIM {
		result.Signatures = append(result.Signatures, aggregate.Signature{Domain: sig.Domain, Selector: sig.Selector, Result: string(sig.Status)})
	}
	if j.Override != "" {
		result.Reasons = []aggregate.Reason{{Type: j.Override, Comment: j.Comment}}
	}
	s.policies.reports.Note(reports.Judged{Policy: publishedPolicy(d), Result: result})
}

// failed has a single failure reported, if the configuration allows it and the
// domain asks for it.
func (s *server) failed(j inbound.Judgement) {
	d := j.Auth.DMARC
	if !s.config.Reports.Failures || d.Status != dmarc.StatusPass && d.Status != dmarc.StatusFail {
		return
	}
	f := reports.Failure{
		At: time.Now(), Client: j.Client, From: j.From, Author: d.Author, Record: d.Record, Domain: d.Domain, DKIM: d.AlignedDKIM, SPF: d.AlignedSPF,
		SPFFailed: j.Auth.SPF.Status == spf.Fail || j.Auth.SPF.Status == spf.SoftFail, Disposition: j.Disposition, Header: j.Header,
		Results: fmt.Sprintf("%s; spf=%s smtp.mailfrom=%s", s.config.Server.Hostname, j.Auth.SPF.Status, j.Auth.SPF.Domain),
	}
	for _, sig := range j.Auth.DKIM {
		f.DKIMFailed = f.DKIMFailed || sig.Status == dkim.Fail
		f.Results += fmt.Sprintf("; dkim=%s header.d=%s", sig.Status, sig.Domain)
	}
	f.Results += fmt.Sprintf("; dmarc=%s header.from=%s", d.Status, d.Author)
	s.policies.reports.NoteFailure(f)
}

// publishedPolicy is the record that was gone by, as reports show it.
func publishedPolicy(d dmarc.Result) aggregate.Policy {
	r := d.Record
	p := aggregate.Policy{
		Domain: d.Domain, P: cmp.Or(string(r.Policy), "none"), SP: string(r.SubdomainPolicy), NP: string(r.NonexistentPolicy),
		ADKIM: alignment(r.StrictDKIM), ASPF: alignment(r.StrictSPF), FO: strings.Join(r.FailureOptions, ":"), Testing: "n", Discovery: "treewalk",
	}
	if r.Testing {
		p.Testing = "y"
	}
	return p
}

func alignment(strict bool) string {
	if strict {
		return "s"
	}
	return "r"
}

// reportMailer hands reports to the queue. It implements reports.Mailer.
type reportMailer struct {
	*outbound.Service
	tls gomail.TLSNeed // reports on TLS arrive in spite of it
}

// Submit queues a report.
func (m reportMailer) Submit(ctx context.Context, from, to gomail.Address, message []byte) error {
	return m.SubmitReport(ctx, from, to, m.tls, message)
}

// How often what was counted is written, and reports that are due are looked
// for.
const (
	flushEvery = 15 * time.Second
	reportPace = 10 * time.Minute
)

// sendReports writes what was counted, and sends the reports that are due,
// until ctx ends.
func (s *server) sendReports(ctx context.Context) error {
	flush, send := time.NewTicker(flushEvery), time.NewTicker(reportPace)
	defer flush.Stop()
	defer send.Stop()
	secret := make([]byte, 32)
	rand.Read(secret)
	for {
		select {
		case <-ctx.Done():
			return s.policies.reports.Flush(context.WithoutCancel(ctx))
		case <-flush.C:
			s.sendFailures(ctx, secret)
			if err := s.policies.reports.Flush(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("what reports are made of could not be written", slog.Any("error", err))
			}
		case <-send.C:
			if err := s.sendDMARCReports(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("DMARC reports could not be sent", slog.Any("error", err))
			}
		}
	}
}

// sendDMARCReports sends those that are due.
func (s *server) sendDMARCReports(ctx context.Context) error {
	c, err := s.dmarcConfig(ctx)
	if err != nil || c.Org == "" || !s.config.Reports.Send {
		return err
	}
	return s.policies.reports.SendDMARC(ctx, c)
}

// sendFailures reports single failures. secret makes local parts unreadable.
func (s *server) sendFailures(ctx context.Context, secret []byte) {
	if !s.config.Reports.Failures {
		return
	}
	c, err := s.dmarcConfig(ctx)
	if err != nil || c.Org == "" {
		return
	}
	s.policies.reports.SendFailures(ctx, reports.FailureConfig{DMARCConfig: c, Secret: secret})
}

// dmarcConfig is what reports are sent with: in the name of the domain that
// the mail host belongs to. Without one nobody could sign them.
func (s *server) dmarcConfig(ctx context.Context) (reports.DMARCConfig, error) {
	home, err := s.home(ctx)
	return reports.DMARCConfig{
		Resolver: s.resolver, Mailer: reportMailer{s.outbound, gomail.TLSByPolicy}, Org: home, Hostname: s.config.Server.Hostname,
		From: gomail.Address{Local: "postmaster", Domain: home},
		Skip: func(domain string) bool { return slices.Contains(s.config.Reports.Skip, domain) },
	}, err
}
