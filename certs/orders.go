package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"gomail"
)

// orders orders certificates and renews them.
type orders struct {
	config    Config
	acme      ACME
	manager   *Manager
	log       *slog.Logger
	zap       *zap.Logger
	issuer    string // under what the vault keeps the authority's certificates
	transport http.RoundTripper

	table     atomic.Pointer[map[string]*tls.Certificate] // by name: for handshakes
	answering atomic.Pointer[answering]

	wake chan struct{}

	mu          sync.Mutex
	http, https string // where the server answers; empty: nowhere
	states      map[string]*Order
	running     map[string]bool
	names       []string // the authority's in CAA records
	named       time.Time
	swept       time.Time
	watched     time.Time
}

// The pace of the schedule.
const (
	atOnce    = 4 // orders under way, beside the mail host's
	idle      = time.Minute
	sweepTime = 24 * time.Hour
)

func newOrders(m *Manager) *orders {
	o := &orders{
		config: m.config, acme: *m.config.ACME, manager: m, log: m.config.Logger, zap: zapTo(m.config.Logger),
		wake: make(chan struct{}, 1), states: map[string]*Order{}, running: map[string]bool{},
	}
	o.issuer = issuerKey(o.acme.directory())
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second}
	if o.acme.Roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: o.acme.Roots}
	}
	o.transport = transport
	o.table.Store(&map[string]*tls.Certificate{})
	return o
}

// recall takes the certificates and the orders up as they were before a
// restart.
func (o *orders) recall(ctx context.Context) error {
	rows, err := o.acme.Vault.store.CertOrders(ctx)
	if err != nil {
		return err
	}
	for name, text := range rows {
		var s Order
		if err := json.Unmarshal(text, &s); err != nil {
			o.log.Error("what was known of a certificate's order is damaged; it begins anew", slog.String("name", name), slog.Any("error", err))
			continue
		}
		o.states[name] = &s
	}
	sites, err := o.acme.Vault.sites(ctx)
	for _, s := range sites {
		ours := s.issuer == certmagic.StorageKeys.Safe(o.issuer)
		if !ours && o.certificate(s.name) != nil {
			continue // another authority's serves until ours has signed
		}
		h, err := o.acme.Vault.certificate(ctx, s.issuer, s.name)
		if err != nil {
			o.log.Error("a certificate could not be used", slog.String("name", s.name), slog.Any("error", err))
			continue
		}
		o.use(s.name, h.Certificate)
	}
	return err
}

// use has a certificate served from the next handshake on.
func (o *orders) use(name string, c *tls.Certificate) {
	if name == o.config.Hostname && o.config.Clock().Before(c.Leaf.NotAfter) {
		o.manager.current.Store(&loaded{certificate: c})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	table := maps.Clone(*o.table.Load())
	table[name] = c
	o.table.Store(&table)
}

// certificate returns what a name has; nil: nothing.
func (o *orders) certificate(name string) *tls.Certificate { return (*o.table.Load())[name] }

// rouse has the schedule looked at.
func (o *orders) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run orders and renews until ctx ends. Each name has a goroutine of its own
// while something is done for it, so that none holds up another.
func (o *orders) run(ctx context.Context) error {
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) {
			return nil, gomail.Errorf(gomail.Internal, "certificates are renewed elsewhere")
		},
		Logger: o.zap,
	})
	defer cache.Stop()
	asked := o.magic(cache, byHTTP, nil)
	o.answering.Store(&answering{asked, asked.Issuers[0].(*certmagic.ACMEIssuer)})

	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, atOnce)
	for {
		due, wait := o.due(ctx)
		for _, n := range due {
			work.Go(func() {
				defer o.done(n.Name)
				if n.Domain != "" { // the mail host waits for nobody
					select {
					case slots <- struct{}{}:
						defer func() { <-slots }()
					case <-ctx.Done():
						return
					}
				}
				o.attend(ctx, cache, n)
			})
		}
		o.sweep(ctx)
		o.watchNextKey(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-o.wake:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (o *orders) done(name string) {
	o.mu.Lock()
	delete(o.running, name)
	s := o.states[name]
	again := s != nil && s.due(o.config.Clock()) // somebody asked for it meanwhile
	o.mu.Unlock()
	if again {
		o.rouse()
	}
}

// wanted returns the names that are to have certificates, the mail host's
// first.
func (o *orders) wanted(ctx context.Context) ([]Name, error) {
	all := []Name{{Name: o.config.Hostname}}
	if o.acme.Names == nil {
		return all, nil
	}
	more, err := o.acme.Names(ctx)
	there := map[string]bool{o.config.Hostname: true}
	for _, n := range more {
		if !there[n.Name] {
			there[n.Name] = true
			all = append(all, n)
		}
	}
	return all, err
}

// due returns the names whose time has come, marked as under way, and how long
// to sleep. Names that are no longer wanted are forgotten.
func (o *orders) due(ctx context.Context) (due []Name, wait time.Duration) {
	wait = idle
	all, err := o.wanted(ctx)
	if err != nil {
		if ctx.Err() == nil {
			o.log.Error("the names that need certificates could not be read", slog.Any("error", err))
		}
		return nil, wait
	}
	o.forget(ctx, all)
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.config.Clock()
	for _, n := range all {
		s := o.states[n.Name]
		if o.running[n.Name] {
			continue
		}
		if s != nil && !s.due(now) && !s.tell(now) {
			wait = min(wait, s.Next.Sub(now))
			continue
		}
		o.running[n.Name] = true
		due = append(due, n)
	}
	return due, max(wait, time.Second)
}

// forget drops names that are no longer wanted: they are neither renewed nor
// served.
func (o *orders) forget(ctx context.Context, wanted []Name) {
	keep := map[string]bool{}
	for _, n := range wanted {
		keep[n.Name] = true
	}
	o.mu.Lock()
	before := *o.table.Load()
	for name := range before {
		if !keep[name] {
			table := maps.Clone(before)
			maps.DeleteFunc(table, func(name string, _ *tls.Certificate) bool { return !keep[name] })
			o.table.Store(&table)
			break
		}
	}
	var gone []string
	for name := range o.states {
		if !keep[name] && !o.running[name] {
			gone = append(gone, name)
			delete(o.states, name)
		}
	}
	o.mu.Unlock()
	for _, name := range gone {
		o.log.Info("certificate no longer wanted", slog.String("name", name))
		if err := o.acme.Vault.store.RemoveCertOrder(ctx, name); err != nil && ctx.Err() == nil {
			o.log.Error("an order could not be forgotten", slog.String("name", name), slog.Any("error", err))
		}
	}
}

// sweep removes, once a day, certificates that have ended and are not wanted.
// Until then a domain that comes back needs none.
func (o *orders) sweep(ctx context.Context) {
	now := o.config.Clock()
	if now.Sub(o.swept) < sweepTime {
		return
	}
	o.swept = now
	sites, err := o.acme.Vault.sites(ctx)
	for _, s := range sites {
		if o.certificate(s.name) != nil || s.name == o.config.Hostname {
			continue
		}
		if h, loadErr := o.acme.Vault.certificate(ctx, s.issuer, s.name); loadErr == nil && now.After(h.Leaf.NotAfter) {
			err = errors.Join(err, o.acme.Vault.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(s.issuer, s.name)))
		}
	}
	if err != nil && ctx.Err() == nil {
		o.log.Error("old certificates were not removed", slog.Any("error", err))
	}
}

// attend does what is due for a name.
func (o *orders) attend(ctx context.Context, cache *certmagic.Cache, n Name) {
	s := o.state(n)
	if s.due(o.config.Clock()) {
		o.renew(ctx, cache, n, &s)
		if ctx.Err() != nil {
			return // what is broken off tells nothing
		}
		o.save(ctx, s)
	}
	if now := o.config.Clock(); s.tell(now) && o.acme.Alert != nil {
		if err := o.acme.Alert(ctx, s); err != nil {
			o.log.Error("nobody could be told of a certificate; it is tried again", slog.String("name", n.Name), slog.Any("error", err))
			s.notTold = now
		} else {
			s.Told = now
		}
		o.save(ctx, s)
	}
}

// state returns what is known of a name.
func (o *orders) state(n Name) Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := Order{Name: n.Name, State: Waiting}
	if known := o.states[n.Name]; known != nil {
		s = *known
	}
	s.Domain = n.Domain
	return s
}

func (o *orders) save(ctx context.Context, s Order) {
	name := s.Name
	text, err := json.Marshal(s)
	o.mu.Lock()
	o.states[s.Name] = &s // from here on others may change it
	o.mu.Unlock()
	if err == nil {
		err = o.acme.Vault.store.SetCertOrder(ctx, name, text)
	}
	if err != nil && ctx.Err() == nil {
		o.log.Error("the state of an order could not be kept", slog.String("name", name), slog.Any("error", err))
	}
}

// renew takes what is in the vault, and orders where that is not enough.
func (o *orders) renew(ctx context.Context, cache *certmagic.Cache, n Name, s *Order) {
	if h, err := o.load(ctx, n.Name); err == nil {
		s.NotBefore, s.NotAfter = h.Leaf.NotBefore, h.Leaf.NotAfter
		o.use(n.Name, h.Certificate)
		forced := s.State == Valid && s.Next.IsZero()
		if now := o.config.Clock(); now.Before(s.renewAt()) && h.authority == o.acme.directory() && !forced {
			s.succeeded(h, now)
			return
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		o.log.Error("a certificate could not be used", slog.String("name", n.Name), slog.Any("error", err))
	}
	ways, cause := o.inspect(ctx, n, s.Method)
	if cause.Code != "" {
		o.failed(ctx, s, cause)
		return
	}
	next := o.rotation(ctx, n, s)
	for _, way := range ways {
		err := o.order(ctx, cache, n.Name, way, next)
		if err == nil {
			o.obtained(ctx, s, way)
			return
		}
		if c := explain(n.Name, way, err); c.rank() > cause.rank() || cause.Code == "" {
			cause = c
		}
		if ctx.Err() != nil || cause.final() {
			break
		}
	}
	o.failed(ctx, s, cause)
}

func (o *orders) failed(ctx context.Context, s *Order, c Cause) {
	if ctx.Err() != nil {
		return
	}
	now := o.config.Clock()
	if c.retry.After(now.Add(mostPatience)) {
		c.retry = now.Add(mostPatience)
	}
	news := c.Code != s.Cause.Code || !c.local()
	s.failed(c, now)
	level := slog.LevelWarn
	if s.State == Waiting || !news {
		level = slog.LevelInfo
	}
	if !news {
		return
	}
	o.log.Log(ctx, level, "no certificate", slog.String("name", s.Name), slog.String("code", c.Code), slog.String("why", c.Found), slog.Int("failures", s.Failures), slog.Time("next", s.Next))
}

// obtained takes a new certificate into use.
func (o *orders) obtained(ctx context.Context, s *Order, way method) {
	h, err := o.load(ctx, s.Name)
	if err != nil {
		o.failed(ctx, s, Cause{Code: OtherProblem, Found: "The new certificate cannot be used: " + err.Error() + ".", Mend: "Look into the server's log; it is ordered again."})
		return
	}
	o.use(s.Name, h.Certificate)
	s.Method = way
	s.succeeded(h, o.config.Clock())
	o.rotated(ctx, s)
	o.log.Info("certificate", slog.String("name", s.Name), slog.String("method", string(way)), slog.String("issuer", s.Issuer), slog.Time("until", s.NotAfter))
	if o.acme.Used != nil {
		o.acme.Used(ctx, s.Name)
	}
}

// list returns where each order stands, the mail host's first.
func (o *orders) list() []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Order
	for _, s := range o.states {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Order) int { return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Name, b.Name)) })
	return all
}
