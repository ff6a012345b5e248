package dnswatch

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail/dnsplan"
)

// certificate makes one for a host, by an authority of its own that the
// internet trusts when asked to.
func (n *internet) certificate(host string, until time.Time, trust bool) tls.Certificate {
	n.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, DNSNames: []string{host},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		n.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		n.Fatal(err)
	}
	if trust {
		n.roots.AddCert(leaf)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// listen serves connections at an address of this internet.
func (n *internet) listen(address string, serve func(net.Conn)) {
	n.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.Fatal(err)
	}
	n.ports[address] = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			c.Close()
		}
	}()
	n.Cleanup(func() { l.Close(); <-done })
}

// smtp is a mail server that gets as far as STARTTLS.
func smtp(greeting, offers string, certificate tls.Certificate) func(net.Conn) {
	return func(c net.Conn) {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(c, greeting)
		in := bufio.NewReader(c)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.HasPrefix(line, "STARTTLS") {
				fmt.Fprint(c, "220 go\r\n")
				tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake()
				return
			}
			fmt.Fprint(c, offers)
		}
	}
}

func TestStartTLS(t *testing.T) {
	const host, good, offers = "mail.example.com", "220 mail.example.com ESMTP\r\n", "250-mail.example.com\r\n250 STARTTLS\r\n"
	next := time.Now().Add(24 * time.Hour)
	for _, test := range []struct {
		name, greeting, offers, certified string
		until                             time.Time
		trust                             bool
		tlsa                              string // "own": the key's
		state                             dnsplan.State
		code                              string
	}{
		{"all is well", good, offers, host, next, true, "", dnsplan.OK, ""},
		{"and DANE", good, offers, host, next, true, "own", dnsplan.OK, ""},
		{"DANE alone", good, offers, host, next, false, "own", dnsplan.OKDiffers, "certificate_by_dane"},
		{"DANE of another key", good, offers, host, next, true, strings.Repeat("ab", 32), dnsplan.Wrong, "tlsa_not_served"},
		{"another name", good, offers, "other.example.com", next, true, "", dnsplan.Wrong, "certificate_name"},
		{"expired", good, offers, host, time.Now().Add(-time.Hour), true, "", dnsplan.Wrong, "certificate_expired"},
		{"nobody vouches", good, offers, host, next, false, "", dnsplan.Wrong, "certificate_untrusted"},
		{"no STARTTLS", good, "250 mail.example.com\r\n", host, next, true, "", dnsplan.Wrong, "starttls_missing"},
		{"no mail server", "SSH-2.0-x\r\n", "", host, next, true, "", dnsplan.Wrong, "mx_not_smtp"},
		{"nobody", "", "", "", next, true, "", dnsplan.Wrong, "mx_refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, zoneFile(false, soa, "mail.example.com. 300 A 192.0.2.1"))
			var tlsa []string
			if test.certified != "" {
				c := n.certificate(test.certified, test.until, test.trust)
				n.listen("192.0.2.1:25", smtp(test.greeting, test.offers, c))
				if test.tlsa == "own" {
					sum := sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo)
					test.tlsa = hex.EncodeToString(sum[:])
				}
			}
			if test.tlsa != "" {
				tlsa = []string{"3 1 1 " + test.tlsa}
			}
			probes := n.prober().startTLS(t.Context(), host, tlsa)
			wantProbe(t, probes, test.state, test.code)
		})
	}
	t.Run("no address", func(t *testing.T) {
		n := newInternet(t)
		n.serve(resolver, zoneFile(false, soa))
		wantProbe(t, n.prober().startTLS(t.Context(), host, nil), dnsplan.Missing, "mx_no_address")
	})
}

func wantProbe(t *testing.T, probes []dnsplan.Probe, state dnsplan.State, code string) {
	t.Helper()
	if len(probes) != 1 {
		t.Fatalf("%d probes: %+v", len(probes), probes)
	}
	p := probes[0]
	if p.State != state || p.Code != code || p.Subject == "" {
		t.Errorf("it is %s (%s), want %s (%s): found %q, %s", p.State, p.Code, state, code, p.Found, p.Fix)
	}
	if (p.State == dnsplan.OK || p.State == dnsplan.InapplicableNow) != (p.Fix == "") {
		t.Errorf("%s says %q", p.State, p.Fix)
	}
}

func TestPolicy(t *testing.T) {
	const host = "mta-sts.example.com"
	const planned = "version: STSv1\nmode: testing\nmax_age: 604800\nmx: mail.example.com\n"
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			if r.URL.Path == "/.well-known/mta-sts.txt" && r.Host == host {
				fmt.Fprint(w, body)
			}
		}
	}
	for _, test := range []struct {
		name   string
		serve  http.HandlerFunc // nil: nobody listens
		trust  bool
		policy string
		state  dnsplan.State
		code   string
	}{
		{"as planned, with CRLF", text(strings.ReplaceAll(planned, "\n", "\r\n")), true, planned, dnsplan.OK, ""},
		{"none is planned", nil, true, "", dnsplan.InapplicableNow, ""},
		{"another mode", text(strings.Replace(planned, "testing", "enforce", 1)), true, planned, dnsplan.Wrong, "sts_policy_differs"},
		{"other hosts", text(strings.Replace(planned, "mail.", "mx.", 1)), true, planned, dnsplan.Wrong, "sts_policy_mx"},
		{"something else", text("hello"), true, planned, dnsplan.Wrong, "sts_policy_syntax"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		}, true, planned, dnsplan.Wrong, "sts_policy_status"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, planned)
		}, true, planned, dnsplan.Wrong, "sts_policy_status"},
		{"nobody vouches", text(planned), false, planned, dnsplan.Wrong, "sts_policy_certificate"},
		{"nobody listens", nil, true, planned, dnsplan.Wrong, "sts_policy_unreachable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, zoneFile(false, soa, host+". 300 A 192.0.2.1"))
			if test.serve != nil {
				n.https("192.0.2.1:443", test.serve, n.certificate(host, time.Now().Add(time.Hour), test.trust))
			}
			wantProbe(t, []dnsplan.Probe{n.prober().policy(t.Context(), "example.com", test.policy)}, test.state, test.code)
		})
	}
	t.Run("no such host", func(t *testing.T) {
		n := newInternet(t)
		n.serve(resolver, zoneFile(false, soa))
		wantProbe(t, []dnsplan.Probe{n.prober().policy(t.Context(), "example.com", planned)}, dnsplan.Missing, "sts_policy_no_host")
	})
	t.Run("a private address", func(t *testing.T) {
		n := newInternet(t)
		n.serve(resolver, zoneFile(false, soa, host+". 300 A 10.0.0.1"))
		p := n.prober()
		p.config.Allow = func(a netip.Addr) bool { return !a.IsPrivate() }
		p.config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "10.") {
				t.Errorf("it connects to %s", address)
			}
			return n.dial(ctx, network, address)
		}
		wantProbe(t, []dnsplan.Probe{p.policy(t.Context(), "example.com", planned)}, dnsplan.Wrong, "sts_policy_unreachable")
	})
}

// https serves HTTPS at an address of this internet.
func (n *internet) https(address string, h http.Handler, certificate tls.Certificate) {
	n.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.Fatal(err)
	}
	n.ports[address] = l.Addr().String()
	server := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, ErrorLog: nil}
	done := make(chan struct{})
	go func() { defer close(done); server.ServeTLS(l, "", "") }()
	n.Cleanup(func() { server.Close(); <-done })
}

func TestBlockLists(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		state dnsplan.State
		code  string
	}{
		{"not listed", nil, dnsplan.OK, ""},
		{"listed", []string{"1.113.0.1.list.example.net. 300 A 127.0.0.2", `1.113.0.1.list.example.net. 300 TXT "spam seen"`}, dnsplan.Wrong, "listed"},
		{"refused", []string{"1.113.0.1.list.example.net. 300 A 127.255.255.254"}, dnsplan.Unknown, "list_refuses"},
		{"answers nonsense", []string{"1.113.0.1.list.example.net. 300 A 198.51.100.1"}, dnsplan.OK, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, zoneFile(false, append(test.lines, "example.net. 300 SOA ns1.example.net. h.example.net. 1 3600 600 86400 60")...))
			p := n.prober()
			p.config.Addresses = []netip.Addr{netip.MustParseAddr("1.0.113.1")}
			wantProbe(t, p.blockLists(t.Context()), test.state, test.code)
		})
	}
	t.Run("does not answer", func(t *testing.T) {
		p := newInternet(t).prober()
		p.config.Addresses = []netip.Addr{netip.MustParseAddr("1.0.113.1")}
		wantProbe(t, p.blockLists(t.Context()), dnsplan.Unknown, "list_undetermined")
	})
	t.Run("a private address", func(t *testing.T) {
		p := newInternet(t).prober()
		p.config.Addresses = []netip.Addr{netip.MustParseAddr("10.0.0.1")}
		wantProbe(t, p.blockLists(t.Context()), dnsplan.InapplicableNow, "")
	})
}

func TestReach(t *testing.T) {
	n := newInternet(t)
	n.serve(resolver, zoneFile(false, soa, "mx.example.net. 300 A 192.0.2.9"))
	wantProbe(t, n.prober().outwards(t.Context()), dnsplan.Wrong, "port25_blocked")
	n.listen("192.0.2.9:25", func(net.Conn) {})
	wantProbe(t, n.prober().outwards(t.Context()), dnsplan.OK, "")
	p := n.prober()
	p.config.ReachHosts = []string{"unknown.example.net"}
	wantProbe(t, p.outwards(t.Context()), dnsplan.Unknown, "reach_unknown")
	p.config.ReachHosts = nil
	wantProbe(t, p.outwards(t.Context()), dnsplan.InapplicableNow, "")

	wantProbe(t, p.authorityReaches(t.Context()), dnsplan.Wrong, "port80_closed")
	n.listen("192.0.2.1:80", func(net.Conn) {})
	wantProbe(t, p.authorityReaches(t.Context()), dnsplan.OK, "")
}

// Name servers of one zone, each with a fault of its own.
func TestDelegation(t *testing.T) {
	n := newInternet(t)
	behind := strings.Replace(soa, " 1 ", " 0 ", 1)
	lines := []string{
		soa, "example.com. 300 NS ns1.example.net.", "example.com. 300 NS ns2.example.net.", "example.com. 300 NS ns3.example.net.", "example.com. 300 NS ns4.example.net.",
		"ns1.example.net. 300 A 192.0.2.51", "ns2.example.net. 300 A 192.0.2.52", "ns3.example.net. 300 A 192.0.2.53",
	}
	n.serve(resolver, zoneFile(false, lines...))
	n.serve("192.0.2.51", zoneFile(true, soa))
	n.serve("192.0.2.52", zoneFile(true, strings.Replace(behind, "example.com.", "example.org.", 1)))
	n.serve("192.0.2.53", zoneFile(false, soa))
	codes := map[string]string{}
	for _, p := range n.prober().begin().delegation(t.Context(), "example.com") {
		codes[p.Subject] = p.Code
	}
	for subject, code := range map[string]string{
		"example.com": "", "ns1.example.net (192.0.2.51)": "", "ns3.example.net (192.0.2.53)": "server_lame", "ns4.example.net": "server_no_address",
		"ns2.example.net (192.0.2.52)": "server_lame",
	} {
		if got, ok := codes[subject]; !ok || got != code {
			t.Errorf("%s is %q, want %q (%v)", subject, got, code, codes)
		}
	}
}

// A server that answers over UDP alone is told so.
func TestServerWithoutTCP(t *testing.T) {
	n := newInternet(t)
	n.serve(resolver, zoneFile(false, soa, "example.com. 300 NS ns1.example.net.", "ns1.example.net. 300 A 192.0.2.51"))
	n.serve("192.0.2.51", zoneFile(true, soa))
	p := n.prober()
	p.config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "tcp" && address == "192.0.2.51:53" {
			address = "192.0.2.98:53" // nobody
		}
		return n.dial(ctx, network, address)
	}
	probes := p.begin().delegation(t.Context(), "example.com")
	wantProbe(t, probes[1:], dnsplan.OKDiffers, "server_no_tcp")
}

// One server is never asked by more than a few at once, nor too fast.
func TestPace(t *testing.T) {
	p := newPacer()
	a := p.of("192.0.2.53:53", ofNameServers)
	now := time.Now()
	for i := range ofNameServers.burst {
		if wait := a.take(now); wait > 0 {
			t.Fatalf("question %d waits %s", i, wait)
		}
	}
	if wait := a.take(now); wait < ofNameServers.every/2 || wait > 2*ofNameServers.every {
		t.Errorf("the first beyond the burst waits %s", wait)
	}
	for range ofNameServers.atOnce {
		if _, err := p.enter(t.Context(), "192.0.2.54:53", ofNameServers); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.enter(ctx, "192.0.2.54:53", ofNameServers); err == nil {
		t.Error("one more than allowed asks at once")
	}
}
