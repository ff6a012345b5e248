package api

import (
	"context"
	"net/http"
	"slices"
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
	dnsplan.Summary
}

// SettingsPreview is what other settings would change.
type SettingsPreview struct {
	Changes []dnsplan.Difference `json:"changes"`
	Policy  string               `json:"policy" doc:"the MTA-STS policy file as it would be served; empty: none"`
}

// showDomain completes a domain with what its last look found.
func (a *API) showDomain(ctx context.Context, d gomail.Domain, err error) (*one[Domain], error) {
	if err != nil {
		return nil, problem(err)
	}
	summaries, err := a.config.Watcher.Summaries(ctx)
	return oneOf(d, err, func(d gomail.Domain) Domain { return summarized(d, summaries) })
}

func summarized(d gomail.Domain, summaries map[string]dnsplan.Summary) Domain {
	s, looked := summaries[d.Name]
	switch {
	case d.Disabled:
		s.Badge = dnsplan.Badge{State: dnsplan.DomainDisabled, Text: "Switched off"}
	case !looked:
		s.Badge = dnsplan.Badge{State: dnsplan.DomainUnchecked, Text: "Not checked yet"}
	}
	return Domain{Name: d.Name, Disabled: d.Disabled, Settings: d.Settings, Created: d.Created, Summary: s}
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
	huma.Register(h, scoped(ofAnyone, "list-domains", http.MethodGet, "/domains", "The hosted domains that you manage"), a.listDomains)
	huma.Register(h, operation("add-domain", http.MethodPost, "/domains", "Host a domain, with DKIM keys of its own"), a.addDomain)
	huma.Register(h, domainOperation("get-domain", http.MethodGet, "", "One domain"),
		func(ctx context.Context, in *domainInput) (*one[Domain], error) {
			d, err := a.config.Domains.Get(ctx, in.Name)
			return a.showDomain(ctx, d, err)
		})
	huma.Register(h, domainOperation("change-domain", http.MethodPatch, "", "Change a domain's settings"), a.changeDomain)
	huma.Register(h, domainOperation("preview-settings", http.MethodPost, "/preview", "What other settings would change in the domain's records"), a.previewSettings)
	huma.Register(h, operation("remove-domain", http.MethodDelete, "/domains/{name}", "Remove a domain that has no accounts"),
		func(ctx context.Context, in *domainInput) (*struct{}, error) {
			err := a.config.Domains.Remove(ctx, in.Name)
			a.tell(EventDomain, in.Name)
			return nil, problem(err)
		})
}

func (a *API) listDomains(ctx context.Context, _ *struct{}) (*list[Domain], error) {
	all, err := a.config.Domains.List(ctx)
	if err != nil {
		return nil, problem(err)
	}
	summaries, err := a.config.Watcher.Summaries(ctx)
	p := principal(ctx)
	mine := slices.DeleteFunc(all, func(d gomail.Domain) bool { return !p.Manages(d.Name) })
	return listOf(mine, err, func(d gomail.Domain) Domain { return summarized(d, summaries) })
}

func (a *API) addDomain(ctx context.Context, in *struct{ Body NewDomain }) (*one[Domain], error) {
	o := domains.AddOptions{Algorithm: in.Body.DKIMAlgorithm, Selector: in.Body.Selector}
	if in.Body.Settings != nil {
		o.Settings = *in.Body.Settings
	}
	if err := a.validate(ctx, o.Settings); err != nil {
		return nil, problem(err)
	}
	d, err := a.config.Domains.Add(ctx, in.Body.Name, o)
	a.tell(EventDomain, d.Name)
	return a.showDomain(ctx, d, err)
}

func (a *API) changeDomain(ctx context.Context, in *struct {
	Name string `path:"name"`
	Body DomainChange
}) (*one[Domain], error) {
	d, err := a.config.Domains.Get(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	before := d.Settings
	if err := mayChange(ctx, d, in.Body); err != nil {
		return nil, problem(err)
	}
	assign(&d.Disabled, in.Body.Disabled)
	assign(&d.Settings, in.Body.Settings)
	if err := a.validate(ctx, d.Settings); err != nil {
		return nil, problem(err)
	}
	if err = a.config.Domains.Update(ctx, d); err == nil {
		err = a.config.Policies.Changed(ctx, principal(ctx).Name, d.Name, before)
	}
	a.tell(EventDomain, d.Name)
	return a.showDomain(ctx, d, err)
}

// mayChange refuses what a domain's administrator must not decide alone: that
// a domain which was switched off is on again, and that its unclaimed mail goes
// into a mailbox of another domain.
func mayChange(ctx context.Context, d gomail.Domain, change DomainChange) error {
	if principal(ctx).Server {
		return nil
	}
	if d.Disabled && change.Disabled != nil && !*change.Disabled {
		return gomail.Errorf(gomail.Forbidden, "%s was switched off: ask an administrator of the server to switch it on again", d.Name)
	}
	if change.Settings == nil || change.Settings.CatchAll == "" || change.Settings.CatchAll == d.Settings.CatchAll {
		return nil
	}
	target, err := gomail.ParseAddress(change.Settings.CatchAll)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the catch-all address is not valid: %w", err)
	}
	return mayManage(ctx, target)
}

// validate checks settings, and that the connection that they name may be used.
func (a *API) validate(ctx context.Context, s gomail.DomainSettings) error {
	if err := dnsplan.Validate(s); err != nil || s.Publishing.Connection == "" {
		return err
	}
	known, err := a.knows(ctx, s.Publishing.Connection)
	if err == nil && !known {
		err = gomail.Errorf(gomail.Invalid, "there is no connection %q to a DNS provider: gomail dns connection list shows them", s.Publishing.Connection)
	}
	return err
}

func (a *API) previewSettings(ctx context.Context, in *struct {
	Name string `path:"name"`
	Body gomail.DomainSettings
}) (*one[SettingsPreview], error) {
	if err := dnsplan.Validate(in.Body); err != nil {
		return nil, problem(err)
	}
	d, err := a.config.Domains.Get(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	keys, err := a.config.Domains.Keys(ctx, d.Name)
	if err != nil {
		return nil, problem(err)
	}
	server, err := a.config.Settings.Server(ctx)
	if err != nil {
		return nil, problem(err)
	}
	before := dnsplan.Domain{Domain: d, Keys: keys}
	after := before
	after.Settings = in.Body
	return &one[SettingsPreview]{SettingsPreview{dnsplan.Diff(dnsplan.Plan(server, before), dnsplan.Plan(server, after)), dnsplan.PolicyFile(server, after)}}, nil
}
