package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
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

type queueListCmd struct {
	printing
	Limit int `help:"List so many messages at most; 0: all." placeholder:"N"`
}

// Help shows an example.
func (queueListCmd) Help() string {
	return "Example: gomail queue list --json\n\nExample: gomail queue list --limit 20"
}

// Run lists the queue, page by page: what was read is printed before more is
// asked for, so that a queue of any length takes little memory.
func (c queueListCmd) Run(a *app) error {
	out := newQueuePrinter(a.stdout, c.JSON)
	if err := a.eachQueued(c.Limit, out.page); err != nil {
		return err
	}
	return out.end()
}

// eachQueued hands over the queue page by page, at most so many messages; 0:
// all.
func (a *app) eachQueued(most int, take func([]api.QueuedMessage) error) error {
	for after, taken := "", 0; ; {
		limit := 1000
		if most > 0 {
			limit = min(limit, most-taken)
		}
		page, err := get[[]api.QueuedMessage](a, fmt.Sprintf("/queue?limit=%d&after=%s", limit, after))
		if err == nil {
			err = take(page)
		}
		if taken += len(page); err != nil || len(page) < limit || taken == most {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// queuePrinter prints queued messages page by page: as a table, whose columns
// fit each page, or as one JSON array.
type queuePrinter struct {
	w       io.Writer
	json    bool
	printed int
}

func newQueuePrinter(w io.Writer, json bool) *queuePrinter { return &queuePrinter{w: w, json: json} }

func (p *queuePrinter) page(list []api.QueuedMessage) error {
	if !p.json {
		return p.table(list)
	}
	for _, m := range list {
		separator := ",\n  "
		if p.printed == 0 {
			separator = "[\n  "
		}
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("  ", "  ")
		if err := e.Encode(m); err != nil {
			return err
		}
		if _, err := fmt.Fprint(p.w, separator, strings.TrimRight(text.String(), "\n")); err != nil {
			return err
		}
		p.printed++
	}
	return nil
}

func (p *queuePrinter) table(list []api.QueuedMessage) error {
	w := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	if p.printed == 0 {
		row(w, "ID", "FROM", "TO", "SIZE", "TRIES", "NEXT", "LAST ERROR")
	}
	for _, m := range list {
		for _, r := range m.Recipients {
			row(w, m.ID, orDefault(m.From, "<>"), r.Address, amount(m.Size), r.Attempts, nextTry(r), r.LastError)
		}
	}
	p.printed++
	return w.Flush()
}

// end prints what closes the list.
func (p *queuePrinter) end() error {
	text := ""
	switch {
	case p.json && p.printed == 0:
		text = "[]\n"
	case p.json:
		text = "\n]\n"
	}
	_, err := io.WriteString(p.w, text)
	return err
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
		if m.DeliverBy != nil {
			what := map[bool]string{true: "else it is returned", false: "else its sender is told"}[m.ByMode[0] == 'R']
			row(w, "Deliver by", m.DeliverBy.Local().Format(time.DateTime)+", "+what)
		}
		if m.TLS != "" {
			row(w, "TLS", map[string]string{"required": "required (REQUIRETLS)", "optional": "as it comes (TLS-Required: No)"}[m.TLS])
		}
		for _, r := range m.Recipients {
			row(w, "To", r.Address, nextTry(r), r.LastError)
			if r.LastTLS != "" {
				row(w, "", "", "last over", r.LastTLS)
			}
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

type queueReleaseCmd struct {
	ID  string `arg:"" optional:"" help:"As gomail queue list shows it."`
	All bool   `help:"End every hold, such as those that a restore left."`
}

// Help shows an example.
func (queueReleaseCmd) Help() string {
	return "Example: gomail queue release 17-1793437200000000\n\nExample: gomail queue release --all"
}

// Validate wants one message, or all.
func (c queueReleaseCmd) Validate() error {
	if (c.ID == "") != c.All {
		return errors.New("name one message, or give --all")
	}
	return nil
}

// Run releases the message, or all that are held.
func (c queueReleaseCmd) Run(a *app) error {
	if !c.All {
		return act(a, http.MethodPost, oneQueued{c.ID}.path()+"/release")
	}
	var all []api.QueuedMessage
	if err := a.eachQueued(0, func(page []api.QueuedMessage) error { all = append(all, page...); return nil }); err != nil {
		return err
	}
	return a.with(func(client *client) error {
		released := 0
		for _, m := range all {
			if !slices.ContainsFunc(m.Recipients, func(r api.QueuedRecipient) bool { return r.Status == "held" }) {
				continue
			}
			if err := client.call(a.ctx, http.MethodPost, oneQueued{m.ID}.path()+"/release", nil, nil); err != nil {
				return err
			}
			released++
		}
		_, err := fmt.Fprintf(a.stdout, "Released %d messages.\n", released)
		return err
	})
}

type queueDropCmd struct{ oneQueued }

// Help shows an example.
func (queueDropCmd) Help() string { return "Example: gomail queue drop 17-1793437200000000" }

// Run drops the message.
func (c queueDropCmd) Run(a *app) error { return act(a, http.MethodDelete, c.path()) }
