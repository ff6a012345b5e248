package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// scopes is who may use each operation. One that is new fails the test until
// it has a line here.
var scopes = map[string]scope{
	"get-me": ofAnyone, "get-status": ofServer, "collect": ofServer, "check-store": ofServer, "backup-store": ofSocket, "get-server": ofAnyone, "preview-mx": ofServer, "set-mx": ofServer,
	"list-domains": ofAnyone, "add-domain": ofServer, "get-domain": ofDomain, "change-domain": ofDomain, "preview-settings": ofDomain, "remove-domain": ofServer,
	"list-records": ofDomain, "export-records": ofDomain, "list-instructions": ofDomain, "check-records": ofDomain, "get-report": ofDomain, "list-history": ofDomain,
	"list-providers": ofAnyone, "list-connections": ofAnyone, "add-connection": ofServer, "test-connection": ofServer, "remove-connection": ofServer,
	"preview-publication": ofDomain, "publish": ofDomain, "list-publications": ofDomain, "undo-publication": ofDomain,
	"get-reports": ofDomain, "get-report-names": ofDomain, "list-report-rows": ofDomain,
	"get-policies": ofDomain, "take-policy-step": ofDomain, "take-policy-back": ofDomain, "disown-source": ofDomain, "list-senders": ofAnyone,
	"list-certificates": ofAnyone, "renew-certificate": ofServer,
	"list-keys": ofDomain, "generate-key": ofDomain, "rotate-keys": ofDomain, "retire-key": ofDomain,
	"list-accounts": ofAnyone, "add-account": ofAnyone, "get-account": ofAnyone, "change-account": ofAnyone, "remove-account": ofAnyone, "get-account-sending": ofAnyone, "set-account-sending": ofAnyone,
	"list-app-passwords": ofAnyone, "add-app-password": ofAnyone, "remove-app-password": ofAnyone, "get-second-factor": ofAnyone, "remove-second-factor": ofAnyone,
	"list-sessions": ofAnyone, "end-session": ofAnyone, "end-sessions": ofAnyone,
	"begin-totp": ofAnyone, "confirm-totp": ofAnyone, "remove-totp": ofAnyone, "make-recovery-codes": ofAnyone,
	"begin-passkey": ofAnyone, "add-passkey": ofAnyone, "remove-passkey": ofAnyone, "change-password": ofAnyone,
	"list-grants": ofAnyone, "change-grant": ofAnyone,
	"list-aliases": ofAnyone, "add-alias": ofAnyone, "remove-alias": ofAnyone,
	"list-lists": ofAnyone, "add-list": ofAnyone, "get-list": ofAnyone, "change-list": ofAnyone, "remove-list": ofAnyone,
	"list-members": ofAnyone, "add-members": ofAnyone, "remove-member": ofAnyone, "resume-member": ofAnyone,
	"explain":      ofServer,
	"hold-account": ofAnyone, "release-account": ofAnyone,
	"list-suppressions": ofAnyone, "clear-suppression": ofAnyone, "clear-suppressions": ofAnyone, "list-bounces": ofAnyone, "list-bounce-days": ofDomain,
	"list-queue": ofServer, "get-queued": ofServer, "retry-queued": ofServer, "hold-queued": ofServer, "release-queued": ofServer, "drop-queued": ofServer,
}

// standings are those who ask, and what they get where they are refused: the
// status by the operation's scope. 0: they are let through, and the operation
// itself shows each only theirs.
var standings = []struct {
	who     Principal
	refused map[scope]int
}{
	{Principal{}, map[scope]int{ofServer: 401, ofSocket: 401, ofDomain: 401, ofAnyone: 401}},
	{Principal{Name: "anna@example.com"}, map[scope]int{ofServer: 403, ofSocket: 403, ofDomain: 403, ofAnyone: 403}},
	{Principal{Name: "carla@example.org", Domains: []string{"example.org"}}, map[scope]int{ofServer: 403, ofSocket: 403, ofDomain: 404}},
	{Principal{Name: "carla@example.com", Domains: []string{"example.com"}}, map[scope]int{ofServer: 403, ofSocket: 403}},
	{Principal{Name: "root@example.org", Server: true}, map[scope]int{ofSocket: 403}},
	{Principal{Name: "socket", Server: true, Socket: true}, nil},
}

// Every operation, asked by everybody.
func TestScopes(t *testing.T) {
	a := New(Config{Version: "test", Hub: NewHub()})
	seen := map[string]bool{}
	for path, operations := range described(t, a) {
		path = strings.NewReplacer("{name}", "example.com", "{address}", "x@example.com", "{selector}", "mail", "{ladder}", "dmarc", "{connection}", "c", "{id}", "0.1", "{recipient}", "bob@example.net", "{certificate}", "mail.example.com", "{member}", "bob@example.net").Replace(path)
		for method, o := range operations {
			want, known := scopes[o.ID]
			if !known {
				t.Errorf("%s has no scope in this test: who may use it?", o.ID)
				continue
			}
			seen[o.ID] = true
			for _, s := range standings {
				status, refused := answerTo(a, method, path, s.who), s.refused[want]
				letThrough := status != http.StatusUnauthorized && status != http.StatusForbidden
				if refused != 0 && status != refused || refused == 0 && !letThrough && !(want == ofAnyone && !s.who.Server) {
					t.Errorf("%s answers %q with %d, want %d", o.ID, s.who.Name, status, refused)
				}
			}
		}
	}
	for id := range scopes {
		if !seen[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
	for _, s := range standings[:2] {
		if status := answerTo(a, http.MethodGet, Path+"/events", s.who); status != s.refused[ofAnyone] {
			t.Errorf("the stream of events answers %q with %d", s.who.Name, status)
		}
	}
}

// describedOperation is an operation in the API's own description.
type describedOperation struct {
	ID string `json:"operationId"`
}

func described(t *testing.T, a *API) map[string]map[string]describedOperation {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+"/openapi.json", nil))
	var d struct {
		Paths map[string]map[string]describedOperation `json:"paths"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || len(d.Paths) < 20 {
		t.Fatalf("the description: %d paths, %v", len(d.Paths), err)
	}
	return d.Paths
}

// answerTo returns the status of a request; 0 when it got so far as to need a
// service that this test does not have.
func answerTo(a *API, method, path string, p Principal) (status int) {
	defer func() {
		if recover() != nil {
			status = 0
		}
	}()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(strings.ToUpper(method), path, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	if p.Name != "" {
		r = r.WithContext(WithPrincipal(r.Context(), p))
	}
	a.ServeHTTP(w, r)
	return w.Code
}

// Whoever manages a domain manages it under any of its spellings, and no
// other.
func TestManages(t *testing.T) {
	p := Principal{Name: "carla@example.org", Domains: []string{"xn--mller-kva.example"}}
	for name, want := range map[string]bool{"müller.example": true, "MÜLLER.Example.": true, "example": false, "x.xn--mller-kva.example": false, "": false} {
		if got := p.Manages(canonical(name)); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
	if (Principal{}).Manages("") {
		t.Error("nobody manages the empty name")
	}
}
