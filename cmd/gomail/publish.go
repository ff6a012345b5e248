package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/dnsplan"
)

type dnsPublishCmd struct {
	printing
	Domain   string `arg:""`
	Provider string `help:"The connection to publish with; default: the domain's own. See gomail dns connection list." placeholder:"NAME"`
	DryRun   bool   `help:"Show what would change, and change nothing."`
	Yes      bool   `help:"Do not ask. Where mail would come here that goes elsewhere now, --consent is needed too."`
	Consent  string `help:"The domain's name: agrees to what the preview asks for." placeholder:"DOMAIN"`
}

// Help shows an example.
func (dnsPublishCmd) Help() string {
	return "It shows what would change and asks first. Values of others at the same names are kept.\n\nExample: gomail dns publish example.com --provider cloudflare --dry-run"
}

// Run previews, asks and publishes.
func (c dnsPublishCmd) Run(a *app) error {
	path := "/domains/" + seg(c.Domain) + "/publish?connection=" + url.QueryEscape(c.Provider)
	preview, err := get[dnsplan.Preview](a, path)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.show(a, preview, func(w *tabwriter.Writer) { describePreview(w, preview) })
	}
	consent, err := c.agree(a, preview)
	if err != nil {
		return err
	}
	done, err := send[dnsplan.Publication](a, http.MethodPost, path, dnsplan.Publish{Token: preview.Token, Consent: consent})
	if err != nil {
		return err
	}
	return showPublication(a, c.printing, done)
}

// agree asks whoever is there, unless they have agreed beforehand.
func (c dnsPublishCmd) agree(a *app, p dnsplan.Preview) (consent string, err error) {
	if c.Yes {
		return c.Consent, nil
	}
	w := tabwriter.NewWriter(a.stderr, 0, 0, 2, ' ', 0)
	describePreview(w, p)
	if err := w.Flush(); err != nil {
		return "", err
	}
	question, want := "Publish? Type yes: ", "yes"
	if p.Consent != "" {
		question, want = "Publish? Type the domain's name to agree: ", p.Domain
	}
	fmt.Fprint(a.stderr, question)
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	if strings.TrimSpace(line) != want {
		return "", gomail.Errorf(gomail.Invalid, "nothing was published")
	}
	return p.Domain, nil
}

func describePreview(w *tabwriter.Writer, p dnsplan.Preview) {
	fmt.Fprintf(w, "Zone %s at %s\n", p.Zone, p.Connection)
	for _, ch := range p.Changes {
		describeChange(w, ch, "")
	}
	if p.Consent != "" {
		fmt.Fprintf(w, "\n%s\n", p.Consent)
	}
}

func describeChange(w *tabwriter.Writer, ch dnsplan.Change, note string) {
	action := string(ch.Action)
	if ch.Blocked != "" {
		action, note = "blocked", ch.Blocked
	}
	row(w, action, ch.Type, ch.Name, note)
	if ch.Action == dnsplan.Keep {
		return
	}
	for _, v := range ch.Before {
		if !contains(ch.After, v) {
			row(w, "", "-", valueText(ch.Type, v))
		}
	}
	for _, v := range ch.After {
		if !contains(ch.Before, v) {
			row(w, "", "+", valueText(ch.Type, v))
		}
	}
}

func contains(all []dnsplan.Value, v dnsplan.Value) bool {
	for _, other := range all {
		if other == v {
			return true
		}
	}
	return false
}

func valueText(kind string, v dnsplan.Value) string {
	if kind == "MX" {
		return fmt.Sprintf("%d %s", v.Priority, v.Text)
	}
	return v.Text
}

// showPublication prints what became of each change. What failed makes the
// command fail.
func showPublication(a *app, p printing, done dnsplan.Publication) error {
	failed := false
	err := p.show(a, done, func(w *tabwriter.Writer) {
		for _, r := range done.Results {
			row(w, r.Outcome, r.Action, r.Type, r.Name, r.Error)
		}
	})
	for _, r := range done.Results {
		failed = failed || r.Outcome == dnsplan.Failed
	}
	if err == nil && failed {
		err = errNotRight
	}
	return err
}

type dnsUndoCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (dnsUndoCmd) Help() string {
	return "What was changed at the provider since is left as it is.\n\nExample: gomail dns undo example.com"
}

// Run takes back the last publication.
func (c dnsUndoCmd) Run(a *app) error {
	done, err := send[dnsplan.Publication](a, http.MethodPost, "/domains/"+seg(c.Domain)+"/undo", nil)
	if err != nil {
		return err
	}
	return showPublication(a, c.printing, done)
}

type dnsHistoryCmd struct {
	printing
	Domain string `arg:""`
	Record string `help:"Of one record only, by its name." placeholder:"NAME"`
	Limit  int    `help:"How many entries at most." default:"50"`
}

// Help shows an example.
func (dnsHistoryCmd) Help() string { return "Example: gomail dns history example.com" }

// Validate checks the limit.
func (c dnsHistoryCmd) Validate() error {
	if c.Limit < 1 || c.Limit > mostHistory {
		return fmt.Errorf("--limit is %d, and must be between 1 and %d", c.Limit, mostHistory)
	}
	return nil
}

// mostHistory is how much the server answers at once.
const mostHistory = 1000

// Run shows how the state of the records changed.
func (c dnsHistoryCmd) Run(a *app) error {
	entries, err := get[[]dnsplan.Entry](a, fmt.Sprintf("/domains/%s/history?record=%s&limit=%d", seg(c.Domain), url.QueryEscape(c.Record), c.Limit))
	if err != nil {
		return err
	}
	return c.show(a, entries, func(w *tabwriter.Writer) {
		row(w, "WHEN", "BEFORE", "AFTER", "TYPE", "NAME", "VALUES")
		for _, e := range entries {
			row(w, e.At.Local().Format("2006-01-02 15:04"), e.Before.State, e.After.State, e.Type, e.Name, strings.Join(e.After.Values, " | "))
		}
	})
}
