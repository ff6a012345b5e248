package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a page refers to is there, comes from this site and may be kept.
func TestAssets(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string]int{"/signin": 3, "/admin/": 3} {
		c := s.browser()
		if path != "/signin" {
			c = s.admin()
		}
		_, text := s.do(c, "GET", path, "")
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
		if n != want {
			t.Errorf("%s refers to %d files", path, n)
		}
	}
	for _, path := range []string{"", "admin/", "admin/BUILDINFO", "admin/../../server.go"} {
		if answer, _ := s.do(s.browser(), "GET", s.server.assets.prefix+path, ""); answer.StatusCode == http.StatusOK {
			t.Errorf("%q is served", path)
		}
	}
}

// Scripts are sent compressed to those who can read that, and whole to others.
func TestAssetsAreCompressed(t *testing.T) {
	a := loadAssets()
	plain := a.files["admin/main.js"].plain
	for offer, zipped := range map[string]bool{"gzip, deflate, br": true, "br;q=1, GZIP;q=0.5": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false} {
		r := httptest.NewRequest("GET", a.prefix+"admin/main.js", nil)
		r.Header.Set("Accept-Encoding", offer)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		body := w.Body.Bytes()
		if w.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain) || (w.Header().Get("Content-Encoding") != "") != zipped || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %s", offer, w.Header())
		}
	}
}

// Every path below /admin/ is the app's, and it holds no script or style of
// its own, which the browser would refuse.
func TestAppShell(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/admin/", "/admin/domains/example.com", "/admin/domains/example.com/records", "/admin/server", "/admin/nothing"} {
		answer, text := s.do(s.admin(), "GET", path, "")
		if answer.StatusCode != http.StatusOK || !strings.Contains(text, `<div id="app">`) || !strings.Contains(text, "admin/main.js") {
			t.Errorf("%s: %s\n%s", path, answer.Status, text)
		}
		if strings.Contains(text, "<style") || strings.Contains(text, "style=") || strings.Count(text, "<script") != strings.Count(text, "<script src=") {
			t.Errorf("%s holds a script or style of its own", path)
		}
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
	s := newSite(t)
	for _, test := range []struct{ method, target, want string }{
		{"HEAD", "http://MAIL.example.com.:80/", "https://mail.example.com:8443/"},
		{"GET", "http://mail.example.com//evil.example/%2e%2e/x", "https://mail.example.com:8443//evil.example/%2e%2e/x"},
		{"GET", "http://203.0.113.1/", ""}, {"POST", "http://mail.example.com/signin", ""},
	} {
		w := httptest.NewRecorder()
		s.server.Redirect(8443).ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
		if got := w.Header().Get("Location"); got != test.want {
			t.Errorf("%s %s leads to %q", test.method, test.target, got)
		}
	}
}
