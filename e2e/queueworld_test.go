package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/mxsend"
	"gomail/queue"
	"gomail/store"
)

// postOffice is the way out as a server wires it, a real store, the queue and
// the SMTP client, with destinations that a test plays: "d7.test" is served by
// the sink at 127.1.0.8.
type postOffice struct {
	t       testing.TB
	store   *store.Store
	dir     string
	queue   *queue.Queue
	sender  *mxsend.Sender
	config  queue.Config
	mxConf  mxsend.Config
	stop    context.CancelFunc
	ended   chan error
	dial    func(ctx context.Context, destination int) (net.Conn, error)
	noticed sync.Mutex
	notices []queue.Notice
}

func newPostOffice(t testing.TB, c queue.Config, mc mxsend.Config) *postOffice {
	t.Helper()
	p := &postOffice{t: t, dir: t.TempDir(), config: c, mxConf: mc, ended: make(chan error, 1)}
	p.open()
	return p
}

// open opens the store and makes the queue over it.
func (p *postOffice) open() {
	p.t.Helper()
	var err error
	if p.store, err = store.Open(p.t.Context(), store.Options{Dir: p.dir}); err != nil {
		p.t.Fatal(err)
	}
	mc := p.mxConf
	mc.Hostname, mc.Resolver, mc.AllowPrivateNetworks, mc.Dial = "out.test", numbered{}, true, p.dialer
	p.sender = mxsend.New(mc)
	c := p.config
	c.Store, c.Owner, c.Notify = p.store, "test", p.notify
	c.Route = func(context.Context, string) (queue.Deliverer, error) { return p.sender, nil }
	p.queue = queue.New(c)
}

func (p *postOffice) notify(_ context.Context, n queue.Notice) error {
	p.noticed.Lock()
	defer p.noticed.Unlock()
	p.notices = append(p.notices, n)
	return nil
}

// run starts the queue.
func (p *postOffice) run() {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.ended <- p.queue.Run(ctx) }()
}

// close stops the queue, holds the store against its invariants and closes it.
func (p *postOffice) close() {
	p.t.Helper()
	if p.stop != nil {
		p.stop()
		if err := <-p.ended; err != nil {
			p.t.Errorf("the queue ended with %v", err)
		}
		p.stop = nil
	}
	p.sender.Close()
	if err := p.store.Check(context.Background(), func(s string) { p.t.Errorf("check: %s", s) }); err != nil {
		p.t.Error(err)
	}
	if err := p.store.Close(); err != nil {
		p.t.Error(err)
	}
}

// dialer connects to a destination by its address.
func (p *postOffice) dialer(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host).To4()
	return p.dial(ctx, int(ip[2])<<8+int(ip[3])-1)
}

// send queues a message to recipients, and tells the queue when tell is set.
func (p *postOffice) send(mark string, tell bool, to ...string) []queue.Message {
	p.t.Helper()
	now := time.Now().Truncate(time.Microsecond)
	m := queue.Message{Received: now, Expires: now.Add(time.Hour), Envelope: gomail.Envelope{From: gomail.Address{Local: "a", Domain: "here.test"}}}
	for _, a := range to {
		local, domain, _ := strings.Cut(a, "@")
		m.Rcpts = append(m.Rcpts, queue.Recipient{Recipient: gomail.Recipient{Address: gomail.Address{Local: local, Domain: domain}}, Due: now})
	}
	body := p.store.Stage()
	defer body.Close()
	fmt.Fprintf(body, "Subject: %s\r\n\r\n%s", mark, strings.Repeat("a line of text that is sent to somebody.\r\n", 90))
	parts, err := p.store.Enqueue(context.Background(), body, queue.Split(m), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if tell {
		p.queue.Added(parts)
	}
	return parts
}

// left returns how many recipients are in the queue.
func (p *postOffice) left() (n int) {
	p.t.Helper()
	after := queue.Key{Slot: -1}
	for {
		list, err := p.queue.List(context.Background(), after, 1000)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, m := range list {
			n += len(m.Rcpts)
			after = m.Key
		}
		if len(list) < 1000 {
			return n
		}
	}
}

// numbered is the DNS of the destinations: "d7.test" has the MX "mx.d7.test",
// whose address is 127.1.0.8.
type numbered struct{}

func (numbered) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return []*net.MX{{Host: "mx." + name + ".", Pref: 10}}, nil
}

func (numbered) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	var n int
	if _, err := fmt.Sscanf(host, "mx.d%d.test", &n); err != nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []net.IPAddr{{IP: net.IPv4(127, 1, byte((n+1)>>8), byte(n+1))}}, nil
}
