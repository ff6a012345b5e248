package smtpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Server is an SMTP server. It may serve several listeners; its limits on
// connections count over all of them.
type Server struct {
	cfg     Config
	backend Backend
	limits  limits
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
	s := &Server{cfg: cfg.withDefaults(), backend: b}
	s.limits = newLimits(s.cfg.MaxConnections, s.cfg.MaxConnectionsPerAddress)
	s.blocks.New = func() any { return new(block) }
	return s
}

// Serve accepts connections from l until ctx ends or l fails, and returns
// when all its sessions have ended. It closes l.
//
// When ctx ends, messages whose content is arriving or being stored are
// finished and answered, for Config.ShutdownGrace at most; every other session
// gets 421. Serve then returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	soft, stop := context.WithCancel(ctx)
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	closed := context.AfterFunc(soft, func() { l.Close() })
	defer closed()

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
		return 0, fmt.Errorf("accepting SMTP connections: %w", err)
	}
	wait = min(max(2*wait, 5*time.Millisecond), time.Second)
	s.cfg.Logger.Error("cannot accept SMTP connections, will try again", "err", err, "wait", wait)
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return wait, nil
}

// admit starts the session, or turns the connection away before it costs
// anything.
func (s *Server) admit(soft, hard context.Context, nc net.Conn, sessions *sync.WaitGroup) {
	remote := addrPort(nc.RemoteAddr())
	release, reason := s.limits.acquire(remote.Addr())
	if release == nil {
		s.cfg.Metrics.Refused(reason)
		s.cfg.Logger.Info("SMTP connection refused", "remote", remote, "limit", reason)
		s.turnAway(nc, reason)
		return
	}
	s.cfg.Metrics.Opened()
	sessions.Go(func() {
		defer s.cfg.Metrics.Closed()
		defer release()
		newConn(s, nc).serve(soft, hard)
	})
}

// turnAway says why, in plain text even where TLS is expected: a handshake
// would cost more than the client is worth. The reply fits any socket buffer,
// so the write does not wait.
func (s *Server) turnAway(nc net.Conn, reason string) {
	text := "421 4.7.0 " + s.cfg.Hostname + " too many connections, try again later\r\n"
	if reason == refusedAddress {
		text = "421 4.7.0 " + s.cfg.Hostname + " too many connections from your address, close some first\r\n"
	}
	nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	nc.Write([]byte(text))
	nc.Close()
}

// addrPort returns the address of a TCP connection, and none for others.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
