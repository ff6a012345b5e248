package dnspub

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomail"
)

// fakeDesec keeps one domain as deSEC's documentation describes it.
type fakeDesec struct {
	*fake
	sets []desecSet
}

func newFakeDesec(t *testing.T) *fakeDesec {
	c := &fakeDesec{sets: []desecSet{{"", "NS", 3600, []string{"ns1.desec.io.", "ns2.desec.org."}}}}
	c.fake = newFake(t, c.serve)
	return c
}

func (c *fakeDesec) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Token ds-secret" {
		answer(w, 401, map[string]string{"detail": "Invalid token."})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /domains/":
		answer(w, 200, []map[string]any{{"name": "example.com", "minimum_ttl": 3600}})
	case "GET /domains/example.com/":
		answer(w, 200, map[string]any{"name": "example.com", "minimum_ttl": 3600})
	case "GET /domains/example.com/rrsets/":
		c.list(w, r)
	case "PATCH /domains/example.com/rrsets/":
		c.patch(w, r)
	default:
		answer(w, 404, map[string]string{"detail": "Not found."})
	}
}

// list gives out pages of seven, by a cursor.
func (c *fakeDesec) list(w http.ResponseWriter, r *http.Request) {
	const size = 7
	from, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("cursor"), "c="))
	from = min(from, len(c.sets))
	if next := from + size; next < len(c.sets) {
		w.Header().Set("Link", fmt.Sprintf(`<https://desec.io/api/v1/?cursor=>; rel="first", <https://elsewhere.example/?cursor=c%%3D%d>; rel="next"`, next))
	}
	answer(w, 200, c.sets[from:min(from+size, len(c.sets))])
}

func (c *fakeDesec) patch(w http.ResponseWriter, r *http.Request) {
	var changes []desecSet
	if !take(r, &changes) {
		answer(w, 400, map[string]string{"detail": "JSON parse error"})
		return
	}
	next := slices.Clone(c.sets)
	errs, bad := make([]map[string]any, len(changes)), false
	for i, ch := range changes {
		errs[i] = map[string]any{}
		if ch.TTL < 3600 {
			errs[i]["ttl"], bad = []string{"Ensure this value is greater than or equal to 3600."}, true
		}
		for _, v := range ch.Records {
			if err := presentable(strings.TrimPrefix(ch.Subname+".example.com", "."), ch.Type, ch.TTL, v); err != nil {
				errs[i]["records"], bad = []string{err.Error()}, true
			}
		}
		next = slices.DeleteFunc(next, func(s desecSet) bool { return s.Subname == ch.Subname && s.Type == ch.Type })
		if len(ch.Records) > 0 {
			next = append(next, ch)
		}
	}
	if bad {
		answer(w, 400, errs)
		return
	}
	c.sets = next
	answer(w, 200, changes)
}

func TestDesec(t *testing.T) {
	testProvider(t, newFakeDesec(t).client("desec"), traits{leastTTL: 3600})
}

// One bad set of a batch: nothing is written, and the refusal says why.
func TestDesecRefusal(t *testing.T) {
	c := newFakeDesec(t)
	p := provided{t, c.client("desec"), traits{}}
	_, err := p.SetRecords(t.Context(), "example.com.", append([]rrset{{key{"ok.example.com", "TXT"}, 3600, []string{"fine"}}}[0].records("example.com"), rr("bad", "A", "not an address")))
	if gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("the refusal: %v", err)
	}
	p.holds("ok", "TXT")
}

func FuzzNextCursor(f *testing.F) {
	f.Add(`<https://desec.io/api/v1/domains/?cursor=abc>; rel="next"`)
	f.Add(`<:>; rel="next", <x`)
	f.Fuzz(func(t *testing.T, link string) {
		if cursor := nextCursor(link); cursor != "" && !strings.Contains(link, "cursor") && !strings.Contains(link, "%") {
			t.Errorf("%q led to %q", link, cursor)
		}
	})
}
