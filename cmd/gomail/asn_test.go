package main

import (
	"maps"
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"gomail/internal/resolver"
)

// networkZone is what a name server says to the questions of TestNetworks.
var networkZone = []string{
	`1.2.0.192.in-addr.arpa. 60 IN PTR mail.example.net.`,
	`mail.example.net. 60 IN A 192.0.2.1`,
	`1.2.0.192.origin.asn.cymru.com. 60 IN TXT "64496 64497 | 192.0.2.0/24 | DE | ripencc | 2011-02-03"`,
	`2.2.0.192.origin.asn.cymru.com. 60 IN TXT "64496 | 192.0.2.0/24 | DE | ripencc | 2011-02-03"`,
	`3.2.0.192.origin.asn.cymru.com. 60 IN TXT "64498 | 192.0.2.0/24 | DE | ripencc | 2011-02-03"`,
	`4.2.0.192.origin.asn.cymru.com. 60 IN TXT "<script> | x"`,
	`1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.origin6.asn.cymru.com. 60 IN TXT "64496 | 2001:db8::/32 | DE | ripencc | 2011-02-03"`,
	`AS64496.asn.cymru.com. 60 IN TXT "64496 | DE | ripencc | 2011-02-03 | EXAMPLE-AS\007, DE"`,
}

// startNetworkDNS serves networkZone, and fails for 192.0.2.5.
func startNetworkDNS(t *testing.T, asked *atomic.Int64) *resolver.Resolver {
	t.Helper()
	var zone []dns.RR
	for _, text := range networkZone {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		zone = append(zone, rr)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		for _, rr := range zone {
			if dns.CanonicalName(rr.Header().Name) == dns.CanonicalName(q.Question[0].Name) && rr.Header().Rrtype == q.Question[0].Qtype {
				reply.Answer = append(reply.Answer, rr)
			}
		}
		switch name := dns.CanonicalName(q.Question[0].Name); {
		case name == "5.2.0.192.origin.asn.cymru.com.":
			reply.Rcode = dns.RcodeServerFailure
		case len(reply.Answer) == 0:
			reply.Rcode = dns.RcodeNameError
		}
		if dns.IsSubDomain("asn.cymru.com.", dns.CanonicalName(q.Question[0].Name)) {
			asked.Add(1)
		}
		w.WriteMsg(reply)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	r, err := resolver.New(resolver.Config{Servers: []string{packets.LocalAddr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Addresses in reports are shown with their network, if that is wanted; nobody
// is asked otherwise.
func TestNetworks(t *testing.T) {
	var asked atomic.Int64
	r := startNetworkDNS(t, &asked)
	addresses := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "2001:db8::1", "nonsense"}
	off := &addressNames{resolver: r}
	if got, want := off.of(t.Context(), addresses), map[string]string{"192.0.2.1": "mail.example.net"}; !maps.Equal(got, want) || asked.Load() != 0 {
		t.Errorf("without networks: %v, %d questions", got, asked.Load())
	}
	on := &addressNames{resolver: r, networks: true}
	want := map[string]string{
		"192.0.2.1": "mail.example.net (AS64496 EXAMPLE-AS, DE)", "192.0.2.2": "AS64496 EXAMPLE-AS, DE", "192.0.2.3": "AS64498",
		"2001:db8::1": "AS64496 EXAMPLE-AS, DE",
	}
	if got := on.of(t.Context(), addresses); !maps.Equal(got, want) {
		t.Errorf("with networks: %v", got)
	}
	if on.isKnown("192.0.2.5") || !on.isKnown("192.0.2.6") {
		t.Error("a failure is remembered, or that there is no network is not")
	}
}
