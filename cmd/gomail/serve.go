package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"

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
	if err := refuseRoot(c.Server.DataDir); err != nil {
		return err
	}
	s, err := newServer(a.ctx, c, outside{resolver: r}, log)
	if err != nil {
		return err
	}
	file, err := config.Find(a.configFile, a.dir)
	if err == nil {
		err = s.confine(file)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	for key, addresses := range s.bound {
		for _, address := range addresses {
			log.Info("listening", slog.String("for", key), slog.String("address", address.String()))
		}
	}
	log.Info("ready", slog.String("version", version), slog.String("hostname", c.Server.Hostname))
	if err := tellSystemd(a.environ, "READY=1"); err != nil {
		log.Warn("systemd could not be told that the server is ready", slog.Any("error", err))
	}
	err = s.Run(a.ctx)
	log.Info("stopped")
	return err
}

// tellSystemd sends a state to the service manager that started the server,
// if one did (sd_notify(3)).
func tellSystemd(environ []string, state string) error {
	for _, e := range environ {
		path, ok := strings.CutPrefix(e, "NOTIFY_SOCKET=")
		if !ok || path == "" {
			continue
		}
		if path[0] == '@' { // the abstract name space
			path = "\x00" + path[1:]
		}
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			return err
		}
		_, err = conn.Write([]byte(state))
		return errors.Join(err, conn.Close())
	}
	return nil
}

// newLogger returns the logger that the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
