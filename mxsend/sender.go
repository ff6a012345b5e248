package mxsend

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"gomail"
	"gomail/queue"
)

// Sender delivers tasks of the queue to other servers. It is safe for
// concurrent use.
type Sender struct {
	cfg    Config
	pool   *pool
	blocks sync.Pool // of *blocks
	offers offers
}

var _ queue.Deliverer = (*Sender)(nil)

// New makes a Sender. It panics when cfg lacks a Hostname or a Resolver:
// both are mistakes of the program.
func New(cfg Config) *Sender {
	if cfg.Hostname == "" || cfg.Resolver == nil {
		panic("mxsend: Config needs a Hostname and a Resolver")
	}
	s := &Sender{cfg: cfg.withDefaults()}
	if s.cfg.Dial == nil {
		s.cfg.Dial = s.dial
	}
	s.pool = newPool(s.cfg.IdleTimeout)
	s.blocks.New = func() any { return new(blocks) }
	return s
}

// Close ends all idle connections. Connections in use end with the delivery
// that uses them.
func (s *Sender) Close() { s.pool.close() }

// Deliver tries to deliver a task, whose recipients share a domain, and
// returns one result per recipient in their order. When ctx ends its
// connection is cut, and what is not settled is Temporary.
func (s *Sender) Deliver(ctx context.Context, task queue.Task, content gomail.Content) []queue.Result {
	a := newAttempt(s, task, content)
	a.run(ctx)
	a.log(ctx)
	return a.results
}

// dial is the ordinary way to connect: TCP, from a bind address if there is
// one of the family.
func (s *Sender) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{}
	target, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	for _, bind := range s.cfg.BindAddresses {
		if bind.Unmap().Is4() == target.Addr().Is4() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(bind.Unmap(), 0))
			break
		}
	}
	return d.DialContext(ctx, network, addr)
}

// log writes one line per recipient.
func (a *attempt) log(ctx context.Context) {
	for i, r := range a.results {
		a.s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "delivery attempt",
			slog.Int64("msgid", a.task.ID),
			slog.String("rcpt", a.task.Rcpts[i].Address.String()),
			slog.String("domain", a.task.Site),
			slog.String("outcome", outcomeName(r.Outcome)),
			slog.String("remote", r.Remote),
			slog.String("tls", r.TLS.String()),
			slog.String("policy", r.Policy),
			slog.Int("code", r.Code),
			slog.String("reply", r.Text))
	}
}

func outcomeName(o queue.Outcome) string {
	switch o {
	case queue.Delivered:
		return "delivered"
	case queue.Temporary:
		return "temporary"
	}
	return "permanent"
}
