package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/accounts"
	"gomail/dnsplan"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/mailbox"
	"gomail/outbound"
	"gomail/store"
	"gomail/web/api"
)

// nowhere is a watcher that has not looked yet.
type nowhere struct{ api.Watcher }

func (nowhere) Summaries(context.Context) (map[string]dnsplan.Summary, error) { return nil, nil }

type policies = api.Policies

// unclimbed are ladders on which nobody steps.
type unclimbed struct{ policies }

func (unclimbed) Changed(context.Context, string, string, gomail.DomainSettings) error { return nil }

// host is a server that hosts domains.
func host(t *testing.T, names ...string) (*store.Store, *domains.Service) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	d := domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com", Algorithm: domains.Ed25519})
	for _, name := range names {
		if _, err := d.Add(t.Context(), name, domains.AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return st, d
}

// A domain's administrator manages its accounts, and nobody who may do more
// than they may themselves.
func TestAccountsOfADomainAdministrator(t *testing.T) {
	st, d := host(t, "example.com", "example.org")
	people := accounts.New(accounts.Config{Store: st, Cost: accounts.Cost{MemoryKiB: 64, Passes: 1}})
	for address, role := range map[string]gomail.Role{
		"root@example.org": gomail.RoleAdmin, "carla@example.org": gomail.RoleUser, "both@example.org": gomail.RoleUser, "user@example.org": gomail.RoleUser, "user@example.com": gomail.RoleUser,
	} {
		parsed, _ := gomail.ParseAddress(address)
		made, err := people.Add(t.Context(), accounts.NewAccount{Address: parsed, Password: "long enough", Role: role})
		if err != nil {
			t.Fatal(err)
		}
		managed := map[string][]string{"carla@example.org": {"example.org"}, "both@example.org": {"example.org", "example.com"}}[address]
		if err := people.SetManaged(t.Context(), made.ID, managed); err != nil {
			t.Fatal(err)
		}
	}
	limiter := &outbound.Limiter{Store: st, Server: outbound.Limits{MessagesHour: 100}, Clock: time.Now}
	handler := api.New(api.Config{Accounts: people, Domains: d, Version: "test", Watcher: nowhere{}, Policies: unclimbed{}, Sending: limiter, Mailboxes: mailbox.New(st, mailbox.NewHub())})
	carla := api.WithPrincipal(context.Background(), api.Principal{Name: "carla@example.org", Domains: []string{"example.org"}})
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"PATCH", "/accounts/user@example.org", `{"password":"another long one"}`, http.StatusOK},
		{"PATCH", "/accounts/user@example.com", `{"password":"another long one"}`, http.StatusNotFound},
		{"PATCH", "/accounts/root@example.org", `{"password":"another long one"}`, http.StatusForbidden},
		{"PATCH", "/accounts/both@example.org", `{"password":"another long one"}`, http.StatusForbidden},
		{"DELETE", "/accounts/both@example.org", "", http.StatusForbidden},
		{"DELETE", "/accounts/root@example.org", "", http.StatusForbidden},
		{"PATCH", "/accounts/user@example.org", `{"role":"admin"}`, http.StatusForbidden},
		{"PATCH", "/accounts/carla@example.org", `{"domains":["example.org","example.com"]}`, http.StatusForbidden},
		{"POST", "/accounts", `{"address":"new@example.org","password":"long enough","role":"admin"}`, http.StatusForbidden},
		{"POST", "/accounts", `{"address":"new@example.com","password":"long enough"}`, http.StatusNotFound},
		{"POST", "/accounts", `{"address":"new@example.org","password":"long enough"}`, http.StatusOK},
		{"POST", "/aliases", `{"address":"info@example.org","target":"user@example.com"}`, http.StatusNotFound},
		{"POST", "/aliases", `{"address":"info@example.com","target":"user@example.org"}`, http.StatusNotFound},
		{"POST", "/aliases", `{"address":"info@example.org","target":"user@example.org"}`, http.StatusOK},
		{"DELETE", "/aliases/info@example.org", "", http.StatusNoContent},
		{"DELETE", "/accounts/new@example.org", "", http.StatusNoContent},
		{"PATCH", "/accounts/user@example.org", `{"quota_max":-1}`, http.StatusUnprocessableEntity},
		{"PATCH", "/accounts/user@example.org", `{"quota_messages_max":-1}`, http.StatusUnprocessableEntity},
		{"PATCH", "/accounts/user@example.org", `{"quota_messages_max":1000}`, http.StatusOK},
		{"PUT", "/accounts/user@example.org/sending", `{"messages_per_hour":50,"messages_per_day":1000}`, http.StatusOK},
		{"PUT", "/accounts/user@example.org/sending", `{"messages_per_hour":101}`, http.StatusForbidden},
		{"PUT", "/accounts/user@example.org/sending", `{"messages_per_hour":0}`, http.StatusForbidden},
		{"PUT", "/accounts/user@example.org/sending", `{"messages_per_day":-1}`, http.StatusUnprocessableEntity},
		{"PUT", "/accounts/user@example.com/sending", `{"messages_per_day":5}`, http.StatusNotFound},
		{"GET", "/accounts/user@example.com/sending", "", http.StatusNotFound},
		{"PUT", "/accounts/root@example.org/sending", `{"messages_per_day":5}`, http.StatusForbidden},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"INBOX","identifier":"carla@example.org","rights":"lrs"}`, http.StatusNoContent},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"Drafts","identifier":"anyone","rights":"+l"}`, http.StatusNoContent},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"INBOX","identifier":"user@example.com","rights":"lrs"}`, http.StatusNotFound},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"Nowhere","identifier":"carla@example.org","rights":"lrs"}`, http.StatusNotFound},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"INBOX","identifier":"carla@example.org","rights":"all"}`, http.StatusNoContent},
		{"PUT", "/accounts/user@example.org/grants", `{"mailbox":"INBOX","identifier":"carla@example.org","rights":"lq"}`, http.StatusUnprocessableEntity},
		{"PUT", "/accounts/carla@example.org/grants", `{"mailbox":"Other Users/user@example.org/INBOX","identifier":"anyone","rights":"l"}`, http.StatusNotFound},
		{"PUT", "/accounts/user@example.com/grants", `{"mailbox":"INBOX","identifier":"anyone","rights":"l"}`, http.StatusNotFound},
		{"GET", "/accounts/user@example.com/grants", "", http.StatusNotFound},
		{"PUT", "/accounts/root@example.org/grants", `{"mailbox":"INBOX","identifier":"carla@example.org","rights":"lr"}`, http.StatusForbidden},
		{"GET", "/accounts/both@example.org/grants", "", http.StatusForbidden},
		{"PATCH", "/domains/example.org", `{"settings":{"catch_all":"user@example.com"}}`, http.StatusNotFound},
		{"PATCH", "/domains/example.org", `{"settings":{"catch_all":"user"}}`, http.StatusUnprocessableEntity},
		{"PATCH", "/domains/example.org", `{"settings":{"catch_all":"user@example.org"}}`, http.StatusOK},
		{"PATCH", "/domains/example.com", `{"settings":{}}`, http.StatusNotFound},
		{"PATCH", "/domains/example.org", `{"disabled":true}`, http.StatusOK},
		{"PATCH", "/domains/example.org", `{"disabled":false}`, http.StatusForbidden},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(carla, test.method, api.Path+test.path, bytes.NewBufferString(test.body))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s %s %s: %d, want %d: %s", test.method, test.path, test.body, w.Code, test.want, w.Body)
		}
	}
	grants := httptest.NewRecorder()
	handler.ServeHTTP(grants, httptest.NewRequestWithContext(carla, http.MethodGet, api.Path+"/accounts/user@example.org/grants", nil))
	const want = `[{"mailbox":"INBOX","identifier":"carla@example.org","rights":"la"},{"mailbox":"Drafts","identifier":"anyone","rights":"l"}]`
	if got := strings.TrimSpace(grants.Body.String()); got != want {
		t.Errorf("the grants are %s", got)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(carla, http.MethodGet, api.Path+"/accounts", nil))
	var seen []api.Account
	if err := json.Unmarshal(w.Body.Bytes(), &seen); err != nil || len(seen) != 4 {
		t.Errorf("she sees %d accounts, want the 4 of her domain: %s", len(seen), w.Body)
	}
}
