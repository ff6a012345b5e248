package dnspub

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fakeGodaddy keeps one domain as GoDaddy's documentation describes it.
// byPage says what it takes an offset for.
type fakeGodaddy struct {
	*fake
	records []godaddyRecord
	byPage  bool
}

func newFakeGodaddy(t *testing.T, byPage bool) *fakeGodaddy {
	c := &fakeGodaddy{byPage: byPage}
	c.fake = newFake(t, c.serve)
	c.records = []godaddyRecord{{Type: "NS", Name: "@", Data: "ns01.domaincontrol.com", TTL: 3600}}
	return c
}

func (c *fakeGodaddy) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "sso-key gd-key:gd-secret" {
		answer(w, 403, map[string]string{"code": "ACCESS_DENIED", "message": "Authenticated user is not allowed access"})
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v1/domains":
		domains := []map[string]string{{"domain": "example.com"}}
		if r.URL.Query().Get("marker") != "" {
			domains = nil
		}
		answer(w, 200, domains)
	case len(parts) < 4 || parts[2] != "example.com":
		answer(w, 404, map[string]string{"code": "UNKNOWN_DOMAIN", "message": "The given domain is not registered, or does not have a zone file"})
	case len(parts) == 4 && r.Method == http.MethodGet:
		c.list(w, r)
	case len(parts) == 6 && (r.Method == http.MethodPut || r.Method == http.MethodDelete):
		c.replace(w, r, parts[4], parts[5])
	default:
		answer(w, 404, map[string]string{"code": "NOT_FOUND"})
	}
}

func (c *fakeGodaddy) list(w http.ResponseWriter, r *http.Request) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	if c.byPage && offset > 0 {
		offset = (offset - 1) * limit
	}
	offset = min(offset, len(c.records))
	answer(w, 200, c.records[offset:min(offset+limit, len(c.records))])
}

func (c *fakeGodaddy) replace(w http.ResponseWriter, r *http.Request, kind, name string) {
	var records []godaddyRecord
	if r.Method == http.MethodPut {
		if !take(r, &records) || len(records) == 0 {
			answer(w, 422, map[string]any{"code": "INVALID_BODY", "message": "Request body doesn't fulfill schema"})
			return
		}
	}
	for i := range records {
		records[i].Type, records[i].Name = kind, name
		if why := godaddyRefuses(records[i]); why != "" {
			answer(w, 422, map[string]any{"code": "INVALID_BODY", "message": "Request body doesn't fulfill schema", "fields": []map[string]string{{"path": "records[0]." + why, "message": "is invalid"}}})
			return
		}
	}
	before := len(c.records)
	c.records = slices.DeleteFunc(c.records, func(o godaddyRecord) bool { return o.Type == kind && o.Name == name })
	if r.Method == http.MethodDelete && len(c.records) == before {
		answer(w, 404, map[string]string{"code": "NOT_FOUND", "message": "no such record"})
		return
	}
	c.records = append(c.records, records...)
	w.WriteHeader(map[string]int{http.MethodPut: 200, http.MethodDelete: 204}[r.Method])
}

func godaddyRefuses(r godaddyRecord) string {
	switch {
	case r.TTL < 600:
		return "ttl"
	case r.Type == "A" || r.Type == "AAAA":
		if _, err := netip.ParseAddr(r.Data); err != nil {
			return "data"
		}
	case r.Type == "MX" && r.Priority == nil:
		return "priority"
	case r.Type == "SRV" && (r.Service == "" || r.Protocol == "" || r.Port == nil || r.Weight == nil || r.Priority == nil || strings.HasPrefix(r.Name, "_")):
		return "service"
	case r.Type == "CAA" || r.Type == "TLSA":
		return "type"
	case r.Type != "TXT" && strings.HasSuffix(r.Data, ".") && r.Data != ".":
		return "data"
	}
	return ""
}

func TestGodaddy(t *testing.T) {
	for name, byPage := range map[string]bool{"OffsetCountsPages": true, "OffsetCountsRecords": false} {
		t.Run(name, func(t *testing.T) {
			testProvider(t, newFakeGodaddy(t, byPage).client("godaddy"), traits{without: []string{"CAA", "TLSA"}, textOnly: true, leastTTL: 600})
		})
	}
}

// Services of one name are replaced together: the others have to survive.
func TestGodaddyKeepsOtherServices(t *testing.T) {
	c := newFakeGodaddy(t, true)
	c.records = append(c.records, godaddyRecord{Type: "SRV", Name: "@", Service: "_sip", Protocol: "_tls", Data: "sip.example.net", TTL: 3600, Priority: new(1), Weight: new(2), Port: new(443)})
	p := provided{t, c.client("godaddy"), traits{}}
	p.ok(p.SetRecords(t.Context(), "example.com.", []rrset{{key{"_imaps._tcp.example.com", "SRV"}, 3600, []string{"0 1 993 mail.example.com."}}}[0].records("example.com")))
	p.holds("_sip._tls", "SRV", "1 2 443 sip.example.net.")
	p.holds("_imaps._tcp", "SRV", "0 1 993 mail.example.com.")
}
