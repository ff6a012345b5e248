package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

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
	huma.Register(h, operation("get-zone", http.MethodGet, "/domains/{name}/zone", "The same records as a BIND zone file"),
		func(ctx context.Context, in *domainInput) (*one[Zone], error) {
			records, err := a.config.Plan(ctx, in.Name)
			if err != nil {
				return nil, problem(err)
			}
			return &one[Zone]{Zone{dnsplan.Zone(records)}}, nil
		})
}

// Zone is records in the form of RFC 1035 section 5.
type Zone struct {
	Text string `json:"text"`
}
