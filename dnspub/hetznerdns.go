package dnspub

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gomail"
	"gomail/dnsplan"
)

// hetznerDNS is the API of the former Hetzner DNS Console, version 1, for zones
// that were not moved to the Hetzner Console. It changes one record at a time.
type hetznerDNS struct {
	*api
	takesAll
	ids zoneIDs
}

func hetznerDNSProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "hetzner-dns", Title: "Hetzner DNS Console (zones that were not moved)",
		Fields: []dnsplan.ProviderField{secret("api_token", "API token", "")},
		Scope:  "Make an API token in the DNS Console under Manage API tokens. Hetzner has no narrower kind: it may change every zone of the account. Zones that were moved to the Hetzner Console need a connection of the other kind.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://dns.hetzner.com/api/v1")
		a.sign = func(r *http.Request, _ []byte) { r.Header.Set("Auth-API-Token", credentials["api_token"]) }
		a.words = hetznerWords
		return &hetznerDNS{api: a}, nil
	}}
}

func hetznerWords(body []byte) string {
	var e struct {
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return strings.TrimSpace(e.Error.Message + " " + e.Message)
}

type hetznerPages struct {
	Meta struct {
		Pagination struct {
			LastPage int `json:"last_page"`
		} `json:"pagination"`
	} `json:"meta"`
}

type hetznerRecord struct {
	ID     string `json:"id,omitempty"`
	Type   string `json:"type"`
	ZoneID string `json:"zone_id"`
	Name   string `json:"name"`
	Value  string `json:"value"`
	TTL    *int   `json:"ttl,omitempty"`
}

func (c *hetznerDNS) atomic() bool { return false }

func (c *hetznerDNS) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

// eachZone calls for every zone, or those of one name.
func (c *hetznerDNS) eachZone(ctx context.Context, name string, each func(id, name string)) error {
	for page := 1; page <= maxPages; page++ {
		var got struct {
			hetznerPages
			Zones []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"zones"`
		}
		query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(c.options.page(100))}}
		if name != "" {
			query.Set("name", name)
		}
		if _, err := c.json(ctx, request{method: http.MethodGet, path: "/zones", query: query, subject: "its zones"}, nil, &got); err != nil {
			return err
		}
		for _, z := range got.Zones {
			each(z.ID, canonicalName(z.Name))
		}
		if page >= got.Meta.Pagination.LastPage {
			break
		}
	}
	return nil
}

func (c *hetznerDNS) zones(ctx context.Context) ([]string, error) {
	var names []string
	err := c.eachZone(ctx, "", func(_, name string) { names = append(names, name) })
	return names, err
}

func (c *hetznerDNS) zoneID(ctx context.Context, zone string) (string, error) {
	return c.ids.of(zone, func() (string, error) {
		found := ""
		err := c.eachZone(ctx, zone, func(id, name string) {
			if name == zone {
				found = id
			}
		})
		// A name that it does not know is answered with 404, and no list.
		if gomail.KindOf(err) == gomail.NotFound || err == nil && found == "" {
			err = gomail.Errorf(gomail.NotFound, "Hetzner DNS does not have the zone %s in this account", zone)
		}
		return found, err
	})
}

func (c *hetznerDNS) list(ctx context.Context, zone string) ([]hetznerRecord, error) {
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return nil, err
	}
	var all []hetznerRecord
	for page := 1; page <= maxPages; page++ {
		var got struct {
			hetznerPages
			Records []hetznerRecord `json:"records"`
		}
		query := url.Values{"zone_id": {id}, "page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(c.options.page(100))}}
		if _, err := c.json(ctx, request{method: http.MethodGet, path: "/records", query: query, subject: "the zone " + zone}, nil, &got); err != nil {
			return nil, err
		}
		all = append(all, got.Records...)
		if page >= got.Meta.Pagination.LastPage {
			break
		}
	}
	return all, nil
}

func (c *hetznerDNS) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	records, err := c.list(ctx, zone)
	var sets []rrset
	for _, r := range records {
		ttl := 0 // the zone's own
		if r.TTL != nil {
			ttl = *r.TTL
		}
		sets = add(sets, key{absolute(r.Name, zone), r.Type}, ttl, r.data(zone))
	}
	return sets, err
}

// data is a record's value in our form. A host without a trailing dot is
// relative to the zone, as in a zone file.
func (r hetznerRecord) data(zone string) string {
	switch r.Type {
	case "TXT":
		if text, err := parseText(r.Value, decimal); err == nil {
			return text
		}
	case "CNAME", "NS", "MX", "SRV":
		fields := strings.Fields(r.Value)
		if n := len(fields); n > 0 && !strings.HasSuffix(fields[n-1], ".") {
			fields[n-1] = absolute(fields[n-1], zone) + "."
			return canonical(r.Type, strings.Join(fields, " "))
		}
	}
	return canonical(r.Type, r.Value)
}

// hetznerTTL is a set's TTL; none: the zone's own holds.
func (s rrset) hetznerTTL() *int {
	if s.ttl <= 0 {
		return nil
	}
	return new(s.ttl)
}

func hetznerFrom(s rrset, zone, zoneID, value string) hetznerRecord {
	r := hetznerRecord{Type: s.kind, ZoneID: zoneID, Name: relative(s.name, zone), Value: value, TTL: s.hetznerTTL()}
	switch s.kind {
	case "TXT":
		r.Value = quoteText(value, decimal)
	case "CAA": // it takes no spaces between the parameters
		r.Value = strings.ReplaceAll(value, "; ", ";")
	}
	return r
}

// write changes record by record: what is new first, so that a name never
// stands empty, except where only one can be.
func (c *hetznerDNS) write(ctx context.Context, zone string, sets []rrset) error {
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return err
	}
	there, err := c.list(ctx, zone)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if err := c.writeSet(ctx, zone, id, s, there); err != nil {
			return err
		}
	}
	return nil
}

func (c *hetznerDNS) writeSet(ctx context.Context, zone, id string, s rrset, there []hetznerRecord) error {
	var stale []hetznerRecord
	have := rrset{key: s.key}
	r := request{subject: "the zone " + zone}
	for _, old := range there {
		if absolute(old.Name, zone) != s.name || old.Type != s.kind {
			continue
		}
		value := old.data(zone)
		if !hetznerHas(s, value) || have.has(value) {
			stale = append(stale, old)
			continue
		}
		have.values = append(have.values, value)
		if number(old.TTL) != s.ttl {
			old.TTL = s.hetznerTTL()
			if err := c.put(ctx, r, old); err != nil {
				return err
			}
		}
	}
	for _, v := range s.values {
		if hetznerHas(have, v) {
			continue
		}
		next := hetznerFrom(s, zone, id, v)
		if len(stale) > 0 { // an old record becomes a new one
			next.ID, stale = stale[0].ID, stale[1:]
			if err := c.put(ctx, r, next); err != nil {
				return err
			}
			continue
		}
		r.method, r.path = http.MethodPost, "/records"
		if _, err := c.json(ctx, r, next, nil); err != nil {
			return err
		}
	}
	for _, old := range stale {
		r.method, r.path = http.MethodDelete, "/records/"+url.PathEscape(old.ID)
		if _, err := c.json(ctx, r, nil, nil); err != nil && gomail.KindOf(err) != gomail.NotFound {
			return err
		}
	}
	return nil
}

// hetznerHas is has, and looks past the spaces that CAA values lose there.
func hetznerHas(s rrset, value string) bool {
	fold := func(v string) string { return strings.ReplaceAll(v, "; ", ";") }
	return s.has(value) || s.kind == "CAA" && slices.ContainsFunc(s.values, func(v string) bool { return fold(v) == fold(value) })
}

func (c *hetznerDNS) put(ctx context.Context, r request, record hetznerRecord) error {
	r.method, r.path = http.MethodPut, "/records/"+url.PathEscape(record.ID)
	_, err := c.json(ctx, r, record, nil)
	return err
}
