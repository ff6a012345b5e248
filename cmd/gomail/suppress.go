package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type suppressCmd struct {
	List  suppressListCmd  `cmd:"" help:"List the addresses to which mail of an account is not sent."`
	Clear suppressClearCmd `cmd:"" help:"Let an account send to an address again."`
}

type suppressListCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (suppressListCmd) Help() string { return "Example: gomail suppress list anna@example.com" }

// Run lists them.
func (c suppressListCmd) Run(a *app) error {
	var all []api.Suppression
	for after := ""; ; {
		page, err := get[[]api.Suppression](a, fmt.Sprintf("%s/suppressions?limit=1000&after=%s", c.path(), url.QueryEscape(after)))
		if err != nil {
			return err
		}
		if all = append(all, page...); len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Address
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ADDRESS", "WHY", "TOLD", "LAST", "UNTIL", "WHAT THE OTHER SERVER SAID")
		for _, x := range all {
			row(w, x.Address, x.Why, x.Count, x.Last.Local().Format(time.DateTime), x.Until.Local().Format(time.DateOnly), x.Diagnostic)
		}
	})
}

type suppressClearCmd struct {
	oneAccount
	Recipient string `arg:"" optional:"" help:"The address to which mail is to be sent again."`
	All       bool   `help:"Clear all of the account's."`
}

// Help shows an example.
func (suppressClearCmd) Help() string {
	return "Example: gomail suppress clear anna@example.com bob@example.net\n\nExample: gomail suppress clear anna@example.com --all"
}

// Validate wants one address, or all.
func (c suppressClearCmd) Validate() error {
	if (c.Recipient == "") != c.All {
		return errors.New("name one address, or give --all")
	}
	return nil
}

// Run clears it.
func (c suppressClearCmd) Run(a *app) error {
	path := c.path() + "/suppressions"
	if !c.All {
		path += "/" + seg(c.Recipient)
	}
	return act(a, http.MethodDelete, path)
}

type bouncesCmd struct {
	printing
	Domain string `arg:"" optional:"" help:"Day by day for one domain; none: the last 24 hours of each domain and account."`
	Days   int    `help:"So many days." default:"30" placeholder:"N"`
}

// Help shows an example.
func (bouncesCmd) Help() string {
	return "Example: gomail bounces\n\nExample: gomail bounces example.com --days 90"
}

// Run shows what became of the mail that was sent.
func (c bouncesCmd) Run(a *app) error {
	if c.Domain != "" {
		return c.daily(a)
	}
	all, err := get[[]api.BounceTotal](a, "/bounces")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		bounceHead(w, "IN 24 HOURS")
		for _, x := range all {
			bounceRow(w, x.Domain+x.Account, x.BounceCounts)
			if x.Since != nil {
				row(w, "", "→ too much has come back since "+x.Since.Local().Format(time.DateTime))
			}
		}
	})
}

func (c bouncesCmd) daily(a *app) error {
	days, err := get[[]api.BounceDay](a, fmt.Sprintf("/domains/%s/bounces?days=%d", seg(c.Domain), c.Days))
	if err != nil {
		return err
	}
	return c.show(a, days, func(w *tabwriter.Writer) {
		bounceHead(w, "DAY")
		for _, d := range days {
			bounceRow(w, d.Day.Format(time.DateOnly), d.BounceCounts)
		}
	})
}

func bounceHead(w *tabwriter.Writer, first string) {
	row(w, first, "SENT", "DELIVERED", "DEFERRED", "HARD", "FULL", "BLOCKED", "POLICY", "SOFT", "COMPLAINTS", "HARD OF SENT")
}

func bounceRow(w *tabwriter.Writer, first string, x api.BounceCounts) {
	row(w, first, x.Sent, x.Delivered, x.Deferred, x.Hard, x.Full, x.Blocked, x.Policy, x.Soft, x.Complaints, fmt.Sprintf("%.1f %%", x.Percent))
	if x.Said != "" {
		row(w, "", "→ refused as spam: "+x.Said)
	}
}
