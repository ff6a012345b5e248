package web

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"gomail"
	"gomail/accounts"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/queue"
	"gomail/store"
	"gomail/web/api"
)

// site is the site over a store with example.com, an administrator and a
// user.
type site struct {
	*testing.T
	server *Server
	http   *httptest.Server
	ready  error
}

const password = "a good password"

func newSite(t *testing.T) *site {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	d := domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com"})
	if _, err := d.Add(t.Context(), "example.com", domains.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	a := accounts.New(accounts.Config{Store: st, Cost: accounts.Cost{MemoryKiB: 64, Passes: 1}, Sealer: sealer, SaltSecret: []byte("salts"), Site: "mail.example.com"})
	for local, role := range map[string]gomail.Role{"admin": gomail.RoleAdmin, "anna": gomail.RoleUser} {
		if _, err := a.Add(t.Context(), accounts.NewAccount{Address: gomail.Address{Local: local, Domain: "example.com"}, Password: password, Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{T: t}
	s.server = New(Config{
		API: api.Config{
			Accounts: a, Domains: d, Queue: queue.New(queue.Config{Store: st}), Check: st.Check, Hostname: "mail.example.com", Version: "test",
			Settings: settings{}, Watcher: darkness{}, Publisher: darkness{}, Policies: darkness{}, Hub: api.NewHub(),
		},
		Ready: func(context.Context) error { return s.ready }, Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "counters") }),
	})
	s.http = httptest.NewTLSServer(s.server)
	t.Cleanup(func() { s.http.Close(); st.Close() })
	return s
}

// browser is a client with cookies that does not follow redirects.
func (s *site) browser() *http.Client {
	c := s.http.Client()
	jar, _ := cookiejar.New(nil)
	return &http.Client{Transport: c.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// do makes a request and returns the answer with its body.
func (s *site) do(c *http.Client, method, path, body string, header ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequest(method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer, string(text)
}

func (s *site) signIn(c *http.Client, address, password, next string) (*http.Response, string) {
	s.Helper()
	form := url.Values{"address": {address}, "password": {password}, "next": {next}}
	return s.do(c, "POST", "/signin", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

func (s *site) admin() *http.Client {
	s.Helper()
	c := s.browser()
	if answer, _ := s.signIn(c, "admin@example.com", password, ""); answer.StatusCode != http.StatusSeeOther {
		s.Fatalf("sign-in: %s", answer.Status)
	}
	return c
}

func TestSignIn(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	if answer, _ := s.do(c, "GET", "/admin/domains/example.com", ""); answer.Header.Get("Location") != "/signin?next=%2Fadmin%2Fdomains%2Fexample.com" {
		t.Errorf("a stranger is sent to %q", answer.Header.Get("Location"))
	}
	for _, test := range []struct {
		address, password string
		status            int
		says              string
	}{
		{"admin@example.com", "wrong password", 401, "wrong"},
		{"nobody@example.com", password, 401, "wrong"},
		{"anna@example.com", password, 403, "not an administrator"},
	} {
		if answer, text := s.signIn(c, test.address, test.password, ""); answer.StatusCode != test.status || !strings.Contains(text, test.says) || len(answer.Cookies()) != 0 {
			t.Errorf("%s with %s: %s", test.address, test.password, answer.Status)
		}
	}
	answer, _ := s.signIn(c, "admin@example.com", password, "/admin/domains/example.com")
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/admin/domains/example.com" {
		t.Fatalf("sign-in: %s to %s", answer.Status, answer.Header.Get("Location"))
	}
	cookie := answer.Cookies()[0]
	if cookie.Name != "__Host-gomail-admin" || !cookie.HttpOnly || !cookie.Secure || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", cookie)
	}
	if answer, _ := s.signIn(c, "admin@example.com", password, ""); answer.Cookies()[0].Value == cookie.Value {
		t.Error("signing in again keeps the token")
	}
	if answer, _ := s.do(c, "POST", "/signout", "", "Sec-Fetch-Site", "same-origin"); answer.StatusCode != 303 {
		t.Errorf("sign-out: %s", answer.Status)
	}
	if answer, _ := s.do(c, "GET", "/admin/", ""); answer.StatusCode != 303 {
		t.Errorf("after signing out: %s", answer.Status)
	}
}

// Sign-in leads to pages of this site only.
func TestNextIsOurs(t *testing.T) {
	for next, want := range map[string]string{
		"": "/admin/", "/admin/domains/x": "/admin/domains/x", "https://evil.example/": "/admin/", "//evil.example/": "/admin/",
		"/\\evil.example": "/admin/", "/admin/\r\nX: y": "/admin/", "/signout": "/admin/",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// Every page tells the browser what it may do.
func TestSecurityHeaders(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/signin", "/admin/", "/admin/domains/example.com", "/api/v1/domains", "/nothing"} {
		answer, _ := s.do(s.admin(), "GET", path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "Strict-Transport-Security": "max-age=", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if !strings.Contains(answer.Header.Get(name), want) {
				t.Errorf("%s has %s %q", path, name, answer.Header.Get(name))
			}
		}
	}
}

// Nothing changes for another site, nor for anybody who is not signed in.
func TestChangesAreGuarded(t *testing.T) {
	s := newSite(t)
	changes := []struct{ method, path, body string }{
		{"POST", "/signout", ""}, {"POST", "/api/v1/domains", `{"name":"example.net"}`}, {"PATCH", "/api/v1/domains/example.com", `{"disabled":true}`},
		{"DELETE", "/api/v1/domains/example.com", ""}, {"POST", "/api/v1/domains/example.com/keys", `{}`},
		{"POST", "/api/v1/accounts", `{"address":"x@example.com","password":"long enough"}`}, {"PATCH", "/api/v1/accounts/anna@example.com", `{"disabled":true}`},
		{"DELETE", "/api/v1/accounts/anna@example.com", ""}, {"POST", "/api/v1/aliases", `{"address":"y@example.com","target":"anna@example.com"}`},
		{"DELETE", "/api/v1/aliases/y@example.com", ""}, {"POST", "/api/v1/queue/0-1/retry", ""}, {"POST", "/api/v1/queue/0-1/hold", ""}, {"DELETE", "/api/v1/queue/0-1", ""},
	}
	admin := s.admin()
	for _, change := range changes {
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			answer, _ := s.do(admin, change.method, change.path, change.body, append(from, "Content-Type", "application/json")...)
			if answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s from another site (%s): %s", change.method, change.path, from[0], answer.Status)
			}
		}
		if !strings.HasPrefix(change.path, "/api") {
			continue
		}
		answer, text := s.do(s.browser(), change.method, change.path, change.body, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s without a session: %s %s", change.method, change.path, answer.Status, text)
		}
	}
	if _, text := s.do(admin, "GET", "/api/v1/accounts", ""); !strings.Contains(text, `"anna@example.com"`) || strings.Contains(text, `"disabled":true`) {
		t.Errorf("after the attempts: %s", text)
	}
}

// The API works with a session, answers mistakes with problem details, and
// describes itself.
func TestAPI(t *testing.T) {
	s := newSite(t)
	c := s.admin()
	call := func(method, path, body string) (int, string) {
		t.Helper()
		answer, text := s.do(c, method, "/api/v1"+path, body, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		return answer.StatusCode, text
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		part               string
	}{
		{"GET", "/status", "", 200, "mail.example.com"},
		{"POST", "/domains", `{"name":"Example.NET","dkim_algorithm":"ed25519"}`, 200, `"name":"example.net"`},
		{"POST", "/domains", `{"name":"example.net"}`, 409, "hosted already"},
		{"POST", "/domains", `{"name":"net"}`, 422, "not a full domain name"},
		{"POST", "/domains", `{"nam":"x"}`, 422, "unexpected property"},
		{"PATCH", "/domains/example.net", `{"settings":{"spf":{},"dmarc":{"p":"reject"},"mta_sts":{},"tls_rpt":{},"caa":{},"dkim":{},"tlsa":{},"publishing":{"keep_in_sync":false}}}`, 200, `"p":"reject"`},
		{"GET", "/domains/example.net/records", "", 200, "v=DMARC1; p=reject"},
		{"POST", "/domains/example.net/check", "", 200, `"ready":false`},
		{"POST", "/accounts", `{"address":"carl@example.net","password":"long enough"}`, 200, "carl@example.net"},
		{"POST", "/accounts", `{"address":"dora@example.net","password":"short"}`, 422, "8 to 1024"},
		{"PATCH", "/accounts/carl@example.net", `{"role":"king"}`, 422, "role"},
		{"GET", "/accounts/nobody@example.net", "", 404, "no account"},
		{"POST", "/aliases", `{"address":"sales@example.net","target":"carl@example.net"}`, 200, "sales"},
		{"GET", "/queue", "", 200, "[]"},
		{"GET", "/queue/nonsense", "", 422, "is not the name"},
		{"DELETE", "/domains/example.net", "", 409, "accounts"},
		{"GET", "/openapi.json", "", 200, `"openapi":"3.1`},
		{"POST", "/check", "", 200, `"ok":true`},
	} {
		status, text := call(step.method, step.path, step.body)
		if status != step.status || !strings.Contains(text, step.part) {
			t.Errorf("%s %s: %d, want %d with %s:\n%.300s", step.method, step.path, status, step.status, step.part, text)
		}
	}
}

func TestMonitoring(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	if answer, text := s.do(c, "GET", "/healthz", ""); answer.StatusCode != 200 || text != "ok\n" {
		t.Errorf("/healthz: %s %q", answer.Status, text)
	}
	s.ready = gomail.Errorf(gomail.NoSpace, "the disk is full")
	if answer, text := s.do(c, "GET", "/readyz", ""); answer.StatusCode != 503 || !strings.Contains(text, "disk is full") {
		t.Errorf("/readyz: %s %q", answer.Status, text)
	}
	if answer, text := s.do(c, "GET", "/metrics", ""); answer.StatusCode != 404 || strings.Contains(text, "counters") {
		t.Errorf("/metrics for anybody: %s", answer.Status)
	}
	s.server.config.MetricsAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if _, text := s.do(c, "GET", "/metrics", ""); text != "counters" {
		t.Errorf("/metrics for loopback: %q", text)
	}
}

// The MTA-STS policy is answered for hosted domains at their own host, and for
// nothing else.
func TestPolicyHost(t *testing.T) {
	s := newSite(t)
	for host, want := range map[string]int{"mta-sts.example.com": 200, "MTA-STS.example.com:443": 200, "mta-sts.example.net": 404, "mail.example.com": 404} {
		r := httptest.NewRequest("GET", "https://x/.well-known/mta-sts.txt", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code != want || want == 200 && !strings.HasPrefix(w.Body.String(), "version: STSv1\n") {
			t.Errorf("%s: %d %q", host, w.Code, w.Body)
		}
	}
}

func TestPlainHTTPLeadsToHTTPS(t *testing.T) {
	h := newSite(t).server.Redirect(443)
	for host, want := range map[string]string{"mail.example.com": "https://mail.example.com/x?y", "evil.example": ""} {
		r := httptest.NewRequest("GET", "http://x/x?y", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("%s leads to %q (%d)", host, got, w.Code)
		}
	}
}
