package api_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gomail/dnsplan"
	"gomail/web/api"
)

// connected is a publisher with three connections, which writes nothing.
type connected struct{ api.Publisher }

func (connected) Connections(context.Context) ([]dnsplan.Connection, error) {
	return []dnsplan.Connection{{Name: "carlas", Provider: "desec"}, {Name: "other-customer", Provider: "cloudflare"}, {Name: "spare", Provider: "desec"}}, nil
}

func (connected) Preview(context.Context, string, string) (dnsplan.Preview, error) {
	return dnsplan.Preview{}, nil
}

func (connected) Publish(context.Context, string, string, string, dnsplan.Publish) (dnsplan.Publication, error) {
	return dnsplan.Publication{}, nil
}

// Who manages single domains neither sees nor uses the connections of others.
func TestConnectionsOfADomainAdministrator(t *testing.T) {
	_, d := host(t, "example.com", "example.org", "example.net")
	for name, connection := range map[string]string{"example.org": "carlas", "example.com": "other-customer"} {
		hosted, err := d.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		hosted.Settings.Publishing.Connection = connection
		if err := d.Update(t.Context(), hosted); err != nil {
			t.Fatal(err)
		}
	}
	handler := api.New(api.Config{Domains: d, Version: "test", Watcher: nowhere{}, Policies: unclimbed{}, Publisher: connected{}})
	ask := func(p api.Principal, method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(api.WithPrincipal(t.Context(), p), method, api.Path+path, bytes.NewBufferString(body))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	carla := api.Principal{Name: "carla@example.org", Domains: []string{"example.org", "example.net"}}
	nick := api.Principal{Name: "nick@example.net", Domains: []string{"example.net"}}
	root := api.Principal{Name: "root@example.org", Server: true}
	for _, test := range []struct {
		who  api.Principal
		sees string
	}{{carla, "carlas"}, {nick, ""}, {root, "carlas other-customer spare"}} {
		_, text := ask(test.who, http.MethodGet, "/dns/connections", "")
		for _, name := range []string{"carlas", "other-customer", "spare"} {
			if strings.Contains(text, name) != strings.Contains(test.sees, name) {
				t.Errorf("%s sees %s", test.who.Name, text)
			}
		}
	}
	const consent = `{"token":"x","consent":""}`
	for _, test := range []struct {
		who                api.Principal
		method, path, body string
		want               int
	}{
		{carla, "GET", "/domains/example.org/publish", "", http.StatusOK},
		{carla, "GET", "/domains/example.net/publish?connection=carlas", "", http.StatusOK},
		{carla, "GET", "/domains/example.org/publish?connection=other-customer", "", http.StatusNotFound},
		{carla, "GET", "/domains/example.org/publish?connection=none", "", http.StatusNotFound},
		{carla, "POST", "/domains/example.org/publish?connection=spare", consent, http.StatusNotFound},
		{carla, "POST", "/domains/example.org/publish?connection=carlas", consent, http.StatusOK},
		{carla, "PATCH", "/domains/example.net", `{"settings":{"publishing":{"connection":"spare"}}}`, http.StatusUnprocessableEntity},
		{carla, "PATCH", "/domains/example.net", `{"settings":{"publishing":{"connection":"carlas"}}}`, http.StatusOK},
		{root, "GET", "/domains/example.org/publish?connection=spare", "", http.StatusOK},
		{root, "PATCH", "/domains/example.net", `{"settings":{"publishing":{"connection":"spare"}}}`, http.StatusOK},
		{root, "PATCH", "/domains/example.net", `{"settings":{"publishing":{"connection":"none"}}}`, http.StatusUnprocessableEntity},
	} {
		if status, text := ask(test.who, test.method, test.path, test.body); status != test.want {
			t.Errorf("%s: %s %s %s: %d, want %d: %s", test.who.Name, test.method, test.path, test.body, status, test.want, text)
		}
	}
}
