package main

import (
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
	report, err := send[api.CheckReport](a, http.MethodPost, "/check", nil)
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
