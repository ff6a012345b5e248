package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/dnsplan"
	"gomail/web/api"
)

type domainCmd struct {
	Add    domainAddCmd    `cmd:"" help:"Host a domain, with DKIM keys of its own."`
	List   domainListCmd   `cmd:"" help:"List the hosted domains."`
	Show   domainShowCmd   `cmd:"" help:"Show a domain's settings."`
	Set    domainSetCmd    `cmd:"" help:"Change a domain's settings."`
	Remove domainRemoveCmd `cmd:"" help:"Remove a domain that has no accounts."`
}

type domainAddCmd struct {
	printing
	policyFlags
	Domain        string `arg:"" help:"The domain, such as example.com."`
	DKIMAlgorithm string `name:"dkim-algorithm" help:"ed25519, rsa or both." placeholder:"ALGORITHM"`
	Selector      string `help:"The selector of its first DKIM key." placeholder:"NAME"`
}

// Help shows an example.
func (domainAddCmd) Help() string {
	return "Example: gomail domain add example.com\n\nThen: gomail dns plan example.com"
}

// Run adds the domain.
func (c domainAddCmd) Run(a *app) error {
	settings := gomail.DomainSettings{}
	c.apply(&settings)
	a.create = true
	d, err := send[api.Domain](a, http.MethodPost, "/domains", api.NewDomain{
		Name: c.Domain, DKIMAlgorithm: c.DKIMAlgorithm, Selector: c.Selector, Settings: &settings,
	})
	if err != nil {
		return err
	}
	return c.show(a, d, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "Added %s. Next: gomail dns plan %s shows the records to publish.\n", d.Name, d.Name)
	})
}

type domainListCmd struct{ printing }

// Help shows an example.
func (domainListCmd) Help() string { return "Example: gomail domain list --json" }

// Run lists the domains.
func (c domainListCmd) Run(a *app) error {
	all, err := get[[]api.Domain](a, "/domains")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "DOMAIN", "STATE", "DMARC", "ADDED")
		for _, d := range all {
			row(w, d.Name, yesNo(d.Disabled, "disabled", yesNo(d.Settings.Parked, "parked", "active")), orDefault(d.Settings.DMARC.Policy, "none"), d.Created.Format("2006-01-02"))
		}
	})
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

type domainShowCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (domainShowCmd) Help() string { return "Example: gomail domain show example.com" }

// Run shows the domain.
func (c domainShowCmd) Run(a *app) error {
	d, err := get[api.Domain](a, "/domains/"+seg(c.Domain))
	if err != nil {
		return err
	}
	return c.show(a, d, func(w *tabwriter.Writer) { describeDomain(w, d) })
}

func describeDomain(w *tabwriter.Writer, d api.Domain) {
	s := d.Settings
	row(w, "Domain", d.Name)
	row(w, "State", yesNo(d.Disabled, "disabled", yesNo(s.Parked, "parked", "active")))
	row(w, "Added", d.Created.Format("2006-01-02 15:04 MST"))
	row(w, "Catch-all", orDefault(s.CatchAll, "none: unknown addresses are refused"))
	row(w, "Greylisting", orDefault(s.Greylist, "as the server has it"))
	row(w, "SPF", strings.TrimSpace("v=spf1 mx "+strings.Join(s.SPF.Mechanisms, " "))+" "+orDefault(s.SPF.All, "~all"))
	row(w, "DMARC policy", orDefault(s.DMARC.Policy, "none"))
	row(w, "DMARC reports to", orDefault(strings.Join(s.DMARC.RUA, ", "), "postmaster@"+d.Name))
	row(w, "MTA-STS", orDefault(s.MTASTS.Mode, "testing"))
	row(w, "Authorities", orDefault(strings.Join(s.CAA.Issuers, ", "), "the configured one"))
	row(w, "DKIM renewal", renewal(s.DKIM.RenewDays))
	row(w, "Published at", orDefault(s.Publishing.Connection, "nowhere: by hand")+yesNo(s.Publishing.KeepInSync, ", kept in sync", ""))
	row(w, "DNS", d.Badge.Text)
	row(w, "TTL", orDefault(strings.TrimPrefix(strconv.Itoa(s.TTL), "0"), "3600"))
}

type domainSetCmd struct {
	printing
	policyFlags
	Domain   string `arg:""`
	Disabled *bool  `help:"Refuse mail for the domain and from it." negatable:""`
	DryRun   bool   `help:"Show what would change in the domain's records, and change nothing."`
}

// Help shows an example.
func (domainSetCmd) Help() string {
	return "Example: gomail domain set example.com --dmarc quarantine --dmarc-reports admin@example.com\n\nA list is replaced by what is given; a single - empties it.\n\nExample: gomail domain set example.com --spf include:_spf.example.net --dry-run"
}

// Run changes the settings.
func (c domainSetCmd) Run(a *app) error {
	d, err := get[api.Domain](a, "/domains/"+seg(c.Domain))
	if err != nil {
		return err
	}
	c.apply(&d.Settings)
	if c.DryRun {
		return c.preview(a, d.Settings)
	}
	d, err = send[api.Domain](a, http.MethodPatch, "/domains/"+seg(c.Domain), api.DomainChange{Disabled: c.Disabled, Settings: &d.Settings})
	if err != nil {
		return err
	}
	return c.show(a, d, func(w *tabwriter.Writer) { describeDomain(w, d) })
}

// preview shows what other settings would change in the records.
func (c domainSetCmd) preview(a *app, settings gomail.DomainSettings) error {
	p, err := send[api.SettingsPreview](a, http.MethodPost, "/domains/"+seg(c.Domain)+"/preview", settings)
	if err != nil {
		return err
	}
	return c.show(a, p, func(w *tabwriter.Writer) {
		if len(p.Changes) == 0 {
			row(w, "No record would change.")
		}
		for _, d := range p.Changes {
			describeDifference(w, d)
		}
	})
}

func describeDifference(w *tabwriter.Writer, d dnsplan.Difference) {
	if d.Before != nil {
		row(w, "-", d.Before.Type, d.Before.Name, strings.TrimSpace(priority(*d.Before)+" "+d.Before.Value))
	}
	if d.After != nil {
		row(w, "+", d.After.Type, d.After.Name, strings.TrimSpace(priority(*d.After)+" "+d.After.Value))
	}
}

func renewal(days int) string {
	switch {
	case days < 0:
		return "never by itself"
	case days == 0:
		return "after 365 days"
	}
	return fmt.Sprintf("after %d days", days)
}

type domainRemoveCmd struct {
	Domain string `arg:""`
}

// Help shows an example.
func (domainRemoveCmd) Help() string { return "Example: gomail domain remove example.com" }

// Run removes the domain.
func (c domainRemoveCmd) Run(a *app) error {
	return act(a, http.MethodDelete, "/domains/"+seg(c.Domain))
}
