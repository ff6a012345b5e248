package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
)

// Plan returns the records that a hosted domain needs.
func (c Config) Plan(ctx context.Context, name string) ([]dnsplan.Record, error) {
	d, err := c.Domains.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	keys, err := c.Domains.Keys(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	server, err := c.Settings.Server(ctx)
	if err != nil {
		return nil, err
	}
	return dnsplan.Plan(server, dnsplan.Domain{Domain: d, Keys: keys}), nil
}

func (a *API) registerRecords(h huma.API) {
	huma.Register(h, domainOperation("list-records", http.MethodGet, "/records", "The DNS records that the domain needs"),
		func(ctx context.Context, in *domainInput) (*list[dnsplan.Record], error) {
			records, err := a.config.Plan(ctx, in.Name)
			return listOf(records, err, same)
		})
	huma.Register(h, domainOperation("export-records", http.MethodGet, "/export", "The same records for other programs"), a.exportRecords)
	huma.Register(h, domainOperation("list-instructions", http.MethodGet, "/instructions", "The same records as a provider's form wants them entered"), a.listInstructions)
}

// Instructions are records as a provider's form wants them entered.
type Instructions struct {
	Provider string         `json:"provider" doc:"empty: the form that most have"`
	Zone     string         `json:"zone"`
	Notes    []string       `json:"notes" doc:"what to know before filling the form in: where it is, to begin with"`
	Steps    []dnsplan.Step `json:"steps"`
}

func (a *API) listInstructions(ctx context.Context, in *struct {
	Name     string `path:"name"`
	Provider string `query:"provider" doc:"empty: the one that the zone's name servers tell"`
}) (*one[Instructions], error) {
	records, err := a.config.Plan(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	zone, provider, err := a.zoneOf(ctx, canonical(in.Name))
	if err != nil {
		return nil, problem(err)
	}
	if in.Provider != "" {
		provider = in.Provider
	}
	return &one[Instructions]{Instructions{provider, zone, dnsplan.InstructionNotes(provider), dnsplan.Instructions(provider, zone, records)}}, nil
}

// zoneOf returns the zone in which a domain lies and who serves it, as the
// last look found them; the domain itself before the first.
func (a *API) zoneOf(ctx context.Context, domain string) (zone, provider string, err error) {
	last, err := a.config.Watcher.Report(ctx, domain)
	switch {
	case gomail.KindOf(err) == gomail.NotFound || err == nil && last.Zone == "":
		return domain, "", nil
	case err != nil:
		return "", "", err
	}
	return last.Zone, last.Provider, nil
}

// exportRecords renders the plan for a program.
func (a *API) exportRecords(ctx context.Context, in *struct {
	Name string `path:"name"`
	Form string `query:"form" enum:"zone,nsupdate,route53" default:"zone" doc:"a BIND zone file, an nsupdate script, a Route 53 change batch"`
}) (*one[Export], error) {
	records, err := a.config.Plan(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	zone, _, err := a.zoneOf(ctx, canonical(in.Name))
	if err != nil {
		return nil, problem(err)
	}
	e := Export{Form: in.Form}
	switch in.Form {
	case "nsupdate":
		e.Text = dnsplan.NSUpdate(records, zone)
	case "route53":
		e.Text, err = dnsplan.Route53(records, zone)
	default:
		e.Text = dnsplan.ZoneIn(records, zone)
	}
	return oneOf(e, err, same)
}

// Export is records in another program's form.
type Export struct {
	Form string `json:"form"`
	Text string `json:"text"`
}
