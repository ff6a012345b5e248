package main

import (
	"context"
	"fmt"
	"net/http"
	"text/tabwriter"

	"gomail/web/api"
)

type checkCmd struct{ printing }

// Help shows an example.
func (checkCmd) Help() string {
	return "Works offline and beside a running server. It exits 1 and names each violation when something is wrong.\n\nExample: gomail check --dir /var/lib/gomail"
}

// Run checks the store.
func (c checkCmd) Run(a *app) error {
	var report api.CheckReport
	err := a.meter("Checking").while(func() (err error) {
		report, err = send[api.CheckReport](a, http.MethodPost, "/check", nil)
		return err
	})
	if err != nil {
		return err
	}
	err = c.show(a, report, func(w *tabwriter.Writer) {
		for _, p := range report.Problems {
			fmt.Fprintln(w, p)
		}
		if report.OK {
			fmt.Fprintln(w, "Every invariant holds.")
		}
	})
	if err == nil && !report.OK {
		err = errNotRight
	}
	return err
}

// check holds the store against every invariant, and tries the secret key on
// everything that it has sealed.
func (s *services) check(ctx context.Context, found func(problem string)) error {
	for _, check := range []func(context.Context, func(string)) error{s.store.Check, s.domains.CheckKeys, s.publisher.CheckSecrets, s.vault.CheckSecrets, s.accounts.CheckSecrets} {
		if err := check(ctx, found); err != nil {
			return err
		}
	}
	return nil
}
