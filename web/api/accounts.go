package api

import (
	"context"
	"net/http"
	"slices"
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
	Domains   []string  `json:"domains" doc:"that it manages beside its own mail"`
	Disabled  bool      `json:"disabled"`
	QuotaMax  int64     `json:"quota_max" doc:"bytes, 0: unlimited"`
	QuotaUsed int64     `json:"quota_used" doc:"bytes"`
	Created   time.Time `json:"created"`

	QuotaMessagesMax  int64 `json:"quota_messages_max" doc:"0: unlimited"`
	QuotaMessagesUsed int64 `json:"quota_messages_used"`
}

// showAccounts completes accounts with the domains that they manage.
func (a *API) showAccounts(ctx context.Context) (func(gomail.Account) Account, error) {
	managed, err := a.config.Accounts.Managed(ctx)
	return func(x gomail.Account) Account {
		return Account{x.Address.String(), x.Name, string(x.Role), append([]string{}, managed[x.ID]...), x.Disabled, x.QuotaMax, x.QuotaUsed, x.Created, x.QuotaMessagesMax, x.QuotaMessagesUsed}
	}, err
}

func (a *API) showAccount(ctx context.Context, x gomail.Account, err error) (*one[Account], error) {
	if err != nil {
		return nil, problem(err)
	}
	show, err := a.showAccounts(ctx)
	return oneOf(x, err, show)
}

// NewAccount is what an account is made from.
type NewAccount struct {
	Address  string `json:"address" doc:"anna@example.com"`
	Name     string `json:"name,omitempty"`
	Role     string `json:"role,omitempty" enum:"user,admin" doc:"empty: user"`
	Password string `json:"password" doc:"8 characters at least"`
	QuotaMax int64  `json:"quota_max,omitempty" doc:"bytes, 0: unlimited"`

	QuotaMessagesMax int64 `json:"quota_messages_max,omitempty" doc:"0: unlimited"`
}

// AccountChange is what changes of an account; what is left out stays.
type AccountChange struct {
	Name     *string   `json:"name,omitempty"`
	Role     *string   `json:"role,omitempty" enum:"user,admin"`
	Domains  *[]string `json:"domains,omitempty" doc:"that it manages beside its own mail; replaces all"`
	Disabled *bool     `json:"disabled,omitempty"`
	QuotaMax *int64    `json:"quota_max,omitempty"`
	Password *string   `json:"password,omitempty"`

	QuotaMessagesMax *int64 `json:"quota_messages_max,omitempty"`
}

type accountInput struct {
	Address string `path:"address"`
}

func (a *API) registerAccounts(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-accounts", http.MethodGet, "/accounts", "The accounts of the domains that you manage"), a.listAccounts)
	huma.Register(h, scoped(ofAnyone, "add-account", http.MethodPost, "/accounts", "Make an account with the standard mailboxes"), a.addAccount)
	huma.Register(h, scoped(ofAnyone, "get-account", http.MethodGet, "/accounts/{address}", "One account"),
		func(ctx context.Context, in *accountInput) (*one[Account], error) {
			found, err := a.findAccount(ctx, in.Address)
			return a.showAccount(ctx, found, err)
		})
	huma.Register(h, scoped(ofAnyone, "change-account", http.MethodPatch, "/accounts/{address}", "Change an account"), a.changeAccount)
	huma.Register(h, scoped(ofAnyone, "remove-account", http.MethodDelete, "/accounts/{address}", "Remove an account with its mail"),
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
	if err := mayManage(ctx, parsed); err != nil {
		return gomail.Account{}, err
	}
	found, err := a.config.Accounts.Find(ctx, parsed)
	if gomail.KindOf(err) == gomail.NotFound || err == nil && found.Address != parsed.Canonical() {
		err = gomail.Errorf(gomail.NotFound, "there is no account %s", parsed)
	}
	if err == nil {
		err = a.mayTouch(ctx, found)
	}
	return found, err
}

// mayTouch refuses an account that may do more than the principal: whoever set
// its password could act as it.
func (a *API) mayTouch(ctx context.Context, account gomail.Account) error {
	p := principal(ctx)
	if p.Server {
		return nil
	}
	managed, err := a.config.Accounts.Manages(ctx, account.ID)
	if err != nil {
		return err
	}
	if account.Role == gomail.RoleAdmin || slices.ContainsFunc(managed, func(d string) bool { return !p.Manages(d) }) {
		return gomail.Errorf(gomail.Forbidden, "%s manages more than you do: ask an administrator of the server", account.Address)
	}
	return nil
}

// mayManage refuses addresses in domains that the principal does not manage.
func mayManage(ctx context.Context, address gomail.Address) error {
	if d := address.Canonical().Domain; !principal(ctx).Manages(d) {
		return gomail.Errorf(gomail.NotFound, "the domain %s is not one that you manage", d)
	}
	return nil
}

func (a *API) listAccounts(ctx context.Context, _ *struct{}) (*list[Account], error) {
	all, err := a.config.Accounts.List(ctx)
	if err != nil {
		return nil, problem(err)
	}
	show, err := a.showAccounts(ctx)
	p := principal(ctx)
	return listOf(slices.DeleteFunc(all, func(x gomail.Account) bool { return !p.Manages(x.Address.Domain) }), err, show)
}

func (a *API) addAccount(ctx context.Context, in *struct{ Body NewAccount }) (*one[Account], error) {
	address, err := gomail.ParseAddress(in.Body.Address)
	if err != nil {
		return nil, problem(err)
	}
	if err := mayManage(ctx, address); err != nil {
		return nil, problem(err)
	}
	if in.Body.Role == string(gomail.RoleAdmin) && !principal(ctx).Server {
		return nil, problem(onlyServer())
	}
	made, err := a.config.Accounts.Add(ctx, accounts.NewAccount{
		Address: address, Name: in.Body.Name, Role: gomail.Role(in.Body.Role), Password: in.Body.Password, QuotaMax: in.Body.QuotaMax, QuotaMessagesMax: in.Body.QuotaMessagesMax,
	})
	return a.showAccount(ctx, made, err)
}

func (a *API) changeAccount(ctx context.Context, in *struct {
	Address string `path:"address"`
	Body    AccountChange
}) (*one[Account], error) {
	found, err := a.findAccount(ctx, in.Address)
	if err != nil {
		return nil, problem(err)
	}
	if (in.Body.Role != nil || in.Body.Domains != nil) && !principal(ctx).Server {
		return nil, problem(onlyServer())
	}
	assign(&found.Name, in.Body.Name)
	assign(&found.Disabled, in.Body.Disabled)
	assign(&found.QuotaMax, in.Body.QuotaMax)
	assign(&found.QuotaMessagesMax, in.Body.QuotaMessagesMax)
	if in.Body.Role != nil {
		found.Role = gomail.Role(*in.Body.Role)
	}
	if in.Body.Domains != nil {
		if err := a.config.Accounts.SetManaged(ctx, found.ID, *in.Body.Domains); err != nil {
			return nil, problem(err)
		}
	}
	if err := a.config.Accounts.Update(ctx, found); err != nil {
		return nil, problem(err)
	}
	if in.Body.Password != nil { // at the end: a change that is refused must not have locked anybody out
		err = a.config.Accounts.SetPassword(ctx, found.ID, *in.Body.Password)
	}
	return a.showAccount(ctx, found, err)
}

func onlyServer() error {
	return gomail.Errorf(gomail.Forbidden, "only administrators of the server say who administrates")
}

// assign sets what a change holds.
func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
