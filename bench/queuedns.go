package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Where the queue's benchmark has its small internet, all of it on loopback:
// the DNS, and a mail server for each destination.
const (
	queueDNS     = "127.0.76.1"
	destinations = 100
)

// destination is the domain of the n-th destination, and its server's address.
func destination(n int) (domain, address string) {
	return fmt.Sprintf("d%d.bench.test", n), fmt.Sprintf("127.0.77.%d", n+1)
}

// nameServer answers for the destinations: MX and A.
type nameServer struct {
	udp, tcp *dns.Server
}

func startNameServer() (*nameServer, error) {
	packets, err := net.ListenPacket("udp", queueDNS+":53")
	if err != nil {
		return nil, fmt.Errorf("the benchmark's DNS needs port 53 of %s: %w", queueDNS, err)
	}
	streams, err := net.Listen("tcp", queueDNS+":53")
	if err != nil {
		packets.Close()
		return nil, fmt.Errorf("the benchmark's DNS needs port 53 of %s: %w", queueDNS, err)
	}
	n := &nameServer{
		udp: &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(answerDNS)},
		tcp: &dns.Server{Listener: streams, Handler: dns.HandlerFunc(answerDNS)},
	}
	go n.udp.ActivateAndServe()
	go n.tcp.ActivateAndServe()
	return n, nil
}

func (n *nameServer) close() {
	n.udp.Shutdown()
	n.tcp.Shutdown()
}

// answerDNS answers one question. What is not a destination does not exist.
func answerDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	name := strings.ToLower(q.Question[0].Name)
	record, known := recordsOf(strings.TrimSuffix(name, "."), q.Question[0].Qtype)
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	if record != "" {
		if rr, err := dns.NewRR(name + " 3600 IN " + record); err == nil {
			m.Answer = []dns.RR{rr}
		}
	} else if soa, err := dns.NewRR("bench.test. 3600 IN SOA ns.bench.test. x.bench.test. 1 3600 3600 3600 3600"); err == nil {
		m.Ns = []dns.RR{soa}
	}
	w.WriteMsg(m)
}

// recordsOf returns a name's record of a type, and whether the name exists.
func recordsOf(name string, qtype uint16) (record string, known bool) {
	label, zone, _ := strings.Cut(name, ".")
	host := label == "mx"
	if host {
		label, zone, _ = strings.Cut(zone, ".")
	}
	n, err := strconv.Atoi(strings.TrimPrefix(label, "d"))
	if err != nil || zone != "bench.test" || n < 0 || n >= destinations {
		return "", false
	}
	_, address := destination(n)
	switch {
	case host && qtype == dns.TypeA:
		return "A " + address, true
	case !host && qtype == dns.TypeMX:
		return "MX 10 mx." + name + ".", true
	}
	return "", true
}
