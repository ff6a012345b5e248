package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/accounts"
)

// Account is an account without its mail.
type Account struct {
	Address   string    `json:"address"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Disabled  bool      `json:"disabled"`
	QuotaMax  int64     `json:"quota_max" doc:"bytes, 0: unlimited"`
	QuotaUsed int64     `json:"quota_used" doc:"bytes"`
	Created   time.Time `json:"created"`
}

func showAccount(a gomail.Account) Account {
	return Account{a.Address.String(), a.Name, string(a.Role), a.Disabled, a.QuotaMax, a.QuotaUsed, a.Created}
}

// NewAccount is what an account is made from.
type NewAccount struct {
	Address  string `json:"address" doc:"anna@example.com"`
	Name     string `json:"name,omitempty"`
	Role     string `json:"role,omitempty" enum:"user,admin" doc:"empty: user"`
	Password string `json:"password" doc:"8 characters at least"`
	QuotaMax int64  `json:"quota_max,omitempty" doc:"bytes, 0: unlimited"`
}

// AccountChange is what changes of an account; what is left out stays.
type AccountChange struct {
	Name     *string `json:"name,omitempty"`
	Role     *string `json:"role,omitempty" enum:"user,admin"`
	Disabled *bool   `json:"disabled,omitempty"`
	QuotaMax *int64  `json:"quota_max,omitempty"`
	Password *string `json:"password,omitempty"`
}

type accountInput struct {
	Address string `path:"address"`
}

func (a *API) registerAccounts(h huma.API) {
	huma.Register(h, operation("list-accounts", http.MethodGet, "/accounts", "All accounts"),
		func(ctx context.Context, _ *struct{}) (*list[Account], error) {
			all, err := a.config.Accounts.List(ctx)
			return listOf(all, err, showAccount)
		})
	huma.Register(h, operation("add-account", http.MethodPost, "/accounts", "Make an account with the standard mailboxes"), a.addAccount)
	huma.Register(h, operation("get-account", http.MethodGet, "/accounts/{address}", "One account"),
		func(ctx context.Context, in *accountInput) (*one[Account], error) {
			found, err := a.findAccount(ctx, in.Address)
			return oneOf(found, err, showAccount)
		})
	huma.Register(h, operation("change-account", http.MethodPatch, "/accounts/{address}", "Change an account"), a.changeAccount)
	huma.Register(h, operation("remove-account", http.MethodDelete, "/accounts/{address}", "Remove an account with its mail"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			found, err := a.findAccount(ctx, in.Address)
			if err != nil {
				return nil, problem(err)
			}
			return nil, problem(a.config.Accounts.Remove(ctx, found.ID))
		})
}

// findAccount returns the account of a main address. An alias does not name
// an account here: removing it by mistake would be too easy.
func (a *API) findAccount(ctx context.Context, address string) (gomail.Account, error) {
	parsed, err := gomail.ParseAddress(address)
	if err != nil {
		return gomail.Account{}, err
	}
	found, err := a.config.Accounts.Find(ctx, parsed)
	if gomail.KindOf(err) == gomail.NotFound || err == nil && found.Address != parsed.Canonical() {
		err = gomail.Errorf(gomail.NotFound, "there is no account %s", parsed)
	}
	return found, err
}

func (a *API) addAccount(ctx context.Context, in *struct{ Body NewAccount }) (*one[Account], error) {
	address, err := gomail.ParseAddress(in.Body.Address)
	if err != nil {
		return nil, problem(err)
	}
	made, err := a.config.Accounts.Add(ctx, accounts.NewAccount{
		Address: address, Name: in.Body.Name, Role: gomail.Role(in.Body.Role), Password: in.Body.Password, QuotaMax: in.Body.QuotaMax,
	})
	return oneOf(made, err, showAccount)
}

func (a *API) changeAccount(ctx context.Context, in *struct {
	Address string `path:"address"`
	Body    AccountChange
}) (*one[Account], error) {
	found, err := a.findAccount(ctx, in.Address)
	if err != nil {
		return nil, problem(err)
	}
	if in.Body.Password != nil {
		if err := a.config.Accounts.SetPassword(ctx, found.ID, *in.Body.Password); err != nil {
			return nil, problem(err)
		}
	}
	assign(&found.Name, in.Body.Name)
	assign(&found.Disabled, in.Body.Disabled)
	assign(&found.QuotaMax, in.Body.QuotaMax)
	if in.Body.Role != nil {
		found.Role = gomail.Role(*in.Body.Role)
	}
	return oneOf(found, a.config.Accounts.Update(ctx, found), showAccount)
}

// assign sets what a change holds.
func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
