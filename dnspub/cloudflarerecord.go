package dnspub

import (
	"fmt"
	"strconv"
	"strings"
)

type cloudflareRecord struct {
	ID       string          `json:"id,omitempty"`
	Type     string          `json:"type,omitempty"`
	Name     string          `json:"name,omitempty"`
	Content  string          `json:"content,omitempty"`
	TTL      int             `json:"ttl,omitempty"`
	Priority *int            `json:"priority,omitempty"`
	Proxied  *bool           `json:"proxied,omitempty"`
	Data     *cloudflareData `json:"data,omitempty"`
}

// cloudflareData holds the parts of SRV, CAA and TLSA.
type cloudflareData struct {
	Priority     *int   `json:"priority,omitempty"`
	Weight       *int   `json:"weight,omitempty"`
	Port         *int   `json:"port,omitempty"`
	Target       string `json:"target,omitempty"`
	Flags        *int   `json:"flags,omitempty"`
	Tag          string `json:"tag,omitempty"`
	Value        string `json:"value,omitempty"`
	Usage        *int   `json:"usage,omitempty"`
	Selector     *int   `json:"selector,omitempty"`
	MatchingType *int   `json:"matching_type,omitempty"`
	Certificate  string `json:"certificate,omitempty"`
}

// value is a record's data in our form.
func (r cloudflareRecord) value() string {
	d := r.Data
	switch {
	case r.Type == "TXT":
		if text, err := parseText(r.Content, decimal); err == nil {
			return text
		}
	case r.Type == "MX":
		return canonical("MX", fmt.Sprintf("%d %s", number(r.Priority), r.Content))
	case r.Type == "SRV" && d != nil && d.Port != nil:
		return canonical("SRV", fmt.Sprintf("%d %d %d %s", number(d.Priority), number(d.Weight), number(d.Port), d.Target))
	case r.Type == "CAA" && d != nil && d.Tag != "":
		return canonical("CAA", fmt.Sprintf(`%d %s "%s"`, number(d.Flags), d.Tag, d.Value))
	case r.Type == "TLSA" && d != nil && d.Certificate != "":
		return canonical("TLSA", fmt.Sprintf("%d %d %d %s", number(d.Usage), number(d.Selector), number(d.MatchingType), d.Certificate))
	}
	return canonical(r.Type, r.Content)
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// cloudflareFrom is the record for one value of a set. Mail does not pass
// through Cloudflare's proxy, so nothing is proxied.
func cloudflareFrom(s rrset, value string) cloudflareRecord {
	r := cloudflareRecord{Type: s.kind, Name: s.name, TTL: s.ttl}
	fields := strings.Fields(value)
	switch {
	case s.kind == "TXT":
		r.Content = quoteText(value, decimal)
	case s.kind == "MX" && len(fields) == 2:
		r.Priority, r.Content = digits(fields[0]), withoutDot(fields[1])
	case s.kind == "SRV" && len(fields) == 4:
		r.Data = &cloudflareData{Priority: digits(fields[0]), Weight: digits(fields[1]), Port: digits(fields[2]), Target: withoutDot(fields[3])}
	case s.kind == "CAA":
		flags, tag, issuer := caaParts(value)
		r.Data = &cloudflareData{Flags: digits(flags), Tag: tag, Value: issuer}
	case s.kind == "TLSA" && len(fields) == 4:
		r.Data = &cloudflareData{Usage: digits(fields[0]), Selector: digits(fields[1]), MatchingType: digits(fields[2]), Certificate: fields[3]}
	case s.kind == "A" || s.kind == "AAAA" || s.kind == "CNAME":
		r.Content, r.Proxied = withoutDot(value), new(false)
	default:
		r.Content = withoutDot(value)
	}
	return r
}

func digits(s string) *int {
	n, _ := strconv.Atoi(s)
	return &n
}
