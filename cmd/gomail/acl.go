package main

import (
	"net/http"
	"text/tabwriter"

	"gomail/web/api"
)

type aclCmd struct {
	Show   aclShowCmd   `cmd:"" help:"Show who may use an account's mailboxes."`
	Set    aclSetCmd    `cmd:"" help:"Let an account, or anyone in the domain, use a mailbox."`
	Delete aclDeleteCmd `cmd:"" help:"Take somebody's rights on a mailbox away."`
}

// ownedMailbox names a mailbox, and whose it is.
type ownedMailbox struct {
	Account string `arg:"" help:"Whose mailbox it is."`
	Mailbox string `arg:"" help:"Its name, such as INBOX or Work/2026."`
}

func (m ownedMailbox) change(a *app, identifier, rights string) error {
	_, err := send[struct{}](a, http.MethodPut, "/accounts/"+seg(m.Account)+"/grants", api.MailboxGrantChange{Mailbox: m.Mailbox, Identifier: identifier, Rights: rights})
	return err
}

type aclShowCmd struct {
	printing
	oneAccount
}

// Help shows an example.
func (aclShowCmd) Help() string { return "Example: gomail acl show anna@example.com" }

// Run lists the rights that others have.
func (c aclShowCmd) Run(a *app) error {
	all, err := get[[]api.MailboxGrant](a, c.path()+"/grants")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "MAILBOX", "WHO", "RIGHTS")
		for _, g := range all {
			row(w, g.Mailbox, g.Identifier, g.Rights)
		}
	})
}

type aclSetCmd struct {
	ownedMailbox
	Identifier string `arg:"" help:"Who: an account's address, or anyone; with a hyphen before it the rights are taken from what others give."`
	Rights     string `arg:"" help:"Letters: lr to look, lrs to read, lrswite to work with it; +w adds, -w takes away."`
}

// Help shows examples.
func (aclSetCmd) Help() string {
	return "The letters are explained in docs/operate/sharing.md.\n\nExample: gomail acl set info@example.com INBOX anna@example.com lrswite\n\n" +
		"What begins with a hyphen goes after two: gomail acl set -- info@example.com INBOX anna@example.com -e"
}

// Run changes the rights.
func (c aclSetCmd) Run(a *app) error { return c.change(a, c.Identifier, c.Rights) }

type aclDeleteCmd struct {
	ownedMailbox
	Identifier string `arg:"" help:"Who, as gomail acl show writes it."`
}

// Help shows an example.
func (aclDeleteCmd) Help() string {
	return "Example: gomail acl delete info@example.com INBOX anna@example.com"
}

// Run takes the rights away.
func (c aclDeleteCmd) Run(a *app) error { return c.change(a, c.Identifier, "") }
