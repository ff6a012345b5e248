package dnsplan

import (
	"cmp"
	"slices"
	"strings"

	"gomail"
)

// mailHostPriority is the mail host's when the configuration names none.
const mailHostPriority = 10

// mostHosts bounds the hosts that take mail: senders try few of them.
const mostHosts = 20

// Hosts returns the hosts that take mail, the preferred first.
func (s Server) Hosts() []MX {
	hosts := slices.Clone(s.MX)
	if !slices.ContainsFunc(hosts, func(m MX) bool { return m.Host == s.Hostname }) {
		hosts = append(hosts, MX{s.Hostname, mailHostPriority})
	}
	slices.SortStableFunc(hosts, func(a, b MX) int { return cmp.Compare(a.Priority, b.Priority) })
	return hosts
}

// ValidateMX checks hosts that an administrator names. The error is an
// Invalid or TooMany one.
func ValidateMX(hosts []MX) error {
	if len(hosts) > mostHosts {
		return gomail.Errorf(gomail.TooMany, "there are more than %d hosts that take mail", mostHosts)
	}
	seen := map[string]bool{}
	for _, h := range hosts {
		name, err := gomail.CanonicalDomain(h.Host)
		switch {
		case err != nil:
			return err
		case name != h.Host || !strings.Contains(name, "."):
			return gomail.Errorf(gomail.Invalid, "%q is not a host's full name in lower case: write it as mx2.example.com", h.Host)
		case seen[name]:
			return gomail.Errorf(gomail.Invalid, "the host %s is named twice", name)
		case h.Priority < 0 || h.Priority > 65535:
			return gomail.Errorf(gomail.Invalid, "the priority of %s is %d, and it must be between 0 and 65535", name, h.Priority)
		}
		seen[name] = true
	}
	return nil
}

// mx tells other servers where mail for the domain goes, RFC 5321 section 5.
func (p *planner) mx() []Record {
	var records []Record
	for _, h := range p.server.Hosts() {
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
