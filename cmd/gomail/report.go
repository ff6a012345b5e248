package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type reportCmd struct {
	Show reportShowCmd `cmd:"" help:"Show what others reported about a domain's mail and about TLS to its hosts."`
	Rows reportRowsCmd `cmd:"" help:"List the rows of the reports about one source."`
}

type reportShowCmd struct {
	printing
	Domain string `arg:""`
	Days   int    `default:"30" help:"How many days back, at most 400." placeholder:"N"`
}

// Help shows an example.
func (reportShowCmd) Help() string { return "Example: gomail report show example.com --days 90" }

// Run shows the reports.
func (c reportShowCmd) Run(a *app) error {
	r, err := get[api.DomainReports](a, fmt.Sprintf("/domains/%s/reports?days=%d", seg(c.Domain), c.Days))
	if err != nil {
		return err
	}
	return c.show(a, r, func(w *tabwriter.Writer) { describeReports(w, r) })
}

func describeReports(w *tabwriter.Writer, r api.DomainReports) {
	row(w, "Since", r.Since.Format(time.DateOnly))
	if len(r.Sources) == 0 {
		row(w, "DMARC", "no report yet: receivers send them a day after they got mail from the domain")
	} else {
		row(w, "SOURCE", "MESSAGES", "DMARC", "SPF", "DKIM", "JUNK", "REFUSED", "ADDRESSES")
	}
	for _, s := range r.Sources {
		row(w, sourceTitle(s), s.Messages, share(s.Aligned, s.Messages), share(s.SPF, s.Messages), share(s.DKIM, s.Messages), s.Quarantined, s.Rejected, strings.Join(s.Addresses[:min(len(s.Addresses), 3)], ", "))
	}
	for _, x := range r.Reporters {
		row(w, "Reporter", x.Org, fmt.Sprintf("%d reports, %d messages, the last of %s", x.Reports, x.Messages, x.Last.Format(time.DateOnly)))
	}
	describeTLSReports(w, r)
}

func describeTLSReports(w *tabwriter.Writer, r api.DomainReports) {
	successes, failures := 0, 0
	for _, d := range r.TLS {
		successes += d.Successes
		failures += d.Failures
	}
	if len(r.TLS) > 0 {
		row(w, "TLS", fmt.Sprintf("%d connections, %d failed", successes+failures, failures))
	}
	for _, c := range r.TLSCauses {
		row(w, "", c.Failures, c.Text)
	}
	for _, h := range r.TLSHosts {
		row(w, "", h.Failures, "at "+h.Host)
	}
}

// sourceTitle names a source and whose it is.
func sourceTitle(s api.ReportSource) string {
	switch {
	case s.Own:
		return s.Name + " (this server)"
	case s.Disowned:
		return s.Name + " (not yours)"
	}
	return s.Name
}

func share(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}

type reportRowsCmd struct {
	printing
	Domain string `arg:""`
	Source string `arg:"" help:"As gomail report show --json names it: sendgrid.net, 192.0.2.0/24."`
	Days   int    `default:"30" help:"How many days back, at most 400." placeholder:"N"`
}

// Help shows an example.
func (reportRowsCmd) Help() string { return "Example: gomail report rows example.com sendgrid.net" }

// Run lists the rows.
func (c reportRowsCmd) Run(a *app) error {
	rows, err := get[[]api.ReportRow](a, fmt.Sprintf("/domains/%s/reports/rows?days=%d&source=%s", seg(c.Domain), c.Days, url.QueryEscape(c.Source)))
	if err != nil {
		return err
	}
	return c.show(a, rows, func(w *tabwriter.Writer) {
		row(w, "DAY", "REPORTER", "ADDRESS", "MESSAGES", "DONE", "DKIM", "SPF", "RETURN ADDRESS")
		for _, r := range rows {
			row(w, r.End.Format(time.DateOnly), r.Org, r.Source, r.Messages, r.Disposition, r.DKIM, r.SPF, r.EnvelopeFrom)
		}
	})
}
