package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"gomail"
	"gomail/dnsplan"
	"gomail/web/api"
)

type hostCmd struct {
	Show hostShowCmd `cmd:"" help:"Show what all domains share: names, addresses, the hosts that take mail."`
	MX   hostMXCmd   `cmd:"" name:"mx" help:"Set the hosts that take mail, with their priorities."`
}

type hostShowCmd struct{ printing }

// Help shows an example.
func (hostShowCmd) Help() string { return "Example: gomail host show" }

// Run shows what all domains share.
func (c hostShowCmd) Run(a *app) error {
	s, err := get[api.Server](a, "/server")
	if err != nil {
		return err
	}
	return c.show(a, s, func(w *tabwriter.Writer) { describeHost(w, s) })
}

func describeHost(w *tabwriter.Writer, s api.Server) {
	row(w, "Hostname", s.Hostname)
	row(w, "Addresses", orDefault(strings.Join(s.Addresses, ", "), "none: set server.public_addresses"))
	row(w, "DNSSEC", s.DNSSEC)
	for _, h := range s.MX {
		row(w, "MX", fmt.Sprintf("%d %s", h.Priority, h.Host))
	}
}

type hostMXCmd struct {
	printing
	Hosts  []string `arg:"" optional:"" help:"Each as PRIORITY:HOST; none: those of the configuration." placeholder:"PRIORITY:HOST"`
	DryRun bool     `help:"Show what would change in each domain's records, and change nothing."`
}

// Help shows an example.
func (hostMXCmd) Help() string {
	return "The mail host is added with priority 10 unless it is named.\n\nExample: gomail host mx 10:mail.example.com 20:mx2.example.com --dry-run"
}

// Validate reads the hosts.
func (c hostMXCmd) Validate() error {
	_, err := c.hosts()
	return err
}

func (c hostMXCmd) hosts() ([]dnsplan.MX, error) {
	hosts := []dnsplan.MX{}
	for _, text := range c.Hosts {
		priority, host, ok := strings.Cut(text, ":")
		n, err := strconv.Atoi(priority)
		if !ok || err != nil {
			return nil, gomail.Errorf(gomail.Invalid, "%q is not a priority and a host: write it as 10:mail.example.com", text)
		}
		hosts = append(hosts, dnsplan.MX{Host: host, Priority: n})
	}
	return hosts, nil
}

// Run sets the hosts.
func (c hostMXCmd) Run(a *app) error {
	hosts, err := c.hosts()
	if err != nil {
		return err
	}
	settings := api.MXSettings{MX: hosts}
	if c.DryRun {
		return c.preview(a, settings)
	}
	s, err := send[api.Server](a, http.MethodPut, "/server/mx", settings)
	if err != nil {
		return err
	}
	return c.show(a, s, func(w *tabwriter.Writer) { describeHost(w, s) })
}

func (c hostMXCmd) preview(a *app, settings api.MXSettings) error {
	previews, err := send[[]api.MXPreview](a, http.MethodPost, "/server/mx/preview", settings)
	if err != nil {
		return err
	}
	return c.show(a, previews, func(w *tabwriter.Writer) {
		for _, p := range previews {
			row(w, p.Domain)
			for _, d := range p.Changes {
				describeDifference(w, d)
			}
		}
	})
}
