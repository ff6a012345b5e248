package pop3d

import (
	"context"
	"net"

	"gomail/internal/serve"
	"gomail/mailbox"
)

// Server is a POP3 server. It may serve several listeners; its limits on
// connections count over all of them.
type Server struct {
	cfg      Config
	auth     Authenticator
	boxes    *mailbox.Service
	server   serve.Server
	commands map[string]command
}

// New makes a Server. It panics when cfg lacks a Hostname, or the TLS that
// ImplicitTLS needs: both are mistakes of the program, not of its input.
func New(cfg Config, auth Authenticator, boxes *mailbox.Service) *Server {
	if cfg.Hostname == "" {
		panic("pop3d: Config.Hostname is empty")
	}
	if cfg.ImplicitTLS && cfg.TLS == nil {
		panic("pop3d: Config.ImplicitTLS without Config.TLS")
	}
	s := &Server{cfg: cfg.withDefaults(), auth: auth, boxes: boxes, commands: commands()}
	s.server = serve.Server{
		Protocol: "POP3", MaxConnections: s.cfg.MaxConnections, MaxPerAddress: s.cfg.MaxConnectionsPerAddress, Grace: s.cfg.ShutdownGrace,
		Session: func(seat *serve.Seat, soft, hard context.Context, c net.Conn) {
			newSession(s, seat, c).serve(soft, hard)
		},
		TurnAway: func(string) string { return "-ERR [SYS/TEMP] Too many connections, try again later\r\n" },
		Opened:   s.cfg.Metrics.Opened, Closed: s.cfg.Metrics.Closed, Refused: s.cfg.Metrics.Refused, Logger: s.cfg.Logger,
	}
	return s
}

// Serve accepts connections from l until ctx ends or l fails, and returns when
// all its sessions have ended. It closes l. When ctx ends, commands that are
// running are finished, for Config.ShutdownGrace at most; messages that a
// client had marked stay, as after any connection that ends without QUIT.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.server.Serve(ctx, l) }
