package mailauth

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"gomail"
	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
	"gomail/message"
)

// Resolver is what is asked about the DNS. Errors follow net.Resolver:
// *net.DNSError with IsNotFound for absence, anything else is temporary.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Config is what a Checker needs.
type Config struct {
	Resolver Resolver
	// Hostname names us as the receiver in Received-SPF.
	Hostname string
	// Clock tells whether signatures have expired. nil: time.Now.
	Clock func() time.Time
	// TrustedSealers are the domains, canonical, whose ARC seals are believed:
	// a message that they say passed DMARC is let through where it does not
	// any more.
	TrustedSealers []string
	// Timeout is how long Finish waits for answers from the DNS. 0: 15
	// seconds. What is missing then is a temperror.
	Timeout time.Duration
}

const defaultTimeout = 15 * time.Second

// Checker authenticates incoming mail. It keeps nothing between connections.
type Checker struct {
	config Config
}

// New returns a Checker.
func New(c Config) *Checker {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return &Checker{config: c}
}

// Connection is one client's connection: what is found out about the client
// itself serves all its messages.
type Connection struct {
	checker *Checker
	client  netip.Addr
	ctx     context.Context // of everything done for this connection
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	iprev   IPRev // once named is closed
	named   chan struct{}
}

// Connect begins to look up the client's name in the background. Close ends
// the look-ups of this connection and of its checks.
func (c *Checker) Connect(ctx context.Context, client netip.Addr) *Connection {
	conn := &Connection{checker: c, client: client.Unmap().WithZone(""), named: make(chan struct{})}
	conn.ctx, conn.cancel = context.WithCancel(ctx)
	conn.wg.Go(func() {
		defer close(conn.named)
		conn.iprev = checkIPRev(conn.ctx, c.config.Resolver, conn.client)
	})
	return conn
}

// Close gives up what is still under way and waits for it. No check of this
// connection may be used afterwards.
func (c *Connection) Close() {
	c.cancel()
	c.wg.Wait()
}

// Check authenticates one message: Begin with its sender, Header, Write with
// its body, Finish. Its methods are not for concurrent use.
type Check struct {
	conn   *Connection
	ctx    context.Context // of the look-ups of this message
	cancel context.CancelFunc
	wg     sync.WaitGroup

	spf, spfHelo spf.Result // once wg is done
	verifier     *dkim.Verifier
	chain        *arc.Verifier
	discoveries  []dmarc.Discovery // once wg is done
	fromFields   int
}

// Begin starts to check the sender's SPF in the background, for MAIL FROM and
// for the name in HELO.
func (c *Connection) Begin(helo string, from gomail.Address) *Check {
	k := &Check{conn: c}
	k.ctx, k.cancel = context.WithCancel(c.ctx)
	resolver, client := c.checker.config.Resolver, spf.Client{Addr: c.client, Helo: helo}
	k.do(func() { k.spf = spf.CheckMailFrom(k.ctx, resolver, client, from) })
	if !from.IsNull() { // else MAIL FROM is checked by the HELO name already
		k.do(func() { k.spfHelo = spf.CheckHelo(k.ctx, resolver, client) })
	}
	return k
}

// do runs one of the check's goroutines; the connection waits for it too.
func (k *Check) do(f func()) {
	k.wg.Add(1)
	k.conn.wg.Go(func() {
		defer k.wg.Done()
		f()
	})
}

// Header takes the message's header and starts to fetch keys and policies.
func (k *Check) Header(h message.Header) {
	config := k.conn.checker.config
	k.fromFields = h.Count("From")
	authors := message.FromDomains(h)
	k.discoveries = make([]dmarc.Discovery, len(authors))
	for i, author := range authors {
		k.discoveries[i].Author = author
		if len(authors) <= dmarc.MaxAuthors { // with more, nobody's policy is asked for
			k.do(func() { k.discoveries[i] = dmarc.Discover(k.ctx, config.Resolver, author) })
		}
	}
	k.chain = arc.NewVerifier(k.ctx, h, arc.Options{Resolver: config.Resolver, Clock: config.Clock})
	k.do(k.chain.Wait)
	k.verifier = dkim.NewVerifier(k.ctx, h, dkim.Options{Resolver: config.Resolver, Clock: config.Clock, Also: k.chain.MessageSignatures()})
	k.do(k.verifier.Wait)
}

// Write takes the next part of the body. It never fails.
func (k *Check) Write(p []byte) (int, error) {
	if k.verifier == nil {
		return len(p), nil
	}
	return k.verifier.Write(p)
}

// Finish returns the result. It waits for answers until ctx ends or the time
// is up; what is missing then is a temperror. All goroutines of the check
// have ended when it returns. To be called once.
func (k *Check) Finish(ctx context.Context) Result {
	config := k.conn.checker.config
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	defer k.cancel()
	stop := context.AfterFunc(ctx, k.cancel)
	defer stop()

	result := Result{Receiver: config.Hostname, IPRev: k.awaitIPRev()}
	if k.verifier != nil {
		signatures, also := k.verifier.Results(ctx)
		result.DKIM, result.ARC = signatures, k.chain.Result(ctx, also)
	}
	k.wg.Wait()
	result.SPF, result.SPFHelo = k.spf, k.spfHelo
	for _, d := range k.discoveries {
		result.From = append(result.From, d.Author)
	}
	result.DMARC = dmarc.Evaluate(k.ctx, config.Resolver, k.facts(result))
	result.Override = trustedChain(config.TrustedSealers, result)
	return result
}

// Close gives a check up that will not be finished.
func (k *Check) Close() {
	k.cancel()
	if k.verifier != nil {
		k.verifier.Close()
		k.chain.Close()
	}
	k.wg.Wait()
}

// awaitIPRev waits for the client's name, which never decides anything, no
// longer than for the rest.
func (k *Check) awaitIPRev() IPRev {
	select {
	case <-k.conn.named:
		return k.conn.iprev
	case <-k.ctx.Done():
		return IPRev{Status: TempError, Addr: k.conn.client}
	}
}

// facts gathers what DMARC goes by.
func (k *Check) facts(r Result) dmarc.Message {
	m := dmarc.Message{
		FromFields:  k.fromFields,
		Discoveries: k.discoveries,
		SPF:         dmarc.Identifier{Domain: r.SPF.Domain, Pass: r.SPF.Status == spf.Pass, Failed: r.SPF.Status == spf.TempError},
	}
	for _, sig := range r.DKIM {
		m.DKIM = append(m.DKIM, dmarc.Identifier{Domain: sig.Domain, Pass: sig.Status == dkim.Pass, Failed: sig.Status == dkim.TempError})
	}
	return m
}
