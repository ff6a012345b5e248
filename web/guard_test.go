package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"gomail"
	"gomail/accounts"
	"gomail/web/api"
)

// change is a request that could change something.
type change struct{ method, path string }

// everyChange lists them all: the site's own routes, and the operations of the
// admin API as its own description names them, so that a new one cannot be
// forgotten here.
func everyChange(s *site) []change {
	s.Helper()
	var all []change
	for _, r := range s.server.routes() {
		if method, path, ok := strings.Cut(r.pattern, " "); ok && method != http.MethodGet && path != unsubscribePath { // see TestUnsubscribe
			all = append(all, change{method, path})
		}
	}
	w := httptest.NewRecorder()
	api.New(s.server.config.API).ServeHTTP(w, httptest.NewRequest("GET", api.Path+"/openapi.json", nil))
	var description struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &description); err != nil {
		s.Fatal(err)
	}
	for path, operations := range description.Paths {
		for method := range operations {
			if method != "get" {
				all = append(all, change{strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path)})
			}
		}
	}
	if len(all) < 10 {
		s.Fatalf("only %d requests that change something were found: %v", len(all), all)
	}
	return all
}

// Another site cannot make a signed-in administrator's browser send anything.
func TestEveryChangeIsRefusedFromElsewhere(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	for _, c := range everyChange(s) {
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			if answer, text := s.do(admin, c.method, c.path, "{}", from...); answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "came from another site") {
				t.Errorf("%s %s with %v: %s", c.method, c.path, from, answer.Status)
			}
		}
	}
	if answer, _ := s.do(admin, "GET", "/admin/", "", "Sec-Fetch-Site", "cross-site"); answer.StatusCode != http.StatusOK {
		t.Errorf("following a link from elsewhere: %s", answer.Status)
	}
}

// Without a session every change is refused; signing in needs none, and
// signing out or a second step without one leads to sign-in.
func TestEveryChangeNeedsASession(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	for _, change := range everyChange(s) {
		answer, text := s.do(c, change.method, change.path, "{}", "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		switch {
		case strings.HasPrefix(change.path, "/signin/passkey"): // on an address, which is no name for one
			if answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) > 0 {
				t.Errorf("%s: %s", change.path, answer.Status)
			}
		case change.path == "/signout", change.path == "/signin/second":
			if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/signin" {
				t.Errorf("%s: %s", change.path, answer.Status)
			}
		case answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "":
			t.Errorf("%s %s: %s", change.method, change.path, answer.Status)
		case change.path != "/signin" && !strings.Contains(text, `"status":401`):
			t.Errorf("%s %s: %s", change.method, change.path, text)
		}
	}
	for _, path := range []string{"/admin/", "/admin/domains/example.com", "/admin/domains/example.com/zone", "/admin/nothing"} {
		if answer, _ := s.do(c, "GET", path, "", "Cookie", cookieName+"="+strings.Repeat("x", 43)); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%s with a made-up token: %s", path, answer.Status)
		}
	}
}

// A session for another audience opens nothing here, nor does one whose
// account is no longer an administrator.
func TestOtherSessionsOpenNothing(t *testing.T) {
	s := newSite(t)
	people := s.server.config.API.Accounts
	for _, name := range []string{"admin@example.com", "anna@example.com"} {
		entry, err := people.SignIn(t.Context(), accounts.Attempt{Username: name, Password: password}, "mail")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/api/v1/domains", "/api/v1/events", "/api/v1/openapi.json"} {
			if answer, _ := s.do(s.browser(), "GET", path, "", "Cookie", cookieName+"="+entry.Token); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s's session for mail at %s: %s", name, path, answer.Status)
			}
		}
	}
	admin := s.admin()
	account, err := people.Find(t.Context(), gomail.Address{Local: "admin", Domain: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	account.Role = gomail.RoleUser
	if err := people.Update(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if answer, _ := s.do(admin, "GET", "/api/v1/domains", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("after losing the role: %s", answer.Status)
	}
}

// The session that a browser had before ends on the server when it signs in
// again, and the last one when it signs out.
func TestSessionsEnd(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	first, _ := s.signIn(c, "admin@example.com", password, "")
	second, _ := s.signIn(c, "admin@example.com", password, "")
	s.do(c, "POST", "/signout", "")
	for i, answer := range []*http.Response{first, second} {
		if _, err := s.server.config.API.Accounts.SignedIn(t.Context(), answer.Cookies()[0].Value, audience); gomail.KindOf(err) != gomail.Unauthenticated {
			t.Errorf("session %d still opens: %v", i+1, err)
		}
	}
}

// What a refused sign-in shows: the same for unknown people and wrong
// passwords, the address again but never the password, and how long to wait.
func TestRefusedSignIn(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	_, wrong := s.signIn(c, "admin@example.com", "not the secret", "")
	_, unknown := s.signIn(c, "nobody@example.net", "not the secret", "")
	if strings.ReplaceAll(unknown, "nobody@example.net", "admin@example.com") != wrong || strings.Contains(wrong, "not the secret") {
		t.Errorf("the pages tell who exists, or show the password:\n%s\n%s", wrong, unknown)
	}
	if _, text := s.signIn(c, `"><script>alert(1)</script>`, "x", ""); strings.Contains(text, "<script>alert") {
		t.Error("the page holds what was typed as markup")
	}
	if answer, _ := s.signIn(c, strings.Repeat("a", maxForm), "x", ""); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a form that is too large: %s", answer.Status)
	}
	for range 20 {
		s.signIn(c, "admin@example.com", "not the secret", "")
	}
	answer, text := s.signIn(c, "admin@example.com", "not the secret", "")
	if answer.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, "Too many failed sign-ins: try again in ") {
		t.Errorf("too many: %s\n%s", answer.Status, text)
	}
}

// An IPv4 client of a listener for both families is what its IPv4 address
// says.
func TestRemoteIsUnmapped(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "[::ffff:192.0.2.1]:4711"
	if got := remote(r); got != netip.MustParseAddr("192.0.2.1") {
		t.Error(got)
	}
}
