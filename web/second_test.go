package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gomail"
)

// With a second factor the password alone opens nothing; with a code it does,
// and a session from before stays.
func TestSecondFactorOnTheWeb(t *testing.T) {
	s := newSite(t)
	people := s.server.config.API.Accounts
	admin, err := people.Find(t.Context(), gomail.Address{Local: "admin", Domain: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	before := s.admin()
	n, err := people.BeginTOTP(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	code := func(at time.Time) string {
		code, err := totp.GenerateCode(n.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	codes, err := people.ConfirmTOTP(t.Context(), admin, code(time.Now().Add(-30*time.Second)))
	if err != nil {
		t.Fatal(err)
	}

	c := s.browser()
	if answer, _ := s.do(c, "GET", "/signin/second", ""); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/signin" {
		t.Errorf("without a password: %s", answer.Status)
	}
	answer, _ := s.signIn(c, "admin@example.com", password, "/admin/server")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/signin/second?next=%2Fadmin%2Fserver" {
		t.Fatalf("%s to %s", answer.Status, answer.Header.Get("Location"))
	}
	if answer, _ := s.do(c, "GET", "/api/v1/me", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("between the steps the API answers %s", answer.Status)
	}
	if answer, text := s.do(c, "GET", answer.Header.Get("Location"), ""); answer.StatusCode != http.StatusOK || !strings.Contains(text, "authenticator app") || strings.Contains(text, "Use a passkey") {
		t.Errorf("%s: %s", answer.Status, text)
	}
	second := func(code string) (*http.Response, string) {
		form := url.Values{"code": {code}, "next": {"/admin/server"}}
		return s.do(c, "POST", "/signin/second", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	}
	if answer, text := second("000000"); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "The code is wrong") {
		t.Errorf("a wrong code: %s, %s", answer.Status, text)
	}
	if answer, _ := second(codes[0]); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/admin/server" {
		t.Errorf("a recovery code: %s", answer.Status)
	}
	for _, c := range []*http.Client{c, before} {
		if answer, _ := s.do(c, "GET", "/api/v1/me", ""); answer.StatusCode != http.StatusOK {
			t.Errorf("afterwards the API answers %s", answer.Status)
		}
	}
}

// What is no passkey signs nobody in, and an address is no name to have one
// under.
func TestPasskeysRefused(t *testing.T) {
	s := newSite(t)
	post := func(path, host, body string) (int, string) {
		s.Helper()
		r, err := http.NewRequest("POST", s.http.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		answer, err := s.browser().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if len(answer.Cookies()) > 0 {
			t.Errorf("%s sets a cookie", path)
		}
		return answer.StatusCode, answer.Header.Get("Content-Type")
	}
	for _, x := range []struct {
		path, host, body string
		want             int
	}{
		{"/signin/passkey/begin", "localhost", "", 200},
		{"/signin/passkey/begin", "127.0.0.1:8443", "", 403},
		{"/signin/passkey", "localhost", "{}", 401},
		{"/signin/passkey", "localhost", "none", 400},
		{"/signin/passkey", "localhost", `{"credential":{"id":"AA","rawId":"AA","type":"public-key","response":{}}}`, 401},
		{"/signin/passkey", "localhost", `{"next":"` + strings.Repeat("x", maxPasskey) + `"}`, 400},
	} {
		if status, _ := post(x.path, x.host, x.body); status != x.want {
			t.Errorf("%s on %s with %.40q: %d, want %d", x.path, x.host, x.body, status, x.want)
		}
	}
}

// The owner of an account sees and ends sessions, makes app passwords and
// changes the password; over the API nobody else's are seen.
func TestOwnCredentials(t *testing.T) {
	s := newSite(t)
	c, other := s.admin(), s.admin()
	call := func(method, path, body string) (int, string) {
		s.Helper()
		answer, text := s.do(c, method, "/api/v1"+path, body, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		return answer.StatusCode, text
	}
	const me = "/accounts/admin@example.com"
	if status, text := call("POST", me+"/app-passwords", `{"name":"telephone","protocols":["imap"]}`); status != 200 || !strings.Contains(text, `"password":"`) {
		t.Errorf("an app password: %d, %s", status, text)
	}
	if status, text := call("GET", me+"/app-passwords", ""); status != 200 || strings.Contains(text, `"password"`) || !strings.Contains(text, `"protocols":["imap"]`) {
		t.Errorf("the list: %d, %s", status, text)
	}
	if status, text := call("GET", me+"/sessions", ""); status != 200 || strings.Count(text, `"current":true`) != 1 || strings.Count(text, `"current":false`) != 1 {
		t.Errorf("the sessions: %d, %s", status, text)
	}
	if status, text := call("POST", "/me/password", `{"present":"wrong","password":"another password"}`); status != 403 {
		t.Errorf("a wrong present password: %d, %s", status, text)
	}
	if status, text := call("POST", "/me/password", `{"present":"`+password+`","password":"another password"}`); status != 204 {
		t.Errorf("the change: %d, %s", status, text)
	}
	if answer, _ := s.do(other, "GET", "/api/v1/me", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the other session answers %s", answer.Status)
	}
	if status, _ := call("GET", "/me", ""); status != 200 {
		t.Errorf("the session itself: %d", status)
	}
	if status, text := call("DELETE", me+"/second-factor", ""); status != 403 {
		t.Errorf("all second factors at once, without a password: %d, %s", status, text)
	}
	if status, text := call("POST", "/me/recovery-codes", `{"password":"another password"}`); status != 422 {
		t.Errorf("recovery codes for nothing: %d, %s", status, text)
	}
}
