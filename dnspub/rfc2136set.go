package dnspub

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"gomail"
)

// gathering makes sets of many records.
type gathering struct {
	sets  []rrset
	index map[key]int
	n     int
}

func newGathering() *gathering { return &gathering{index: map[key]int{}} }

func (g *gathering) add(records []dns.RR, zone string) error {
	for _, rr := range records {
		if g.n++; g.n > maxTransfer {
			return gomail.Errorf(gomail.TooLarge, "the zone %s has more than %d records, which is refused", zone, maxTransfer)
		}
		h := rr.Header()
		k := key{canonicalName(h.Name), dns.TypeToString[h.Rrtype]}
		i, known := g.index[k]
		if !known {
			i = len(g.sets)
			g.index[k] = i
			g.sets = append(g.sets, rrset{key: k, ttl: int(h.Ttl)})
		}
		if v := dataOf(rr, k.kind); !known || !g.sets[i].has(v) {
			g.sets[i].values = append(g.sets[i].values, v)
		}
	}
	return nil
}

// dataOf is a record's data in our form.
func dataOf(rr dns.RR, kind string) string {
	if txt, ok := rr.(*dns.TXT); ok {
		var b strings.Builder
		for _, s := range txt.Txt { // which the library keeps with its escapes
			text, err := parseText(`"`+s+`"`, decimal)
			if err != nil {
				text = s
			}
			b.WriteString(text)
		}
		return b.String()
	}
	return canonical(kind, strings.TrimPrefix(rr.String(), rr.Header().String()))
}

func rrOf(s rrset, value string) (dns.RR, error) {
	if s.kind == "TXT" {
		value = quoteText(value, decimal)
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(s.name), s.ttl, s.kind, value))
	if err != nil || rr == nil {
		return nil, gomail.Errorf(gomail.Invalid, "the %s record of %s cannot be written: %q", s.kind, s.name, value)
	}
	return rr, nil
}
