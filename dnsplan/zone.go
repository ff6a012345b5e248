package dnsplan

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"gomail"
)

// RRs returns the records for a DNS library, the PTR records included and the
// not applicable ones left out.
func RRs(records []Record) ([]dns.RR, error) {
	var all []dns.RR
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		rr, err := r.rr()
		if err != nil {
			return nil, err
		}
		all = append(all, rr)
	}
	return all, nil
}

// rr returns the record for a DNS library.
func (r Record) rr() (dns.RR, error) {
	value := r.Value
	switch {
	case r.Type == "TXT":
		value = quoteTXT(r.Value)
	case r.Type == "MX" && r.Priority == nil:
		return nil, gomail.Errorf(gomail.Invalid, "the MX record of %s has no priority", r.Name)
	case r.Type == "MX":
		value = fmt.Sprintf("%d %s", *r.Priority, r.Value)
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s. %d IN %s %s", r.Name, r.TTL, r.Type, value))
	if err != nil || rr == nil {
		return nil, gomail.Errorf(gomail.Invalid, "the %s record of %s cannot be written: %q", r.Type, r.Name, r.Value)
	}
	return rr, nil
}

// maxString is the length of a character-string, RFC 1035 section 3.3.
const maxString = 255

// quoteTXT writes a TXT value in presentation form, RFC 1035 section 5.1, in
// strings of at most 255 octets.
func quoteTXT(value string) string { return quoteStrings(value, `\%03d`) }

// quoteStrings writes a value in quoted strings of at most 255 octets; escape
// is the format of octets beyond ASCII.
func quoteStrings(value, escape string) string {
	var parts []string
	for len(value) > maxString {
		parts = append(parts, quoteString(value[:maxString], escape))
		value = value[maxString:]
	}
	return strings.Join(append(parts, quoteString(value, escape)), " ")
}

func quoteString(s, escape string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, escape, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}

// Zone returns a plan as lines of a zone file whose origin is the domain; see
// ZoneIn for a domain below its zone's apex.
func Zone(records []Record) string { return ZoneIn(records, zoneOf(records)) }

// ZoneIn returns a plan as lines of a zone file, RFC 1035 section 5, for the
// zone in which the domain lies. What belongs into other zones, or does not
// apply, stands in comments. The zone's SOA and NS records are its operator's
// and not among them.
func ZoneIn(records []Record, zone string) string {
	var b strings.Builder
	if domain := zoneOf(records); domain != "" {
		fmt.Fprintf(&b, "; The records of %s for mail, to add to its zone.\n$ORIGIN %s.\n", domain, zone)
	}
	var elsewhere []Record
	for _, r := range records {
		if r.Requirement == NotApplicable || !within(r.Name, zone) {
			elsewhere = append(elsewhere, r)
			continue
		}
		b.WriteString(r.line())
	}
	if len(elsewhere) > 0 {
		b.WriteString("\n; Not for this zone:\n")
	}
	for _, r := range elsewhere {
		b.WriteString("; " + r.line())
	}
	return b.String()
}

// line is the record in one line of a zone file. One that cannot be written,
// which Validate prevents, becomes a comment rather than a broken zone.
func (r Record) line() string {
	rr, err := r.rr()
	if err != nil {
		return "; " + strings.Map(oneLine, err.Error()) + "\n"
	}
	return rr.String() + "\n"
}

func oneLine(c rune) rune {
	if c < ' ' {
		return ' '
	}
	return c
}

// zoneOf returns the domain of a plan: every plan says where the domain's
// mail goes, or that it goes nowhere.
func zoneOf(records []Record) string {
	for _, r := range records {
		if r.Purpose == Receive {
			return r.Name
		}
	}
	return ""
}

// within reports whether a name is in a zone; every name is in the root's.
func within(name, zone string) bool {
	return zone == "" || name == zone || strings.HasSuffix(name, "."+zone)
}
