package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"gomail/dnsplan"
	"gomail/web/api"
)

type dnsCmd struct {
	Plan  dnsPlanCmd  `cmd:"" help:"Print the records that a domain needs."`
	Check dnsCheckCmd `cmd:"" help:"Ask every name server whether they are there."`

	Instructions dnsInstructionsCmd `cmd:"" help:"Print them as a DNS provider's form wants them entered."`

	Publish    dnsPublishCmd `cmd:"" help:"Write them at the DNS provider; what is not ours stays."`
	Undo       dnsUndoCmd    `cmd:"" help:"Take back the last publication."`
	Journal    dnsJournalCmd `cmd:"" help:"Show what was published."`
	History    dnsHistoryCmd `cmd:"" help:"Show how the state of the records changed."`
	Connection connectionCmd `cmd:"" help:"Accounts at DNS providers that this server may use."`
}

type dnsCheckCmd struct {
	printing
	Domain string `arg:""`
	Wait   bool   `help:"Check again every 15 seconds until the domain is ready."`
}

// Help shows an example.
func (dnsCheckCmd) Help() string {
	return "It exits 0 when every required record is right, else 1.\n\nExample: gomail dns check example.com --wait"
}

// waitBetween is how long --wait waits between two checks.
const waitBetween = 15 * time.Second

// Run checks the records, once or until they are right.
func (c dnsCheckCmd) Run(a *app) error {
	report, err := c.check(a)
	for err == nil && c.Wait && !report.Ready {
		fmt.Fprintf(a.stderr, "%s is not ready yet; checking again in %s\n", report.Domain, waitBetween)
		select {
		case <-a.ctx.Done():
			return a.ctx.Err()
		case <-time.After(waitBetween):
		}
		report, err = c.check(a)
	}
	if err != nil {
		return err
	}
	err = c.show(a, report, func(w *tabwriter.Writer) { describeReport(w, report) })
	if err == nil && !report.Ready {
		err = errNotRight
	}
	return err
}

func (c dnsCheckCmd) check(a *app) (dnsplan.Report, error) {
	return send[dnsplan.Report](a, http.MethodPost, "/domains/"+seg(c.Domain)+"/check", nil)
}

func describeReport(w *tabwriter.Writer, r dnsplan.Report) {
	row(w, "Domain", r.Domain, r.Status.Text)
	row(w, "Zone", orDefault(r.Zone, "not found"))
	row(w, "Name servers", orDefault(strings.Join(r.NameServers, ", "), "not found"), orDefault(r.Provider, "provider not known"))
	row(w, "DNSSEC", r.DNSSEC)
	fmt.Fprintln(w)
	row(w, "STATE", "NEED", "TYPE", "NAME")
	for _, f := range r.Records {
		row(w, f.State, f.Requirement, f.Type, f.Name)
		if f.Fix != "" {
			row(w, "", "→ "+f.Fix)
		}
	}
	fmt.Fprintln(w)
	row(w, "STATE", "TRIED", "SUBJECT", "FOUND")
	for _, p := range r.Probes {
		row(w, p.State, strings.ReplaceAll(string(p.Kind), "_", " "), p.Subject, p.Found)
		if p.Fix != "" {
			row(w, "", "→ "+p.Fix)
		}
	}
}

type dnsPlanCmd struct {
	printing
	Domain   string `arg:""`
	Zone     bool   `help:"Print a BIND zone file." xor:"form"`
	NSUpdate bool   `name:"nsupdate" help:"Print an nsupdate script." xor:"form"`
	Route53  bool   `name:"route53" help:"Print a change batch for Amazon Route 53." xor:"form"`
}

// Help shows an example.
func (dnsPlanCmd) Help() string {
	return "Example: gomail dns plan example.com\n\nExample: gomail dns plan example.com --zone > example.com.zone"
}

// Validate refuses two forms at once.
func (c dnsPlanCmd) Validate() error {
	if c.JSON && (c.Zone || c.NSUpdate || c.Route53) {
		return errors.New("--json is a form of its own: leave it or the other one out")
	}
	return nil
}

// Run prints the plan.
func (c dnsPlanCmd) Run(a *app) error {
	for form, asked := range map[string]bool{"zone": c.Zone, "nsupdate": c.NSUpdate, "route53": c.Route53} {
		if asked {
			e, err := get[api.Export](a, "/domains/"+seg(c.Domain)+"/export?form="+form)
			if err == nil {
				_, err = fmt.Fprint(a.stdout, e.Text)
			}
			return err
		}
	}
	records, err := get[[]dnsplan.Record](a, "/domains/"+seg(c.Domain)+"/records")
	if err != nil {
		return err
	}
	return c.show(a, records, func(w *tabwriter.Writer) {
		row(w, "NAME", "TYPE", "TTL", "PRIO", "NEED", "VALUE")
		for _, r := range records {
			row(w, r.Name, r.Type, r.TTL, priority(r), r.Requirement, r.Value)
		}
	})
}

func priority(r dnsplan.Record) string {
	if r.Priority == nil {
		return ""
	}
	return fmt.Sprint(*r.Priority)
}
