package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
	"gomail/domains"
)

// Domain is a hosted domain.
type Domain struct {
	Name     string                `json:"name"`
	Disabled bool                  `json:"disabled"`
	Settings gomail.DomainSettings `json:"settings"`
	Created  time.Time             `json:"created"`
}

func showDomain(d gomail.Domain) Domain {
	return Domain{Name: d.Name, Disabled: d.Disabled, Settings: d.Settings, Created: d.Created}
}

// NewDomain is what a domain is made from.
type NewDomain struct {
	Name          string                 `json:"name" doc:"example.com"`
	DKIMAlgorithm string                 `json:"dkim_algorithm,omitempty" doc:"ed25519, rsa or both; empty: the configured one"`
	Selector      string                 `json:"selector,omitempty" doc:"of its first DKIM key; empty: the configured one"`
	Settings      *gomail.DomainSettings `json:"settings,omitempty"`
}

// DomainChange is what changes of a domain; what is left out stays.
type DomainChange struct {
	Disabled *bool                  `json:"disabled,omitempty"`
	Settings *gomail.DomainSettings `json:"settings,omitempty" doc:"replaces all settings"`
}

type domainInput struct {
	Name string `path:"name"`
}

func (a *API) registerDomains(h huma.API) {
	huma.Register(h, operation("list-domains", http.MethodGet, "/domains", "All hosted domains"),
		func(ctx context.Context, _ *struct{}) (*list[Domain], error) {
			all, err := a.config.Domains.List(ctx)
			return listOf(all, err, showDomain)
		})
	huma.Register(h, operation("add-domain", http.MethodPost, "/domains", "Host a domain, with DKIM keys of its own"), a.addDomain)
	huma.Register(h, operation("get-domain", http.MethodGet, "/domains/{name}", "One domain"),
		func(ctx context.Context, in *domainInput) (*one[Domain], error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			return oneOf(d, err, showDomain)
		})
	huma.Register(h, operation("change-domain", http.MethodPatch, "/domains/{name}", "Change a domain's settings"), a.changeDomain)
	huma.Register(h, operation("remove-domain", http.MethodDelete, "/domains/{name}", "Remove a domain that has no accounts"),
		func(ctx context.Context, in *domainInput) (*struct{}, error) {
			return nil, problem(a.config.Domains.Remove(ctx, in.Name))
		})
}

func (a *API) addDomain(ctx context.Context, in *struct{ Body NewDomain }) (*one[Domain], error) {
	o := domains.AddOptions{Algorithm: in.Body.DKIMAlgorithm, Selector: in.Body.Selector}
	if in.Body.Settings != nil {
		o.Settings = *in.Body.Settings
	}
	if err := dnsplan.Validate(o.Settings); err != nil {
		return nil, problem(err)
	}
	d, err := a.config.Domains.Add(ctx, in.Body.Name, o)
	return oneOf(d, err, showDomain)
}

func (a *API) changeDomain(ctx context.Context, in *struct {
	Name string `path:"name"`
	Body DomainChange
}) (*one[Domain], error) {
	d, err := a.config.Domains.Get(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	if in.Body.Disabled != nil {
		d.Disabled = *in.Body.Disabled
	}
	if in.Body.Settings != nil {
		d.Settings = *in.Body.Settings
	}
	if err := dnsplan.Validate(d.Settings); err != nil {
		return nil, problem(err)
	}
	return oneOf(d, a.config.Domains.Update(ctx, d), showDomain)
}
