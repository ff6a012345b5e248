package dnspub

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"gomail"
)

// fakeHetzner keeps one zone as the documentation of the Hetzner Cloud API
// describes it. Changes are made at the second look.
type fakeHetzner struct {
	*fake
	sets    []hetznerSet
	waiting func()
	looks   int
}

func newFakeHetzner(t *testing.T) *fakeHetzner {
	c := &fakeHetzner{}
	c.fake = newFake(t, c.serve)
	c.sets = []hetznerSet{{Name: "@", Type: "NS", Records: []hetznerValue{{Value: "hydrogen.ns.hetzner.com."}}}}
	return c
}

func (c *fakeHetzner) refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func (c *fakeHetzner) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer hc-secret" {
		c.refuse(w, 401, "unauthorized", "the token you have provided is invalid")
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/zones":
		answer(w, 200, map[string]any{"zones": []map[string]string{{"name": "example.com"}}, "meta": hetznerMeta(1, 1)})
	case path[0] == "actions":
		c.looks++
		if c.looks < 2 {
			c.action(w, "running")
			return
		}
		c.waiting()
		c.action(w, "success")
	case len(path) < 3 || path[1] != "example.com":
		c.refuse(w, 404, "not_found", "zone not found")
	case len(path) == 3 && r.Method == http.MethodGet:
		part, page, pages := page(r, c.sets)
		answer(w, 200, map[string]any{"rrsets": part, "meta": hetznerMeta(page, pages)})
	default:
		c.change(w, r, path[3:])
	}
}

func (c *fakeHetzner) action(w http.ResponseWriter, status string) {
	answer(w, 201, map[string]any{"action": map[string]any{"id": 7, "status": status}})
}

func (c *fakeHetzner) change(w http.ResponseWriter, r *http.Request, path []string) {
	var s hetznerSet
	if r.Method != http.MethodDelete && !take(r, &s) {
		c.refuse(w, 422, "invalid_input", "invalid input")
		return
	}
	create := len(path) == 0
	if !create {
		s.Name, s.Type = path[0], path[1]
	}
	for _, v := range s.Records {
		if err := presentable("x.example.com", s.Type, 60, v.Value); err != nil {
			c.refuse(w, 422, "invalid_input", err.Error())
			return
		}
	}
	i := slices.IndexFunc(c.sets, func(o hetznerSet) bool { return o.Name == s.Name && o.Type == s.Type })
	if create == (i >= 0) {
		c.refuse(w, map[bool]int{true: 409, false: 404}[create], "uniqueness_error", "the set is there already, or is not")
		return
	}
	c.looks, c.waiting = 0, func() {
		switch {
		case create:
			c.sets = append(c.sets, s)
		case r.Method == http.MethodDelete:
			c.sets = slices.Delete(c.sets, i, i+1)
		case path[3] == "set_records":
			c.sets[i].Records = s.Records
		case path[3] == "change_ttl":
			c.sets[i].TTL = s.TTL
		}
	}
	c.action(w, "running")
}

func TestHetzner(t *testing.T) {
	testProvider(t, newFakeHetzner(t).client("hetzner"), traits{})
}

// Comments stay with their values, the zone's TTL with its set, and what is
// protected is left alone.
func TestHetznerKeepsWhatIsNotOurs(t *testing.T) {
	c := newFakeHetzner(t)
	c.sets = append(c.sets, hetznerSet{Name: "@", Type: "TXT", Records: []hetznerValue{{`"site=1"`, "of the shop"}}}, hetznerSet{Name: "@", Type: "MX", Records: []hetznerValue{{Value: "10 mail"}}})
	p := provided{t, c.client("hetzner"), traits{}}
	p.holds("@", "MX", "10 mail.example.com.")
	if _, err := p.Provider.(*client).replace(t.Context(), "example.com", []rrset{{key{"example.com", "TXT"}, 0, []string{"site=1", "v=spf1 mx ~all"}}}); err != nil {
		t.Fatal(err)
	}
	if s := c.sets[1]; s.TTL != nil || !slices.Contains(s.Records, hetznerValue{`"site=1"`, "of the shop"}) || len(s.Records) != 2 {
		t.Errorf("the set is %+v", s)
	}
	c.sets[1].Protection.Change = true
	_, err := p.SetRecords(t.Context(), "example.com.", []rrset{{key{"example.com", "TXT"}, 60, []string{"x"}}}[0].records("example.com"))
	if gomail.KindOf(err) != gomail.Exists {
		t.Errorf("a set that is protected: %v", err)
	}
}

// A change that Hetzner took and could not make is told.
func TestHetznerActionFails(t *testing.T) {
	c := newFakeHetzner(t)
	p := c.client("hetzner")
	c.fail(nil, nil, status(200, `{"action":{"id":7,"status":"error","error":{"code":"action_failed","message":"no"}}}`))
	_, err := p.SetRecords(t.Context(), "example.com.", []rrset{{key{"x.example.com", "TXT"}, 60, []string{"x"}}}[0].records("example.com"))
	if gomail.KindOf(err) != gomail.Unavailable || !strings.Contains(err.Error(), "no") {
		t.Errorf("%v", err)
	}
}
