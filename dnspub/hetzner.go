package dnspub

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// hetzner is the DNS part of the Hetzner Cloud API, version 1. It changes one
// set at a time.
type hetzner struct {
	*api
	takesAll
}

// hetznerPause is how long is waited between looks at a change under way, and
// hetznerLooks how often it is looked at.
const (
	hetznerPause = 500 * time.Millisecond
	hetznerLooks = 20
)

func hetznerProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "hetzner", Title: "Hetzner",
		Fields: []dnsplan.ProviderField{secret("api_token", "API token", "")},
		Scope:  "Make an API token with Read & Write in the Hetzner Console, in the project that has the zone, under Security, API tokens. It may change everything in that project: keep zones in one of their own.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://api.hetzner.cloud/v1")
		a.sign = func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+credentials["api_token"]) }
		a.words = hetznerWords
		return &hetzner{api: a}, nil
	}}
}

type hetznerSet struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	TTL        *int           `json:"ttl"` // null: the zone's
	Records    []hetznerValue `json:"records"`
	Protection struct {
		Change bool `json:"change"`
	} `json:"protection,omitzero"`
}

type hetznerValue struct {
	Value   string `json:"value"`
	Comment string `json:"comment,omitempty"`
}

// hetznerAction is a change that may still be under way.
type hetznerAction struct {
	Action struct {
		ID     int64  `json:"id"`
		Status string `json:"status"` // running, success, error
		Error  struct {
			Message string `json:"message"`
		} `json:"error"`
	} `json:"action"`
}

func (c *hetzner) atomic() bool { return false }

func (c *hetzner) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

func (c *hetzner) zones(ctx context.Context) ([]string, error) {
	var names []string
	for page := 1; page <= maxPages; page++ {
		var got struct {
			hetznerPages
			Zones []struct {
				Name string `json:"name"`
			} `json:"zones"`
		}
		r := request{method: http.MethodGet, path: "/zones", query: c.page(page), subject: "its zones"}
		if _, err := c.json(ctx, r, nil, &got); err != nil {
			return nil, err
		}
		for _, z := range got.Zones {
			names = append(names, canonicalName(z.Name))
		}
		if page >= got.Meta.Pagination.LastPage {
			break
		}
	}
	return names, nil
}

func (c *hetzner) page(n int) url.Values {
	return url.Values{"page": {strconv.Itoa(n)}, "per_page": {strconv.Itoa(c.options.page(50))}}
}

// path is where a zone's sets are; zones go by their names.
func (c *hetzner) path(zone string) string { return "/zones/" + url.PathEscape(zone) + "/rrsets" }

func (c *hetzner) list(ctx context.Context, zone string) ([]hetznerSet, error) {
	var all []hetznerSet
	for page := 1; page <= maxPages; page++ {
		var got struct {
			hetznerPages
			Sets []hetznerSet `json:"rrsets"`
		}
		r := request{method: http.MethodGet, path: c.path(zone), query: c.page(page), subject: "the zone " + zone}
		if _, err := c.json(ctx, r, nil, &got); err != nil {
			return nil, err
		}
		all = append(all, got.Sets...)
		if page >= got.Meta.Pagination.LastPage {
			break
		}
	}
	return all, nil
}

func (s hetznerSet) key(zone string) key { return key{absolute(s.Name, zone), s.Type} }

// value is a record's data in our form; hosts are relative to the zone as in
// a zone file.
func (v hetznerValue) value(kind, zone string) string {
	return hetznerRecord{Type: kind, Value: v.Value}.data(zone)
}

func (c *hetzner) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	there, err := c.list(ctx, zone)
	var sets []rrset
	for _, s := range there {
		for _, v := range s.Records {
			sets = add(sets, s.key(zone), number(s.TTL), v.value(s.Type, zone))
		}
	}
	return sets, err
}

func (c *hetzner) write(ctx context.Context, zone string, sets []rrset) error {
	there, err := c.list(ctx, zone)
	if err != nil {
		return err
	}
	for _, s := range sets {
		var old *hetznerSet
		if i := slices.IndexFunc(there, func(o hetznerSet) bool { return o.key(zone) == s.key }); i >= 0 {
			old = &there[i]
		}
		if err := c.writeSet(ctx, zone, s, old); err != nil {
			return err
		}
	}
	return nil
}

// writeSet creates, replaces or deletes a set. Values that stay keep their
// comments.
func (c *hetzner) writeSet(ctx context.Context, zone string, s rrset, old *hetznerSet) error {
	next := hetznerSet{Name: relative(s.name, zone), Type: s.kind, TTL: s.hetznerTTL()}
	for _, v := range s.values {
		next.Records = append(next.Records, hetznerValueOf(s.kind, zone, v, old))
	}
	r := request{method: http.MethodPost, path: c.path(zone), subject: "the zone " + zone}
	one := r.path + "/" + url.PathEscape(next.Name) + "/" + s.kind
	switch {
	case old == nil && len(next.Records) == 0:
		return nil
	case old == nil:
		return c.act(ctx, r, next)
	case old.Protection.Change:
		return gomail.Errorf(gomail.Exists, "the %s of %s is protected against changes at Hetzner: lift that there first", s.kind, s.name)
	case len(next.Records) == 0:
		r.method, r.path = http.MethodDelete, one
		return c.act(ctx, r, nil)
	}
	if !slices.Equal(old.Records, next.Records) {
		r.path = one + "/actions/set_records"
		if err := c.act(ctx, r, map[string]any{"records": next.Records}); err != nil {
			return err
		}
	}
	if number(old.TTL) != s.ttl {
		r.path = one + "/actions/change_ttl"
		return c.act(ctx, r, map[string]any{"ttl": next.TTL})
	}
	return nil
}

// hetznerValueOf is a value as Hetzner has it: as it is there, or as it is to
// be written.
func hetznerValueOf(kind, zone, value string, old *hetznerSet) hetznerValue {
	if old != nil {
		for _, v := range old.Records {
			if sameValue(kind, v.value(kind, zone), value) {
				return v
			}
		}
	}
	if kind == "TXT" {
		value = quoteText(value, decimal)
	}
	return hetznerValue{Value: value}
}

// act asks for a change and waits until it was made.
func (c *hetzner) act(ctx context.Context, r request, in any) error {
	var got hetznerAction
	if _, err := c.json(ctx, r, in, &got); err != nil {
		return err
	}
	for look := 0; got.Action.Status == "running"; look++ {
		if look == hetznerLooks {
			return gomail.Errorf(gomail.Unavailable, "Hetzner took a change of %s and has not made it yet: it is looked at again later", r.subject)
		}
		if err := c.options.Wait(ctx, hetznerPause); err != nil {
			return err
		}
		path := "/actions/" + strconv.FormatInt(got.Action.ID, 10)
		if _, err := c.json(ctx, request{method: http.MethodGet, path: path, subject: r.subject}, nil, &got); err != nil {
			return err
		}
	}
	if got.Action.Status == "error" {
		return gomail.Errorf(gomail.Unavailable, "Hetzner could not make a change of %s. It says: %s", r.subject, c.hide(got.Action.Error.Message))
	}
	return nil
}
