package mailauth

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// zoneServer serves whichever zone is set, so that other programs find what
// our own checks find. Nothing it says may be remembered.
type zoneServer struct {
	addr    *net.UDPAddr
	current atomic.Pointer[zone]
}

func serveZones(t testing.TB) *zoneServer {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &zoneServer{addr: packets.LocalAddr().(*net.UDPAddr)}
	server := &dns.Server{PacketConn: packets, Handler: s}
	done := make(chan struct{})
	go func() { defer close(done); server.ActivateAndServe() }()
	t.Cleanup(func() { packets.Close(); <-done })
	return s
}

// ServeDNS implements dns.Handler.
func (s *zoneServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z, question := *s.current.Load(), q.Question[0]
	reply := new(dns.Msg).SetReply(q)
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	values, err := z.find(context.Background(), dns.TypeToString[question.Qtype]+" "+name)
	if err != nil {
		reply.Rcode = dns.RcodeServerFailure
		if err.(*net.DNSError).IsNotFound {
			reply.Rcode = z.absence(name)
		}
	}
	for _, value := range values {
		if rr := record(question, value); rr != nil {
			reply.Answer = append(reply.Answer, rr)
		}
	}
	w.WriteMsg(reply)
}

// absence tells a name without such records from one that does not exist.
func (z zone) absence(name string) int {
	for key := range z {
		if _, owner, _ := strings.Cut(key, " "); owner == name || strings.HasSuffix(owner, "."+name) {
			return dns.RcodeSuccess
		}
	}
	return dns.RcodeNameError
}

func record(q dns.Question, value string) dns.RR {
	h := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}
	switch q.Qtype {
	case dns.TypeTXT:
		txt := &dns.TXT{Hdr: h}
		for ; len(value) > 255; value = value[255:] {
			txt.Txt = append(txt.Txt, value[:255])
		}
		txt.Txt = append(txt.Txt, value)
		return txt
	case dns.TypeMX:
		return &dns.MX{Hdr: h, Mx: dns.Fqdn(value)}
	case dns.TypeA:
		return &dns.A{Hdr: h, A: net.ParseIP(value)}
	}
	return nil
}
