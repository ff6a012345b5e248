package api

import (
	"context"
	"net/http"
	"time"

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
	return dnsplan.Plan(c.Server(), dnsplan.Domain{Domain: d, Keys: keys}), nil
}

func (a *API) registerRecords(h huma.API) {
	huma.Register(h, operation("list-records", http.MethodGet, "/domains/{name}/records", "The DNS records that the domain needs"),
		func(ctx context.Context, in *domainInput) (*list[dnsplan.Record], error) {
			records, err := a.config.Plan(ctx, in.Name)
			return listOf(records, err, same)
		})
	huma.Register(h, operation("check-records", http.MethodPost, "/domains/{name}/check", "Ask every name server whether the records are there"), a.checkRecords)
	huma.Register(h, operation("export-records", http.MethodGet, "/domains/{name}/export", "The same records for other programs"), a.exportRecords)
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
	zone, err := gomail.CanonicalDomain(in.Name)
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
		e.Text = dnsplan.Zone(records)
	}
	return oneOf(e, err, same)
}

// DNSReport is a domain's plan held against what the DNS says.
type DNSReport struct {
	Domain      string            `json:"domain"`
	Ready       bool              `json:"ready" doc:"every required record is right"`
	Provider    string            `json:"provider" doc:"who serves the zone, as its name servers tell; empty: not known"`
	NameServers []string          `json:"nameservers"`
	DNSSEC      string            `json:"dnssec" enum:"signed,unsigned,unknown"`
	CheckedAt   time.Time         `json:"checked_at"`
	Records     []dnsplan.Finding `json:"records"`
}

// checkRecords asks every name server of the domain now.
func (a *API) checkRecords(ctx context.Context, in *domainInput) (*one[DNSReport], error) {
	records, err := a.config.Plan(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	d, err := a.config.Domains.Get(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	seen, err := a.config.Look(ctx, d.Name, records)
	if err != nil {
		return nil, problem(err)
	}
	findings := dnsplan.Compare(records, seen)
	report := DNSReport{
		Domain: d.Name, Ready: dnsplan.Ready(findings), Provider: dnsplan.Provider(seen.NameServers), NameServers: seen.NameServers,
		DNSSEC: string(seen.DNSSEC), CheckedAt: seen.Now.UTC(), Records: findings,
	}
	if report.DNSSEC == "" {
		report.DNSSEC = "unknown"
	}
	return &one[DNSReport]{report}, nil
}

// Export is records in another program's form.
type Export struct {
	Form string `json:"form"`
	Text string `json:"text"`
}
