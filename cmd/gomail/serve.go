package main

import (
	"io"
	"log/slog"

	"gomail/internal/config"
	"gomail/internal/resolver"
)

type serveCmd struct{}

// Help shows an example.
func (serveCmd) Help() string { return "Example: gomail serve --config /etc/gomail/gomail.toml" }

// Run serves until it is told to stop.
func (serveCmd) Run(a *app) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	log := newLogger(a.stderr, c.Log)
	r, err := resolver.New(resolver.Config{Servers: c.DNS.Resolvers, TrustAD: c.DNS.TrustAD})
	if err != nil {
		return err
	}
	s, err := newServer(a.ctx, c, outside{resolver: r}, log)
	if err != nil {
		return err
	}
	for key, addresses := range s.bound {
		for _, address := range addresses {
			log.Info("listening", slog.String("for", key), slog.String("address", address.String()))
		}
	}
	log.Info("ready", slog.String("version", version), slog.String("hostname", c.Server.Hostname))
	err = s.Run(a.ctx)
	log.Info("stopped")
	return err
}

// newLogger returns the logger that the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
