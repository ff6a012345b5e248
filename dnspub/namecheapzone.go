package dnspub

import (
	"strconv"
	"strings"
)

type namecheapHost struct {
	Name    string `xml:"Name,attr"`
	Type    string `xml:"Type,attr"`
	Address string `xml:"Address,attr"`
	MXPref  string `xml:"MXPref,attr"`
	TTL     string `xml:"TTL,attr"`
}

// namecheapZone is a zone as it is read and written.
type namecheapZone struct {
	email string // EmailType: which service takes the domain's mail
	hosts []namecheapHost
}

// namecheapMail are the mail services that an EmailType stands for, and the
// hosts that its name servers then answer with. They are not among the hosts
// of the zone, and are shown so that replacing them asks for consent.
var namecheapMail = map[string][]string{
	"FWD": {"10 eforward1.registrar-servers.com.", "10 eforward2.registrar-servers.com.", "10 eforward3.registrar-servers.com.", "15 eforward4.registrar-servers.com.", "20 eforward5.registrar-servers.com."},
	"OX":  {"10 mx1.privateemail.com.", "10 mx2.privateemail.com."},
}

// namecheapOwnMail says that the MX records of the zone hold.
const namecheapOwnMail = "MX"

// sets shows a zone as the DNS would.
func (z namecheapZone) sets(zone string) []rrset {
	var sets []rrset
	for _, h := range z.hosts {
		ttl, _ := strconv.Atoi(h.TTL)
		sets = add(sets, h.key(zone), ttl, h.value(zone))
	}
	for _, mx := range namecheapMail[z.email] {
		sets = add(sets, key{zone, "MX"}, 1800, mx)
	}
	return sets
}

func (h namecheapHost) key(zone string) key {
	kind := h.Type
	switch kind {
	case "URL", "URL301", "FRAME", "ALIAS":
		kind = aliasKind
	case "MXE": // an MX that leads to an address by a host of theirs
		kind = "MX"
	}
	return key{absolute(h.Name, zone), kind}
}

func (h namecheapHost) value(zone string) string {
	switch h.Type {
	case "MX":
		return canonical("MX", h.MXPref+" "+h.Address)
	case "MXE":
		return canonical("MX", "10 "+h.Address)
	case "CNAME", "NS":
		if h.Address == "@" {
			return zone + "."
		}
	}
	return canonical(h.Type, h.Address)
}

// with replaces one set. Hosts that stay are kept as they are.
func (z namecheapZone) with(s rrset, zone string) namecheapZone {
	next := namecheapZone{email: z.email}
	have := rrset{key: s.key}
	if s.kind == "MX" && s.name == zone {
		next.email, s.values = namecheapEmail(z.email, s.values)
	}
	for _, h := range z.hosts {
		if h.key(zone) == s.key {
			v := h.value(zone)
			if h.Type == "MXE" || !s.has(v) {
				continue
			}
			h.TTL = strconv.Itoa(s.ttl)
			have.values = append(have.values, v)
		}
		next.hosts = append(next.hosts, h)
	}
	for _, v := range s.values {
		if !have.has(v) {
			next.hosts = append(next.hosts, namecheapFrom(s, zone, v))
		}
	}
	return next
}

// namecheapEmail returns the EmailType for a domain's MX records, and the
// records that are then to be written: none where they are a service's own.
func namecheapEmail(email string, values []string) (string, []string) {
	for name, own := range namecheapMail {
		if sameValues("MX", own, values) {
			return name, nil
		}
	}
	if len(values) > 0 || namecheapMail[email] != nil {
		return namecheapOwnMail, values
	}
	return email, values
}

func namecheapFrom(s rrset, zone, value string) namecheapHost {
	h := namecheapHost{Name: relative(s.name, zone), Type: s.kind, Address: value, MXPref: "10", TTL: strconv.Itoa(s.ttl)}
	if fields := strings.Fields(value); s.kind == "MX" && len(fields) == 2 {
		h.MXPref, h.Address = fields[0], fields[1]
	}
	return h
}
