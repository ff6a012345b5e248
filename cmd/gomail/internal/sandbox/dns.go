package sandbox

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// nameServer is the whole DNS of the sandbox: authoritative for its zones and
// the resolver that everybody asks.
type nameServer struct {
	udp net.PacketConn
	tcp net.Listener
	key TSIG

	mu      sync.RWMutex
	records map[string][]dns.RR // by lower-case name with its dot
	zones   map[string]dns.RR   // their SOA
}

// newNameServer takes one port for UDP and TCP.
func newNameServer() (*nameServer, error) {
	var failed error
	for range 20 { // the port that TCP gets may be taken for UDP
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return &nameServer{udp: udp, tcp: tcp, key: newTSIG(tcp.Addr().String()), records: map[string][]dns.RR{}, zones: map[string]dns.RR{}}, nil
		}
		tcp.Close()
		failed = err
	}
	return nil, failed
}

func (s *nameServer) address() string { return s.tcp.Addr().String() }

// addZone makes the server authoritative for a zone.
func (s *nameServer) addZone(zone string) {
	zone = dns.Fqdn(zone)
	soa := startOfAuthority(zone)
	ns := &dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.sandbox.test."}
	s.mu.Lock()
	s.zones[zone] = soa
	s.mu.Unlock()
	s.add([]dns.RR{soa, ns})
}

func startOfAuthority(zone string) *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.sandbox.test.",
		Mbox: "hostmaster.sandbox.test.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 5,
	}
}

// add publishes records.
func (s *nameServer) add(rrs []dns.RR) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rr := range rrs {
		name := strings.ToLower(rr.Header().Name)
		s.records[name] = append(s.records[name], rr)
	}
}

// run serves until ctx ends.
func (s *nameServer) run(ctx context.Context) error {
	servers := []*dns.Server{
		{PacketConn: s.udp, Handler: s, TsigSecret: s.key.secrets(), MsgAcceptFunc: accept},
		{Listener: s.tcp, Handler: s, TsigSecret: s.key.secrets(), MsgAcceptFunc: accept},
	}
	errs := make(chan error, len(servers))
	for _, server := range servers {
		go func() { errs <- server.ActivateAndServe() }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
		errs <- nil
	}
	s.udp.Close()
	s.tcp.Close()
	for range servers {
		<-errs
	}
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept lets updates in beside questions.
func accept(h dns.Header) dns.MsgAcceptAction {
	if int(h.Bits>>11)&0xF == dns.OpcodeUpdate {
		return dns.MsgAccept
	}
	return dns.DefaultMsgAcceptFunc(h)
}

// ServeDNS answers one question, or applies one update.
func (s *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable, m.Compress = true, true, true
	switch {
	case len(q.Question) == 1 && q.Opcode == dns.OpcodeUpdate:
		s.update(w, q, m)
	case len(q.Question) == 1 && q.Opcode == dns.OpcodeQuery && q.Question[0].Qtype == dns.TypeAXFR:
		s.transfer(w, q)
		return
	case len(q.Question) == 1 && q.Opcode == dns.OpcodeQuery:
		s.answer(m, strings.ToLower(q.Question[0].Name), q.Question[0].Qtype)
	default:
		m.Rcode = dns.RcodeNotImplemented
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = int(o.UDPSize())
		}
		m.Truncate(size)
	}
	authorized(w, q, m) // whoever signs a question wants the answer signed
	w.WriteMsg(m)
}

// answer fills in the records of a name, or why there are none.
func (s *nameServer) answer(m *dns.Msg, name string, qtype uint16) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	const maxChain = 8
	for range maxChain {
		next := ""
		for _, rr := range s.records[name] {
			switch t := rr.Header().Rrtype; {
			case t == qtype || qtype == dns.TypeANY:
				m.Answer = append(m.Answer, dns.Copy(rr)) // it may be changed while the answer is written
			case t == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				next = strings.ToLower(rr.(*dns.CNAME).Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 {
		s.negative(m, name)
	}
}

// negative says that there is no such name, or no such data, with the SOA
// that tells for how long (RFC 2308).
func (s *nameServer) negative(m *dns.Msg, name string) {
	if !s.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
	for zone := name; ; {
		if soa := s.zones[zone]; soa != nil {
			m.Ns = append(m.Ns, soa)
			return
		}
		i, end := dns.NextLabel(zone, 0)
		if end { // what is in no zone of ours is not in the root's either
			m.Ns = append(m.Ns, startOfAuthority("."))
			return
		}
		zone = zone[i:]
	}
}

// exists reports whether a name or one below it has records.
func (s *nameServer) exists(name string) bool {
	if len(s.records[name]) > 0 {
		return true
	}
	for other := range s.records {
		if strings.HasSuffix(other, "."+name) {
			return true
		}
	}
	return false
}

// mustParse reads records of ours from their zone file form.
func mustParse(lines ...string) []dns.RR {
	rrs := make([]dns.RR, len(lines))
	for i, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic("sandbox: " + line + ": " + err.Error())
		}
		rrs[i] = rr
	}
	return rrs
}
