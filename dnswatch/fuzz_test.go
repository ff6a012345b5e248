package dnswatch

import (
	"testing"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// FuzzAnswer reads messages of anybody's making.
func FuzzAnswer(f *testing.F) {
	m := new(dns.Msg).SetQuestion("example.com.", dns.TypeTXT)
	m.Answer = append(m.Answer, mustRR(`example.com. 300 CNAME a.example.`), mustRR(`a.example. 300 TXT "x\\255" "y"`))
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, true)
	f.Fuzz(func(t *testing.T, packed []byte, recursive bool) {
		m := new(dns.Msg)
		if m.Unpack(packed) != nil {
			return
		}
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeMX, dns.TypeA, dns.TypeCNAME, dns.TypeTLSA, dns.TypeCAA} {
			a := answer(m, nil, "example.com", qtype, recursive)
			if (a.Status == dnsplan.Answered) != (len(a.Values) > 0) || len(a.Aliases) > len(m.Answer)+1 {
				t.Errorf("%s: %+v", dns.TypeToString[qtype], a)
			}
		}
	})
}
