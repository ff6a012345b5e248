package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail/ladder"
)

// Reports tells what others reported about the domains.
type Reports interface {
	// Reports sums up what was reported since a moment.
	Reports(ctx context.Context, domain string, since time.Time) (DomainReports, error)

	// Names returns the names of the addresses that Reports shows, as far as
	// they have one that leads back to them.
	Names(ctx context.Context, domain string, since time.Time) (map[string]string, error)

	// Rows returns the rows of the reports about one source, newest first.
	Rows(ctx context.Context, domain, source string, since time.Time) ([]ReportRow, error)
}

// DomainReports is what others reported about a domain.
type DomainReports struct {
	Since     time.Time      `json:"since"`
	Days      []ReportDay    `json:"days" doc:"oldest first; a day without reports is left out"`
	Sources   []ReportSource `json:"sources" doc:"those whose mail passes as the domain's first, then those with the most messages; the last may stand for all others"`
	Reporters []Reporter     `json:"reporters" doc:"those with the most messages first"`
	TLS       []TLSReportDay `json:"tls" doc:"oldest first"`
	TLSCauses []ladder.Cause `json:"tls_causes" doc:"the most frequent first"`
	TLSHosts  []TLSHost      `json:"tls_hosts" doc:"those with the most failures first"`
}

// ReportCount counts messages that claim to be from a domain.
type ReportCount struct {
	Messages    int `json:"messages"`
	Aligned     int `json:"aligned" doc:"of these: passed DMARC"`
	SPF         int `json:"spf" doc:"SPF passed for the domain"`
	DKIM        int `json:"dkim" doc:"a signature passed for the domain"`
	Quarantined int `json:"quarantined" doc:"put aside by the receivers"`
	Rejected    int `json:"rejected" doc:"refused by the receivers"`
}

// ReportDay is one day.
type ReportDay struct {
	Day time.Time `json:"day" doc:"midnight UTC"`
	ReportCount
}

// ReportSource is somebody who sends in the domain's name.
type ReportSource struct {
	ID        string    `json:"id" doc:"sendgrid.net, 192.0.2.0/24 or others"`
	Name      string    `json:"name" doc:"for people: SendGrid"`
	Own       bool      `json:"own" doc:"it is this server"`
	Disowned  bool      `json:"disowned" doc:"the owner said that it is not theirs"`
	Addresses []string  `json:"addresses" doc:"those it used most of late"`
	Selectors []string  `json:"selectors" doc:"of the signatures that count as the domain's"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	ReportCount
}

// Reporter is who reports.
type Reporter struct {
	Org      string    `json:"org" doc:"the domain that its reports are shown to come from"`
	Reports  int       `json:"reports"`
	Messages int       `json:"messages"`
	Last     time.Time `json:"last" doc:"the end of its newest report"`
}

// TLSReportDay counts connections over TLS on one day.
type TLSReportDay struct {
	Day       time.Time `json:"day" doc:"midnight UTC"`
	Successes int       `json:"successes"`
	Failures  int       `json:"failures"`
}

// TLSHost counts failed connections to a host of ours.
type TLSHost struct {
	Host     string `json:"host"`
	Failures int    `json:"failures"`
}

// ReportRow is a row of a report.
type ReportRow struct {
	Org          string            `json:"org"`
	End          time.Time         `json:"end" doc:"of the time that the report covers"`
	Source       string            `json:"source" doc:"an address"`
	Messages     int               `json:"messages"`
	Disposition  string            `json:"disposition"`
	DKIM         bool              `json:"dkim"`
	SPF          bool              `json:"spf"`
	HeaderFrom   string            `json:"header_from"`
	EnvelopeFrom string            `json:"envelope_from"`
	Signatures   []ReportSignature `json:"signatures"`
	SPFChecks    []ReportSPFCheck  `json:"spf_checks"`
}

// ReportSignature is the result of one DKIM signature.
type ReportSignature struct {
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	Result   string `json:"result"`
}

// ReportSPFCheck is the result of one SPF check.
type ReportSPFCheck struct {
	Domain string `json:"domain"`
	Scope  string `json:"scope"`
	Result string `json:"result"`
}

// ReportSpan is of which days reports are asked for.
type ReportSpan struct {
	Name string `path:"name"`
	Days int    `query:"days" minimum:"1" maximum:"400" default:"90" doc:"how many days back"`
}

func (s ReportSpan) since() time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-s.Days)
}

func (a *API) registerReports(h huma.API) {
	huma.Register(h, domainOperation("get-reports", http.MethodGet, "/reports", "What others reported about the domain's mail and about TLS to its hosts"),
		func(ctx context.Context, in *ReportSpan) (*one[DomainReports], error) {
			all, err := a.config.Reports.Reports(ctx, canonical(in.Name), in.since())
			return oneOf(all, err, same)
		})
	huma.Register(h, domainOperation("get-report-names", http.MethodGet, "/reports/names", "The names of the addresses that the reports tell of; takes as long as the DNS does"),
		func(ctx context.Context, in *ReportSpan) (*one[map[string]string], error) {
			names, err := a.config.Reports.Names(ctx, canonical(in.Name), in.since())
			return oneOf(names, err, same)
		})
	huma.Register(h, domainOperation("list-report-rows", http.MethodGet, "/reports/rows", "The rows of the reports about one source, newest first, at most 500"),
		func(ctx context.Context, in *struct {
			ReportSpan
			Source string `query:"source" required:"true" minLength:"1" maxLength:"255" doc:"its id: sendgrid.net, 192.0.2.0/24"`
		}) (*list[ReportRow], error) {
			rows, err := a.config.Reports.Rows(ctx, canonical(in.Name), in.Source, in.since())
			return listOf(rows, err, same)
		})
}
