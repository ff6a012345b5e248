package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Me is who asks.
type Me struct {
	Name    string   `json:"name" doc:"an address; over the socket: socket"`
	Server  bool     `json:"server" doc:"manages the whole server"`
	Domains []string `json:"domains" doc:"that a domain administrator manages"`
}

func (a *API) registerMe(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "get-me", http.MethodGet, "/me", "Who you are to this server"),
		func(ctx context.Context, _ *struct{}) (*one[Me], error) {
			p := principal(ctx)
			return &one[Me]{Me{p.Name, p.Server, append([]string{}, p.Domains...)}}, nil
		})
}
