package smtpd

import (
	"context"
	"net"
	"sync"

	"gomail/internal/serve"
)

// Server is an SMTP server. It may serve several listeners; its limits on
// connections count over all of them.
type Server struct {
	cfg     Config
	backend Backend
	server  serve.Server
	blocks  sync.Pool // of *block
}

// New makes a Server. It panics when cfg lacks a Hostname, or the TLS that
// ImplicitTLS needs: both are mistakes of the program, not of its input.
func New(cfg Config, b Backend) *Server {
	if cfg.Hostname == "" {
		panic("smtpd: Config.Hostname is empty")
	}
	if cfg.ImplicitTLS && cfg.TLS == nil {
		panic("smtpd: Config.ImplicitTLS without Config.TLS")
	}
	if cfg.LMTP && (cfg.Submission || cfg.TLS != nil) {
		panic("smtpd: Config.LMTP with Config.Submission or Config.TLS")
	}
	s := &Server{cfg: cfg.withDefaults(), backend: b}
	s.blocks.New = func() any { return new(block) }
	s.server = serve.Server{
		Protocol: "SMTP", MaxConnections: s.cfg.MaxConnections, MaxPerAddress: s.cfg.MaxConnectionsPerAddress, Grace: s.cfg.ShutdownGrace,
		Session:  func(seat *serve.Seat, soft, hard context.Context, c net.Conn) { newConn(s, seat, c).serve(soft, hard) },
		TurnAway: s.turnAway, Opened: s.cfg.Metrics.Opened, Closed: s.cfg.Metrics.Closed, Refused: s.cfg.Metrics.Refused, Logger: s.cfg.Logger,
	}
	return s
}

// Serve accepts connections from l until ctx ends or l fails, and returns
// when all its sessions have ended. It closes l.
//
// When ctx ends, messages whose content is arriving or being stored are
// finished and answered, for Config.ShutdownGrace at most; every other session
// gets 421. Serve then returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.server.Serve(ctx, l) }

// turnAway says why a connection is not taken.
func (s *Server) turnAway(limit string) string {
	if limit == serve.LimitAddress {
		return "421 4.7.0 " + s.cfg.Hostname + " too many connections from your address, close some first\r\n"
	}
	return "421 4.7.0 " + s.cfg.Hostname + " too many connections, try again later\r\n"
}
