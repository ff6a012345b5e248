package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"gomail/dnsplan"
	"gomail/web/api"
)

type dnsCmd struct {
	Plan dnsPlanCmd `cmd:"" help:"Print the records that a domain needs."`
}

type dnsPlanCmd struct {
	printing
	Domain string `arg:""`
	Zone   bool   `help:"Print a BIND zone file." xor:"form"`
}

// Help shows an example.
func (dnsPlanCmd) Help() string {
	return "Example: gomail dns plan example.com\n\nExample: gomail dns plan example.com --zone > example.com.zone"
}

// Run prints the plan.
func (c dnsPlanCmd) Run(a *app) error {
	if c.Zone {
		z, err := get[api.Zone](a, "/domains/"+seg(c.Domain)+"/zone")
		if err == nil {
			_, err = fmt.Fprint(a.stdout, z.Text)
		}
		return err
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

type dkimCmd struct {
	List     dkimListCmd     `cmd:"" help:"List a domain's keys."`
	Generate dkimGenerateCmd `cmd:"" help:"Make further keys, pending until they are in the DNS."`
}

type dkimListCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (dkimListCmd) Help() string { return "Example: gomail dkim list example.com" }

// Run lists the keys.
func (c dkimListCmd) Run(a *app) error {
	keys, err := get[[]api.Key](a, "/domains/"+seg(c.Domain)+"/keys")
	if err != nil {
		return err
	}
	return c.print(a, keys)
}

func (p printing) print(a *app, keys []api.Key) error {
	return p.show(a, keys, func(w *tabwriter.Writer) {
		row(w, "SELECTOR", "ALGORITHM", "STATE", "GENERATED")
		for _, k := range keys {
			row(w, k.Selector, k.Algorithm, k.State, k.Created.Format(time.DateOnly))
		}
	})
}

type dkimGenerateCmd struct {
	printing
	Domain        string `arg:""`
	DKIMAlgorithm string `name:"dkim-algorithm" help:"ed25519, rsa or both." placeholder:"ALGORITHM"`
	Selector      string `help:"The selector; default: the configured one with the month." placeholder:"NAME"`
}

// Help shows an example.
func (dkimGenerateCmd) Help() string { return "Example: gomail dkim generate example.com" }

// Run makes the keys.
func (c dkimGenerateCmd) Run(a *app) error {
	keys, err := send[[]api.Key](a, "POST", "/domains/"+seg(c.Domain)+"/keys", api.NewKey{Algorithm: c.DKIMAlgorithm, Selector: c.Selector})
	if err != nil {
		return err
	}
	return c.print(a, keys)
}
