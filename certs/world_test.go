package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pebbleca "github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"gomail/certs"
	"gomail/internal/resolver"
	"gomail/internal/seal"
	"gomail/store"
)

const (
	host     = "mail.example.com"
	identity = "ca.test" // the authority's name in CAA records
)

// world is an internet on loopback: its DNS, an authority (pebble, which turns
// away a fifth of all nonces), and the ports that the authority asks.
type world struct {
	*testing.T
	dir   string
	roots *x509.CertPool // who signs certificates
	acme  certs.ACME

	http, https net.Listener
	manager     *certs.Manager
	vault       *certs.Vault
	stop        func()

	mu      sync.Mutex
	records map[string][]dns.RR
	answer  func(http.ResponseWriter) // to orders, in the place of the authority; nil: itself
	hang    string                    // the name whose order is never answered
	orders  int                       // that were placed
	taken   int                       // of these: the authority did not reject the nonce
	asked   map[string]int            // by name
	offset  time.Duration             // of the clock
	names   []certs.Name
	told    []certs.Order
	tlsa    map[string]bool // published, by hash
}

func newWorld(t *testing.T) *world { return newWorldAt(t, 0) }

// newWorldAt is a world whose authority asks at another port than 80; 0: at the
// right one.
func newWorldAt(t *testing.T, web int) *world {
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "20")
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	w := &world{T: t, dir: t.TempDir(), records: map[string][]dns.RR{}, asked: map[string]int{}}
	w.http, w.https = w.listen(), w.listen()
	w.serve()
	w.set(host, "A 127.0.0.1")
	server := w.nameServer()
	if web == 0 {
		web = port(w.http)
	}
	w.authority(server, web)
	r, err := resolver.New(resolver.Config{Servers: []string{server}, Clock: w.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	w.acme.Resolver, w.acme.Addresses, w.acme.Issuer = r, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, "fallback.test"
	w.acme.Names = func(context.Context) ([]certs.Name, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return append([]certs.Name(nil), w.names...), nil
	}
	w.acme.Alert = func(_ context.Context, o certs.Order) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, o)
		return nil
	}
	return w
}

// serve has the ports answer for the server that runs.
func (w *world) serve() {
	quiet := log.New(io.Discard, "", 0)
	current := func() *certs.Manager {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.manager
	}
	plain := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		current().HTTP(http.NotFoundHandler()).ServeHTTP(rw, r)
	})}
	secure := &http.Server{ErrorLog: quiet, Handler: http.NotFoundHandler(), TLSConfig: &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current().WebTLS(), nil },
	}}
	go plain.Serve(w.http)
	go secure.ServeTLS(w.https, "", "")
	w.Cleanup(func() { plain.Close(); secure.Close() })
}

func (w *world) listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// authority starts pebble.
func (w *world) authority(server string, web int) {
	quiet := log.New(io.Discard, "", 0)
	memory := db.NewMemoryStore()
	ca := pebbleca.New(quiet, memory, "", "ecdsa", 0, 1, map[string]pebbleca.Profile{"default": {ValidityPeriod: 90 * 24 * 3600}})
	checks := va.New(quiet, web, port(w.https), false, server, memory)
	front := wfe.New(quiet, memory, checks, ca, []string{identity}, false, false, 0, 0)
	handler := front.Handler()
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/order-plz") {
			handler.ServeHTTP(rw, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.orders++
		for _, found := range ordered.FindAllStringSubmatch(payload(body), -1) {
			w.asked[found[1]]++
		}
		answer, hang := w.answer, w.hang
		w.mu.Unlock()
		switch {
		case hang != "" && strings.Contains(payload(body), hang):
			<-r.Context().Done()
		case answer != nil:
			answer(rw)
		default:
			handler.ServeHTTP(&counting{rw, w}, r)
		}
	}))
	s.Config.ErrorLog = quiet
	w.Cleanup(s.Close)
	w.acme.Directory = s.URL + "/dir"
	w.acme.Roots = x509.NewCertPool()
	w.acme.Roots.AddCert(s.Certificate())
	w.roots = x509.NewCertPool()
	w.roots.AppendCertsFromPEM(ca.GetRootCert(0).PEM())
}

// ordered finds the names that an order is for.
var ordered = regexp.MustCompile(`"value":"([^"]+)"`)

// payload is what a request to the authority says.
func payload(body []byte) string {
	var signed struct{ Payload string }
	json.Unmarshal(body, &signed)
	text, _ := base64.RawURLEncoding.DecodeString(signed.Payload)
	return string(text)
}

// nameServer starts the DNS.
func (w *world) nameServer() string {
	l := w.listen()
	udp, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: l, Handler: w}, {PacketConn: udp, Handler: w}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go s.ActivateAndServe()
		<-ready
		w.Cleanup(func() { s.Shutdown() })
	}
	return l.Addr().String()
}

// ServeDNS answers from the records.
func (w *world) ServeDNS(rw dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	w.mu.Lock()
	all := w.records[strings.ToLower(q.Question[0].Name)]
	for i := 0; i < len(all); i++ {
		rr := all[i]
		if alias, ok := rr.(*dns.CNAME); ok {
			m.Answer = append(m.Answer, rr)
			all, i = w.records[alias.Target], -1
			continue
		}
		if rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	w.mu.Unlock()
	rw.WriteMsg(m)
}

// set replaces the records of a name.
func (w *world) set(name string, records ...string) {
	w.Helper()
	var all []dns.RR
	for _, r := range records {
		rr, err := dns.NewRR(name + ". 0 IN " + r)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, rr)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[name+"."] = all
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.offset += d
	w.mu.Unlock()
	w.manager.Recheck("")
}

// want sets the names that need certificates beside the host's.
func (w *world) want(names ...string) {
	w.mu.Lock()
	w.names = nil
	for _, n := range names {
		_, domain, _ := strings.Cut(n, ".")
		w.names = append(w.names, certs.Name{Name: n, Domain: domain})
	}
	w.mu.Unlock()
	if w.manager != nil {
		w.manager.Recheck("")
	}
}

// start starts the server; the ways name the ports at which it answers.
func (w *world) start(ways ...string) {
	w.Helper()
	st, err := store.Open(w.Context(), store.Options{Dir: w.dir})
	if err != nil {
		w.Fatal(err)
	}
	sealer, err := seal.Load(filepath.Join(w.dir, "secret.key"), true)
	if err != nil {
		w.Fatal(err)
	}
	a := w.acme
	a.Vault = certs.NewVault(st, sealer, host)
	w.vault = a.Vault
	m, err := certs.New(certs.Config{Hostname: host, ACME: &a, Clock: w.now, Logger: slog.New(slog.NewTextHandler(w.Output(), nil))})
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	w.manager = m
	w.mu.Unlock()
	var web, secure string
	for _, way := range ways {
		switch way {
		case "http":
			web = w.http.Addr().String()
		case "https":
			secure = w.https.Addr().String()
		}
	}
	w.manager.Listens(web, secure)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				w.Error(err)
			}
			if err := st.Check(context.Background(), func(p string) { w.Errorf("check: %s", p) }); err != nil {
				w.Error(err)
			}
			if err := a.Vault.CheckSecrets(context.Background(), func(p string) { w.Errorf("check: %s", p) }); err != nil {
				w.Error(err)
			}
			if err := st.Close(); err != nil {
				w.Error(err)
			}
		})
	}
	w.Cleanup(w.stop)
}

// serves returns the leaf that a client gets who asks for a name; nil: none
// that it trusts.
func (w *world) serves(name string) *x509.Certificate {
	w.Helper()
	c, err := w.manager.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil {
		w.Fatal(err)
	}
	chain := x509.NewCertPool()
	for _, der := range c.Certificate[1:] {
		if between, err := x509.ParseCertificate(der); err == nil {
			chain.AddCert(between)
		}
	}
	if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: w.roots, Intermediates: chain, CurrentTime: w.now()}); err != nil {
		return nil
	}
	return c.Leaf
}

// until waits for something to become true.
func (w *world) until(what string, true func() bool) {
	w.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !true() {
		if time.Now().After(deadline) {
			w.Fatalf("not within 30 seconds: %s; the orders are %+v", what, w.manager.Orders())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// order returns where a name's order stands.
func (w *world) order(name string) certs.Order {
	for _, o := range w.manager.Orders() {
		if o.Name == name {
			return o
		}
	}
	return certs.Order{}
}

// becomes waits until a name's order is in a state with a cause.
func (w *world) becomes(name string, state certs.State, cause string) certs.Order {
	w.Helper()
	w.until(name+" is "+string(state)+" "+cause, func() bool {
		o := w.order(name)
		return o.State == state && o.Cause.Code == cause
	})
	return w.order(name)
}

// counting counts the orders that the authority takes.
type counting struct {
	http.ResponseWriter
	world *world
}

// WriteHeader implements http.ResponseWriter.
func (c *counting) WriteHeader(status int) {
	if status == http.StatusCreated {
		c.world.mu.Lock()
		c.world.taken++
		c.world.mu.Unlock()
	}
	c.ResponseWriter.WriteHeader(status)
}

// accepted returns how many orders the authority took.
func (w *world) accepted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken
}

func (w *world) placed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.orders
}
