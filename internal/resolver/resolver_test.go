package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"gomail/mailauth"
)

// Whoever authenticates mail can ask through this resolver.
var _ mailauth.Resolver = (*Resolver)(nil)

// server is a name server on loopback, UDP and TCP on one port, that answers
// through a function.
type server struct {
	addr     string
	udp, tcp atomic.Int32 // questions seen
}

func serve(t *testing.T, answer func(s *server, network string, q *dns.Msg) *dns.Msg) *server {
	t.Helper()
	s := &server{}
	var pc net.PacketConn
	var l net.Listener
	for range 20 {
		var err error
		if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			break
		}
		pc.Close()
	}
	s.addr = pc.LocalAddr().String()
	handle := func(network string, count *atomic.Int32) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			count.Add(1)
			if reply := answer(s, network, q); reply != nil {
				w.WriteMsg(reply)
			}
		}
	}
	var started sync.WaitGroup
	started.Add(2)
	var done sync.WaitGroup
	t.Cleanup(done.Wait) // runs after the shutdowns below
	for _, srv := range []*dns.Server{
		{PacketConn: pc, Handler: handle("udp", &s.udp), NotifyStartedFunc: started.Done},
		{Listener: l, Handler: handle("tcp", &s.tcp), NotifyStartedFunc: started.Done},
	} {
		done.Go(func() { srv.ActivateAndServe() })
		t.Cleanup(func() { srv.Shutdown() })
	}
	started.Wait()
	return s
}

// zone answers from records in presentation form, with an SOA where there is
// nothing.
func zone(records ...string) func(*server, string, *dns.Msg) *dns.Msg {
	var rrs []dns.RR
	names := map[string]bool{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, rr)
		names[strings.ToLower(rr.Header().Name)] = true
	}
	return func(_ *server, _ string, q *dns.Msg) *dns.Msg {
		reply := new(dns.Msg).SetReply(q)
		reply.RecursionAvailable = true
		name := strings.ToLower(q.Question[0].Name)
		for range 10 {
			alias := ""
			for _, rr := range rrs {
				if !strings.EqualFold(rr.Header().Name, name) {
					continue
				}
				if cname, ok := rr.(*dns.CNAME); ok {
					alias = cname.Target
					reply.Answer = append(reply.Answer, rr)
				} else if rr.Header().Rrtype == q.Question[0].Qtype {
					reply.Answer = append(reply.Answer, rr)
				}
			}
			if alias == "" {
				break
			}
			name = strings.ToLower(alias)
		}
		if !names[name] {
			reply.Rcode = dns.RcodeNameError
		}
		soa, _ := dns.NewRR("example. 300 IN SOA ns.example. h.example. 1 2 3 4 60")
		reply.Ns = append(reply.Ns, soa)
		return reply
	}
}

type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(c.now.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d / time.Second)) }

func resolver(t *testing.T, cfg Config) (*Resolver, *clock) {
	t.Helper()
	c := &clock{}
	c.now.Store(1_800_000_000)
	cfg.Clock = c.Now
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, c
}

func dnsError(t *testing.T, err error) *net.DNSError {
	t.Helper()
	var e *net.DNSError
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *net.DNSError", err, err)
	}
	return e
}

func TestLookups(t *testing.T) {
	s := serve(t, zone(
		`example. 300 IN TXT "v=spf1 " "mx -all"`,
		`quoted.example. 300 IN TXT "a \"b\" \\ \195\164"`,
		`example. 300 IN MX 20 b.example.`,
		`example. 300 IN MX 10 a.example.`,
		`null.example. 300 IN MX 0 .`,
		`a.example. 300 IN A 192.0.2.1`,
		`a.example. 300 IN AAAA 2001:db8::1`,
		`four.example. 300 IN A 192.0.2.4`,
		`www.example. 300 IN CNAME web.example.`,
		`web.example. 300 IN CNAME a.example.`,
		`1.2.0.192.in-addr.arpa. 300 IN PTR a.example.`,
		`anna\@b.example. 300 IN A 127.0.0.2`,
		`_25._tcp.a.example. 300 IN TLSA 3 1 1 0123456789012345678901234567890123456789012345678901234567890123`,
	))
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	ctx := t.Context()
	check := func(want string, got any, err error) {
		t.Helper()
		if text := fmt.Sprint(got); err != nil || text != want {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
	}
	txt, err := r.LookupTXT(ctx, "EXAMPLE.")
	check("[v=spf1 mx -all]", txt, err)
	txt, err = r.LookupTXT(ctx, "quoted.example")
	check("[a \"b\" \\ ä]", txt, err)
	mxs, err := r.LookupMX(ctx, "example")
	check("a.example. b.example.", mxs[0].Host+" "+mxs[1].Host, err)
	mxs, err = r.LookupMX(ctx, "null.example")
	check(".", mxs[0].Host, err)
	ips, err := r.LookupIPAddr(ctx, "www.example")
	check("[{2001:db8::1 } {192.0.2.1 }]", ips, err)
	ips, err = r.LookupIPAddr(ctx, "four.example")
	check("[{192.0.2.4 }]", ips, err)
	ips, err = r.LookupIPAddr(ctx, "anna@b.example")
	check("[{127.0.0.2 }]", ips, err)
	ips, err = r.LookupIPAddr(ctx, "::1")
	check("[{::1 }]", ips, err)
	names, err := r.LookupAddr(ctx, "192.0.2.1")
	check("[a.example.]", names, err)
	tlsa, secure, err := r.LookupTLSA(ctx, "_25._tcp.a.example")
	check("1 false", fmt.Sprint(len(tlsa), secure), err)
}

func TestAbsence(t *testing.T) {
	s := serve(t, zone(`example. 300 IN A 192.0.2.1`, `to.example. 300 IN CNAME gone.example.`))
	r, clock := resolver(t, Config{Servers: []string{s.addr}})
	for _, c := range []struct {
		name     string
		nxdomain bool
	}{{"nowhere.example", true}, {"example", false}, {"to.example", true}} {
		answer, err := r.Query(t.Context(), c.name, dns.TypeTXT)
		e := dnsError(t, err)
		if !e.IsNotFound || e.IsTemporary || answer.NXDomain != c.nxdomain {
			t.Errorf("%s: %+v, NXDomain %v", c.name, e, answer.NXDomain)
		}
	}
	seen := s.udp.Load()
	if _, err := r.LookupTXT(t.Context(), "nowhere.example"); !dnsError(t, err).IsNotFound || s.udp.Load() != seen {
		t.Errorf("the absence was not remembered (%v)", err)
	}
	clock.advance(61 * time.Second) // the SOA's minimum is 60
	if _, err := r.LookupTXT(t.Context(), "nowhere.example"); !dnsError(t, err).IsNotFound || s.udp.Load() != seen+1 {
		t.Errorf("the absence was remembered for too long (%v)", err)
	}
}

func TestNamesThatCannotExistAreNotAsked(t *testing.T) {
	s := serve(t, zone())
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	for _, name := range []string{"", ".", "a..b", ".a", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 130), `a\.b`} {
		if _, err := r.LookupTXT(t.Context(), name); !dnsError(t, err).IsNotFound {
			t.Errorf("%q: %v", name, err)
		}
	}
	if s.udp.Load() != 0 {
		t.Error("a name that is none was asked for")
	}
}

func TestCacheHonoursTTL(t *testing.T) {
	s := serve(t, zone(`example. 30 IN TXT "x"`))
	r, clock := resolver(t, Config{Servers: []string{s.addr}})
	ask := func(want int32) {
		t.Helper()
		if _, err := r.LookupTXT(t.Context(), "example"); err != nil || s.udp.Load() != want {
			t.Fatalf("%d questions, want %d (%v)", s.udp.Load(), want, err)
		}
	}
	ask(1)
	clock.advance(29 * time.Second)
	ask(1)
	clock.advance(time.Second)
	ask(2)
}

// What was not there is asked for anew once that is forgotten.
func TestForget(t *testing.T) {
	absent, there := zone(`example. 300 IN SOA ns.example. x.example. 1 1 1 1 300`), zone(`host.example. 300 IN A 192.0.2.1`)
	var published atomic.Bool
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		if published.Load() {
			return there(s, network, q)
		}
		return absent(s, network, q)
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	for range 2 {
		if _, err := r.LookupIPAddr(t.Context(), "Host.example."); err == nil {
			t.Fatal("a host that is not there has an address")
		}
	}
	published.Store(true)
	r.Forget("host.EXAMPLE")
	if all, err := r.LookupIPAddr(t.Context(), "host.example"); err != nil || len(all) != 1 {
		t.Errorf("after it was forgotten: %v, %v", all, err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	s := serve(t, func(_ *server, _ string, q *dns.Msg) *dns.Msg {
		reply := new(dns.Msg).SetReply(q)
		rr, _ := dns.NewRR(q.Question[0].Name + ` 300 IN TXT "x"`)
		reply.Answer = append(reply.Answer, rr)
		return reply
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}, MaxEntries: 20})
	for i := range 100 {
		if _, err := r.LookupTXT(t.Context(), fmt.Sprintf("n%d.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.cache.entries); n != 20 {
		t.Errorf("%d entries, want 20", n)
	}
}

func TestTruncatedAnswerComesOverTCP(t *testing.T) {
	long := strings.Repeat("0123456789", 25)
	var records []string
	for i := range 20 {
		records = append(records, fmt.Sprintf(`big.example. 300 IN TXT "%d" "%s"`, i, long))
	}
	whole := zone(records...)
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		reply := whole(s, network, q)
		if network == "udp" {
			reply.Truncate(512)
		}
		return reply
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	txt, err := r.LookupTXT(t.Context(), "big.example")
	if err != nil || len(txt) != 20 || s.tcp.Load() != 1 {
		t.Errorf("%d texts, %d questions over TCP, %v", len(txt), s.tcp.Load(), err)
	}
}

func TestFailuresAreTemporaryAndNextServerIsAsked(t *testing.T) {
	bad := serve(t, func(_ *server, _ string, q *dns.Msg) *dns.Msg {
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	})
	good := serve(t, zone(`example. 300 IN TXT "x"`, `b.example. 300 IN TXT "y"`))
	only, _ := resolver(t, Config{Servers: []string{bad.addr}})
	if _, err := only.LookupTXT(t.Context(), "example"); !dnsError(t, err).IsTemporary || dnsError(t, err).IsNotFound {
		t.Errorf("%v", err)
	}
	both, _ := resolver(t, Config{Servers: []string{bad.addr, good.addr}})
	before := bad.udp.Load()
	for _, name := range []string{"example", "b.example"} {
		if txt, err := both.LookupTXT(t.Context(), name); err != nil || len(txt) != 1 {
			t.Errorf("%v %v", txt, err)
		}
	}
	if asked := bad.udp.Load() - before; asked != 1 {
		t.Errorf("the failing server was asked %d times; the one that answered should come first", asked)
	}
}

func TestSilenceTimesOut(t *testing.T) {
	s := serve(t, func(*server, string, *dns.Msg) *dns.Msg { return nil })
	r, _ := resolver(t, Config{Servers: []string{s.addr}, Timeout: 20 * time.Millisecond})
	_, err := r.LookupTXT(t.Context(), "example")
	if e := dnsError(t, err); !e.IsTimeout || !e.IsTemporary || e.IsNotFound {
		t.Errorf("%+v", e)
	}
	slow, _ := resolver(t, Config{Servers: []string{s.addr}, Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = slow.LookupIPAddr(ctx, "example")
	if e := dnsError(t, err); !e.IsTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v", e)
	}
	slow.Close() // returns although the server never answers
}

func TestForgedAnswersAreIgnored(t *testing.T) {
	truth := zone(`example. 300 IN TXT "true"`)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	go func() {
		buf := make([]byte, 4096)
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		q.Unpack(buf[:n])
		send := func(m *dns.Msg) {
			packed, _ := m.Pack()
			pc.WriteTo(packed, from)
		}
		lie := zone(`example. 300 IN TXT "lie"`, `other. 300 IN TXT "lie"`)
		wrongID := lie(nil, "", q)
		wrongID.Id++
		send(wrongID)
		other := new(dns.Msg).SetQuestion("other.", dns.TypeTXT)
		other.Id = q.Id
		send(lie(nil, "", other))
		echo := lie(nil, "", q)
		echo.Response = false
		send(echo)
		pc.WriteTo([]byte("garbage"), from)
		send(truth(nil, "", q))
	}()
	r, _ := resolver(t, Config{Servers: []string{pc.LocalAddr().String()}})
	if txt, err := r.LookupTXT(t.Context(), "example"); err != nil || txt[0] != "true" {
		t.Errorf("%v %v", txt, err)
	}
}

func TestAliases(t *testing.T) {
	// An authoritative server gives an alias without its target.
	part := zone(`here.example. 300 IN CNAME there.test.`, `there.test. 300 IN TXT "x"`, `loop1.example. 300 IN CNAME loop2.example.`, `loop2.example. 300 IN CNAME loop1.example.`)
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		reply := part(s, network, q)
		if len(reply.Answer) > 1 {
			reply.Answer = reply.Answer[:1]
		}
		reply.Ns = nil
		return reply
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	answer, err := r.Query(t.Context(), "here.example", dns.TypeTXT)
	if err != nil || answer.Name != "there.test" {
		t.Errorf("%+v %v", answer, err)
	}
	if _, err := r.LookupTXT(t.Context(), "loop1.example"); !dnsError(t, err).IsTemporary {
		t.Errorf("a loop of aliases: %v", err)
	}
}

func TestAuthenticatedOnlyWhenTrusted(t *testing.T) {
	records := zone(`_25._tcp.a.example. 300 IN TLSA 3 1 1 00`)
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		reply := records(s, network, q)
		reply.AuthenticatedData = true
		return reply
	})
	elsewhere := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.addr)
	}
	for _, c := range []struct {
		address         string
		trusted, secure bool
	}{{"192.0.2.53:53", false, false}, {"192.0.2.53:53", true, true}, {"127.0.0.53:53", false, true}, {"[::1]:53", false, true}} {
		trust := c.secure
		r, _ := resolver(t, Config{Servers: []string{c.address}, TrustAD: c.trusted, Dial: elsewhere})
		_, secure, err := r.LookupTLSA(t.Context(), "_25._tcp.a.example")
		if err != nil || secure != trust {
			t.Errorf("trust %v: secure %v, %v", trust, secure, err)
		}
		_, secure, err = r.LookupTLSA(t.Context(), "_25._tcp.b.example")
		if !dnsError(t, err).IsNotFound || secure != trust {
			t.Errorf("trust %v: absence secure %v, %v", trust, secure, err)
		}
	}
}

// An answer that was spoiled must not make the rest look as if nobody signed it.
func TestSecureHost(t *testing.T) {
	records := zone("both.example. 300 IN A 192.0.2.1", "both.example. 300 IN AAAA 2001:db8::1", "spoiled.example. 300 IN A 192.0.2.1",
		"alias.example. 300 IN CNAME both.example.", "leaves.example. 300 IN CNAME unsigned.test.", "unsigned.test. 300 IN A 192.0.2.2", "v4.example. 300 IN A 192.0.2.1")
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		reply := records(s, network, q)
		question := q.Question[0]
		reply.AuthenticatedData = question.Name != "leaves.example." || question.Qtype == dns.TypeCNAME
		if question.Name == "spoiled.example." && question.Qtype == dns.TypeAAAA {
			reply.Rcode, reply.Answer = dns.RcodeServerFailure, nil
		}
		return reply
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	for host, want := range map[string]string{
		"both.example": "[2001:db8::1 192.0.2.1] both.example true", "v4.example": "[192.0.2.1] v4.example true", "spoiled.example": "[192.0.2.1] spoiled.example true",
		"alias.example": "[2001:db8::1 192.0.2.1] both.example true", "leaves.example": "[192.0.2.2] unsigned.test false",
	} {
		h, err := r.SecureHost(t.Context(), host)
		if got := fmt.Sprint(h.Addresses, " ", h.Name, " ", h.Secure); err != nil || got != want {
			t.Errorf("%s: %s, %v", host, got, err)
		}
	}
	for name, want := range map[string]bool{"leaves.example": true, "both.example": false} {
		if secure, err := r.SecureAlias(t.Context(), name); secure != want || err != nil {
			t.Errorf("%s is a secure alias: %v, %v", name, secure, err)
		}
	}
	if _, err := r.SecureHost(t.Context(), "nobody.example"); !dnsError(t, err).IsNotFound {
		t.Errorf("no host: %v", err)
	}
}

// An answer as large as they can be is read, and not kept.
func TestLargestAnswer(t *testing.T) {
	var records []string
	for i := range 1300 {
		records = append(records, fmt.Sprintf("_25._tcp.a.example. 300 IN TLSA 3 1 1 %064x", i))
	}
	whole := zone(records...)
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		reply := whole(s, network, q)
		if network == "udp" {
			reply.Answer, reply.Truncated = nil, true
		} else if reply.Compress = true; reply.Len() > 65535 || reply.Len() < 60_000 {
			t.Errorf("the answer has %d octets", reply.Len())
		}
		return reply
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	for range 2 {
		tlsa, _, err := r.LookupTLSA(t.Context(), "_25._tcp.a.example")
		if err != nil || len(tlsa) != len(records) {
			t.Fatalf("%d records, %v", len(tlsa), err)
		}
	}
	if n := s.tcp.Load(); n != 2 {
		t.Errorf("it was asked for %d times", n)
	}
}

func TestOneQuestionForMany(t *testing.T) {
	release := make(chan struct{})
	whole := zone(`example. 300 IN TXT "x"`)
	s := serve(t, func(s *server, network string, q *dns.Msg) *dns.Msg {
		<-release
		return whole(s, network, q)
	})
	r, _ := resolver(t, Config{Servers: []string{s.addr}})
	first, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := r.LookupTXT(first, "example"); !errors.Is(err, context.Canceled) {
			t.Errorf("first: %v", err)
		}
	})
	for range 20 {
		wg.Go(func() {
			if _, err := r.LookupTXT(t.Context(), "example"); err != nil {
				t.Error(err)
			}
		})
	}
	for { // until all 21 wait
		r.flights.mu.Lock()
		call := r.flights.calls[question{"example", dns.TypeTXT}]
		ready := call != nil && call.waiting == 21
		r.flights.mu.Unlock()
		if ready {
			break
		}
	}
	leave()
	close(release)
	wg.Wait()
	if s.udp.Load() != 1 {
		t.Errorf("%d questions, want 1", s.udp.Load())
	}
}

func TestServerList(t *testing.T) {
	got, err := serverList([]string{"192.0.2.1", "192.0.2.2:5353", "2001:db8::1", "[2001:db8::2]:54"})
	if want := "[192.0.2.1:53 192.0.2.2:5353 [2001:db8::1]:53 [2001:db8::2]:54]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v", got, err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func FuzzResponse(f *testing.F) {
	query := new(dns.Msg).SetQuestion("example.", dns.TypeTXT)
	query.Id = 7
	reply := zone(`example. 300 IN TXT "x"`)(nil, "", query)
	packed, _ := reply.Pack()
	f.Add(packed)
	f.Fuzz(func(t *testing.T, data []byte) {
		msg, ok := response(query, data)
		if !ok {
			return
		}
		answer := &Answer{Name: "example", Expires: time.Unix(1<<40, 0)}
		answer.take(msg, dns.TypeTXT, time.Unix(1, 0))
		for _, rr := range answer.Records {
			if !sameName(rr.Header().Name, answer.Name) || rr.Header().Rrtype != dns.TypeTXT {
				t.Errorf("a foreign record was taken: %v", rr)
			}
		}
	})
}

func BenchmarkCacheHit(b *testing.B) {
	r := &Resolver{clock: time.Now}
	r.cache.limit = 10
	rr, _ := dns.NewRR(`sel._domainkey.example.com. 300 IN TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="`)
	now := time.Now()
	r.cache.put(question{"sel._domainkey.example.com", dns.TypeTXT}, &Answer{Records: []dns.RR{rr}, Expires: now.Add(time.Hour)}, now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.LookupTXT(context.Background(), "sel._domainkey.example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
