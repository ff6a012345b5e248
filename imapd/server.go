package imapd

import (
	"context"
	"net"

	"gomail/imapd/imapwire"
	"gomail/internal/serve"
	"gomail/mailbox"
)

// Server is an IMAP server. It may serve several listeners; its limits on
// connections count over all of them.
type Server struct {
	cfg      Config
	auth     Authenticator
	boxes    *mailbox.Service
	server   serve.Server
	blocks   imapwire.Blocks
	commands map[string]command
}

// New makes a Server. It panics when cfg lacks a Hostname, or the TLS that
// ImplicitTLS needs: both are mistakes of the program, not of its input.
func New(cfg Config, auth Authenticator, boxes *mailbox.Service) *Server {
	if cfg.Hostname == "" {
		panic("imapd: Config.Hostname is empty")
	}
	if cfg.ImplicitTLS && cfg.TLS == nil {
		panic("imapd: Config.ImplicitTLS without Config.TLS")
	}
	if cfg.TLS != nil {
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.DynamicRecordSizingDisabled = true // small records make a page's first lines visible sooner; responses are used whole
	}
	s := &Server{cfg: cfg.withDefaults(), auth: auth, boxes: boxes, commands: commands()}
	s.server = serve.Server{
		Protocol: "IMAP", MaxConnections: s.cfg.MaxConnections, MaxPerAddress: s.cfg.MaxConnectionsPerAddress, Grace: s.cfg.ShutdownGrace,
		Session: func(seat *serve.Seat, soft, hard context.Context, c net.Conn) {
			newSession(s, seat, c).serve(soft, hard)
		},
		TurnAway: turnAway, Opened: s.cfg.Metrics.Opened, Closed: s.cfg.Metrics.Closed, Refused: s.cfg.Metrics.Refused, Logger: s.cfg.Logger,
	}
	return s
}

// Serve accepts connections from l until ctx ends or l fails, and returns when
// all its sessions have ended. It closes l.
//
// When ctx ends, commands that are running are finished, for
// Config.ShutdownGrace at most; then every session gets BYE. Serve then
// returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.server.Serve(ctx, l) }

// turnAway says why a connection is not taken.
func turnAway(limit string) string {
	if limit == serve.LimitAddress {
		return "* BYE [LIMIT] Too many connections from your address, close some first\r\n"
	}
	return "* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
}
