package dnspub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fake is an HTTP server that stands for a provider, and fails as it is told.
type fake struct {
	*httptest.Server
	*testing.T

	mu     sync.Mutex
	faults []fault
	calls  []string        // method and path of every request
	waits  []time.Duration // that the client took between tries
}

// fault is what happens to the next request; false: it is served all the same.
type fault func(w http.ResponseWriter, r *http.Request) bool

// newFake serves a provider's handler. Requests come one at a time, so that
// handlers need no locks.
func newFake(t *testing.T, handler http.HandlerFunc) *fake {
	f := &fake{T: t}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, r.Method+" "+r.URL.Path)
		if len(f.faults) > 0 {
			next := f.faults[0]
			f.faults = f.faults[1:]
			if next != nil && next(w, r) {
				return
			}
		}
		handler(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// options lead a client to the fake, and make it wait for nothing.
func (f *fake) options() Options {
	return Options{BaseURL: f.URL, Page: 10, Wait: func(ctx context.Context, d time.Duration) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.waits = append(f.waits, d)
		return ctx.Err()
	}}
}

func (f *fake) fail(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// status answers with a status and a body.
func status(code int, body string, header ...string) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
		return true
	}
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// credentialsOf are what the fakes accept.
func credentialsOf(provider string) map[string]string {
	return map[string]map[string]string{
		"cloudflare": {"api_token": "cf-secret-token"},
		"route53":    {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
		"godaddy":    {"api_key": "gd-key", "api_secret": "gd-secret"},
		"namecheap":  {"user_name": "anna", "api_key": "nc-secret", "client_ip": "192.0.2.77"},
		"hetzner":    {"api_token": "hc-secret"}, "hetzner-dns": {"api_token": "hz-secret"},
		"desec":    {"token": "ds-secret"},
		"powerdns": {"url": "http://127.0.0.1:8081", "api_key": "pd-secret"},
	}[provider]
}

func (f *fake) client(provider string) Provider {
	f.Helper()
	p, err := Open(provider, credentialsOf(provider), f.options())
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// answer writes JSON.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}

func take(r *http.Request, v any) bool { return json.NewDecoder(r.Body).Decode(v) == nil }

// presentable reports whether a name server would load the record: written
// out as in a zone file, and TXT in quoted strings of at most 255 octets. It
// asks another implementation than the one under test.
func presentable(name, kind string, ttl int, content string) error {
	if kind == "TXT" && !strings.HasPrefix(content, `"`) {
		return fmt.Errorf("the text %.20q is not quoted", content)
	}
	parsed, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(name), ttl, kind, content))
	if err != nil || parsed == nil {
		return fmt.Errorf("%s %s: %v", kind, content, err)
	}
	wire := make([]byte, 65535)
	if _, err := dns.PackRR(parsed, wire, 0, nil, false); err != nil {
		return fmt.Errorf("%s %s: %v", kind, content, err)
	}
	return nil
}
