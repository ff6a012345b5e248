package api

import (
	"context"
	"net/http"
	"slices"

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
	huma.Register(h, scoped(ofAnyone, "list-aliases", http.MethodGet, "/aliases", "The aliases in the domains that you manage"),
		func(ctx context.Context, _ *struct{}) (*list[Alias], error) {
			all, err := a.config.Domains.Aliases(ctx)
			p := principal(ctx)
			return listOf(slices.DeleteFunc(all, func(x gomail.Alias) bool { return !p.Manages(x.Address.Domain) }), err, showAlias)
		})
	huma.Register(h, scoped(ofAnyone, "add-alias", http.MethodPost, "/aliases", "Make an address lead to an account"), a.addAlias)
	huma.Register(h, scoped(ofAnyone, "remove-alias", http.MethodDelete, "/aliases/{address}", "Remove an alias"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			address, err := gomail.ParseAddress(in.Address)
			if err == nil {
				err = mayManage(ctx, address)
			}
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
	for _, managed := range []gomail.Address{address, target} {
		if err := mayManage(ctx, managed); err != nil {
			return nil, problem(err)
		}
	}
	if err := a.config.Domains.AddAlias(ctx, address, target); err != nil {
		return nil, problem(err)
	}
	return &one[Alias]{in.Body}, nil
}
