package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"gomail/dnsplan"
	"gomail/ladder"
	"gomail/web/api"
)

type policyCmd struct {
	Show    policyShowCmd    `cmd:"" help:"Show how strict a domain's policies are, and what would make them stricter."`
	Take    policyTakeCmd    `cmd:"" help:"Take the step that is offered on a ladder."`
	Back    policyBackCmd    `cmd:"" help:"Go back a step."`
	Disown  policyDisownCmd  `cmd:"" help:"Say that a source is not yours: its mail does not count."`
	Own     policyOwnCmd     `cmd:"" help:"Take that back."`
	Senders policySendersCmd `cmd:"" help:"List well-known services, and how a domain authorises them."`
}

type policyShowCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (policyShowCmd) Help() string { return "Example: gomail policy show example.com" }

// Run shows the ladders.
func (c policyShowCmd) Run(a *app) error {
	p, err := get[api.DomainPolicies](a, "/domains/"+seg(c.Domain)+"/policies")
	if err != nil {
		return err
	}
	return c.policies(a, p)
}

func (p printing) policies(a *app, all api.DomainPolicies) error {
	return p.show(a, all, func(w *tabwriter.Writer) {
		for _, l := range all.Ladders {
			describeLadder(w, l)
		}
		row(w, "Simulation", all.Simulation.State)
		for _, m := range all.Simulation.Messages {
			if m.State != dnsplan.OK {
				row(w, "", m.State, m.Message, m.Why)
			}
		}
	})
}

func describeLadder(w *tabwriter.Writer, l ladder.Ladder) {
	row(w, string(l.Kind), l.Title, strings.Join(marked(l.Rungs, l.Rung), " → "), l.State)
	row(w, "", l.Advice)
	if p := l.Proof; p != nil {
		row(w, "", fmt.Sprintf("%d of %d days, %.1f of %.0f %%, %d failed", p.Days, p.NeedDays, p.Percent, p.NeedPercent, p.Failed))
	}
	for _, loss := range l.Losses {
		row(w, "", "would lose", loss.Source, loss.Name, fmt.Sprintf("%d messages", loss.Lost))
		for _, how := range loss.How {
			row(w, "", "", "→ "+how)
		}
	}
	if l.Back != nil && l.Back.Advised {
		row(w, "", "back to "+l.Back.To+": "+l.Back.Why)
	}
}

// marked puts brackets around the rung where the domain stands.
func marked(rungs []string, at string) []string {
	all := make([]string, len(rungs))
	for i, r := range rungs {
		if all[i] = r; r == at {
			all[i] = "[" + r + "]"
		}
	}
	return all
}

type policyTakeCmd struct {
	printing
	Domain string `arg:""`
	Ladder string `arg:"" enum:"dmarc,spf,mta_sts,tlsa" help:"dmarc, spf, mta_sts or tlsa."`
	To     string `arg:"" help:"The step that is offered, such as quarantine."`
}

// Help shows an example.
func (policyTakeCmd) Help() string {
	return "A step is offered once the reports show that no mail of yours would be lost.\n\nExample: gomail policy take example.com dmarc quarantine"
}

// Run takes the step.
func (c policyTakeCmd) Run(a *app) error {
	p, err := send[api.DomainPolicies](a, http.MethodPost, "/domains/"+seg(c.Domain)+"/policies/"+seg(c.Ladder)+"/take", api.PolicyStep{To: c.To})
	if err != nil {
		return err
	}
	return c.policies(a, p)
}

type policyBackCmd struct {
	printing
	Domain string `arg:""`
	Ladder string `arg:"" enum:"dmarc,spf,mta_sts,tlsa" help:"dmarc, spf, mta_sts or tlsa."`
}

// Help shows an example.
func (policyBackCmd) Help() string { return "Example: gomail policy back example.com dmarc" }

// Run goes back.
func (c policyBackCmd) Run(a *app) error {
	p, err := send[api.DomainPolicies](a, http.MethodPost, "/domains/"+seg(c.Domain)+"/policies/"+seg(c.Ladder)+"/back", nil)
	if err != nil {
		return err
	}
	return c.policies(a, p)
}

// source is a source of a domain's mail.
type source struct {
	printing
	Domain string `arg:""`
	Source string `arg:"" help:"As gomail policy show names it: sendgrid.net, 192.0.2.0/24."`
}

func (s source) disown(a *app, disowned bool) error {
	p, err := send[api.DomainPolicies](a, http.MethodPost, "/domains/"+seg(s.Domain)+"/policies/sources", api.Disowning{Source: s.Source, Disowned: disowned})
	if err != nil {
		return err
	}
	return s.policies(a, p)
}

type policyDisownCmd struct{ source }

// Help shows an example.
func (policyDisownCmd) Help() string {
	return "Example: gomail policy disown example.com 192.0.2.0/24"
}

// Run disowns the source.
func (c policyDisownCmd) Run(a *app) error { return c.disown(a, true) }

type policyOwnCmd struct{ source }

// Help shows an example.
func (policyOwnCmd) Help() string { return "Example: gomail policy own example.com 192.0.2.0/24" }

// Run takes it back.
func (c policyOwnCmd) Run(a *app) error { return c.disown(a, false) }

type policySendersCmd struct{ printing }

// Help shows an example.
func (policySendersCmd) Help() string { return "Example: gomail policy senders" }

// Run lists the services.
func (c policySendersCmd) Run(a *app) error {
	all, err := get[[]dnsplan.Sender](a, "/senders")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "SERVICE", "SPF INCLUDE", "DKIM")
		for _, s := range all {
			row(w, s.Name, orDefault(s.Include, "none"), yesNo(len(s.DKIM) > 0, "yes", "see its documentation"))
		}
	})
}

type dnsInstructionsCmd struct {
	printing
	Domain   string `arg:""`
	Provider string `help:"The DNS provider; default: the one that the name servers tell." placeholder:"NAME"`
}

// Help shows an example.
func (dnsInstructionsCmd) Help() string {
	return "Example: gomail dns instructions example.com --provider godaddy"
}

// Run prints the records as the provider's form wants them entered.
func (c dnsInstructionsCmd) Run(a *app) error {
	in, err := get[api.Instructions](a, "/domains/"+seg(c.Domain)+"/instructions?provider="+seg(c.Provider))
	if err != nil {
		return err
	}
	return c.show(a, in, func(w *tabwriter.Writer) {
		for _, note := range in.Notes {
			fmt.Fprintln(w, note)
		}
		for _, s := range in.Steps {
			row(w, "\n"+s.Record)
			for _, f := range s.Fields {
				row(w, "  "+f.Label, f.Value)
			}
			if s.Note != "" {
				row(w, "  "+s.Note)
			}
		}
	})
}

type dnsJournalCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (dnsJournalCmd) Help() string { return "Example: gomail dns journal example.com" }

// Run shows what was published.
func (c dnsJournalCmd) Run(a *app) error {
	all, err := get[[]dnsplan.Publication](a, "/domains/"+seg(c.Domain)+"/publications")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "WHEN", "KIND", "BY", "AT", "DONE", "FAILED", "")
		for _, p := range all {
			done, failed := outcomes(p)
			row(w, p.At.Local().Format("2006-01-02 15:04"), p.Kind, p.Actor, p.Connection, done, failed, yesNo(p.Undone.IsZero(), "", "undone"))
		}
	})
}

func outcomes(p dnsplan.Publication) (done, failed int) {
	for _, r := range p.Results {
		switch r.Outcome {
		case dnsplan.Done:
			done++
		case dnsplan.Failed:
			failed++
		}
	}
	return done, failed
}
