package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"gomail/web/api"
)

type certCmd struct {
	List  certListCmd  `cmd:"" help:"List certificates: until when they are valid, and why there is none."`
	Renew certRenewCmd `cmd:"" help:"Order a certificate now, whatever the schedule says."`
}

type certListCmd struct{ printing }

// Help shows an example.
func (certListCmd) Help() string { return "Example: gomail cert list" }

// Run lists.
func (c certListCmd) Run(a *app) error {
	all, err := get[[]api.Certificate](a, "/certificates")
	if err != nil {
		return err
	}
	return c.show(a, all, func(w *tabwriter.Writer) {
		row(w, "NAME", "STATE", "VALID UNTIL", "ISSUER", "NEXT")
		for _, x := range all {
			row(w, x.Name, x.State, dayOrNone(x.NotAfter), orDefault(x.Issuer, "-"), dayOrNone(x.Next))
		}
		for _, x := range all {
			if x.Found != "" {
				fmt.Fprintf(w, "\n%s: %s\n→ %s\n", x.Name, x.Found, x.Mend)
			}
		}
	})
}

func dayOrNone(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

type certRenewCmd struct {
	Name string `arg:"" help:"The name whose certificate is ordered."`
}

// Help shows an example.
func (certRenewCmd) Help() string {
	return "The server does it by itself when a third of a certificate's life is left. Authorities limit how often one may ask.\n\nExample: gomail cert renew mail.example.com"
}

// Run has the server order.
func (c certRenewCmd) Run(a *app) error {
	if _, err := send[struct{}](a, http.MethodPost, "/certificates/"+seg(c.Name)+"/renew", nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "The certificate of %s is being ordered; gomail cert list shows what came of it.\n", c.Name)
	return err
}
