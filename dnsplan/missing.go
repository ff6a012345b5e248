package dnsplan

import (
	"fmt"
	"strings"
)

// missing says that a record is nowhere, or where it was put by mistake.
func (c *comparison) missing(r Record) verdict {
	if doubled := c.doubled(r); doubled != "" {
		if a, ok := c.seen.first(doubled, r.Type); ok && c.hasOurs(r, a) {
			return verdict{Missing, "doubled_zone", fmt.Sprintf("It was published at %s: this DNS provider adds the zone's name by itself. Enter the name as %s.", doubled, relative(r.Name, c.seen.Zone))}
		}
	}
	if r.SetAt == HostingProvider {
		return verdict{Missing, "missing", fmt.Sprintf("Ask your hosting provider to set the %s record of %s to %s.", r.Type, r.Name, r.Value)}
	}
	return verdict{Missing, "missing", fmt.Sprintf("Add it at your DNS provider: type %s, name %s.", r.Type, relative(r.Name, c.seen.Zone))}
}

// doubled is the name under which a record lands when a full name is entered
// where a relative one is expected.
func (c *comparison) doubled(r Record) string {
	if c.seen.Zone == "" || r.SetAt != DNSProvider {
		return ""
	}
	return r.Name + "." + c.seen.Zone
}

// hasOurs reports whether an answer holds a value that is this record's.
func (c *comparison) hasOurs(r Record, a Answer) bool {
	for _, v := range a.Values {
		if r.Ours(v.Text) || r.Type != "TXT" && sameHost(v.Text, r.Value) {
			return true
		}
	}
	return false
}

// relative renders a name as most panels want it: without the zone, @ for the
// zone itself.
func relative(name, zone string) string {
	switch {
	case zone == "":
		return name
	case name == zone:
		return "@"
	}
	return strings.TrimSuffix(name, "."+zone)
}
