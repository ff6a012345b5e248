package dnspub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// fakeHetznerDNS keeps one zone as the documentation of the DNS Console describes
// it.
type fakeHetznerDNS struct {
	*fake
	records []hetznerRecord
	next    int
}

func newFakeHetznerDNS(t *testing.T) *fakeHetznerDNS {
	c := &fakeHetznerDNS{}
	c.fake = newFake(t, c.serve)
	c.put(hetznerRecord{Type: "NS", ZoneID: "z1", Name: "@", Value: "hydrogen.ns.hetzner.com."})
	return c
}

func (c *fakeHetznerDNS) put(r hetznerRecord) hetznerRecord {
	c.next++
	r.ID = fmt.Sprint("r", c.next)
	c.records = append(c.records, r)
	return r
}

func hetznerMeta(page, pages int) map[string]any {
	return map[string]any{"pagination": map[string]int{"page": page, "last_page": pages}}
}

func (c *fakeHetznerDNS) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Auth-API-Token") != "hz-secret" {
		answer(w, 401, map[string]string{"message": "Invalid authentication credentials"})
		return
	}
	id := strings.TrimPrefix(r.URL.Path, "/records/")
	switch {
	case r.URL.Path == "/zones":
		if name := r.URL.Query().Get("name"); name != "" && name != "example.com" {
			answer(w, 404, map[string]any{"error": map[string]any{"message": "zone not found", "code": 404}})
			return
		}
		answer(w, 200, map[string]any{"zones": []map[string]string{{"id": "z1", "name": "example.com"}}, "meta": hetznerMeta(1, 1)})
	case r.URL.Path == "/records" && r.Method == http.MethodGet:
		part, page, pages := page(r, c.records)
		answer(w, 200, map[string]any{"records": part, "meta": hetznerMeta(page, pages)})
	case r.URL.Path == "/records" && r.Method == http.MethodPost:
		c.write(w, r, "")
	case r.Method == http.MethodPut && c.index(id) >= 0:
		c.write(w, r, id)
	case r.Method == http.MethodDelete && c.index(id) >= 0:
		c.records = slices.Delete(c.records, c.index(id), c.index(id)+1)
		answer(w, 200, map[string]any{})
	default:
		answer(w, 404, map[string]any{"error": map[string]any{"message": "record not found", "code": 404}})
	}
}

func (c *fakeHetznerDNS) index(id string) int {
	return slices.IndexFunc(c.records, func(r hetznerRecord) bool { return r.ID == id })
}

func (c *fakeHetznerDNS) write(w http.ResponseWriter, r *http.Request, id string) {
	var record hetznerRecord
	if !take(r, &record) || record.ZoneID != "z1" || record.TTL == nil || strings.HasSuffix(record.Name, ".") {
		answer(w, 422, map[string]any{"error": map[string]any{"message": "invalid record", "code": 422}})
		return
	}
	value := record.Value
	if record.Type == "CAA" && strings.Contains(value, "; ") {
		value = "spaces"
	}
	if err := presentable("x.example.com", record.Type, *record.TTL, value); err != nil {
		answer(w, 422, map[string]any{"error": map[string]any{"message": "422 Unprocessable Entity: " + err.Error(), "code": 422}})
		return
	}
	if id == "" {
		answer(w, 200, map[string]any{"record": c.put(record)})
		return
	}
	record.ID = id
	c.records[c.index(id)] = record
	answer(w, 200, map[string]any{"record": record})
}

func TestHetznerDNS(t *testing.T) {
	testProvider(t, newFakeHetznerDNS(t).client("hetzner-dns"), traits{})
}

// Values that were entered by hand: relative hosts, text without quotes, no
// TTL, and CAA parameters without spaces.
func TestHetznerDNSReadsWhatPeopleEnter(t *testing.T) {
	c := newFakeHetznerDNS(t)
	c.put(hetznerRecord{Type: "MX", ZoneID: "z1", Name: "@", Value: "10 mail"})
	c.put(hetznerRecord{Type: "TXT", ZoneID: "z1", Name: "@", Value: "v=spf1 mx ~all"})
	p := provided{t, c.client("hetzner-dns"), traits{}}
	p.holds("@", "MX", "10 mail.example.com.")
	p.holds("@", "TXT", "v=spf1 mx ~all")
	records := []rrset{{key{"example.com", "CAA"}, 3600, []string{`0 issue "letsencrypt.org; accounturi=https://ca.example/1"`}}}[0].records("example.com")
	p.ok(p.SetRecords(t.Context(), "example.com.", records))
	calls := len(c.calls)
	p.ok(p.SetRecords(t.Context(), "example.com.", records))
	if slices.ContainsFunc(c.calls[calls:], func(call string) bool { return !strings.HasPrefix(call, "GET") }) {
		t.Errorf("what was there already was written again: %v", c.calls[calls:])
	}
}

// It dies in the middle of a set: asked again, the client finishes.
func TestHetznerDNSDiesInTheMiddle(t *testing.T) {
	c := newFakeHetznerDNS(t)
	p := provided{t, c.client("hetzner-dns"), traits{}}
	p.ok(p.GetRecords(t.Context(), "example.com."))
	records := []rrset{{key{"x.example.com", "TXT"}, 3600, []string{"one", "two", "three"}}}[0].records("example.com")
	c.fail(nil, nil, status(502, "<html>Bad gateway</html>"))
	if _, err := p.SetRecords(t.Context(), "example.com.", records); err == nil {
		t.Fatal("the failure was not told")
	}
	p.holds("x", "TXT", "one")
	p.ok(p.SetRecords(t.Context(), "example.com.", records))
	p.holds("x", "TXT", "one", "two", "three")
}
