package main

import (
	"net/http"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type dkimCmd struct {
	List     dkimListCmd     `cmd:"" help:"List a domain's keys."`
	Generate dkimGenerateCmd `cmd:"" help:"Make further keys, pending until they are in the DNS."`
	Rotate   dkimRotateCmd   `cmd:"" help:"Begin to replace the keys; each step waits until the world has seen the one before."`
	Retire   dkimRetireCmd   `cmd:"" help:"Stop signing with a key; it stays published for a while."`
}

type dkimListCmd struct {
	printing
	Domain string `arg:""`
}

// Help shows an example.
func (dkimListCmd) Help() string { return "Example: gomail dkim list example.com" }

// Run lists the keys.
func (c dkimListCmd) Run(a *app) error {
	keys, err := get[[]api.Key](a, "/domains/"+seg(c.Domain)+"/keys")
	if err != nil {
		return err
	}
	return c.print(a, keys)
}

func (p printing) print(a *app, keys []api.Key) error {
	return p.show(a, keys, func(w *tabwriter.Writer) {
		row(w, "SELECTOR", "ALGORITHM", "STATE", "GENERATED")
		for _, k := range keys {
			row(w, k.Selector, k.Algorithm, k.State, k.Created.Format(time.DateOnly))
		}
	})
}

// newKeys are the flags of commands that make keys.
type newKeys struct {
	printing
	Domain        string `arg:""`
	DKIMAlgorithm string `name:"dkim-algorithm" help:"ed25519, rsa or both." placeholder:"ALGORITHM"`
	Selector      string `help:"The selector; default: the configured one with the month." placeholder:"NAME"`
}

// make asks for the keys and shows them.
func (c newKeys) make(a *app, path string) error {
	keys, err := send[[]api.Key](a, http.MethodPost, "/domains/"+seg(c.Domain)+path, api.NewKey{Algorithm: c.DKIMAlgorithm, Selector: c.Selector})
	if err != nil {
		return err
	}
	return c.print(a, keys)
}

type dkimRotateCmd struct{ newKeys }

// Help shows an example.
func (dkimRotateCmd) Help() string {
	return "Publish what gomail dns plan then shows; the rest happens by itself.\n\nExample: gomail dkim rotate example.com"
}

// Run begins the rotation.
func (c dkimRotateCmd) Run(a *app) error { return c.make(a, "/rotate") }

type dkimRetireCmd struct {
	Domain   string `arg:""`
	Selector string `arg:""`
}

// Help shows an example.
func (dkimRetireCmd) Help() string { return "Example: gomail dkim retire example.com mail" }

// Run retires the key.
func (c dkimRetireCmd) Run(a *app) error {
	return act(a, http.MethodPost, "/domains/"+seg(c.Domain)+"/keys/"+seg(c.Selector)+"/retire")
}

type dkimGenerateCmd struct{ newKeys }

// Help shows an example.
func (dkimGenerateCmd) Help() string { return "Example: gomail dkim generate example.com" }

// Run makes the keys.
func (c dkimGenerateCmd) Run(a *app) error { return c.make(a, "/keys") }
