package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/dnsplan"
)

// Watcher keeps an eye on the DNS of every domain.
type Watcher interface {
	// Check looks now, or joins a look that is under way. Throttled when the
	// last one is only seconds old.
	Check(ctx context.Context, domain string) (dnsplan.Report, error)

	// Report returns what the last look found. NotFound before the first.
	Report(ctx context.Context, domain string) (dnsplan.Report, error)

	Summaries(ctx context.Context) (map[string]dnsplan.Summary, error)

	// History returns changes of state, the newest first: of one record, or
	// of all where name is empty.
	History(ctx context.Context, domain, name, kind string, limit int) ([]dnsplan.Entry, error)
}

func (a *API) registerWatch(h huma.API) {
	huma.Register(h, domainOperation("check-records", http.MethodPost, "/check", "Ask every name server whether the records are there"),
		func(ctx context.Context, in *domainInput) (*one[dnsplan.Report], error) {
			return a.reportOf(ctx, in.Name, a.config.Watcher.Check)
		})
	huma.Register(h, domainOperation("get-report", http.MethodGet, "/report", "What the last look at the domain's DNS found"),
		func(ctx context.Context, in *domainInput) (*one[dnsplan.Report], error) {
			return a.reportOf(ctx, in.Name, a.lastReport)
		})
	huma.Register(h, domainOperation("list-history", http.MethodGet, "/history", "How the state of the records changed, the newest first"), a.listHistory)
}

func (a *API) reportOf(ctx context.Context, name string, report func(context.Context, string) (dnsplan.Report, error)) (*one[dnsplan.Report], error) {
	d, err := a.config.Domains.Get(ctx, name)
	if err != nil {
		return nil, problem(err)
	}
	r, err := report(ctx, d.Name)
	return oneOf(r, err, same)
}

// lastReport is the last report held against the plan as it is now: the page
// never shows a record that is no longer planned, nor hides a new one.
func (a *API) lastReport(ctx context.Context, domain string) (dnsplan.Report, error) {
	records, err := a.config.Plan(ctx, domain)
	if err != nil {
		return dnsplan.Report{}, err
	}
	last, err := a.config.Watcher.Report(ctx, domain)
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		return last, err
	}
	last.Domain = domain
	return last.Against(records), nil
}

func (a *API) listHistory(ctx context.Context, in *struct {
	Name   string `path:"name"`
	Record string `query:"record" doc:"the name of a record, or a probe's subject; empty: all"`
	Type   string `query:"type" doc:"the type of the record, or the probe's kind; empty: all"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*list[dnsplan.Entry], error) {
	d, err := a.config.Domains.Get(ctx, in.Name)
	if err != nil {
		return nil, problem(err)
	}
	entries, err := a.config.Watcher.History(ctx, d.Name, in.Record, in.Type, in.Limit)
	return listOf(entries, err, same)
}
