package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
)

// Alias is an address that leads to an account.
type Alias struct {
	Address string `json:"address" doc:"sales@example.com"`
	Target  string `json:"target" doc:"anna@example.com"`
}

func showAlias(x gomail.Alias) Alias { return Alias{x.Address.String(), x.Target.String()} }

func (a *API) registerAliases(h huma.API) {
	huma.Register(h, operation("list-aliases", http.MethodGet, "/aliases", "All aliases"),
		func(ctx context.Context, _ *struct{}) (*list[Alias], error) {
			all, err := a.config.Domains.Aliases(ctx)
			return listOf(all, err, showAlias)
		})
	huma.Register(h, operation("add-alias", http.MethodPost, "/aliases", "Make an address lead to an account"), a.addAlias)
	huma.Register(h, operation("remove-alias", http.MethodDelete, "/aliases/{address}", "Remove an alias"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			address, err := gomail.ParseAddress(in.Address)
			if err != nil {
				return nil, problem(err)
			}
			return nil, problem(a.config.Domains.RemoveAlias(ctx, address))
		})
}

func (a *API) addAlias(ctx context.Context, in *struct{ Body Alias }) (*one[Alias], error) {
	address, err := gomail.ParseAddress(in.Body.Address)
	if err != nil {
		return nil, problem(err)
	}
	target, err := gomail.ParseAddress(in.Body.Target)
	if err != nil {
		return nil, problem(err)
	}
	if err := a.config.Domains.AddAlias(ctx, address, target); err != nil {
		return nil, problem(err)
	}
	return &one[Alias]{in.Body}, nil
}
