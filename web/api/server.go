package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail/dnsplan"
)

// ServerSettings are what all domains share.
type ServerSettings interface {
	// Server returns what the DNS plan needs to know of this server.
	Server(ctx context.Context) (dnsplan.Server, error)

	// SetMX writes the hosts that take mail; none: the configured ones.
	SetMX(ctx context.Context, hosts []dnsplan.MX) error
}

// Server is what all domains share.
type Server struct {
	Hostname  string       `json:"hostname"`
	Addresses []string     `json:"addresses" doc:"by which the world reaches the mail host"`
	MX        []dnsplan.MX `json:"mx" doc:"the hosts that take mail, the mail host among them"`
	DNSSEC    string       `json:"dnssec" enum:"signed,unsigned,unknown" doc:"of the mail host's zone"`
}

// MXSettings are the hosts that take mail for all domains.
type MXSettings struct {
	MX []dnsplan.MX `json:"mx" doc:"empty: those of the configuration"`
}

// MXPreview is what new hosts would change in the records of each domain.
type MXPreview struct {
	Domain  string               `json:"domain"`
	Changes []dnsplan.Difference `json:"changes"`
}

func showServer(s dnsplan.Server) Server {
	out := Server{Hostname: s.Hostname, Addresses: []string{}, MX: s.Hosts(), DNSSEC: string(s.DNSSEC)}
	if out.DNSSEC == "" {
		out.DNSSEC = "unknown"
	}
	for _, a := range s.Addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out
}

func (a *API) registerServer(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "get-server", http.MethodGet, "/server", "What all domains share"),
		func(ctx context.Context, _ *struct{}) (*one[Server], error) {
			s, err := a.config.Settings.Server(ctx)
			return oneOf(s, err, showServer)
		})
	huma.Register(h, operation("preview-mx", http.MethodPost, "/server/mx/preview", "What other hosts would change in the records of each domain"),
		func(ctx context.Context, in *struct{ Body MXSettings }) (*list[MXPreview], error) {
			previews, err := a.previewMX(ctx, in.Body.MX)
			return listOf(previews, err, same)
		})
	huma.Register(h, operation("set-mx", http.MethodPut, "/server/mx", "Set the hosts that take mail, with their priorities"),
		func(ctx context.Context, in *struct{ Body MXSettings }) (*one[Server], error) {
			if err := a.config.Settings.SetMX(ctx, in.Body.MX); err != nil {
				return nil, problem(err)
			}
			a.tell(EventServer, "")
			s, err := a.config.Settings.Server(ctx)
			return oneOf(s, err, showServer)
		})
}

// previewMX plans every domain with other hosts.
func (a *API) previewMX(ctx context.Context, hosts []dnsplan.MX) ([]MXPreview, error) {
	if err := dnsplan.ValidateMX(hosts); err != nil {
		return nil, err
	}
	server, err := a.config.Settings.Server(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.config.Domains.List(ctx)
	if err != nil {
		return nil, err
	}
	changed := server
	changed.MX = hosts
	previews := []MXPreview{}
	for _, d := range all {
		keys, err := a.config.Domains.Keys(ctx, d.Name)
		if err != nil {
			return nil, err
		}
		domain := dnsplan.Domain{Domain: d, Keys: keys}
		if changes := dnsplan.Diff(dnsplan.Plan(server, domain), dnsplan.Plan(changed, domain)); len(changes) > 0 {
			previews = append(previews, MXPreview{d.Name, changes})
		}
	}
	return previews, nil
}
