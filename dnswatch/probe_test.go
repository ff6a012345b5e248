package dnswatch

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail"
	"gomail/dnsplan"
)

// internet is name servers on loopback: each has an address of its own in the
// DNS, and really listens on a free port.
type internet struct {
	*testing.T
	ports map[string]string
	roots *x509.CertPool
}

func newInternet(t *testing.T) *internet {
	return &internet{t, map[string]string{}, x509.NewCertPool()}
}

// serve starts a name server at an address, UDP and TCP.
func (n *internet) serve(ip string, h dns.HandlerFunc) {
	n.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		n.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: tcp, Handler: h}, {PacketConn: udp, Handler: h}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		n.Cleanup(func() { s.Shutdown() })
	}
	n.ports[net.JoinHostPort(ip, "53")] = tcp.Addr().String()
}

func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	real, ok := n.ports[address]
	if !ok { // nothing leaves the machine
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	address = real
	return new(net.Dialer).DialContext(ctx, network, address)
}

// zoneFile answers from lines of a zone file.
func zoneFile(authoritative bool, lines ...string) dns.HandlerFunc {
	var rrs []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, rr)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = authoritative
		name := dns.CanonicalName(q.Question[0].Name)
		exists := false
		for hop := 0; hop < 5; hop++ {
			next := ""
			for _, rr := range rrs {
				h := rr.Header()
				if dns.CanonicalName(h.Name) == name {
					exists = true
					if h.Rrtype == q.Question[0].Qtype {
						m.Answer = append(m.Answer, rr)
					} else if c, ok := rr.(*dns.CNAME); ok {
						m.Answer = append(m.Answer, rr)
						next = c.Target
					}
				}
			}
			if next == "" {
				break
			}
			name = dns.CanonicalName(next)
		}
		if len(m.Answer) == 0 {
			if !exists {
				m.Rcode = dns.RcodeNameError
			}
			for _, rr := range rrs {
				if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, name) {
					m.Ns = append(m.Ns, soa)
				}
			}
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncate(ednsSize)
		}
		w.WriteMsg(m)
	}
}

const (
	soa      = "example.com. 300 SOA ns1.example.net. h.example.com. 1 3600 600 86400 120"
	resolver = "192.0.2.99"
)

var delegation = []string{
	soa, "example.com. 300 NS ns1.example.net.", "example.com. 300 NS ns2.example.net.",
	"ns1.example.net. 300 A 192.0.2.51", "ns2.example.net. 300 A 192.0.2.52",
	"1.2.0.192.in-addr.arpa. 300 SOA ns1.example.net. h.example.com. 1 3600 600 86400 120", "1.2.0.192.in-addr.arpa. 300 NS ns1.example.net.",
}

// plan is a small domain's, and the lines that publish it.
func plan(t *testing.T) ([]dnsplan.Record, []string) {
	t.Helper()
	key := make([]byte, 400)
	records := dnsplan.Plan(
		dnsplan.Server{Hostname: "mail.example.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, ACMEIssuer: "letsencrypt.org", Services: dnsplan.Services{IMAPS: true}},
		dnsplan.Domain{Domain: gomail.Domain{Name: "example.com"}, Keys: []gomail.DKIMKey{{Domain: "example.com", Selector: "mail", Algorithm: "ed25519", PublicKey: key[:32], State: gomail.DKIMActive}}},
	)
	rrs, err := dnsplan.RRs(records)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, rr := range rrs {
		lines = append(lines, rr.String())
	}
	return records, lines
}

// prober asks this internet.
func (n *internet) prober() *Prober {
	return New(Config{
		Resolvers: []string{resolver + ":53"}, Dial: n.dial, Timeout: 300 * time.Millisecond, Allow: func(netip.Addr) bool { return true },
		Roots: n.roots, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, ReachHosts: []string{"mx.example.net"}, ACME: true,
		BlockLists: []string{"list.example.net"},
	})
}

func (n *internet) look(records []dnsplan.Record) []dnsplan.Finding {
	n.Helper()
	p := n.prober()
	seen, err := p.Look(n.Context(), "example.com", records)
	if err != nil {
		n.Fatal(err)
	}
	return dnsplan.Compare(records, seen)
}

func states(findings []dnsplan.Finding) string {
	var all []string
	for _, f := range findings {
		if f.State != dnsplan.OK {
			all = append(all, fmt.Sprintf("%s %s: %s %s", f.Type, f.Name, f.State, f.Code))
		}
	}
	return strings.Join(all, "\n")
}

func TestLookAsksEveryServer(t *testing.T) {
	n := newInternet(t)
	records, lines := plan(t)
	n.serve(resolver, zoneFile(false, append(delegation, lines...)...))
	n.serve("192.0.2.51", zoneFile(true, append(lines, soa)...))
	n.serve("192.0.2.52", zoneFile(true, append(lines, soa)...))
	findings := n.look(records)
	if s := states(findings); s != "" {
		t.Errorf("a published plan is not ok:\n%s", s)
	}
	for _, f := range findings {
		if f.Purpose == dnsplan.Receive && len(f.Found) != 3 {
			t.Errorf("the MX was seen at %+v", f.Found)
		}
	}
}

// Servers that disagree, do not answer, or do not know the zone.
func TestLookAtBadServers(t *testing.T) {
	records, lines := plan(t)
	without := func(name string) (rest []string) {
		for _, l := range lines {
			if !strings.HasPrefix(l, name) {
				rest = append(rest, l)
			}
		}
		return append(rest, soa)
	}
	for _, test := range []struct {
		name   string
		second dns.HandlerFunc
		state  dnsplan.State
		code   string
	}{
		{"one lacks the key", zoneFile(true, without("mail._domainkey")...), dnsplan.Propagating, "servers_differ"},
		{"one does not know the zone", zoneFile(false, lines...), dnsplan.Unknown, "server_silent"},
		{"one fails", func(w dns.ResponseWriter, q *dns.Msg) { w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)) }, dnsplan.Unknown, "server_silent"},
		{"one says nothing", func(dns.ResponseWriter, *dns.Msg) {}, dnsplan.Unknown, "server_silent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, zoneFile(false, append(delegation, lines...)...))
			n.serve("192.0.2.51", zoneFile(true, append(lines, soa)...))
			n.serve("192.0.2.52", test.second)
			for _, f := range n.look(records) {
				if f.Purpose == dnsplan.DKIM && (f.State != test.state || f.Code != test.code) {
					t.Errorf("it is %s (%s): %s", f.State, f.Code, f.Fix)
				}
			}
		})
	}
}

// An answer that does not fit UDP comes over TCP, a long chain of includes is
// followed, and octets over 127 do no harm.
func TestLookAtLargeAndStrangeAnswers(t *testing.T) {
	n := newInternet(t)
	records, lines := plan(t)
	for i := range 100 {
		lines = append(lines, fmt.Sprintf(`example.com. 300 TXT "verification-%d=%s"`, i, strings.Repeat("x", 200)))
	}
	lines = append(lines, `example.com. 300 TXT "\252\253 odd"`)
	n.serve(resolver, zoneFile(false, append(delegation, lines...)...))
	for _, ip := range []string{"192.0.2.51", "192.0.2.52"} {
		n.serve(ip, zoneFile(true, append(lines, soa)...))
	}
	if s := states(n.look(records)); s != "" {
		t.Errorf("a published plan is not ok:\n%s", s)
	}
}

// A zone that cannot be found makes nothing green or red, and the delegation
// says what is wrong.
func TestZoneThatIsNotThere(t *testing.T) {
	records, _ := plan(t)
	for _, test := range []struct {
		name, code string
		state      dnsplan.State
		answer     func(m *dns.Msg)
	}{
		{"the resolver fails", "zone_unknown", dnsplan.Unknown, func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }},
		{"the domain is not registered", "not_registered", dnsplan.Missing, func(m *dns.Msg) {
			m.Rcode = dns.RcodeNameError
			m.Ns = append(m.Ns, mustRR("com. 900 SOA a.gtld. h.gtld. 1 1800 900 604800 86400"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, func(w dns.ResponseWriter, q *dns.Msg) {
				m := new(dns.Msg).SetReply(q)
				test.answer(m)
				w.WriteMsg(m)
			})
			seen, probes, err := n.prober().Inspect(t.Context(), Target{Domain: "example.com", Records: records})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range dnsplan.Compare(records, seen) {
				if f.State != dnsplan.Unknown {
					t.Errorf("%s %s is %s", f.Type, f.Name, f.State)
				}
			}
			if probes[0].Kind != dnsplan.ProbeDelegation || probes[0].State != test.state || probes[0].Code != test.code || probes[0].Fix == "" {
				t.Errorf("the delegation is %+v", probes[0])
			}
		})
	}
}

func mustRR(line string) dns.RR {
	rr, err := dns.NewRR(line)
	if err != nil {
		panic(err)
	}
	return rr
}
