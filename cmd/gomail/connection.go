package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"gomail"
	"gomail/dnsplan"
)

type connectionCmd struct {
	Providers connectionProvidersCmd `cmd:"" help:"List the DNS providers, and what each asks for."`
	Add       connectionAddCmd       `cmd:"" help:"Test credentials of a provider and keep them, sealed."`
	List      connectionListCmd      `cmd:"" help:"List the connections."`
	Test      connectionTestCmd      `cmd:"" help:"Try whether the credentials still do their work."`
	Remove    connectionRemoveCmd    `cmd:"" help:"Forget a connection's credentials."`
}

type connectionProvidersCmd struct{ printing }

// Help shows an example.
func (connectionProvidersCmd) Help() string { return "Example: gomail dns connection providers" }

// Run lists the providers.
func (c connectionProvidersCmd) Run(a *app) error {
	all, err := get[[]dnsplan.ProviderInfo](a, "/dns/providers")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		for _, p := range all {
			row(w, p.Name, p.Title)
			row(w, "", p.Scope)
			for _, f := range p.Fields {
				row(w, "", f.Name+yesNo(f.Optional, " (optional)", ""), f.Label+yesNo(f.Help == "", "", ": "+f.Help))
			}
		}
	})
}

type connectionAddCmd struct {
	printing
	Provider string            `arg:"" help:"As gomail dns connection providers names it."`
	Name     string            `help:"What the connection is called; default: the provider." placeholder:"NAME"`
	Set      map[string]string `help:"A credential that is not secret, such as --set server=192.0.2.53." placeholder:"FIELD=VALUE"`
}

// Help shows an example.
func (connectionAddCmd) Help() string {
	return "Secrets are read from standard input, a line each in the order in which the provider's fields are listed, so that no other process sees them.\n\nExample: gomail dns connection add cloudflare < token.txt"
}

// Run adds the connection.
func (c connectionAddCmd) Run(a *app) error {
	all, err := get[[]dnsplan.ProviderInfo](a, "/dns/providers")
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Name == c.Provider {
			return c.add(a, p)
		}
	}
	return gomail.Errorf(gomail.NotFound, "there is no DNS provider %q: gomail dns connection providers lists them", c.Provider)
}

func (c connectionAddCmd) add(a *app, p dnsplan.ProviderInfo) error {
	credentials := map[string]string{}
	for name, value := range c.Set {
		credentials[name] = value
	}
	in := bufio.NewReader(a.stdin)
	for _, f := range p.Fields {
		if _, given := credentials[f.Name]; given || !f.Secret && f.Optional {
			continue
		}
		fmt.Fprintf(a.stderr, "%s: ", f.Label)
		line, err := in.ReadString('\n')
		if value := strings.TrimSpace(line); value != "" {
			credentials[f.Name] = value
		} else if err != nil && !f.Optional {
			return gomail.Errorf(gomail.Invalid, "%s is missing: give it on standard input, or with --set %s=...", f.Label, f.Name)
		}
	}
	made, err := send[dnsplan.Connection](a, http.MethodPost, "/dns/connections", dnsplan.NewConnection{Name: c.Name, Provider: p.Name, Credentials: credentials})
	if err != nil {
		return err
	}
	return c.show(a, made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "Connected. Next: gomail dns publish DOMAIN --provider %s --dry-run\n", made.Name)
	})
}

type connectionListCmd struct{ printing }

// Help shows an example.
func (connectionListCmd) Help() string { return "Example: gomail dns connection list" }

// Run lists the connections.
func (c connectionListCmd) Run(a *app) error {
	all, err := get[[]dnsplan.Connection](a, "/dns/connections")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "NAME", "PROVIDER", "ADDED", "TESTED")
		for _, x := range all {
			row(w, x.Name, x.Provider, x.Created.Format(time.DateOnly), x.Tested.Format(time.DateOnly))
		}
	})
}

type connectionTestCmd struct {
	Name string `arg:""`
}

// Help shows an example.
func (connectionTestCmd) Help() string { return "Example: gomail dns connection test cloudflare" }

// Run tests the connection.
func (c connectionTestCmd) Run(a *app) error {
	return act(a, http.MethodPost, "/dns/connections/"+seg(c.Name)+"/test")
}

type connectionRemoveCmd struct {
	Name string `arg:""`
}

// Help shows an example.
func (connectionRemoveCmd) Help() string { return "Example: gomail dns connection remove cloudflare" }

// Run removes the connection.
func (c connectionRemoveCmd) Run(a *app) error {
	return act(a, http.MethodDelete, "/dns/connections/"+seg(c.Name))
}
