package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"gomail"
	"gomail/web/api"
)

type appPasswordCmd struct {
	Add    appPasswordAddCmd    `cmd:"" help:"Make a password for a program; it is printed once."`
	List   appPasswordListCmd   `cmd:"" help:"List the passwords of programs, and where each was last used."`
	Remove appPasswordRemoveCmd `cmd:"" help:"End a program's password."`
}

type appPasswordAddCmd struct {
	printing
	oneAccount
	Name      string   `arg:"" help:"What it is for, such as a program or a device."`
	Protocols []string `help:"What it opens: imap, smtp; default: both." placeholder:"PROTOCOL"`
	Expires   string   `help:"When it ends: a day such as 2027-06-30, or after a time such as 90d; default: never." placeholder:"WHEN"`
}

// Help shows an example.
func (appPasswordAddCmd) Help() string {
	return "Example: gomail account app-password add anna@example.com \"Anna's telephone\"\n\nExample: gomail account app-password add anna@example.com backup --protocols imap --expires 90d"
}

// Run makes the password.
func (c appPasswordAddCmd) Run(a *app) error {
	n := api.NewAppPassword{Name: c.Name, Protocols: c.Protocols}
	if c.Expires != "" {
		at, err := moment(c.Expires, time.Now())
		if err != nil {
			return err
		}
		n.Expires = &at
	}
	made, err := send[api.MadeAppPassword](a, http.MethodPost, c.path()+"/app-passwords", n)
	if err != nil {
		return err
	}
	return c.show(a, made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "The password for %s is %s\nIt is not shown again. Sign in with it as %s.\n", made.Name, made.Password, c.Address)
	})
}

// moment reads a day, at whose end it is, or a time from now in days or as Go
// writes it.
func moment(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if n, ok := strings.CutSuffix(text, "d"); ok {
		var days int
		if _, err := fmt.Sscanf(n+"\n", "%d\n", &days); err == nil && days > 0 && days <= 36500 {
			return now.AddDate(0, 0, days), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, gomail.Errorf(gomail.Invalid, "%q is no time: give a day such as 2027-06-30, or a span such as 90d or 12h", text)
}

type appPasswordListCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (appPasswordListCmd) Help() string {
	return "Example: gomail account app-password list anna@example.com"
}

// Run lists the passwords.
func (c appPasswordListCmd) Run(a *app) error {
	all, err := get[[]api.AppPassword](a, c.path()+"/app-passwords")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ID", "NAME", "OPENS", "MADE", "EXPIRES", "LAST USED")
		for _, x := range all {
			row(w, x.ID, x.Name, strings.Join(x.Protocols, ", "), day(&x.Created), day(x.Expires), lastUse(x.Used, x.UsedFrom, x.UsedBy))
		}
	})
}

func day(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.DateOnly)
}

func lastUse(at *time.Time, from, by string) string {
	if at == nil {
		return "never"
	}
	return strings.TrimSpace(at.Format("2006-01-02 15:04 MST") + " from " + from + " " + by)
}

type appPasswordRemoveCmd struct {
	oneAccount
	ID string `arg:"" help:"As app-password list shows it."`
}

// Help shows an example.
func (appPasswordRemoveCmd) Help() string {
	return "Example: gomail account app-password remove anna@example.com 0f3a77c2b1d94e58"
}

// Run ends the password.
func (c appPasswordRemoveCmd) Run(a *app) error {
	return act(a, http.MethodDelete, c.path()+"/app-passwords/"+seg(c.ID))
}

type secondFactorCmd struct {
	Show   secondFactorShowCmd   `cmd:"" help:"Show the second factors of an account."`
	Remove secondFactorRemoveCmd `cmd:"" help:"Remove them, for somebody who has lost them."`
}

type secondFactorShowCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (secondFactorShowCmd) Help() string {
	return "Example: gomail account second-factor show anna@example.com"
}

// Run shows the second factors.
func (c secondFactorShowCmd) Run(a *app) error {
	x, err := get[api.SecondFactor](a, c.path()+"/second-factor")
	if err != nil {
		return err
	}
	return c.show(a, x, func(w *tabwriter.Writer) {
		row(w, "Second factor", yesNo(x.On, "on: programs need app passwords", "off"))
		row(w, "Authenticator app", yesNo(x.TOTP, "set up", "none"))
		for _, p := range x.Passkeys {
			row(w, "Passkey", p.Name+", last used "+lastUse(p.Used, p.UsedFrom, ""))
		}
		row(w, "Recovery codes left", x.RecoveryCodes)
	})
}

type secondFactorRemoveCmd struct{ oneAccount }

// Help shows an example.
func (secondFactorRemoveCmd) Help() string {
	return "Example: gomail account second-factor remove anna@example.com"
}

// Run removes the second factors.
func (c secondFactorRemoveCmd) Run(a *app) error {
	return act(a, http.MethodDelete, c.path()+"/second-factor")
}

type sessionCmd struct {
	List sessionListCmd `cmd:"" help:"List the browsers that are signed in."`
	End  sessionEndCmd  `cmd:"" help:"Sign one of them out, or all."`
}

type sessionListCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (sessionListCmd) Help() string { return "Example: gomail account session list anna@example.com" }

// Run lists the sessions.
func (c sessionListCmd) Run(a *app) error {
	all, err := get[[]api.WebSession](a, c.path()+"/sessions")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ID", "SINCE", "UNTIL", "FROM", "BROWSER")
		for _, x := range all {
			row(w, x.ID, x.Created.Format("2006-01-02 15:04"), x.Expires.Format("2006-01-02 15:04"), x.From, x.Browser)
		}
	})
}

type sessionEndCmd struct {
	oneAccount
	ID  string `arg:"" optional:"" help:"As session list shows it."`
	All bool   `help:"Sign all of them out."`
}

// Help shows an example.
func (sessionEndCmd) Help() string {
	return "Example: gomail account session end anna@example.com 5c1f09d2aa3e7b46\n\nExample: gomail account session end anna@example.com --all"
}

// Validate wants one session, or all.
func (c sessionEndCmd) Validate() error {
	if (c.ID == "") != c.All {
		return gomail.Errorf(gomail.Invalid, "name a session, or give --all")
	}
	return nil
}

// Run ends the sessions.
func (c sessionEndCmd) Run(a *app) error {
	if c.All {
		return act(a, http.MethodDelete, c.path()+"/sessions")
	}
	return act(a, http.MethodDelete, c.path()+"/sessions/"+seg(c.ID))
}
