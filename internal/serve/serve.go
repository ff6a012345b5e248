// Package serve is what the TCP servers have in common: accepting, limits on
// connections, and a stop that lets what was begun come to its end.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The limits by which a connection can be turned away.
const (
	LimitConnections = "connections" // over all
	LimitAddress     = "address"     // from one client network
)

// ErrCrowded is why a session has to end when there are too many, and it has
// done nothing useful for a while.
var ErrCrowded = errors.New("too many are connected, and you have sent nothing for a while")

// farewell is how long a session may take to end after it was asked to make
// room.
const farewell = time.Second

// Server accepts connections. It may serve several listeners; its limits count
// over all of them. All fields are required, and set before the first Serve.
type Server struct {
	Protocol string // for errors and the log: "SMTP"

	MaxConnections int           // at a time
	MaxPerAddress  int           // at a time, per IPv4 address or IPv6 /64
	Grace          time.Duration // for what is under way after shutdown began

	// Session serves one connection and closes it. It ends soon after soft
	// does, when nothing is under way, and at once when hard does. The cause of
	// soft is ErrCrowded when others need the seat. The session tells its seat
	// what it is good for.
	Session func(seat *Seat, soft, hard context.Context, c net.Conn)

	// TurnAway returns what is sent to a connection over a limit: one short
	// line with its line break.
	TurnAway func(limit string) string

	Opened, Closed func()
	Refused        func(limit string)
	Logger         *slog.Logger

	seats seats
}

// Serve accepts connections from l until ctx ends or l fails, and returns when
// all its sessions have ended. It closes l. When ctx ends, sessions may finish
// what they are at, for Grace at most; Serve then returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	soft, stop := context.WithCancel(ctx)
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(soft, func() { l.Close() })()

	var sessions sync.WaitGroup
	err := s.accept(soft, hard, l, &sessions)
	stop()
	grace := time.AfterFunc(s.Grace, cut)
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
		c, err := l.Accept()
		if soft.Err() != nil {
			if err == nil {
				c.Close()
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
		s.admit(soft, hard, c, sessions)
	}
}

// acceptFailed waits out a lack of file descriptors or memory; any other
// error ends the listener.
func (s *Server) acceptFailed(ctx context.Context, err error, wait time.Duration) (time.Duration, error) {
	var ne net.Error
	if errors.Is(err, net.ErrClosed) || !errors.As(err, &ne) {
		return 0, fmt.Errorf("accepting %s connections: %w", s.Protocol, err)
	}
	wait = min(max(2*wait, 5*time.Millisecond), time.Second)
	s.Logger.Error("connections cannot be accepted, trying again", slog.String("protocol", s.Protocol), slog.Any("error", err), slog.Duration("wait", wait))
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return wait, nil
}

// admit starts the session, or turns the connection away before it costs
// anything.
func (s *Server) admit(soft, hard context.Context, c net.Conn, sessions *sync.WaitGroup) {
	soft, leave := context.WithCancelCause(soft)
	hard, cut := context.WithCancel(hard)
	end := func() {
		leave(ErrCrowded)
		time.AfterFunc(farewell, cut)
	}
	seat, limit := s.seats.acquire(AddrPort(c.RemoteAddr()).Addr(), s.MaxConnections, s.MaxPerAddress, end)
	if limit != "" {
		cut()
		leave(nil)
		s.Refused(limit)
		s.Logger.Info("connection refused", slog.String("protocol", s.Protocol), slog.String("remote", c.RemoteAddr().String()), slog.String("limit", limit))
		turnAway(c, s.TurnAway(limit))
		return
	}
	s.Opened()
	sessions.Go(func() {
		defer s.Closed()
		defer s.seats.release(seat)
		defer leave(nil)
		defer cut()
		s.Session(seat, soft, hard, c)
	})
}

// turnAway says why, in plain text even where TLS is expected: a handshake
// would cost more than the client is worth. The line fits any socket buffer,
// so the write does not wait.
func turnAway(c net.Conn, line string) {
	c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	c.Write([]byte(line))
	c.Close()
}

// AddrPort returns the address of a TCP connection, and none for others.
func AddrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
