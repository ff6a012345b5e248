package web

import (
	"context"
	"net/netip"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
	"gomail/web/api"
)

// settings is a server with one address.
type settings struct{}

func (settings) Server(context.Context) (dnsplan.Server, error) {
	return dnsplan.Server{Hostname: "mail.example.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Services: dnsplan.Services{IMAPS: true, Submissions: true, Submission: true}}, nil
}

func (settings) SetMX(context.Context, []dnsplan.MX) error { return nil }

// darkness is a DNS in which nothing can be seen, and nothing published.
type darkness struct{}

func (darkness) Check(_ context.Context, domain string) (dnsplan.Report, error) {
	return dnsplan.Report{Domain: domain, CheckedAt: time.Now()}, nil
}

func (darkness) Report(context.Context, string) (dnsplan.Report, error) {
	return dnsplan.Report{}, gomail.Errorf(gomail.NotFound, "nobody has looked yet")
}

func (darkness) Summaries(context.Context) (map[string]dnsplan.Summary, error) { return nil, nil }

func (darkness) History(context.Context, string, string, string, int) ([]dnsplan.Entry, error) {
	return nil, nil
}

func (darkness) Providers() []dnsplan.ProviderInfo { return nil }

func (darkness) Connections(context.Context) ([]dnsplan.Connection, error) { return nil, nil }

func (darkness) Connect(context.Context, dnsplan.NewConnection) (dnsplan.Connection, error) {
	return dnsplan.Connection{}, errDark
}

func (darkness) Test(context.Context, string) error { return errDark }

func (darkness) Disconnect(context.Context, string) error { return errDark }

func (darkness) Preview(context.Context, string, string) (dnsplan.Preview, error) {
	return dnsplan.Preview{}, errDark
}

func (darkness) Publish(context.Context, string, string, string, dnsplan.Publish) (dnsplan.Publication, error) {
	return dnsplan.Publication{}, errDark
}

func (darkness) Publications(context.Context, string) ([]dnsplan.Publication, error) { return nil, nil }

func (darkness) Undo(context.Context, string, string) (dnsplan.Publication, error) {
	return dnsplan.Publication{}, errDark
}

func (darkness) Policies(context.Context, string) (api.DomainPolicies, error) {
	return api.DomainPolicies{}, nil
}

func (darkness) Take(context.Context, string, string, ladder.Kind, string) (api.DomainPolicies, error) {
	return api.DomainPolicies{}, errDark
}

func (darkness) Back(context.Context, string, string, ladder.Kind) (api.DomainPolicies, error) {
	return api.DomainPolicies{}, errDark
}

func (darkness) Changed(context.Context, string, string, gomail.DomainSettings) error { return nil }

func (darkness) Disown(context.Context, string, string, bool) (api.DomainPolicies, error) {
	return api.DomainPolicies{}, errDark
}

var errDark = gomail.Errorf(gomail.Unavailable, "there is no DNS provider here")
