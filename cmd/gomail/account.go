package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/internal/config"
	"gomail/web/api"
)

type accountCmd struct {
	Add     accountAddCmd     `cmd:"" help:"Make an account."`
	List    accountListCmd    `cmd:"" help:"List the accounts."`
	Show    accountShowCmd    `cmd:"" help:"Show an account."`
	Set     accountSetCmd     `cmd:"" help:"Change an account's name, role, quota or sending limits."`
	Passwd  accountPasswdCmd  `cmd:"" help:"Give an account another password."`
	Disable accountDisableCmd `cmd:"" help:"Switch an account off: no sign-in, no new mail."`
	Enable  accountEnableCmd  `cmd:"" help:"Switch an account on again."`
	Hold    accountHoldCmd    `cmd:"" help:"Keep an account from sending; what it has in the queue waits."`
	Release accountReleaseCmd `cmd:"" help:"Let a held account send again."`
	Remove  accountRemoveCmd  `cmd:"" help:"Remove an account with its mail."`

	AppPassword  appPasswordCmd  `cmd:"" help:"Passwords of an account for its programs."`
	SecondFactor secondFactorCmd `cmd:"" help:"What an account asks for beside its password."`
	Session      sessionCmd      `cmd:"" help:"Where an account is signed in on the web."`
}

// passwordFlags say where a password comes from.
type passwordFlags struct {
	PasswordStdin bool `help:"Read the password from standard input; otherwise one is made and printed."`
}

// password reads or makes a password. made reports which.
func (p passwordFlags) password(a *app) (password string, made bool, err error) {
	if !p.PasswordStdin {
		return randomPassword(), true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", false, gomail.Errorf(gomail.Invalid, "standard input holds no password")
	}
	return line, false, nil
}

// randomPassword makes a password of 120 bits that can be typed.
func randomPassword() string {
	var b [15]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

type accountAddCmd struct {
	passwordFlags
	Address string       `arg:"" help:"The main address, such as anna@example.com."`
	Name    string       `help:"The person's name."`
	Quota   *config.Size `help:"How much mail the account holds, such as 5GB; default: unlimited." placeholder:"SIZE"`
	Admin   bool         `help:"Make the account an administrator."`

	QuotaMessages int64 `help:"How many messages the account holds; default: unlimited." placeholder:"N"`
	printing
}

// Help shows an example.
func (accountAddCmd) Help() string {
	return "Example: gomail account add anna@example.com --quota 5GB\n\nExample: gomail account add admin@example.com --admin --password-stdin < password.txt"
}

// newAccountShown is the answer with the password that was made, if one was.
type newAccountShown struct {
	api.Account
	Password string `json:"password,omitempty"`
}

// Run makes the account.
func (c accountAddCmd) Run(a *app) error {
	password, made, err := c.password(a)
	if err != nil {
		return err
	}
	n := api.NewAccount{Address: c.Address, Name: c.Name, Role: string(gomail.RoleUser), Password: password}
	if c.Admin {
		n.Role = string(gomail.RoleAdmin)
	}
	if c.Quota != nil {
		n.QuotaMax = int64(*c.Quota)
	}
	n.QuotaMessagesMax = c.QuotaMessages
	account, err := send[api.Account](a, http.MethodPost, "/accounts", n)
	if err != nil {
		return err
	}
	shown := newAccountShown{Account: account}
	if made {
		shown.Password = password
	}
	return c.show(a, shown, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "Added %s.\n", account.Address)
		if made {
			fmt.Fprintf(w, "Its password is %s\nIt is not shown again.\n", password)
		}
	})
}

type accountListCmd struct{ printing }

// Help shows an example.
func (accountListCmd) Help() string { return "Example: gomail account list" }

// Run lists the accounts.
func (c accountListCmd) Run(a *app) error {
	all, err := get[[]api.Account](a, "/accounts")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ADDRESS", "NAME", "ROLE", "STATE", "USED", "QUOTA")
		for _, x := range all {
			row(w, x.Address, x.Name, x.Role, yesNo(x.Disabled, "disabled", "active"), amount(x.QuotaUsed), quota(x))
		}
	})
}

func quota(x api.Account) string {
	if x.QuotaMax == 0 {
		return "unlimited"
	}
	return amount(x.QuotaMax)
}

// messages is how many messages an account holds, and may hold.
func messages(x api.Account) string {
	if x.QuotaMessagesMax == 0 {
		return fmt.Sprintf("%d of unlimited", x.QuotaMessagesUsed)
	}
	return fmt.Sprintf("%d of %d", x.QuotaMessagesUsed, x.QuotaMessagesMax)
}

// oneAccount is a command about one account.
type oneAccount struct {
	Address string `arg:""`
}

func (o oneAccount) path() string { return "/accounts/" + seg(o.Address) }

// change sends a change of the account.
func (o oneAccount) change(a *app, change api.AccountChange) error {
	_, err := send[api.Account](a, http.MethodPatch, o.path(), change)
	return err
}

type accountShowCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (accountShowCmd) Help() string { return "Example: gomail account show anna@example.com" }

// accountShown is an account with what it may send and has sent.
type accountShown struct {
	api.Account
	Sending api.AccountSending `json:"sending"`
}

// Run shows the account.
func (c accountShowCmd) Run(a *app) error {
	x, err := get[api.Account](a, c.path())
	if err != nil {
		return err
	}
	sending, err := get[api.AccountSending](a, c.path()+"/sending")
	if err != nil {
		return err
	}
	return c.show(a, accountShown{x, sending}, func(w *tabwriter.Writer) {
		row(w, "Address", x.Address)
		row(w, "Name", x.Name)
		row(w, "Role", x.Role)
		row(w, "Manages", orDefault(strings.Join(x.Domains, ", "), yesNo(x.Role == "admin", "the whole server", "nothing")))
		row(w, "State", yesNo(x.Disabled, "disabled", "active"))
		row(w, "Used", amount(x.QuotaUsed)+" of "+quota(x))
		row(w, "Messages", messages(x))
		describeSending(w, sending)
		row(w, "Added", x.Created.Format("2006-01-02 15:04 MST"))
	})
}

type accountSetCmd struct {
	oneAccount
	Name  *string      `help:"The person's name."`
	Quota *config.Size `help:"How much mail the account holds; 0: unlimited." placeholder:"SIZE"`
	Role  *string      `help:"user or admin." placeholder:"ROLE"`

	QuotaMessages *int64 `help:"How many messages the account holds; 0: unlimited." placeholder:"N"`

	limitFlags

	Manages []string `help:"Domains that the account manages beside its own mail; a single - takes all away." placeholder:"DOMAIN"`
}

// Help shows an example.
func (accountSetCmd) Help() string {
	return "Example: gomail account set anna@example.com --quota 10GB\n\nExample: gomail account set anna@example.com --manages example.com\n\nExample: gomail account set news@example.com --messages-per-day 100000 --recipients-per-day default"
}

// Run changes the account.
func (c accountSetCmd) Run(a *app) error {
	change := api.AccountChange{Name: c.Name, Role: c.Role, QuotaMax: (*int64)(c.Quota), QuotaMessagesMax: c.QuotaMessages}
	if len(c.Manages) > 0 {
		change.Domains = &[]string{}
		setList(change.Domains, c.Manages)
	}
	if err := c.change(a, change); err != nil {
		return err
	}
	return c.limitFlags.set(a, c.oneAccount)
}

type accountPasswdCmd struct {
	passwordFlags
	oneAccount
}

// Help shows an example.
func (accountPasswdCmd) Help() string {
	return "Example: gomail account passwd anna@example.com --password-stdin < password.txt"
}

// Run changes the password.
func (c accountPasswdCmd) Run(a *app) error {
	password, made, err := c.password(a)
	if err != nil {
		return err
	}
	if err := c.change(a, api.AccountChange{Password: &password}); err != nil {
		return err
	}
	if made {
		fmt.Fprintf(a.stdout, "The new password is %s\nIt is not shown again.\n", password)
	}
	return nil
}

type accountDisableCmd struct{ oneAccount }

// Help shows an example.
func (accountDisableCmd) Help() string { return "Example: gomail account disable anna@example.com" }

// Run switches the account off.
func (c accountDisableCmd) Run(a *app) error {
	return c.change(a, api.AccountChange{Disabled: new(true)})
}

type accountEnableCmd struct{ oneAccount }

// Help shows an example.
func (accountEnableCmd) Help() string { return "Example: gomail account enable anna@example.com" }

// Run switches the account on.
func (c accountEnableCmd) Run(a *app) error {
	return c.change(a, api.AccountChange{Disabled: new(false)})
}

type accountRemoveCmd struct{ oneAccount }

// Help shows an example.
func (accountRemoveCmd) Help() string { return "Example: gomail account remove anna@example.com" }

// Run removes the account.
func (c accountRemoveCmd) Run(a *app) error { return act(a, http.MethodDelete, c.path()) }

type aliasCmd struct {
	Add    aliasAddCmd    `cmd:"" help:"Make an address lead to an account, or outside."`
	List   aliasListCmd   `cmd:"" help:"List the aliases."`
	Remove aliasRemoveCmd `cmd:"" help:"Remove an alias, or one of its targets."`
}

type aliasAddCmd struct {
	Address string `arg:"" help:"The alias."`
	Target  string `arg:"" help:"The account's address, or one of a domain that is not hosted here: mail is forwarded to it."`
}

// Help shows examples.
func (aliasAddCmd) Help() string {
	return "Example: gomail alias add sales@example.com anna@example.com\n\nSeveral targets: gomail alias add sales@example.com anna@elsewhere.example"
}

// Run adds the alias.
func (c aliasAddCmd) Run(a *app) error {
	_, err := send[api.Alias](a, http.MethodPost, "/aliases", api.Alias{Address: c.Address, Target: c.Target})
	return err
}

type aliasListCmd struct{ printing }

// Help shows an example.
func (aliasListCmd) Help() string { return "Example: gomail alias list" }

// Run lists the aliases.
func (c aliasListCmd) Run(a *app) error {
	all, err := get[[]api.Alias](a, "/aliases")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ALIAS", "LEADS TO", "")
		for _, x := range all {
			where := "account"
			if x.Outside {
				where = "outside"
			}
			row(w, x.Address, x.Target, where)
		}
	})
}

type aliasRemoveCmd struct {
	Address string `arg:"" help:"The alias."`
	Target  string `arg:"" optional:"" help:"What it is not to lead to any more; without it the alias goes whole."`
}

// Help shows an example.
func (aliasRemoveCmd) Help() string { return "Example: gomail alias remove sales@example.com" }

// Run removes the alias.
func (c aliasRemoveCmd) Run(a *app) error {
	path := "/aliases/" + seg(c.Address)
	if c.Target != "" {
		path += "?target=" + url.QueryEscape(c.Target)
	}
	return act(a, http.MethodDelete, path)
}
