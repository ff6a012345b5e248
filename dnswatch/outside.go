package dnswatch

import (
	"context"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// Outside tries what no domain is needed for: whether mail can leave on port
// 25, and whether this server's addresses are on block lists.
func (p *Prober) Outside(ctx context.Context) []dnsplan.Probe {
	return append(p.outwards(ctx), p.blockLists(ctx)...)
}

// Validates reports whether the resolvers verify DNSSEC signatures: they then
// say so of the root zone, which is signed (RFC 4035 section 3.2.3). Unknown:
// none of them answers for the root.
func (p *Prober) Validates(ctx context.Context) (validates, known bool) {
	for _, resolver := range p.config.Resolvers {
		m, err := p.ask(ctx, resolver, ".", dns.TypeSOA, true)
		if err == nil && m.Rcode == dns.RcodeSuccess {
			return m.AuthenticatedData, true
		}
	}
	return false, false
}
