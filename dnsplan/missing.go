package dnsplan

import (
	"fmt"
	"slices"
	"strings"
)

// missing says that a record is nowhere, or where it was put by mistake.
func (c *comparison) missing(r Record) verdict {
	for _, at := range c.mislaid(r) {
		if a, ok := c.seen.first(at.name, r.Type); ok && c.isIt(r, a, at.exact) {
			return verdict{Missing, at.code, at.fix}
		}
	}
	if r.SetAt == HostingProvider {
		return verdict{Missing, "missing", fmt.Sprintf("Ask your hosting provider to set the %s record of %s to “%s”.", r.Type, r.Name, r.Value)}
	}
	return verdict{Missing, "missing", fmt.Sprintf("Add it at your DNS provider: type %s, name %s, %s.", r.Type, relative(r.Name, c.seen.Zone), valueToEnter(r))}
}

// valueToEnter says what to enter, in quotes: many values end in a dot of their
// own. What is long is shown beside the sentence.
func valueToEnter(r Record) string {
	const short = 80
	switch {
	case r.Priority != nil:
		return fmt.Sprintf("value “%s”, priority %d", r.Value, *r.Priority)
	case len(r.Value) > short:
		return "and the whole value of this record"
	}
	return "value “" + r.Value + "”"
}

// place is a name at which a record may have landed by mistake.
type place struct {
	name  string
	code  string
	exact bool // only the very same value counts: others may have a record of the kind there
	fix   string
}

// mislaid lists the classic mistakes: a full name where a relative one was
// expected, a label left out, another selector.
func (c *comparison) mislaid(r Record) []place {
	if c.seen.Zone == "" || r.SetAt != DNSProvider || !within(r.Name, c.seen.Zone) {
		return nil
	}
	as := relative(r.Name, c.seen.Zone)
	places := []place{{
		name: r.Name + "." + c.seen.Zone, code: "doubled_zone",
		fix: fmt.Sprintf("It was published at %s: this DNS provider adds the zone's name by itself. Enter the name as %s.", r.Name+"."+c.seen.Zone, as),
	}}
	wrongName := func(name, code string) {
		places = append(places, place{name, code, true, fmt.Sprintf("It was published at %s. Enter the name as %s.", name, as)})
	}
	first, rest, _ := strings.Cut(r.Name, ".")
	switch r.Purpose {
	case DKIM:
		domain := strings.TrimPrefix(rest, "_domainkey.")
		wrongName(first+"."+domain, "missing_label")
		wrongName("_domainkey."+domain, "missing_label")
		wrongName(domain, "missing_label")
		for _, selector := range []string{"mail", "default", "dkim", "gomail"} {
			if selector != first {
				wrongName(selector+"._domainkey."+domain, "wrong_selector")
			}
		}
	case DMARC, MTASTS:
		wrongName(rest, "missing_label")
		wrongName(strings.TrimPrefix(r.Name, "_"), "missing_label")
	}
	return slices.DeleteFunc(places, func(p place) bool { return p.code != "doubled_zone" && c.isPlannedName(p.name, r) })
}

// isPlannedName reports whether the plan itself has a record of the kind at a
// name: what stands there is no mistake.
func (c *comparison) isPlannedName(name string, r Record) bool {
	return slices.ContainsFunc(c.records, func(p Record) bool { return p.Type == r.Type && p.Purpose == r.Purpose && sameHost(p.Name, name) })
}

// isIt reports whether an answer holds a value that is this record's.
func (c *comparison) isIt(r Record, a Answer, exact bool) bool {
	for _, v := range a.Values {
		same := sameHost(v.Text, r.Value)
		if r.Type == "TXT" {
			same = compact(v.Text) == compact(r.Value)
		}
		if same || !exact && r.Type == "TXT" && r.Ours(v.Text) {
			return true
		}
	}
	return false
}

// wildcardLabel is a name that nobody has: what answers there is a wildcard
// (RFC 4592).
const wildcardLabel = "gomail-wildcard-test"

// wildcard is the name at which a wildcard that covers a record's name would
// answer too; empty where none can be told.
func (c *comparison) wildcard(r Record) string {
	_, rest, _ := strings.Cut(r.Name, ".")
	if c.seen.Zone == "" || !within(rest, c.seen.Zone) {
		return ""
	}
	return wildcardLabel + "." + rest
}

// fromWildcard reports whether what stands at a record's name comes from a
// wildcard.
func (c *comparison) fromWildcard(r Record, a Answer) bool {
	name := c.wildcard(r)
	if name == "" || len(a.Values) == 0 {
		return false
	}
	w, ok := c.seen.first(name, r.Type)
	return ok && len(w.Values) > 0 && slices.Equal(sorted(w.Values), sorted(a.Values))
}

// overWildcard says of a record that is not right that a wildcard answers in
// its place: the record itself takes precedence once it is there.
func (c *comparison) overWildcard(r Record, a Answer, v verdict) verdict {
	if v.accepted() || v.state == Unknown || !c.fromWildcard(r, a) {
		return v
	}
	_, rest, _ := strings.Cut(r.Name, ".")
	return verdict{Missing, "wildcard", fmt.Sprintf("A wildcard record (*.%s) answers here instead. Add the record itself, type %s, name %s: it takes precedence.", rest, r.Type, relative(r.Name, c.seen.Zone))}
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
