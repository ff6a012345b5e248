package dnsplan

import (
	"cmp"
	"slices"
)

// mailHostPriority is the mail host's when the configuration names none.
const mailHostPriority = 10

// hosts are the hosts that take mail, the preferred first.
func (p *planner) hosts() []MX {
	hosts := slices.Clone(p.server.MX)
	if !slices.ContainsFunc(hosts, func(m MX) bool { return m.Host == p.server.Hostname }) {
		hosts = append(hosts, MX{p.server.Hostname, mailHostPriority})
	}
	slices.SortStableFunc(hosts, func(a, b MX) int { return cmp.Compare(a.Priority, b.Priority) })
	return hosts
}

// mx tells other servers where mail for the domain goes, RFC 5321 section 5.
func (p *planner) mx() []Record {
	var records []Record
	for _, h := range p.hosts() {
		r := Record{
			Name: p.domain.Name, Type: "MX", Value: h.Host + ".", Priority: new(h.Priority), Purpose: Receive, Requirement: Required,
			Why: "Sends mail for " + p.domain.Name + " to this server. Without it no mail arrives.",
		}
		if h.Host != p.server.Hostname {
			r.Why = "Sends mail for " + p.domain.Name + " to " + h.Host + ", one of the further hosts of this server's configuration."
		}
		records = append(records, r)
	}
	return records
}
