package dnspub

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"gomail"
	"gomail/dnsplan"
)

// powerdns is the API of the PowerDNS Authoritative Server, version 1.
type powerdns struct {
	*api
	takesAll
	server string // "/api/v1/servers/localhost"
}

func powerdnsProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "powerdns", Title: "PowerDNS",
		Fields: []dnsplan.ProviderField{
			field("url", "Address", "Of the server's API: http://127.0.0.1:8081 as a rule."),
			secret("api_key", "API key", "As api-key has it in pdns.conf."),
			optional(field("server_id", "Server ID", "localhost unless a proxy serves several.")),
		},
		Scope: "The API key of pdns.conf (api-key) may change every zone of that server: let only this host reach the API (webserver-allow-from).",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		u, err := url.Parse(credentials["url"])
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, gomail.Errorf(gomail.Invalid, "the address of the PowerDNS API is not valid: write it as http://127.0.0.1:8081")
		}
		a := newAPI(info, credentials, o, u.Scheme+"://"+u.Host+strings.TrimSuffix(u.Path, "/"))
		a.sign = func(r *http.Request, _ []byte) { r.Header.Set("X-Api-Key", credentials["api_key"]) }
		a.words = powerdnsWords
		id := credentials["server_id"]
		if id == "" {
			id = "localhost"
		}
		return &powerdns{api: a, server: "/api/v1/servers/" + url.PathEscape(id)}, nil
	}}
}

func powerdnsWords(body []byte) string {
	var e struct {
		Error  string   `json:"error"`
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return strings.Join(append([]string{e.Error}, e.Errors...), " ")
}

type powerdnsSet struct {
	Name    string           `json:"name"`
	Type    string           `json:"type"`
	TTL     int              `json:"ttl,omitempty"`
	Change  string           `json:"changetype,omitempty"`
	Records []powerdnsRecord `json:"records"`
}

type powerdnsRecord struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"`
}

func (s powerdnsSet) key() key { return key{canonicalName(s.Name), s.Type} }

func (c *powerdns) atomic() bool { return true }

func (c *powerdns) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

func (c *powerdns) zones(ctx context.Context) ([]string, error) {
	var got []struct {
		Name string `json:"name"`
	}
	_, err := c.json(ctx, request{method: http.MethodGet, path: c.server + "/zones", subject: "its zones"}, nil, &got)
	var names []string
	for _, z := range got {
		names = append(names, canonicalName(z.Name))
	}
	return names, err
}

func (c *powerdns) path(zone string) string { return c.server + "/zones/" + url.PathEscape(zone) + "." }

func (c *powerdns) list(ctx context.Context, zone string) ([]powerdnsSet, error) {
	var got struct {
		Sets []powerdnsSet `json:"rrsets"`
	}
	_, err := c.json(ctx, request{method: http.MethodGet, path: c.path(zone), subject: "the zone " + zone}, nil, &got)
	return got.Sets, err
}

func (c *powerdns) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	there, err := c.list(ctx, zone)
	var sets []rrset
	for _, s := range there {
		k := s.key()
		for _, r := range s.Records {
			if r.Disabled {
				continue
			}
			v := r.Content
			if text, err := parseText(v, decimal); k.kind == "TXT" && err == nil {
				v = text
			}
			sets = add(sets, k, s.TTL, canonical(k.kind, v))
		}
	}
	return sets, err
}

// write sends one request, which PowerDNS does as a whole or not at all.
// Records that their owner has switched off stay, switched off.
func (c *powerdns) write(ctx context.Context, zone string, sets []rrset) error {
	there, err := c.list(ctx, zone)
	if err != nil {
		return err
	}
	var changes []powerdnsSet
	for _, s := range sets {
		change := powerdnsSet{Name: s.name + ".", Type: s.kind, TTL: s.ttl, Change: "REPLACE", Records: []powerdnsRecord{}}
		for _, v := range s.values {
			if s.kind == "TXT" {
				v = quoteText(v, decimal)
			}
			change.Records = append(change.Records, powerdnsRecord{Content: v})
		}
		for _, old := range there {
			for _, r := range old.Records {
				if old.key() == s.key && r.Disabled {
					change.Records = append(change.Records, r)
				}
			}
		}
		if len(change.Records) == 0 {
			change.Change = "DELETE"
		}
		changes = append(changes, change)
	}
	r := request{method: http.MethodPatch, path: c.path(zone), subject: "the zone " + zone}
	_, err = c.json(ctx, r, map[string]any{"rrsets": changes}, nil)
	return err
}
