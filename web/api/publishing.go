package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

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
	huma.Register(h, scoped(ofAnyone, "list-connections", http.MethodGet, "/dns/connections", "The accounts at DNS providers that this server may use"),
		func(ctx context.Context, _ *struct{}) (*list[dnsplan.Connection], error) {
			all, err := p.Connections(ctx)
			return listOf(all, err, same)
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
			preview, err := p.Preview(ctx, canonical(in.Name), in.Connection)
			return oneOf(preview, err, same)
		})
	huma.Register(h, domainOperation("publish", http.MethodPost, "/publish", "Make the changes of a preview"),
		func(ctx context.Context, in *struct {
			Name       string `path:"name"`
			Connection string `query:"connection" doc:"empty: the domain's own"`
			Body       dnsplan.Publish
		}) (*one[dnsplan.Publication], error) {
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
