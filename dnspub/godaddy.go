package dnspub

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gomail"
	"gomail/dnsplan"
)

// godaddy is GoDaddy's Domains API, version 1. It replaces one set at a time.
type godaddy struct{ *api }

// godaddyTTL is the least TTL that it takes, in seconds.
const godaddyTTL = 600

func godaddyProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "godaddy", Title: "GoDaddy",
		Fields: []dnsplan.ProviderField{field("api_key", "API key", ""), secret("api_secret", "API secret", "")},
		Scope:  "Make a production key at developer.godaddy.com under API Keys. GoDaddy has no narrower kind, and opens its DNS API only to accounts with ten domains or more, or with a Discount Domain Club plan; it cannot write CAA and TLSA records.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://api.godaddy.com")
		a.sign = func(r *http.Request, _ []byte) {
			r.Header.Set("Authorization", "sso-key "+credentials["api_key"]+":"+credentials["api_secret"])
		}
		a.words = godaddyWords
		return &godaddy{a}, nil
	}}
}

func godaddyWords(body []byte) string {
	var e struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Fields  []struct {
			Path    string `json:"path"`
			Message string `json:"message"`
		} `json:"fields"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	words := e.Message
	for _, f := range e.Fields {
		words += " " + f.Path + ": " + f.Message
	}
	if e.Code != "" {
		words += " (" + e.Code + ")"
	}
	return words
}

type godaddyRecord struct {
	Type     string `json:"type,omitempty"`
	Name     string `json:"name,omitempty"`
	Data     string `json:"data"`
	TTL      int    `json:"ttl"`
	Priority *int   `json:"priority,omitempty"`
	Weight   *int   `json:"weight,omitempty"`
	Port     *int   `json:"port,omitempty"`
	Service  string `json:"service,omitempty"`
	Protocol string `json:"protocol,omitempty"`
}

func (c *godaddy) atomic() bool { return false }

func (c *godaddy) test(ctx context.Context) error {
	_, err := c.json(ctx, request{method: http.MethodGet, path: "/v1/domains", query: url.Values{"limit": {"1"}}, subject: "its domains"}, nil, nil)
	return err
}

// zones pages by a marker: the last domain that was seen.
func (c *godaddy) zones(ctx context.Context) ([]string, error) {
	var names []string
	limit := c.options.page(1000)
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	for range maxPages {
		var got []struct {
			Domain string `json:"domain"`
		}
		if _, err := c.json(ctx, request{method: http.MethodGet, path: "/v1/domains", query: query, subject: "its domains"}, nil, &got); err != nil {
			return nil, err
		}
		for _, d := range got {
			names = append(names, canonicalName(d.Domain))
		}
		if len(got) < limit {
			break
		}
		query.Set("marker", got[len(got)-1].Domain)
	}
	return names, nil
}

// list reads all records of a zone. What "offset" counts is not documented,
// records or pages, so pages may overlap: what was seen before is dropped, and
// the first page is asked for without one.
func (c *godaddy) list(ctx context.Context, zone string) ([]godaddyRecord, error) {
	var all []godaddyRecord
	limit := c.options.page(500)
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	for page := 1; page <= maxPages; page++ {
		var got []godaddyRecord
		r := request{method: http.MethodGet, path: "/v1/domains/" + url.PathEscape(zone) + "/records", query: query, subject: "the domain " + zone}
		if _, err := c.json(ctx, r, nil, &got); err != nil {
			return nil, err
		}
		for _, r := range got {
			if !slices.ContainsFunc(all, func(o godaddyRecord) bool { return o.key(zone) == r.key(zone) && o.value() == r.value() }) {
				all = append(all, r)
			}
		}
		if len(got) < limit {
			break
		}
		query.Set("offset", strconv.Itoa(page+1))
	}
	return all, nil
}

// key is the set in which a record lies: the service and protocol of an SRV
// stand apart from its name.
func (r godaddyRecord) key(zone string) key {
	name := r.Name
	if r.Type == "SRV" && r.Service != "" {
		name = strings.TrimSuffix(r.Service+"."+r.Protocol+"."+r.Name, ".@")
	}
	return key{absolute(name, zone), r.Type}
}

func (r godaddyRecord) value() string {
	switch r.Type {
	case "MX":
		return canonical("MX", fmt.Sprintf("%d %s", number(r.Priority), r.Data))
	case "SRV":
		return canonical("SRV", fmt.Sprintf("%d %d %d %s", number(r.Priority), number(r.Weight), number(r.Port), r.Data))
	}
	return canonical(r.Type, r.Data)
}

func (c *godaddy) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	records, err := c.list(ctx, zone)
	var sets []rrset
	for _, r := range records {
		data := r.value()
		if (r.Type == "CNAME" || r.Type == "NS") && r.Data == "@" {
			data = zone + "."
		}
		sets = add(sets, r.key(zone), r.TTL, data)
	}
	return sets, err
}

func (c *godaddy) write(ctx context.Context, zone string, sets []rrset) error {
	for _, s := range sets {
		if err := c.writeSet(ctx, zone, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *godaddy) writeSet(ctx context.Context, zone string, s rrset) error {
	records := []godaddyRecord{}
	for _, v := range s.values {
		records = append(records, godaddyFrom(s, v))
	}
	name := relative(s.name, zone)
	if s.kind == "SRV" {
		var err error
		if name, records, err = c.services(ctx, zone, s, records); err != nil {
			return err
		}
	}
	r := request{method: http.MethodPut, path: "/v1/domains/" + url.PathEscape(zone) + "/records/" + s.kind + "/" + url.PathEscape(name), subject: "the domain " + zone}
	if len(records) > 0 {
		_, err := c.json(ctx, r, records, nil)
		return err
	}
	r.method = http.MethodDelete
	_, err := c.json(ctx, r, nil, nil)
	if gomail.KindOf(err) == gomail.NotFound {
		return nil
	}
	return err
}

// services joins the records of a service with those of the other services of
// the same name: GoDaddy replaces them together.
func (c *godaddy) services(ctx context.Context, zone string, s rrset, records []godaddyRecord) (string, []godaddyRecord, error) {
	parts := strings.SplitN(relative(s.name, zone), ".", 3)
	if len(parts) < 2 {
		return "", nil, gomail.Errorf(gomail.Invalid, "%s is no name for an SRV record: it has to begin with a service and a protocol", s.name)
	}
	name := "@"
	if len(parts) == 3 {
		name = parts[2]
	}
	for i := range records {
		records[i].Service, records[i].Protocol = parts[0], parts[1]
	}
	there, err := c.list(ctx, zone)
	for _, old := range there {
		if old.Type == "SRV" && strings.EqualFold(old.Name, name) && old.key(zone) != s.key {
			old.Type, old.Name = "", ""
			records = append(records, old)
		}
	}
	return name, records, err
}

func (c *godaddy) takes(s rrset) error {
	if s.kind == "CAA" || s.kind == "TLSA" {
		return gomail.Errorf(gomail.Invalid, "GoDaddy's API cannot write %s records: enter the record of %s by hand, or leave it out", s.kind, s.name)
	}
	for _, v := range s.values {
		if s.kind == "TXT" && !utf8.ValidString(v) {
			return gomail.Errorf(gomail.Invalid, "GoDaddy's API takes text only, and the TXT record of %s holds other octets", s.name)
		}
	}
	return nil
}

func godaddyFrom(s rrset, value string) godaddyRecord {
	r := godaddyRecord{Data: withoutDot(value), TTL: max(s.ttl, godaddyTTL)}
	fields := strings.Fields(value)
	switch {
	case s.kind == "TXT":
		r.Data = value // as it is: GoDaddy quotes and splits it
	case s.kind == "MX" && len(fields) == 2:
		r.Priority, r.Data = digits(fields[0]), withoutDot(fields[1])
	case s.kind == "SRV" && len(fields) == 4:
		r.Priority, r.Weight, r.Port, r.Data = digits(fields[0]), digits(fields[1]), digits(fields[2]), withoutDot(fields[3])
	}
	return r
}
