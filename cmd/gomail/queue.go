package main

import (
	"net/http"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type queueCmd struct {
	List    queueListCmd    `cmd:"" help:"List the messages that wait."`
	Show    queueShowCmd    `cmd:"" help:"Show one of them."`
	Retry   queueRetryCmd   `cmd:"" help:"Try a message now."`
	Hold    queueHoldCmd    `cmd:"" help:"Do not try a message until it is released."`
	Release queueReleaseCmd `cmd:"" help:"End a hold."`
	Drop    queueDropCmd    `cmd:"" help:"Remove a message without telling its sender."`
}

type queueListCmd struct{ printing }

// Help shows an example.
func (queueListCmd) Help() string { return "Example: gomail queue list --json" }

// Run lists the queue, page by page.
func (c queueListCmd) Run(a *app) error {
	all := []api.QueuedMessage{}
	for after := ""; ; {
		page, err := get[[]api.QueuedMessage](a, "/queue?limit=1000&after="+after)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].ID
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "ID", "FROM", "TO", "SIZE", "TRIES", "NEXT", "LAST ERROR")
		for _, m := range all {
			for _, r := range m.Recipients {
				row(w, m.ID, orDefault(m.From, "<>"), r.Address, amount(m.Size), r.Attempts, nextTry(r), r.LastError)
			}
		}
	})
}

func nextTry(r api.QueuedRecipient) string {
	if r.Status == "held" {
		return "held"
	}
	return r.Due.Local().Format(time.DateTime)
}

// oneQueued is a command about one message.
type oneQueued struct {
	ID string `arg:"" help:"As gomail queue list shows it."`
}

func (o oneQueued) path() string { return "/queue/" + seg(o.ID) }

type queueShowCmd struct {
	printing
	oneQueued
}

// Help shows an example.
func (queueShowCmd) Help() string { return "Example: gomail queue show 17-1793437200000000" }

// Run shows the message.
func (c queueShowCmd) Run(a *app) error {
	m, err := get[api.QueuedMessage](a, c.path())
	if err != nil {
		return err
	}
	return c.show(a, m, func(w *tabwriter.Writer) {
		row(w, "Message", m.ID)
		row(w, "From", orDefault(m.From, "<>"))
		row(w, "Size", amount(m.Size))
		row(w, "Received", m.Received.Local().Format(time.DateTime))
		row(w, "Given up", m.Expires.Local().Format(time.DateTime))
		for _, r := range m.Recipients {
			row(w, "To", r.Address, nextTry(r), r.LastError)
		}
	})
}

type queueRetryCmd struct{ oneQueued }

// Help shows an example.
func (queueRetryCmd) Help() string { return "Example: gomail queue retry 17-1793437200000000" }

// Run makes the message due.
func (c queueRetryCmd) Run(a *app) error { return act(a, http.MethodPost, c.path()+"/retry") }

type queueHoldCmd struct{ oneQueued }

// Help shows an example.
func (queueHoldCmd) Help() string { return "Example: gomail queue hold 17-1793437200000000" }

// Run holds the message.
func (c queueHoldCmd) Run(a *app) error { return act(a, http.MethodPost, c.path()+"/hold") }

type queueReleaseCmd struct{ oneQueued }

// Help shows an example.
func (queueReleaseCmd) Help() string { return "Example: gomail queue release 17-1793437200000000" }

// Run releases the message.
func (c queueReleaseCmd) Run(a *app) error { return act(a, http.MethodPost, c.path()+"/release") }

type queueDropCmd struct{ oneQueued }

// Help shows an example.
func (queueDropCmd) Help() string { return "Example: gomail queue drop 17-1793437200000000" }

// Run drops the message.
func (c queueDropCmd) Run(a *app) error { return act(a, http.MethodDelete, c.path()) }
