package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
)

// Alias is an address that leads to an account, or outside.
type Alias struct {
	Address string `json:"address" doc:"sales@example.com"`
	Target  string `json:"target" doc:"anna@example.com; an address of a domain that is not hosted here is outside, and mail is forwarded to it"`
	Outside bool   `json:"outside,omitempty" readOnly:"true" doc:"the target is not here"`
}

func showAlias(x gomail.Alias) Alias {
	return Alias{x.Address.String(), x.Target.String(), x.Account == 0}
}

// aliasInput names an alias, or one of its targets.
type aliasInput struct {
	Address string `path:"address" doc:"sales@example.com"`
	Target  string `query:"target" doc:"what it is not to lead to any more; without it nothing"`
}

func (a *API) registerAliases(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-aliases", http.MethodGet, "/aliases", "The aliases in the domains that you manage"),
		func(ctx context.Context, _ *struct{}) (*list[Alias], error) {
			all, err := a.config.Domains.Aliases(ctx)
			p := principal(ctx)
			return listOf(slices.DeleteFunc(all, func(x gomail.Alias) bool { return !p.Manages(x.Address.Domain) }), err, showAlias)
		})
	huma.Register(h, scoped(ofAnyone, "add-alias", http.MethodPost, "/aliases", "Make an address lead to an account, or outside"), a.addAlias)
	huma.Register(h, scoped(ofAnyone, "remove-alias", http.MethodDelete, "/aliases/{address}", "Remove an alias, or one of its targets"),
		a.removeAlias)
}

func (a *API) removeAlias(ctx context.Context, in *aliasInput) (*struct{}, error) {
	address, err := gomail.ParseAddress(in.Address)
	if err == nil {
		err = mayManage(ctx, address)
	}
	var target gomail.Address
	if err == nil && in.Target != "" {
		target, err = gomail.ParseAddress(in.Target)
	}
	if err != nil {
		return nil, problem(err)
	}
	return nil, problem(a.config.Domains.RemoveAlias(ctx, address, target))
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
	hosted, err := a.config.Domains.Hosted(ctx, target.Domain)
	if err == nil {
		err = mayManage(ctx, address)
	}
	if err == nil && hosted { // outside nobody manages anything
		err = mayManage(ctx, target)
	}
	if err == nil {
		err = a.config.Domains.AddAlias(ctx, address, target)
	}
	if err != nil {
		return nil, problem(err)
	}
	return &one[Alias]{Alias{in.Body.Address, in.Body.Target, !hosted}}, nil
}
