package main

import (
	"context"
	"net/http"
	"text/tabwriter"
	"time"

	"gomail/store"
	"gomail/web/api"
)

type collectCmd struct {
	OlderThan time.Duration `help:"Keep what was expunged within this time: an accident can still be mended then." default:"24h" placeholder:"DURATION"`
	printing
}

// Help shows an example.
func (collectCmd) Help() string {
	return "The server does this by itself every ten minutes, for what was expunged a day ago. Use it when the disk is short.\n\nExample: gomail collect --older-than 0s"
}

// Run collects now.
func (c collectCmd) Run(a *app) error {
	done, err := send[api.Collected](a, http.MethodPost, "/collect", api.Collection{OlderThan: c.OlderThan.String()})
	if err != nil {
		return err
	}
	return c.show(a, done, func(w *tabwriter.Writer) {
		row(w, "MESSAGES", "PACKS", "FREED")
		row(w, done.Bodies, done.Packs, amount(done.Octets))
	})
}

// collect gives the space of expunged bodies back.
func collect(s *store.Store) func(context.Context, time.Duration) (api.Collected, error) {
	return func(ctx context.Context, olderThan time.Duration) (api.Collected, error) {
		c, err := s.Collect(ctx, time.Now().Add(-olderThan))
		return api.Collected{Bodies: c.Bodies, Packs: c.Packs, Octets: c.Octets}, err
	}
}
