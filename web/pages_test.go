package web

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gomail"
	"gomail/dnsplan"
	"gomail/domains"
)

// The page shows every record of the plan, whole, each under one heading.
func TestPageIsThePlan(t *testing.T) {
	s := newSite(t)
	for name, settings := range map[string]gomail.DomainSettings{"parked.example": {Parked: true}, "example.org": {ApexAddress: true}} {
		if _, err := s.server.config.API.Domains.Add(t.Context(), name, domains.AddOptions{Settings: settings}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"example.com", "example.org", "parked.example"} {
		plan, err := s.server.config.API.Plan(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		_, markup := s.do(s.admin(), "GET", "/admin/domains/"+name, "")
		text := html.UnescapeString(markup)
		if parked := name == "parked.example"; parked == strings.Contains(text, "They lead mail for") {
			t.Errorf("%s: what the page says of receiving is wrong", name)
		}
		for _, r := range plan {
			if !strings.Contains(text, ">"+r.Name+"</code>") || !strings.Contains(text, ">"+r.Value+"</code>") || !strings.Contains(text, r.Why) {
				t.Errorf("%s: not shown: %+v", name, r)
			}
		}
		if n := strings.Count(text, `data-label="Need"`); n != len(plan) {
			t.Errorf("%s: %d records on the page and %d in the plan", name, n, len(plan))
		}
	}
}

// Every purpose has its place, whatever its requirement.
func TestGroups(t *testing.T) {
	for _, test := range []struct {
		purpose dnsplan.Purpose
		need    dnsplan.Requirement
		want    string
	}{
		{dnsplan.Receive, dnsplan.Required, "receive"}, {dnsplan.Address, dnsplan.Recommended, "receive"}, {dnsplan.DKIM, dnsplan.Required, "send"},
		{dnsplan.DKIM, dnsplan.Optional, "optional"}, {dnsplan.Reverse, dnsplan.Required, "send"}, {dnsplan.CAA, dnsplan.Recommended, "transport"},
		{dnsplan.TLSA, dnsplan.NotApplicable, "optional"}, {dnsplan.TLSA, dnsplan.Recommended, "transport"}, {dnsplan.ClientSetup, dnsplan.Optional, "clients"},
	} {
		groups := groupRecords("example.com", []dnsplan.Record{{Purpose: test.purpose, Requirement: test.need}})
		if len(groups) != 1 || groups[0].ID != test.want {
			t.Errorf("%s, %s: %+v", test.purpose, test.need, groups)
		}
	}
}

// What a page refers to is there, comes from this site and may be kept.
func TestAssets(t *testing.T) {
	s := newSite(t)
	c := s.browser()
	_, text := s.do(c, "GET", "/signin", "")
	n := 0
	for part := range strings.SplitSeq(text, `"`) {
		if !strings.HasPrefix(part, "/_/") {
			continue
		}
		n++
		answer, _ := s.do(c, "GET", part, "")
		if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, %s", part, answer.Status, answer.Header.Get("Cache-Control"))
		}
	}
	if n != 3 {
		t.Errorf("the page refers to %d files", n)
	}
	if answer, _ := s.do(c, "GET", s.server.assets.prefix, ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the files are listed: %s", answer.Status)
	}
}

// Pages are not kept by caches, and localhost is not bound to HTTPS for every
// other program there.
func TestCachesAndLocalhost(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/signin", "/admin/", "/api/v1/domains"} {
		if answer, _ := s.do(s.admin(), "GET", path, ""); answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, answer.Header.Get("Cache-Control"))
		}
	}
	r := httptest.NewRequest("GET", "https://localhost:8443/signin", nil)
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("localhost is bound to HTTPS")
	}
}

// A fault in a handler is answered and not a closed connection.
func TestFaultsAreAnswered(t *testing.T) {
	s := newSite(t)
	s.server.config.Ready = func(context.Context) error { panic("on purpose") }
	if answer, text := s.do(s.browser(), "GET", "/readyz", ""); answer.StatusCode != http.StatusInternalServerError || strings.Contains(text, "on purpose") {
		t.Errorf("%s %s", answer.Status, text)
	}
}

// Plain HTTP leads to the hostname and never elsewhere, and takes no form.
func TestRedirectIsExact(t *testing.T) {
	for _, test := range []struct{ method, target, want string }{
		{"HEAD", "http://MAIL.example.com.:80/", "https://mail.example.com:8443/"},
		{"GET", "http://mail.example.com//evil.example/%2e%2e/x", "https://mail.example.com:8443//evil.example/%2e%2e/x"},
		{"GET", "http://203.0.113.1/", ""}, {"POST", "http://mail.example.com/signin", ""},
	} {
		w := httptest.NewRecorder()
		Redirect("mail.example.com", 8443).ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
		if got := w.Header().Get("Location"); got != test.want {
			t.Errorf("%s %s leads to %q", test.method, test.target, got)
		}
	}
}
