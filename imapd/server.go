package imapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// Server is an IMAP server. It may serve several listeners; its limits on
// connections count over all of them.
type Server struct {
	cfg      Config
	auth     Authenticator
	boxes    *mailbox.Service
	limits   limits
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
	s := &Server{cfg: cfg.withDefaults(), auth: auth, boxes: boxes, commands: commands()}
	s.limits = limits{networks: map[netip.Prefix]int{}, maxTotal: s.cfg.MaxConnections, maxNetwork: s.cfg.MaxConnectionsPerAddress}
	return s
}

// Serve accepts connections from l until ctx ends or l fails, and returns
// when all its sessions have ended. It closes l.
//
// When ctx ends, commands that are running are finished, for
// Config.ShutdownGrace at most; then every session gets BYE. Serve then
// returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	soft, stop := context.WithCancel(ctx)
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(soft, func() { l.Close() })()

	var sessions sync.WaitGroup
	err := s.accept(soft, hard, l, &sessions)
	stop()
	grace := time.AfterFunc(s.cfg.ShutdownGrace, cut)
	defer grace.Stop()
	sessions.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// accept starts a session for every connection, until soft ends.
func (s *Server) accept(soft, hard context.Context, l net.Listener, sessions *sync.WaitGroup) error {
	var wait time.Duration
	for {
		nc, err := l.Accept()
		if soft.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if err != nil {
			if wait, err = s.acceptFailed(soft, err, wait); err != nil {
				return err
			}
			continue
		}
		wait = 0
		s.admit(soft, hard, nc, sessions)
	}
}

// acceptFailed waits out a lack of file descriptors or memory; any other
// error ends the listener.
func (s *Server) acceptFailed(ctx context.Context, err error, wait time.Duration) (time.Duration, error) {
	var ne net.Error
	if errors.Is(err, net.ErrClosed) || !errors.As(err, &ne) {
		return 0, fmt.Errorf("accepting IMAP connections: %w", err)
	}
	wait = min(max(2*wait, 5*time.Millisecond), time.Second)
	s.cfg.Logger.Error("cannot accept IMAP connections, will try again", slog.Any("error", err), slog.Duration("wait", wait))
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return wait, nil
}

// admit starts a session, or turns the connection away before it costs
// anything.
func (s *Server) admit(soft, hard context.Context, nc net.Conn, sessions *sync.WaitGroup) {
	network := networkOf(remoteAddr(nc))
	if reason := s.limits.acquire(network); reason != "" {
		s.cfg.Metrics.Refused(reason)
		s.cfg.Logger.Info("IMAP connection refused", slog.String("remote", nc.RemoteAddr().String()), slog.String("limit", reason))
		turnAway(nc, reason)
		return
	}
	s.cfg.Metrics.Opened()
	sessions.Go(func() {
		defer s.cfg.Metrics.Closed()
		defer s.limits.release(network)
		newSession(s, nc).serve(soft, hard)
	})
}

// turnAway says why, in plain text even where TLS is expected: a handshake
// would cost more than the client is worth. The line fits any socket buffer.
func turnAway(nc net.Conn, reason string) {
	text := "* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
	if reason == refusedAddress {
		text = "* BYE [LIMIT] Too many connections from your address, close some first\r\n"
	}
	nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	nc.Write([]byte(text))
	nc.Close()
}
