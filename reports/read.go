package reports

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/message"
	"gomail/reports/aggregate"
	"gomail/tlspolicy"
)

// maxAge is how old what comes by mail may be: reports come within days, and
// nobody may write a year of history at once.
const maxAge = 32 * 24 * time.Hour

// MaxPerDay is how many reports about one day of a domain a reporter's
// domain may send. Large ones send one for each of their services.
const MaxPerDay = 100

// Arrived is a message that may carry a report.
type Arrived struct {
	ID       string   // of the message, in logs
	Author   string   // domain of its From field, canonical
	Verified []string // domains that SPF or DKIM has shown it to come from
	Index    *message.Index
	Content  io.ReaderAt // what Index is about
}

// Read reads the report that a message carries, and reports whether it was
// one: it is kept then, now or since it came before. Why one is not taken is
// logged.
//
// Who reports is who the mail is shown to come from, whatever the report says
// of itself: a report from nobody in particular is not read.
func (s *Service) Read(ctx context.Context, m Arrived) bool {
	select {
	case s.reading <- struct{}{}: // one at a time: each may take some 100 MiB
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return false
	}
	document, f, err := attached(m.Index, m.Content)
	if f == formatNone && err == nil {
		return false // no report
	}
	org, known := m.reporter()
	log := s.config.Logger.With(slog.String("msgid", m.ID), slog.String("reporter", org))
	if err == nil && !known {
		err = gomail.Errorf(gomail.Refused, "nothing shows that it comes from %s: it passes neither SPF nor DKIM", org)
	}
	if err == nil {
		err = s.keep(ctx, org, document, f)
	}
	if err != nil {
		log.Warn("report", slog.String("outcome", "not read"), slog.Any("error", err))
		return false
	}
	log.Info("report", slog.String("outcome", "read"))
	return true
}

// reporter returns the organisation that a message comes from, and whether
// that is shown.
func (m Arrived) reporter() (org string, shown bool) {
	org = dnsplan.Organisation(m.Author)
	return org, m.Author != "" && slices.ContainsFunc(m.Verified, func(d string) bool { return dnsplan.Organisation(d) == org })
}

func (s *Service) keep(ctx context.Context, org string, document []byte, f format) error {
	if f == formatJSON {
		return s.keepTLS(ctx, org, document)
	}
	r, err := aggregate.Parse(document)
	if err != nil {
		return err
	}
	if err := s.takes(ctx, r.Policy.Domain, r.End); err != nil {
		return err
	}
	if err := s.room(ctx, org, r); err != nil {
		return err
	}
	_, err = s.AddDMARC(ctx, fromAggregate(org, r))
	return err
}

// room returns TooMany where there are reports enough about a domain's day: of
// one reporter, or of all. Anybody with a domain can send them.
func (s *Service) room(ctx context.Context, org string, r aggregate.Report) error {
	domain, day := r.Policy.Domain, dayOf(r.Begin, r.End)
	n, err := s.config.Store.CountDMARCReports(ctx, domain, org, day)
	if err != nil {
		return err
	}
	if n >= MaxPerDay {
		return gomail.Errorf(gomail.TooMany, "%s has sent %d reports about that day of %s already", org, n, domain)
	}
	rows, err := s.config.Store.CountDMARCRows(ctx, domain, day)
	if err == nil && rows+len(r.Records) > s.config.MaxRowsPerDay {
		err = gomail.Errorf(gomail.TooMany, "reports about that day of %s have %d rows already", domain, rows)
	}
	return err
}

// takes reports whether a report about a domain's time is for us.
func (s *Service) takes(ctx context.Context, domain string, end time.Time) error {
	switch hosted, err := s.config.Hosted(ctx, domain); {
	case err != nil:
		return err
	case !hosted:
		return gomail.Errorf(gomail.NotFound, "it is about %.100q, which is not hosted here", domain)
	case end.Before(s.config.Clock().Add(-maxAge)):
		return gomail.Errorf(gomail.Invalid, "it is about %s, which is too long ago", end.UTC().Format(time.DateOnly))
	}
	return nil
}

// fromAggregate takes from a report what is kept of it.
func fromAggregate(org string, r aggregate.Report) DMARCReport {
	kept := DMARCReport{Domain: r.Policy.Domain, Org: org, ID: cut(r.ID), Begin: r.Begin, End: r.End, Rows: make([]DMARCRow, len(r.Records))}
	for i, x := range r.Records {
		row := DMARCRow{
			Source: x.Source, Count: x.Count, Disposition: cut(x.Disposition), DKIM: x.DKIM, SPF: x.SPF, HeaderFrom: cut(x.HeaderFrom), EnvelopeFrom: cut(x.EnvelopeFrom),
		}
		for _, sig := range x.Signatures {
			row.Signatures = append(row.Signatures, Signature{cut(sig.Domain), cut(sig.Selector), cut(sig.Result)})
		}
		for _, c := range x.SPFChecks {
			row.SPFChecks = append(row.SPFChecks, SPFCheck{cut(c.Domain), cut(c.Scope), cut(c.Result)})
		}
		kept.Rows[i] = row
	}
	return kept
}

// cut makes a reporter's text as long as texts may be.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// keepTLS keeps what a TLS report says of the domains that are hosted here;
// one of several domains may come to several of them.
func (s *Service) keepTLS(ctx context.Context, org string, document []byte) error {
	r, err := tlspolicy.ParseReport(document)
	if err != nil {
		return err
	}
	kept := TLSReport{Org: org, ID: cut(r.ID), Begin: r.Begin, End: r.End}
	var refused error
	for _, p := range r.Policies {
		err := s.takes(ctx, p.Domain, r.End)
		switch {
		case err == nil:
			kept.Rows = append(kept.Rows, tlsRow(p, dayOf(r.Begin, r.End)))
		case gomail.KindOf(err).Temporary():
			return err
		default:
			refused = err
		}
	}
	if len(kept.Rows) == 0 {
		if refused != nil {
			return refused
		}
		return gomail.Errorf(gomail.Invalid, "the report is about no domain")
	}
	for _, row := range kept.Rows {
		n, err := s.config.Store.CountTLSReports(ctx, row.Domain, org, row.Day)
		if err != nil {
			return err
		}
		if n >= MaxPerDay {
			return gomail.Errorf(gomail.TooMany, "%s has sent %d TLS reports about that day of %s already", org, n, row.Domain)
		}
	}
	_, err = s.AddTLS(ctx, kept)
	return err
}

// tlsRow adds the failures of a policy up.
func tlsRow(p tlspolicy.PolicyReport, day time.Time) TLSRow {
	row := TLSRow{
		Domain: p.Domain, Day: day, PolicyType: cut(string(p.Type)), Successes: min(p.Successes, maxCount), Failures: min(p.Failures, maxCount),
		Types: map[string]int{}, Hosts: map[string]int{},
	}
	for _, d := range p.Details {
		count(row.Types, string(d.Type), d.Sessions)
		if host, err := gomail.CanonicalDomain(d.ReceivingMX); err == nil {
			count(row.Hosts, host, d.Sessions)
		}
	}
	return row
}

// count adds to one of few counters.
func count(counters map[string]int, name string, n int) {
	name = cut(name)
	if _, known := counters[name]; known || len(counters) < maxAuth {
		counters[name] += n
	}
}
