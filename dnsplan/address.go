package dnsplan

import (
	"net/netip"

	"github.com/miekg/dns"
)

// addresses are A and AAAA of the mail host, shared by all domains, and of
// the domain's own name where the owner wants them.
func (p *planner) addresses() []Record {
	var records []Record
	if p.domain.Settings.ApexAddress {
		records = p.addressesOf(p.domain.Name, Recommended,
			"Leads "+p.domain.Name+" itself to this server.")
	}
	return append(records, p.addressesOf(p.server.Hostname, Required,
		"The address of the mail host: other servers and mail programs connect to it. All domains share it.")...)
}

func (p *planner) addressesOf(name string, need Requirement, why string) []Record {
	var records []Record
	for _, a := range p.server.Addresses {
		kind := "AAAA"
		if a = plain(a); a.Is4() {
			kind = "A"
		}
		records = append(records, Record{Name: name, Type: kind, Value: a.String(), Purpose: Address, Requirement: need, Why: why})
	}
	return records
}

// plain is an address as the DNS knows it.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// reverse are the PTR records of the server's addresses. They live in the
// zones of whoever owns the addresses.
func (p *planner) reverse() []Record {
	var records []Record
	for _, a := range p.server.Addresses {
		name := reverseName(a)
		if name == "" {
			continue // the zero address has none
		}
		records = append(records, Record{
			Name: name, Type: "PTR", Value: p.server.Hostname + ".", Purpose: Reverse, Requirement: Required, SetAt: HostingProvider,
			Why: "Names the mail host when somebody asks who " + plain(a).String() + " is: many servers refuse mail from an address without it. Your hosting provider sets it.",
		})
	}
	return records
}

// reverseName is the name at which an address's PTR records stand, canonical.
func reverseName(a netip.Addr) string {
	name, err := dns.ReverseAddr(plain(a).String())
	if err != nil {
		return ""
	}
	return name[:len(name)-1]
}
