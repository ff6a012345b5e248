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
	"sync"

	"gomail"
	"gomail/dnsplan"
)

// cloudflare is Cloudflare's client API, version 4.
type cloudflare struct {
	*api
	takesAll
	ids zoneIDs
}

// cloudflareBatch is how many records one batch may hold on every plan.
const cloudflareBatch = 200

func cloudflareProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "cloudflare", Title: "Cloudflare",
		Fields: []dnsplan.ProviderField{secret("api_token", "API token", "")},
		Scope:  "Make an API token under My Profile, API Tokens, with the permissions Zone – Zone – Read and Zone – DNS – Edit, and under Zone Resources include this one zone only.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://api.cloudflare.com/client/v4")
		a.sign = func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+credentials["api_token"]) }
		a.words = cloudflareWords
		return &cloudflare{api: a}, nil
	}}
}

// zoneIDs remembers by which identities zones go at a provider.
type zoneIDs struct {
	mu  sync.Mutex
	ids map[string]string
}

// of returns a zone's identity, asking for it once.
func (z *zoneIDs) of(zone string, ask func() (string, error)) (string, error) {
	z.mu.Lock()
	id, known := z.ids[zone]
	z.mu.Unlock()
	if known {
		return id, nil
	}
	id, err := ask()
	if err != nil {
		return "", err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.ids == nil {
		z.ids = map[string]string{}
	}
	z.ids[zone] = id
	return id, nil
}

type cloudflareReply[T any] struct {
	Result T `json:"result"`
	Info   struct {
		Page       int `json:"page"`
		TotalPages int `json:"total_pages"`
	} `json:"result_info"`
}

type cloudflareZone struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func cloudflareWords(body []byte) string {
	var e struct {
		Errors []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	var all []string
	for _, one := range e.Errors {
		all = append(all, fmt.Sprintf("%s (%d)", one.Message, one.Code))
	}
	return strings.Join(all, "; ")
}

func (c *cloudflare) atomic() bool { return true }

func (c *cloudflare) test(ctx context.Context) error {
	zones, err := c.zones(ctx)
	if err == nil && len(zones) == 0 {
		return gomail.Errorf(gomail.Forbidden, "The API token is valid but reaches no zone at Cloudflare: make another. %s", c.info.Scope)
	}
	return err
}

func (c *cloudflare) zones(ctx context.Context) ([]string, error) {
	var names []string
	for page := 1; page <= maxPages; page++ {
		var got cloudflareReply[[]cloudflareZone]
		query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(c.options.page(50))}}
		if _, err := c.json(ctx, request{method: http.MethodGet, path: "/zones", query: query, subject: "its zones"}, nil, &got); err != nil {
			return nil, err
		}
		for _, z := range got.Result {
			names = append(names, canonicalName(z.Name))
		}
		if page >= got.Info.TotalPages {
			break
		}
	}
	return names, nil
}

// zoneID asks for a zone by its name.
func (c *cloudflare) zoneID(ctx context.Context, zone string) (string, error) {
	return c.ids.of(zone, func() (string, error) {
		var got cloudflareReply[[]cloudflareZone]
		r := request{method: http.MethodGet, path: "/zones", query: url.Values{"name": {zone}}, subject: "the zone " + zone}
		if _, err := c.json(ctx, r, nil, &got); err != nil {
			return "", err
		}
		for _, z := range got.Result {
			if canonicalName(z.Name) == zone {
				return z.ID, nil
			}
		}
		return "", gomail.Errorf(gomail.NotFound, "Cloudflare does not have the zone %s, or the API token does not reach it. %s", zone, c.info.Scope)
	})
}

func (c *cloudflare) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	records, err := c.list(ctx, zone)
	var sets []rrset
	for _, r := range records {
		sets = add(sets, key{canonicalName(r.Name), r.Type}, r.TTL, r.value())
		if r.Proxied != nil && *r.Proxied {
			sets = add(sets, key{canonicalName(r.Name), proxiedKind}, r.TTL, r.Type)
		}
	}
	return sets, err
}

func (c *cloudflare) list(ctx context.Context, zone string) ([]cloudflareRecord, error) {
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return nil, err
	}
	var all []cloudflareRecord
	for page := 1; page <= maxPages; page++ {
		var got cloudflareReply[[]cloudflareRecord]
		r := request{
			method: http.MethodGet, path: "/zones/" + url.PathEscape(id) + "/dns_records", subject: "the zone " + zone,
			query: url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(c.options.page(500))}},
		}
		if _, err := c.json(ctx, r, nil, &got); err != nil {
			return nil, err
		}
		all = append(all, got.Result...)
		if page >= got.Info.TotalPages {
			break
		}
	}
	return all, nil
}

type cloudflareChanges struct {
	Deletes []cloudflareRecord `json:"deletes,omitempty"`
	Patches []cloudflareRecord `json:"patches,omitempty"`
	Posts   []cloudflareRecord `json:"posts,omitempty"`
}

func (c cloudflareChanges) size() int { return len(c.Deletes) + len(c.Patches) + len(c.Posts) }

func (c cloudflareChanges) plus(d cloudflareChanges) cloudflareChanges {
	return cloudflareChanges{slices.Concat(c.Deletes, d.Deletes), slices.Concat(c.Patches, d.Patches), slices.Concat(c.Posts, d.Posts)}
}

// write sends batches, each of which Cloudflare does as one transaction.
// Records that stay are not touched: their comments and tags are their
// owner's.
func (c *cloudflare) write(ctx context.Context, zone string, sets []rrset) error {
	there, err := c.list(ctx, zone)
	if err != nil {
		return err
	}
	var batch cloudflareChanges
	for _, s := range sets {
		ch := cloudflareDiff(s, there)
		if batch.size() > 0 && batch.size()+ch.size() > cloudflareBatch {
			if err := c.send(ctx, zone, batch); err != nil {
				return err
			}
			batch = cloudflareChanges{}
		}
		batch = batch.plus(ch)
	}
	if batch.size() == 0 {
		return nil
	}
	return c.send(ctx, zone, batch)
}

func (c *cloudflare) send(ctx context.Context, zone string, batch cloudflareChanges) error {
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return err
	}
	r := request{method: http.MethodPost, path: "/zones/" + url.PathEscape(id) + "/dns_records/batch", subject: "the zone " + zone}
	_, err = c.json(ctx, r, batch, nil)
	return err
}

// cloudflareDiff returns what makes a set what it should be.
func cloudflareDiff(s rrset, there []cloudflareRecord) (ch cloudflareChanges) {
	var have rrset
	have.kind = s.kind
	for _, r := range there {
		if canonicalName(r.Name) != s.name || r.Type != s.kind {
			continue
		}
		switch {
		case !s.has(r.value()) || have.has(r.value()):
			ch.Deletes = append(ch.Deletes, cloudflareRecord{ID: r.ID})
			continue
		case r.Proxied != nil && *r.Proxied:
			ch.Patches = append(ch.Patches, cloudflareRecord{ID: r.ID, TTL: s.ttl, Proxied: new(false)})
		case r.TTL != s.ttl:
			ch.Patches = append(ch.Patches, cloudflareRecord{ID: r.ID, TTL: s.ttl})
		}
		have.values = append(have.values, r.value())
	}
	for _, v := range s.values {
		if !have.has(v) {
			ch.Posts = append(ch.Posts, cloudflareFrom(s, v))
		}
	}
	return ch
}
