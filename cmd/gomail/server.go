package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gomail"
	"gomail/certs"
	"gomail/dnsplan"
	"gomail/filter"
	"gomail/imapd"
	"gomail/inbound"
	"gomail/internal/config"
	"gomail/internal/resolver"
	"gomail/mailauth"
	"gomail/mxsend"
	"gomail/mxsend/sts"
	"gomail/outbound"
	"gomail/pop3d"
	"gomail/queue"
	"gomail/reports/tlsrpt"
	"gomail/smtpd"
	"gomail/store"
	"gomail/web"
	"gomail/web/api"
)

// outside is what lies beyond the machine: the one thing in which a sandbox
// differs from the Internet.
type outside struct {
	resolver *resolver.Resolver
	dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: plain TCP
	clock    func() time.Time                                                     // by which keys grow old; nil: time.Now
	wait     func(ctx context.Context, d time.Duration) error                     // before a DNS provider is asked again; nil: a timer
}

// server is a running GoMail: the services, and the edges that speak with the
// world.
type server struct {
	*services
	metrics  *metrics
	certs    *certs.Manager
	queue    *queue.Queue
	sender   *mxsend.Sender
	sts      *sts.Cache
	sessions *tlsrpt.Counter
	tlsrpt   *tlsrpt.Sender // nil: nothing is reported
	gate     *filter.Service
	inbound  *inbound.Service
	outbound *outbound.Service
	milters  milters
	tasks    []task
	bound    map[string][]net.Addr // by configuration key
	stopping chan struct{}         // closed when the server no longer takes anything new
}

// task is something that serves until its context ends.
type task struct {
	name string
	run  func(context.Context) error
}

// servable refuses a configuration with which no server can start, before
// anything is touched.
func servable(c config.Config) error {
	if c.Server.Hostname == "" {
		return gomail.Errorf(gomail.Invalid, "server.hostname is not set: write the mail host's full name, such as mail.example.com, into gomail.toml")
	}
	if err := checkMilters(c.Milter); err != nil {
		return err
	}
	return store.Options{URL: c.Store.URL, Blobs: c.Store.Blobs}.Check()
}

// newServer opens the store and all listeners. What fails, fails here, before
// anything is served.
func newServer(ctx context.Context, c config.Config, o outside, log *slog.Logger) (*server, error) {
	if err := servable(c); err != nil {
		return nil, err
	}
	noted := newTrail(c.Server.DataDir)
	base, err := openServices(ctx, c, o, slog.New(noted.Handler(log.Handler())))
	if err != nil {
		return nil, err
	}
	base.trail = noted
	if err := noted.Open(); err != nil {
		return nil, errors.Join(err, base.close())
	}
	s := &server{services: base, metrics: newMetrics(base.store), bound: map[string][]net.Addr{}, stopping: make(chan struct{})}
	if err := s.assemble(o); err != nil {
		return nil, errors.Join(err, base.close())
	}
	return s, nil
}

// assemble makes the services that need the network, and the edges.
func (s *server) assemble(o outside) error {
	if err := s.makeCertificates(o.resolver); err != nil {
		return err
	}
	if err := s.makeDelivery(o); err != nil {
		return err
	}
	if err := s.milterChains(); err != nil {
		return err
	}
	for _, open := range []func() error{s.openSMTP, s.openSubmission, s.openLMTP, s.openIMAP, s.openPOP3, s.openWeb, s.openSocket} {
		if err := open(); err != nil {
			return err
		}
	}
	return nil
}

// makeDelivery wires the way of a message in and out. The queue and outbound
// need each other: a bounce is a message too.
func (s *server) makeDelivery(o outside) error {
	c := s.config
	sending, err := senderConfig(c, o)
	if err != nil {
		return err
	}
	sending.Logger = s.log
	if s.sts, err = s.stsPolicies(o, sending); err != nil {
		return err
	}
	sending.STS, sending.Offers = s.sts.Policy, s.store
	if c.Reports.Send {
		s.sessions = tlsrpt.NewCounter(tlsrpt.Config{Store: s.store, Clock: o.clock, Logger: s.log})
		sending.Session = s.sessions.Add
	}
	s.sender = mxsend.New(sending)
	s.queue = queue.New(queue.Config{
		Store: s.store, Owner: c.Server.Hostname, Route: s.route, Notify: s.notify, Logger: s.log,
		Total: c.Outbound.MaxDeliveries, PerSite: c.Outbound.MaxPerDestination, Metrics: s.queueMetrics(),
	})
	s.services.queue = s.queue
	s.bounces = s.newBounces(s.metrics.bounces())
	s.outbound = outbound.New(outbound.Config{
		Store: s.store, Domains: s.domains, Hostname: c.Server.Hostname, Added: s.queued, Lifetime: c.Outbound.Lifetime, Logger: s.log, Limiter: s.limiter, Returns: s.bounces, SpoolDir: c.Server.DataDir,
	})
	s.makeTLSReports(o, sending)
	s.announce = func(ctx context.Context, to gomail.Address, subject, text string) error {
		return s.outbound.Announce(ctx, outbound.Announcement{To: to, Subject: subject, Text: text})
	}
	s.gate = filter.New(filter.Config{
		Store: s.store, Resolver: o.resolver, BlockLists: c.SMTP.BlockLists, Delay: c.SMTP.GreylistDelay, Logger: s.log,
	})
	s.inbound = inbound.New(inbound.Config{
		Store: s.store, Domains: s.domains, Hostname: c.Server.Hostname, Mode: inbound.Mode(c.SMTP.Authentication),
		Checker: mailauth.New(mailauth.Config{Resolver: o.resolver, Hostname: c.Server.Hostname, TrustedSealers: c.SMTP.TrustedSealers}),
		Added:   s.queue.Added, Lifetime: c.Outbound.Lifetime, Logger: s.log, Metrics: s.metrics.inbound(), SpoolDir: c.Server.DataDir,
		Lists: s.lists, Bounce: s.outbound.Notify, MaxForwards: c.Outbound.MaxForwards,
		Readers: []inbound.Reader{&reportReader{services: s.services}, bounceReader{s.bounces, s.lists, s.log}},
		Judged:  func(j inbound.Judgement) { s.judged(j); s.failed(j) },
		Gate:    s.gate, Greylist: filter.Greylisting(c.SMTP.Greylist), BlockAction: inbound.BlockAction(c.SMTP.BlockListAction),
	})
	return nil
}

// queued tells the queue of what was submitted, and the gate whom people here
// write to.
func (s *server) queued(messages []queue.Message) {
	s.queue.Added(messages)
	for _, m := range messages {
		for _, r := range m.Rcpts {
			if !m.Envelope.From.IsNull() {
				s.gate.Wrote(r.Address.Domain)
			}
		}
	}
}

// route says who delivers to a domain: our own mailboxes, or its servers.
func (s *server) route(ctx context.Context, domain string) (queue.Deliverer, error) {
	hosted, err := s.domains.Hosted(ctx, domain)
	if err != nil {
		return nil, err
	}
	if hosted {
		return s.inbound.Local(), nil
	}
	return s.sender, nil
}

// notify reports to a message's sender.
func (s *server) notify(ctx context.Context, n queue.Notice) error {
	content, err := s.store.QueueContent(ctx, n.Message.Key)
	if err != nil {
		return err
	}
	defer content.Close()
	return s.outbound.Notify(ctx, n, content)
}

// listen opens the addresses of a configuration key.
func (s *server) listen(key string, addresses []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, gomail.Errorf(gomail.Unavailable, "%s: %w: stop what listens there, or choose another address", key, err)
		}
		all = append(all, l)
		s.bound[key] = append(s.bound[key], l.Addr())
	}
	return all, nil
}

// serve opens the addresses of a key and adds a task for each.
func (s *server) serve(key string, addresses []string, run func(context.Context, net.Listener) error) error {
	listeners, err := s.listen(key, addresses)
	for _, l := range listeners {
		s.tasks = append(s.tasks, task{key, func(ctx context.Context) error { return run(ctx, l) }})
	}
	return err
}

// smtpConfig is what the SMTP servers have in common.
func (s *server) smtpConfig() smtpd.Config {
	c := s.config
	return smtpd.Config{
		Hostname: c.Server.Hostname, TLS: s.certs.TLS(), Logger: s.log,
		MaxMessageSize: int64(c.SMTP.MaxMessageSize), MaxRecipients: c.SMTP.MaxRecipients,
		MaxConnections: c.SMTP.MaxConnections, MaxConnectionsPerAddress: c.SMTP.MaxConnectionsPerAddress,
	}
}

func (s *server) openSMTP() error {
	c := s.smtpConfig()
	c.Metrics, c.Tarpit = s.metrics.smtp("mx"), s.config.SMTP.Tarpit
	return s.serve("smtp.listen", s.config.SMTP.Listen, smtpd.New(c, mxBackend{s.inbound, s.milters.incoming}).Serve)
}

func (s *server) openSubmission() error {
	backend := submissionBackend{accounts: s.accounts, outbound: s.outbound, limiter: s.limiter, seen: s.sendsFrom, milters: s.milters.submission, offer: s.signInOffer()}
	c := s.smtpConfig()
	c.Submission = true
	c.MaxHold, c.DeliverBy = s.config.Submission.MaxHold, true
	c.Metrics = s.metrics.smtp("submission")
	if err := s.serve("submission.listen", s.config.Submission.Listen, smtpd.New(c, backend).Serve); err != nil {
		return err
	}
	c.ImplicitTLS = true
	return s.serve("submission.tls_listen", s.config.Submission.TLSListen, smtpd.New(c, backend).Serve)
}

func (s *server) signInOffer() signInOffer {
	return signInOffer{s.accounts, s.certs.TLS().GetCertificate}
}

func (s *server) openIMAP() error {
	c := s.config.IMAP
	ic := imapd.Config{
		Hostname: s.config.Server.Hostname, TLS: s.certs.TLS(), Logger: s.log, MaxMessageSize: int64(s.config.SMTP.MaxMessageSize),
		MaxConnections: c.MaxConnections, MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
	}
	authenticator := imapAuthenticator{s.signInOffer()}
	if err := s.serve("imap.listen", c.Listen, imapd.New(ic, authenticator, s.mailboxes).Serve); err != nil {
		return err
	}
	ic.ImplicitTLS = true
	return s.serve("imap.tls_listen", c.TLSListen, imapd.New(ic, authenticator, s.mailboxes).Serve)
}

func (s *server) openPOP3() error {
	c := s.config.POP3
	pc := pop3d.Config{
		Hostname: s.config.Server.Hostname, TLS: s.certs.TLS(), Logger: s.log,
		MaxConnections: c.MaxConnections, MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
	}
	authenticator := pop3Authenticator{imapAuthenticator{s.signInOffer()}}
	if err := s.serve("pop3.listen", c.Listen, pop3d.New(pc, authenticator, s.mailboxes).Serve); err != nil {
		return err
	}
	pc.ImplicitTLS = true
	return s.serve("pop3.tls_listen", c.TLSListen, pop3d.New(pc, authenticator, s.mailboxes).Serve)
}

func (s *server) openWeb() error {
	site := web.New(web.Config{
		API: s.serving(), Ready: s.ready, Metrics: s.metrics.handler(), MetricsAllow: s.config.Web.MetricsAllow, Logger: s.log,
		Certificate: s.certs.Pair, PublicURL: s.config.Web.PublicURL,
	})
	if err := s.serve("web.listen", s.config.Web.Listen, serveHTTP(web.HTTPServer(site, s.certs.WebTLS(), s.log))); err != nil {
		return err
	}
	s.site = s.publicSite
	redirect := s.certs.HTTP(site.Redirect(s.httpsPort()))
	err := s.serve("web.http_listen", s.config.Web.HTTPListen, serveHTTP(web.HTTPServer(redirect, nil, s.log)))
	s.certs.Listens(s.first("web.http_listen"), s.first("web.listen"))
	return err
}

// first returns the first address at which something listens; empty: nothing
// does.
func (s *server) first(key string) string {
	for _, a := range s.bound[key] {
		return a.String()
	}
	return ""
}

// httpsPort is where plain HTTP is sent on to.
func (s *server) httpsPort() int {
	for _, a := range s.bound["web.listen"] {
		if tcp, ok := a.(*net.TCPAddr); ok {
			return tcp.Port
		}
	}
	return 443
}

// serving is the API's configuration while the server runs.
func (s *server) serving() api.Config {
	c := s.apiConfig(s.config)
	c.Stopping = s.stopping
	return c
}

// openSocket opens the admin API's socket. Its file's permissions are the
// credential.
func (s *server) openSocket() error {
	path := filepath.Join(s.config.Server.DataDir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("open the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("protect the admin socket: %w", err)
	}
	h := &http.Server{Handler: api.Trusted(api.New(s.serving()), "socket"), ReadHeaderTimeout: 10 * time.Second}
	s.tasks = append(s.tasks, task{"admin socket", func(ctx context.Context) error { return serveHTTP(h)(ctx, l) }})
	return nil
}

// ready says whether the server does all of its work.
func (s *server) ready(context.Context) error {
	select {
	case <-s.stopping:
		return gomail.Errorf(gomail.Closed, "the server is stopping")
	default:
	}
	if err := s.store.Failure(); err != nil {
		return err
	}
	return s.store.Room(0)
}

// Run serves until ctx ends or something fails for good, then stops in the
// order that loses nothing: first no new connections, while what was begun is
// finished; then the queue; then the store.
func (s *server) Run(ctx context.Context) error {
	edges, stopEdges := context.WithCancel(ctx)
	defer stopEdges()
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()

	var back errgroup.Group
	for _, t := range append(s.tlsReportTasks(), []task{
		{"queue", s.queue.Run}, {"certificates", s.certs.Run}, {"MTA-STS policies", s.sts.Run}, {"rotation", s.rotateKeys}, {"DNS watch", s.watcher.Run},
		{"reports", s.policies.clean}, {"reports out", s.sendReports}, {"senders known", s.gate.Run}, {"bounces", s.bounces.Run}, {"trail", s.trail.Run},
		{"text indexes", func(ctx context.Context) error { return s.mailboxes.IndexTexts(ctx, s.log) }},
	}...) {
		back.Go(func() error {
			defer stopEdges() // when one of these ends, all has to
			return t.start(inner)
		})
	}
	front, frontCtx := errgroup.WithContext(edges)
	for _, t := range s.tasks {
		front.Go(func() error { return t.start(frontCtx) })
	}
	front.Go(func() error { return s.watchStore(frontCtx) })

	err := front.Wait()
	stopInner()
	err = errors.Join(err, back.Wait())
	s.bounces.Flush(context.WithoutCancel(ctx)) // what the queue said last
	s.sender.Close()
	err = errors.Join(err, s.close())
	if failure := s.store.Failure(); failure != nil {
		return failure // the rest follows from it
	}
	return err
}

func (t task) start(ctx context.Context) error {
	if err := t.run(ctx); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// watchStore ends the server when the store can no longer promise anything,
// and marks the beginning of a stop.
func (s *server) watchStore(ctx context.Context) error {
	defer close(s.stopping)
	select {
	case <-ctx.Done():
		return nil
	case <-s.store.Failed():
		return s.store.Failure()
	}
}

// planServer is what the DNS plan needs to know of this server.
func planServer(c config.Config) dnsplan.Server {
	p := dnsplan.Server{
		Hostname: c.Server.Hostname, Addresses: c.Server.PublicAddresses, ACMEIssuer: acmeIssuer(c.TLS.ACMEDirectory),
		Services: dnsplan.Services{
			IMAP: len(c.IMAP.Listen) > 0, IMAPS: len(c.IMAP.TLSListen) > 0, POP3S: len(c.POP3.TLSListen) > 0,
			Submission: len(c.Submission.Listen) > 0, Submissions: len(c.Submission.TLSListen) > 0,
			Autoconfig: len(c.Web.Listen) > 0, Autodiscover: len(c.Web.Listen) > 0,
		},
	}
	for _, mx := range c.Server.ExtraMX {
		p.MX = append(p.MX, dnsplan.MX{Host: mx.Host, Priority: mx.Priority})
	}
	return p
}

// acmeIssuer is the name by which an authority is known in CAA records, from
// its directory's URL. Without one it is Let's Encrypt, whose name is not its
// host's.
func acmeIssuer(directory string) string {
	u, err := url.Parse(directory)
	switch {
	case err != nil || u.Hostname() == "" || strings.HasSuffix(u.Hostname(), ".letsencrypt.org"):
		return "letsencrypt.org"
	case strings.HasSuffix(u.Hostname(), ".zerossl.com"):
		return "sectigo.com"
	}
	return u.Hostname()
}
