package dnspub

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fakeCloudflare keeps one zone as Cloudflare's documentation describes it.
type fakeCloudflare struct {
	*fake
	records []cloudflareRecord
	next    int
}

func newFakeCloudflare(t *testing.T) *fakeCloudflare {
	c := &fakeCloudflare{}
	c.fake = newFake(t, c.serve)
	c.put(cloudflareRecord{Type: "NS", Name: "example.com", Content: "ada.ns.cloudflare.com", TTL: 86400})
	return c
}

func (c *fakeCloudflare) put(r cloudflareRecord) {
	c.next++
	r.ID = fmt.Sprint("id", c.next)
	c.records = append(c.records, r)
}

func (c *fakeCloudflare) refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"success": false, "result": nil, "messages": []any{}, "errors": []any{map[string]any{"code": code, "message": message}}})
}

// page cuts a list as the query asks.
func page[T any](r *http.Request, all []T) (part []T, page, pages int) {
	page, _ = strconv.Atoi(r.URL.Query().Get("page"))
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, size = max(page, 1), max(size, 5)
	pages = (len(all) + size - 1) / size
	from := min((page-1)*size, len(all))
	return all[from:min(from+size, len(all))], page, pages
}

func (c *fakeCloudflare) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer cf-secret-token" {
		c.refuse(w, http.StatusForbidden, 9109, "Invalid access token")
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /zones":
		zones := []cloudflareZone{{ID: "z1", Name: "example.com"}}
		for i := range 12 {
			zones = append(zones, cloudflareZone{ID: fmt.Sprint("x", i), Name: fmt.Sprintf("x%d.example", i)})
		}
		slices.Reverse(zones)
		zones = slices.DeleteFunc(zones, func(z cloudflareZone) bool {
			name := r.URL.Query().Get("name")
			return name != "" && z.Name != name
		})
		part, page, pages := page(r, zones)
		answer(w, 200, map[string]any{"success": true, "result": part, "result_info": map[string]int{"page": page, "total_pages": pages}})
	case "GET /zones/z1/dns_records":
		part, page, pages := page(r, c.records)
		answer(w, 200, map[string]any{"success": true, "result": part, "result_info": map[string]int{"page": page, "total_pages": pages}})
	case "POST /zones/z1/dns_records/batch":
		var batch cloudflareChanges
		if !take(r, &batch) || batch.size() > cloudflareBatch {
			c.refuse(w, 400, 9207, "Request body is invalid.")
			return
		}
		before := slices.Clone(c.records)
		if err := c.apply(batch); err != nil {
			c.records = before
			c.refuse(w, 400, 9005, err.Error())
			return
		}
		answer(w, 200, map[string]any{"success": true, "result": map[string]any{}})
	default:
		c.refuse(w, 404, 7003, "Could not route to "+r.URL.Path)
	}
}

// apply does a batch in the documented order.
func (c *fakeCloudflare) apply(b cloudflareChanges) error {
	for _, d := range b.Deletes {
		i := slices.IndexFunc(c.records, func(r cloudflareRecord) bool { return r.ID == d.ID })
		if i < 0 {
			return fmt.Errorf("Record does not exist.")
		}
		c.records = slices.Delete(c.records, i, i+1)
	}
	for _, p := range b.Patches {
		for i := range c.records {
			if c.records[i].ID == p.ID {
				c.records[i].TTL = p.TTL
				if p.Proxied != nil {
					c.records[i].Proxied = p.Proxied
				}
			}
		}
	}
	for _, r := range b.Posts {
		if err := c.check(&r); err != nil {
			return err
		}
		c.put(r)
	}
	return nil
}

// check refuses what Cloudflare would, and fills in what it derives.
func (c *fakeCloudflare) check(r *cloudflareRecord) error {
	for _, o := range c.records {
		if o.Name == r.Name && (o.Type == "CNAME") != (r.Type == "CNAME") && r.Type != "NS" {
			return fmt.Errorf("An A, AAAA, or CNAME record with that host already exists.")
		}
	}
	switch d := r.Data; r.Type {
	case "SRV":
		r.Content, r.Priority = fmt.Sprintf("%d %d %s", *d.Weight, *d.Port, d.Target), d.Priority
		return nil
	case "CAA":
		r.Content = fmt.Sprintf("%d %s %q", *d.Flags, d.Tag, d.Value)
		return presentable(r.Name, r.Type, r.TTL, r.Content)
	case "TLSA":
		r.Content = fmt.Sprintf("%d %d %d %s", *d.Usage, *d.Selector, *d.MatchingType, strings.ToUpper(d.Certificate))
		return presentable(r.Name, r.Type, r.TTL, r.Content)
	case "MX":
		if r.Priority == nil || strings.HasSuffix(r.Content, ".") && r.Content != "." {
			return fmt.Errorf("priority is required")
		}
		return nil
	}
	return presentable(r.Name, r.Type, r.TTL, r.Content)
}

func TestCloudflare(t *testing.T) {
	c := newFakeCloudflare(t)
	testProvider(t, c.client("cloudflare"), traits{})
}

// A record that was made by hand keeps what its owner gave it; one that went
// through the proxy does so no longer once it is ours.
func TestCloudflareTouchesOnlyWhatChanges(t *testing.T) {
	c := newFakeCloudflare(t)
	c.put(cloudflareRecord{Type: "TXT", Name: "example.com", Content: "unquoted, by hand", TTL: 1})
	c.put(cloudflareRecord{Type: "A", Name: "mail.example.com", Content: "192.0.2.1", TTL: 1, Proxied: new(true)})
	p := provided{t, c.client("cloudflare"), traits{}}
	p.holds("@", "TXT", "unquoted, by hand")
	old := c.records[1]
	p.ok(p.SetRecords(t.Context(), "example.com.", setFrom("example.com", "TXT", 1, nil).records("example.com")))
	s := rrset{key{"example.com", "TXT"}, 1, []string{"unquoted, by hand", "v=spf1 mx ~all"}}
	p.ok(p.SetRecords(t.Context(), "example.com.", s.records("example.com")))
	if !slices.Contains(c.records, old) {
		t.Errorf("the record was written anew: %+v", c.records)
	}
	p.ok(p.SetRecords(t.Context(), "example.com.", rrset{key{"mail.example.com", "A"}, 1, []string{"192.0.2.1"}}.records("example.com")))
	for _, r := range c.records {
		if r.Type == "A" && *r.Proxied {
			t.Error("mail still goes through the proxy")
		}
	}
}

func TestCloudflareWithoutZones(t *testing.T) {
	c := newFakeCloudflare(t)
	c.fail(status(200, `{"success":true,"result":[],"result_info":{"page":1,"total_pages":0}}`))
	err := c.client("cloudflare").(*client).test(t.Context())
	if err == nil || !strings.Contains(err.Error(), "DNS – Edit") {
		t.Errorf("a token without any zone: %v", err)
	}
}
