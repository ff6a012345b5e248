package dnsplan

import (
	"net/netip"
	"slices"

	"gomail"
)

// Server is what the plan needs to know of this server. The zero value of
// each optional field leaves its records out.
type Server struct {
	Hostname  string       // the mail host, canonical; empty: "mail." and the domain
	Addresses []netip.Addr // by which the world reaches it

	// MX are the hosts that take mail. The mail host is added with priority
	// 10 unless it is among them.
	MX []MX

	ACMEIssuer     string // the CA's domain for CAA: "letsencrypt.org"
	ACMEAccountURI string // of our account there, RFC 8657; offered, not planned

	Services Services
	TLSA     []TLSAHash
	KeyKept  bool   // the next certificate has the same key
	DNSSEC   DNSSEC // of the mail host's zone
}

// MX is a host that takes mail.
type MX struct {
	Host     string `json:"host"`     // canonical
	Priority int    `json:"priority"` // 0 to 65535; lower is tried first
}

// Services are those that mail programs may use, on their standard ports at
// the mail host.
type Services struct {
	IMAPS, IMAP, POP3S       bool // 993, 143 with STARTTLS, 995
	Submissions, Submission  bool // 465, 587 with STARTTLS
	JMAP, CalDAV, CardDAV    bool // 443
	Sieve                    bool // 4190
	Autoconfig, Autodiscover bool // the set-up files that Thunderbird and Outlook fetch
}

// Domain is a hosted domain with its DKIM keys.
type Domain struct {
	gomail.Domain
	Keys []gomail.DKIMKey
}

// DefaultTTL is the TTL, in seconds, of records whose domain sets none.
const DefaultTTL = 3600

// Plan returns the records that a domain needs, in the order in which a
// person would set them. The settings are taken to be valid: see Validate.
func Plan(s Server, d Domain) []Record {
	p := planner{server: s, domain: d}
	if p.server.Hostname == "" {
		p.server.Hostname = "mail." + d.Name
	}
	if d.Settings.Parked {
		return p.finish(p.parked())
	}
	return p.finish(
		p.addresses(), p.mx(), p.spf(), p.dkim(), p.dmarc(), p.caa(), p.reverse(),
		p.mtasts(), p.tlsrpt(), p.tlsa(), p.client(),
	)
}

// planner makes the records of one domain. Its methods leave the TTL, and the
// place where it is the DNS provider, to finish.
type planner struct {
	server Server
	domain Domain
}

// finish joins the kinds, completes the records and drops what is there
// already: the mail host's name may be the domain's own.
func (p *planner) finish(kinds ...[]Record) []Record {
	type identity struct{ name, kind, value string }
	seen := map[identity]bool{}
	var all []Record
	for _, r := range slices.Concat(kinds...) {
		id := identity{r.Name, r.Type, r.Value}
		if seen[id] {
			continue
		}
		seen[id] = true
		if r.TTL = p.domain.Settings.TTL; r.TTL == 0 {
			r.TTL = DefaultTTL
		}
		if r.SetAt == "" {
			r.SetAt = DNSProvider
		}
		all = append(all, r)
	}
	return all
}

// alias returns a CNAME to the mail host, or nothing when the name is the
// mail host's own.
func (p *planner) alias(name string, r Record) []Record {
	if name == p.server.Hostname {
		return nil
	}
	r.Name, r.Type, r.Value = name, "CNAME", p.server.Hostname+"."
	return []Record{r}
}

// postmaster is where reports go that the owner sends nowhere else: GoMail
// reads it.
func (p *planner) postmaster() string { return "postmaster@" + p.domain.Name }
