package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
)

// Publisher writes DNS at the providers.
type Publisher interface {
	Providers() []dnsplan.ProviderInfo
	Connections(ctx context.Context) ([]dnsplan.Connection, error)

	// Connect keeps credentials once they have done their work.
	Connect(ctx context.Context, n dnsplan.NewConnection) (dnsplan.Connection, error)
	Test(ctx context.Context, name string) error
	Disconnect(ctx context.Context, name string) error

	// Preview reads the zone at the provider. An empty connection is the
	// domain's own.
	Preview(ctx context.Context, domain, connection string) (dnsplan.Preview, error)

	// Publish makes a preview's changes. Exists when the zone or the plan
	// has changed since.
	Publish(ctx context.Context, actor, domain, connection string, p dnsplan.Publish) (dnsplan.Publication, error)
	Publications(ctx context.Context, domain string) ([]dnsplan.Publication, error)

	// Undo takes back the last publication that stands.
	Undo(ctx context.Context, actor, domain string) (dnsplan.Publication, error)
}

type connectionInput struct {
	Connection string `path:"connection"`
}

type publishingInput struct {
	Name       string `path:"name"`
	Connection string `query:"connection" doc:"empty: the domain's own"`
}

func (a *API) registerPublishing(h huma.API) {
	p := a.config.Publisher
	huma.Register(h, scoped(ofAnyone, "list-providers", http.MethodGet, "/dns/providers", "The DNS providers whose zones can be written"),
		func(context.Context, *struct{}) (*list[dnsplan.ProviderInfo], error) {
			return listOf(p.Providers(), nil, same)
		})
	huma.Register(h, scoped(ofAnyone, "list-connections", http.MethodGet, "/dns/connections", "The accounts at DNS providers that you may use"),
		func(ctx context.Context, _ *struct{}) (*list[dnsplan.Connection], error) {
			mine, err := a.connections(ctx)
			return listOf(mine, err, same)
		})
	huma.Register(h, operation("add-connection", http.MethodPost, "/dns/connections", "Test credentials and keep them"),
		func(ctx context.Context, in *struct{ Body dnsplan.NewConnection }) (*one[dnsplan.Connection], error) {
			made, err := p.Connect(ctx, in.Body)
			return oneOf(made, err, same)
		})
	huma.Register(h, operation("test-connection", http.MethodPost, "/dns/connections/{connection}/test", "Try whether the credentials still do their work"),
		func(ctx context.Context, in *connectionInput) (*struct{}, error) {
			return nil, problem(p.Test(ctx, in.Connection))
		})
	huma.Register(h, operation("remove-connection", http.MethodDelete, "/dns/connections/{connection}", "Forget the credentials"),
		func(ctx context.Context, in *connectionInput) (*struct{}, error) {
			return nil, problem(p.Disconnect(ctx, in.Connection))
		})
	a.registerPublications(h)
}

func (a *API) registerPublications(h huma.API) {
	p := a.config.Publisher
	huma.Register(h, domainOperation("preview-publication", http.MethodGet, "/publish", "What publishing would change at the provider"),
		func(ctx context.Context, in *publishingInput) (*one[dnsplan.Preview], error) {
			if err := a.mayUse(ctx, in.Connection); err != nil {
				return nil, problem(err)
			}
			preview, err := p.Preview(ctx, canonical(in.Name), in.Connection)
			return oneOf(preview, err, same)
		})
	huma.Register(h, domainOperation("publish", http.MethodPost, "/publish", "Make the changes of a preview"),
		func(ctx context.Context, in *struct {
			Name       string `path:"name"`
			Connection string `query:"connection" doc:"empty: the domain's own"`
			Body       dnsplan.Publish
		}) (*one[dnsplan.Publication], error) {
			if err := a.mayUse(ctx, in.Connection); err != nil {
				return nil, problem(err)
			}
			done, err := p.Publish(ctx, principal(ctx).Name, canonical(in.Name), in.Connection, in.Body)
			a.tell(EventPublication, in.Name)
			return oneOf(done, err, same)
		})
	huma.Register(h, domainOperation("list-publications", http.MethodGet, "/publications", "What was published, the newest first"),
		func(ctx context.Context, in *domainInput) (*list[dnsplan.Publication], error) {
			all, err := p.Publications(ctx, canonical(in.Name))
			return listOf(all, err, same)
		})
	huma.Register(h, domainOperation("undo-publication", http.MethodPost, "/undo", "Take back the last publication that stands"),
		func(ctx context.Context, in *domainInput) (*one[dnsplan.Publication], error) {
			done, err := p.Undo(ctx, principal(ctx).Name, canonical(in.Name))
			a.tell(EventPublication, in.Name)
			return oneOf(done, err, same)
		})
}

// connections returns those that the principal may use: whoever manages single
// domains has those that these domains use. What the others are called tells
// whom else the server works for.
func (a *API) connections(ctx context.Context) ([]dnsplan.Connection, error) {
	all, err := a.config.Publisher.Connections(ctx)
	p := principal(ctx)
	if err != nil || p.Server {
		return all, err
	}
	hosted, err := a.config.Domains.List(ctx)
	used := map[string]bool{}
	for _, d := range hosted {
		if p.Manages(d.Name) {
			used[d.Settings.Publishing.Connection] = true
		}
	}
	return slices.DeleteFunc(all, func(c dnsplan.Connection) bool { return !used[c.Name] }), err
}

// knows reports whether a connection is one that the principal may use.
func (a *API) knows(ctx context.Context, connection string) (bool, error) {
	mine, err := a.connections(ctx)
	return slices.ContainsFunc(mine, func(c dnsplan.Connection) bool { return c.Name == connection }), err
}

// mayUse refuses a connection that the principal may not use as if it were not
// there. Empty is the domain's own.
func (a *API) mayUse(ctx context.Context, connection string) error {
	if connection == "" {
		return nil
	}
	known, err := a.knows(ctx, connection)
	if err == nil && !known {
		err = gomail.Errorf(gomail.NotFound, "there is no connection called %q to a DNS provider", connection)
	}
	return err
}
