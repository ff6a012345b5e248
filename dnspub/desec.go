package dnspub

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// desec is deSEC's API, version 1.
type desec struct {
	*api
	takesAll
}

func desecProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "desec", Title: "deSEC",
		Fields: []dnsplan.ProviderField{secret("token", "Token secret", "")},
		Scope:  "Make a token under Token Management without any of the special permissions, and limit it with a token policy for this domain with write access.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://desec.io/api/v1")
		a.sign = func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Token "+credentials["token"]) }
		a.words = desecWords
		return &desec{api: a}, nil
	}}
}

// desecWords gathers the messages of a refusal, whose shape follows that of
// the request: an object of fields, or a list of such objects.
func desecWords(body []byte) string {
	var any any
	if json.Unmarshal(body, &any) != nil {
		return ""
	}
	var all []string
	gatherText(any, &all)
	return strings.Join(all, " ")
}

func gatherText(v any, all *[]string) {
	switch v := v.(type) {
	case string:
		*all = append(*all, v)
	case []any:
		for _, one := range v {
			gatherText(one, all)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			gatherText(v[name], all)
		}
	}
}

type desecSet struct {
	Subname string   `json:"subname"`
	Type    string   `json:"type"`
	TTL     int      `json:"ttl,omitempty"`
	Records []string `json:"records"`
}

func (c *desec) atomic() bool { return true }

func (c *desec) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

func (c *desec) zones(ctx context.Context) ([]string, error) {
	var names []string
	err := c.pages(ctx, "/domains/", "its domains", func(body []byte) error {
		var got []struct {
			Name string `json:"name"`
		}
		err := json.Unmarshal(body, &got)
		for _, d := range got {
			names = append(names, canonicalName(d.Name))
		}
		return err
	})
	return names, err
}

// pages reads a list that the Link header leads through. Only the cursor is
// taken from it: a reply does not decide where the token goes.
func (c *desec) pages(ctx context.Context, path, subject string, each func(body []byte) error) error {
	query := url.Values{"cursor": {""}}
	for range maxPages {
		var body json.RawMessage
		header, err := c.json(ctx, request{method: http.MethodGet, path: path, query: query, subject: subject}, nil, &body)
		if err != nil {
			return err
		}
		if err := each(body); err != nil {
			return c.failure(request{subject: subject}, http.StatusBadGateway, nil)
		}
		cursor := nextCursor(strings.Join(header.Values("Link"), ","))
		if cursor == "" {
			return nil
		}
		query.Set("cursor", cursor)
	}
	return nil
}

// nextCursor finds the cursor of the next page in a Link header (RFC 8288):
// `<https://desec.io/api/v1/domains/?cursor=abc>; rel="next"`. Empty: there is
// none.
func nextCursor(link string) string {
	for part := range strings.SplitSeq(link, "<") {
		target, params, ok := strings.Cut(part, ">")
		if !ok || !strings.Contains(params, `rel="next"`) {
			continue
		}
		if u, err := url.Parse(target); err == nil {
			return u.Query().Get("cursor")
		}
	}
	return ""
}

func (c *desec) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	var sets []rrset
	err := c.pages(ctx, "/domains/"+url.PathEscape(zone)+"/rrsets/", "the domain "+zone, func(body []byte) error {
		var got []desecSet
		err := json.Unmarshal(body, &got)
		for _, s := range got {
			k := key{absolute(s.Subname, zone), s.Type}
			for _, v := range s.Records {
				if text, err := parseText(v, decimal); k.kind == "TXT" && err == nil {
					v = text
				}
				sets = add(sets, k, s.TTL, canonical(k.kind, v))
			}
		}
		return err
	})
	return sets, err
}

// write sends one bulk request, which deSEC does as a whole or not at all. A
// set without records goes.
func (c *desec) write(ctx context.Context, zone string, sets []rrset) error {
	path := "/domains/" + url.PathEscape(zone) + "/"
	var domain struct {
		MinimumTTL int `json:"minimum_ttl"`
	}
	if _, err := c.json(ctx, request{method: http.MethodGet, path: path, subject: "the domain " + zone}, nil, &domain); err != nil {
		return err
	}
	var changes []desecSet
	for _, s := range sets {
		name := relative(s.name, zone)
		if name == "@" {
			name = ""
		}
		change := desecSet{Subname: name, Type: s.kind, TTL: max(s.ttl, domain.MinimumTTL), Records: []string{}}
		for _, v := range s.values {
			if s.kind == "TXT" {
				v = quoteText(v, decimal)
			}
			change.Records = append(change.Records, v)
		}
		changes = append(changes, change)
	}
	_, err := c.json(ctx, request{method: http.MethodPatch, path: path + "rrsets/", subject: "the domain " + zone}, changes, nil)
	return err
}
