package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/web/api"
)

type domainCmd struct {
	Add    domainAddCmd    `cmd:"" help:"Host a domain, with DKIM keys of its own."`
	List   domainListCmd   `cmd:"" help:"List the hosted domains."`
	Show   domainShowCmd   `cmd:"" help:"Show a domain's settings."`
	Set    domainSetCmd    `cmd:"" help:"Change a domain's settings."`
	Remove domainRemoveCmd `cmd:"" help:"Remove a domain that has no accounts."`
}

// policyFlags are the settings that the command line can change.
type policyFlags struct {
	CatchAll     *string  `help:"The address that takes mail for unknown addresses of the domain; empty: it is refused." placeholder:"ADDRESS"`
	Parked       *bool    `help:"The domain has no mail." negatable:""`
	Apex         *bool    `help:"Plan addresses of the mail host for the domain's own name too." negatable:""`
	SPF          []string `name:"spf" help:"Mechanisms to add to the SPF record, such as include:_spf.example.net." placeholder:"MECHANISM"`
	SPFAll       *string  `name:"spf-all" help:"How the SPF record ends: ~all or -all." placeholder:"ALL"`
	DMARC        *string  `name:"dmarc" help:"The DMARC policy: none, quarantine or reject." placeholder:"POLICY"`
	DMARCReports []string `name:"dmarc-reports" help:"Addresses for DMARC reports." placeholder:"ADDRESS"`
	MTASTS       *string  `name:"mta-sts" help:"The MTA-STS mode: testing, enforce or none." placeholder:"MODE"`
	MTASTSID     *string  `name:"mta-sts-id" help:"The MTA-STS policy's id; empty: made from its content." placeholder:"ID"`
	TLSReports   []string `name:"tls-reports" help:"Addresses for TLS reports." placeholder:"ADDRESS"`
	CA           []string `name:"ca" help:"Authorities that may issue certificates for the domain." placeholder:"CA"`
	TTL          *int     `name:"ttl" help:"The TTL of the domain's records, in seconds." placeholder:"SECONDS"`
}

// apply writes the flags that were given over settings.
func (p policyFlags) apply(s *gomail.DomainSettings) {
	set(&s.CatchAll, p.CatchAll)
	set(&s.Parked, p.Parked)
	set(&s.ApexAddress, p.Apex)
	setList(&s.SPF.Mechanisms, p.SPF)
	set(&s.SPF.All, p.SPFAll)
	set(&s.DMARC.Policy, p.DMARC)
	setList(&s.DMARC.RUA, p.DMARCReports)
	set(&s.MTASTS.Mode, p.MTASTS)
	set(&s.MTASTS.PolicyID, p.MTASTSID)
	setList(&s.TLSRPT.RUA, p.TLSReports)
	setList(&s.CAA.Issuers, p.CA)
	set(&s.TTL, p.TTL)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// setList replaces a list by one that was given; a single "-" empties it.
func setList(to *[]string, from []string) {
	switch {
	case len(from) == 1 && from[0] == "-":
		*to = nil
	case len(from) > 0:
		*to = from
	}
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
	row(w, "SPF", strings.TrimSpace("v=spf1 mx "+strings.Join(s.SPF.Mechanisms, " "))+" "+orDefault(s.SPF.All, "~all"))
	row(w, "DMARC policy", orDefault(s.DMARC.Policy, "none"))
	row(w, "DMARC reports to", orDefault(strings.Join(s.DMARC.RUA, ", "), "postmaster@"+d.Name))
	row(w, "MTA-STS", orDefault(s.MTASTS.Mode, "testing"))
	row(w, "Authorities", orDefault(strings.Join(s.CAA.Issuers, ", "), "the configured one"))
	row(w, "TTL", orDefault(strings.TrimPrefix(strconv.Itoa(s.TTL), "0"), "3600"))
}

type domainSetCmd struct {
	printing
	policyFlags
	Domain   string `arg:""`
	Disabled *bool  `help:"Refuse mail for the domain and from it." negatable:""`
}

// Help shows an example.
func (domainSetCmd) Help() string {
	return "Example: gomail domain set example.com --dmarc quarantine --dmarc-reports admin@example.com\n\nA list is replaced by what is given; a single - empties it."
}

// Run changes the settings.
func (c domainSetCmd) Run(a *app) error {
	d, err := get[api.Domain](a, "/domains/"+seg(c.Domain))
	if err != nil {
		return err
	}
	c.apply(&d.Settings)
	d, err = send[api.Domain](a, http.MethodPatch, "/domains/"+seg(c.Domain), api.DomainChange{Disabled: c.Disabled, Settings: &d.Settings})
	if err != nil {
		return err
	}
	return c.show(a, d, func(w *tabwriter.Writer) { describeDomain(w, d) })
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
