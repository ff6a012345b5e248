package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/accounts"
)

// AppPassword is a password of an account for programs, without itself.
type AppPassword struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Protocols []string   `json:"protocols" doc:"that it opens: imap, smtp"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires" doc:"null: never"`
	Used      *time.Time `json:"used" doc:"to some minutes; null: never"`
	UsedFrom  string     `json:"used_from" doc:"an IP address"`
	UsedBy    string     `json:"used_by" doc:"imap or smtp"`
}

// NewAppPassword is what an app password is made from.
type NewAppPassword struct {
	Name      string     `json:"name" doc:"such as the program that it is for"`
	Protocols []string   `json:"protocols,omitempty" doc:"imap, smtp; empty: all"`
	Expires   *time.Time `json:"expires,omitempty" doc:"left out: never"`
}

// MadeAppPassword is a new app password. It is shown this once.
type MadeAppPassword struct {
	AppPassword
	Password string `json:"password"`
}

// Passkey is a passkey of an account.
type Passkey struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created"`
	Used     *time.Time `json:"used" doc:"null: never"`
	UsedFrom string     `json:"used_from"`
}

// SecondFactor is what an account asks for beside its password.
type SecondFactor struct {
	On            bool      `json:"on" doc:"the password alone opens nothing"`
	TOTP          bool      `json:"totp" doc:"an authenticator app is set up"`
	Passkeys      []Passkey `json:"passkeys"`
	RecoveryCodes int       `json:"recovery_codes" doc:"left"`
}

// WebSession is a signed-in browser.
type WebSession struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	From    string    `json:"from" doc:"an IP address"`
	Browser string    `json:"browser" doc:"as it names itself"`
	Current bool      `json:"current" doc:"it is the one that asks"`
}

// timeOrNull is a time that may not have come.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func showAppPassword(a accounts.AppPassword) AppPassword {
	protocols := a.Protocols
	if len(protocols) == 0 {
		protocols = accounts.Protocols
	}
	return AppPassword{a.ID, a.Name, protocols, a.Created, timeOrNull(a.Expires), timeOrNull(a.Used), a.UsedFrom, a.UsedBy}
}

func showSecondFactor(c accounts.Credentials) SecondFactor {
	f := SecondFactor{On: c.SecondFactor(), TOTP: c.TOTP.Confirmed, Passkeys: []Passkey{}, RecoveryCodes: c.Recovery}
	for _, p := range c.Passkeys {
		f.Passkeys = append(f.Passkeys, Passkey{p.ID, p.Name, p.Created, timeOrNull(p.Used), p.UsedFrom})
	}
	return f
}

// itemInput names something that belongs to an account.
type itemInput struct {
	Address string `path:"address"`
	ID      string `path:"id"`
}

func (a *API) registerCredentials(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-app-passwords", http.MethodGet, "/accounts/{address}/app-passwords", "The passwords of an account's programs"),
		func(ctx context.Context, in *accountInput) (*list[AppPassword], error) {
			c, err := a.credentials(ctx, in.Address)
			return listOf(c.Apps, err, showAppPassword)
		})
	huma.Register(h, scoped(ofAnyone, "add-app-password", http.MethodPost, "/accounts/{address}/app-passwords", "Make a password for a program; it is shown once"), a.addAppPassword)
	huma.Register(h, scoped(ofAnyone, "remove-app-password", http.MethodDelete, "/accounts/{address}/app-passwords/{id}", "End a password of a program"),
		func(ctx context.Context, in *itemInput) (*struct{}, error) {
			return a.onAccount(ctx, in.Address, func(x gomail.Account) error { return a.config.Accounts.RemoveAppPassword(ctx, x.ID, in.ID) })
		})
	huma.Register(h, scoped(ofAnyone, "get-second-factor", http.MethodGet, "/accounts/{address}/second-factor", "What an account asks for beside its password"),
		func(ctx context.Context, in *accountInput) (*one[SecondFactor], error) {
			c, err := a.credentials(ctx, in.Address)
			return oneOf(c, err, showSecondFactor)
		})
	huma.Register(h, scoped(ofAnyone, "remove-second-factor", http.MethodDelete, "/accounts/{address}/second-factor", "Remove the second factors that somebody has lost"), a.removeSecondFactor)
	huma.Register(h, scoped(ofAnyone, "list-sessions", http.MethodGet, "/accounts/{address}/sessions", "Where an account is signed in on the web"),
		func(ctx context.Context, in *accountInput) (*list[WebSession], error) {
			found, err := a.oneself(ctx, in.Address)
			if err != nil {
				return nil, problem(err)
			}
			all, err := a.config.Accounts.Sessions(ctx, found.ID)
			return listOf(all, err, func(x accounts.Session) WebSession {
				return WebSession{x.ID(), x.Created, x.Expires, x.Remote, x.Agent, x.ID() == principal(ctx).Session}
			})
		})
	huma.Register(h, scoped(ofAnyone, "end-session", http.MethodDelete, "/accounts/{address}/sessions/{id}", "Sign a browser out"),
		func(ctx context.Context, in *itemInput) (*struct{}, error) {
			return a.onAccount(ctx, in.Address, func(x gomail.Account) error { return a.config.Accounts.EndSession(ctx, x.ID, in.ID) })
		})
	huma.Register(h, scoped(ofAnyone, "end-sessions", http.MethodDelete, "/accounts/{address}/sessions", "Sign all browsers out but the one that asks"),
		func(ctx context.Context, in *accountInput) (*struct{}, error) {
			return a.onAccount(ctx, in.Address, func(x gomail.Account) error {
				return a.config.Accounts.EndSessions(ctx, x.ID, principal(ctx).Session)
			})
		})
}

// oneself returns the principal's own account, or one that it manages.
func (a *API) oneself(ctx context.Context, address string) (gomail.Account, error) {
	p := principal(ctx)
	if parsed, err := gomail.ParseAddress(address); err == nil && p.Account != 0 && parsed.Canonical().String() == p.Name {
		return a.config.Accounts.Get(ctx, p.Account)
	}
	return a.findAccount(ctx, address)
}

func (a *API) credentials(ctx context.Context, address string) (accounts.Credentials, error) {
	found, err := a.oneself(ctx, address)
	if err != nil {
		return accounts.Credentials{}, err
	}
	return a.config.Accounts.Credentials(ctx, found.ID)
}

// onAccount does something to an account that has no answer.
func (a *API) onAccount(ctx context.Context, address string, do func(gomail.Account) error) (*struct{}, error) {
	found, err := a.oneself(ctx, address)
	if err == nil {
		err = do(found)
	}
	return nil, problem(err)
}

func (a *API) addAppPassword(ctx context.Context, in *struct {
	Address string `path:"address"`
	Body    NewAppPassword
}) (*one[MadeAppPassword], error) {
	found, err := a.oneself(ctx, in.Address)
	if err != nil {
		return nil, problem(err)
	}
	n := accounts.NewAppPassword{Name: in.Body.Name, Protocols: in.Body.Protocols}
	assign(&n.Expires, in.Body.Expires)
	made, secret, err := a.config.Accounts.AddAppPassword(ctx, found.ID, n)
	return oneOf(made, err, func(x accounts.AppPassword) MadeAppPassword { return MadeAppPassword{showAppPassword(x), secret} })
}

// removeSecondFactor is for an account's administrators. Its owner removes
// each factor with the password: a browser left open must not be enough.
func (a *API) removeSecondFactor(ctx context.Context, in *accountInput) (*struct{}, error) {
	found, err := a.findAccount(ctx, in.Address)
	if err == nil && found.ID == principal(ctx).Account {
		err = gomail.Errorf(gomail.Forbidden, "remove your own second factors one by one, with your password")
	}
	if err == nil {
		err = a.config.Accounts.RemoveSecondFactors(ctx, found.ID)
	}
	return nil, problem(err)
}
