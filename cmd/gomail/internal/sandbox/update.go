package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// TSIG is the key with which the sandbox's DNS may be changed (RFC 2136) and
// read whole (RFC 5936), as one does at a DNS provider.
type TSIG struct {
	Server    string `json:"server"`
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Secret    string `json:"secret"` // base64
}

// newTSIG makes a key.
func newTSIG(server string) TSIG {
	var secret [32]byte
	rand.Read(secret[:])
	return TSIG{server, "sandbox", "hmac-sha256", base64.StdEncoding.EncodeToString(secret[:])}
}

// secrets is the key as the DNS library wants it.
func (k TSIG) secrets() map[string]string { return map[string]string{dns.Fqdn(k.Name): k.Secret} }

// authorized reports whether a message was signed with the key, and has the
// answer signed too.
func authorized(w dns.ResponseWriter, q, m *dns.Msg) bool {
	t := q.IsTsig()
	if t == nil || w.TsigStatus() != nil {
		return false
	}
	m.SetTsig(t.Hdr.Name, t.Algorithm, 300, int64(t.TimeSigned))
	return true
}

// update changes a zone, RFC 2136 section 3.4.2. Prerequisites are not among
// what the sandbox knows.
func (s *nameServer) update(w dns.ResponseWriter, q, m *dns.Msg) {
	zone := strings.ToLower(q.Question[0].Name)
	switch {
	case q.IsTsig() == nil || w.TsigStatus() != nil:
		m.Rcode = dns.RcodeRefused
		return
	case len(q.Answer) > 0:
		m.Rcode = dns.RcodeNotImplemented
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	soa, ok := s.zones[zone].(*dns.SOA)
	if !ok {
		m.Rcode = dns.RcodeNotAuth
		return
	}
	for _, rr := range q.Ns {
		if !dns.IsSubDomain(zone, strings.ToLower(rr.Header().Name)) {
			m.Rcode = dns.RcodeNotZone
			return
		}
	}
	for _, rr := range q.Ns {
		s.change(rr)
	}
	soa.Serial++
}

// change applies one record of an update section, RFC 2136 section 2.5.
func (s *nameServer) change(rr dns.RR) {
	h := *rr.Header()
	name := strings.ToLower(h.Name)
	keep := func(drop func(dns.RR) bool) {
		s.records[name] = slices.DeleteFunc(s.records[name], drop)
	}
	switch h.Class {
	case dns.ClassANY:
		keep(func(old dns.RR) bool {
			t := old.Header().Rrtype
			return (t == h.Rrtype || h.Rrtype == dns.TypeANY) && t != dns.TypeSOA && t != dns.TypeNS
		})
	case dns.ClassNONE:
		gone := dns.Copy(rr)
		gone.Header().Class = dns.ClassINET
		keep(func(old dns.RR) bool { return dns.IsDuplicate(old, gone) })
	default:
		keep(func(old dns.RR) bool { return dns.IsDuplicate(old, rr) })
		for _, old := range s.records[name] { // a set has one TTL, RFC 2181 section 5.2
			if old.Header().Rrtype == h.Rrtype {
				old.Header().Ttl = h.Ttl
			}
		}
		s.records[name] = append(s.records[name], rr)
	}
	if len(s.records[name]) == 0 {
		delete(s.records, name)
	}
}

// transfer sends a whole zone, RFC 5936.
func (s *nameServer) transfer(w dns.ResponseWriter, q *dns.Msg) {
	refused := new(dns.Msg)
	refused.SetRcode(q, dns.RcodeRefused)
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp || q.IsTsig() == nil || w.TsigStatus() != nil {
		w.WriteMsg(refused)
		return
	}
	zone := strings.ToLower(q.Question[0].Name)
	s.mu.RLock()
	soa, known := s.zones[zone]
	rrs := []dns.RR{soa}
	for name, set := range s.records {
		if dns.IsSubDomain(zone, name) {
			rrs = append(rrs, slices.DeleteFunc(slices.Clone(set), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })...)
		}
	}
	s.mu.RUnlock()
	if !known {
		refused.Rcode = dns.RcodeNotAuth
		w.WriteMsg(refused)
		return
	}
	parts := make(chan *dns.Envelope, 1)
	parts <- &dns.Envelope{RR: append(rrs, soa)}
	close(parts)
	// The client may be gone; nobody is left to tell.
	_ = new(dns.Transfer).Out(w, q, parts)
}
