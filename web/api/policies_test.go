package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
)

// noted notes what it is asked, and refuses the step to reject.
type noted []string

func (n *noted) note(format string, args ...any) (DomainPolicies, error) {
	*n = append(*n, fmt.Sprintf(format, args...))
	return DomainPolicies{Ladders: []ladder.Ladder{}, Simulation: NewSimulation(nil)}, nil
}

func (n *noted) Policies(_ context.Context, domain string) (DomainPolicies, error) {
	return n.note("get %s", domain)
}

func (n *noted) Take(_ context.Context, actor, domain string, kind ladder.Kind, to string) (DomainPolicies, error) {
	if to == "reject" {
		return DomainPolicies{}, gomail.Errorf(gomail.Invalid, "the step to reject is not offered now")
	}
	return n.note("take %s %s %s %s", actor, domain, kind, to)
}

func (n *noted) Back(_ context.Context, actor, domain string, kind ladder.Kind) (DomainPolicies, error) {
	return n.note("back %s %s %s", actor, domain, kind)
}

func (n *noted) Disown(_ context.Context, domain, source string, disowned bool) (DomainPolicies, error) {
	return n.note("disown %s %s %v", domain, source, disowned)
}

func (n *noted) Changed(_ context.Context, actor, domain string, _ gomail.DomainSettings) error {
	_, err := n.note("changed %s %s", actor, domain)
	return err
}

func TestPolicyOperations(t *testing.T) {
	var asked noted
	mux := http.NewServeMux()
	h := humago.New(mux, huma.DefaultConfig("test", "0"))
	h.UseMiddleware(authorize(h))
	(&API{config: Config{Policies: &asked}}).registerPolicies(h)
	anna := Principal{Name: "anna@example.com", Domains: []string{"example.com"}}
	for _, test := range []struct {
		method, path, body string
		principal          Principal
		status             int
		asked, answer      string
	}{
		{"GET", "/domains/Example.COM/policies", "", anna, 200, "get example.com", `"state":"ok"`},
		{"GET", "/domains/example.org/policies", "", anna, 404, "", "not one that you manage"},
		{"GET", "/domains/example.com/policies", "", Principal{}, 401, "", "not signed in"},
		{"POST", "/domains/example.com/policies/dmarc/take", `{"to":"quarantine"}`, anna, 200, "take anna@example.com example.com dmarc quarantine", ""},
		{"POST", "/domains/example.com/policies/dmarc/take", `{"to":"reject"}`, anna, 422, "", "not offered"},
		{"POST", "/domains/example.com/policies/bimi/take", `{"to":"on"}`, anna, 422, "", ""},
		{"POST", "/domains/example.com/policies/mta_sts/back", "", anna, 200, "back anna@example.com example.com mta_sts", ""},
		{"POST", "/domains/example.com/policies/sources", `{"source":"192.0.2.0/24","disowned":true}`, anna, 200, "disown example.com 192.0.2.0/24 true", ""},
		{"POST", "/domains/example.com/policies/sources", `{"source":"","disowned":true}`, anna, 422, "", ""},
		{"GET", "/senders", "", anna, 200, "", `"include":"sendgrid.net"`},
		{"GET", "/senders", "", Principal{}, 401, "", ""},
	} {
		asked = nil
		r := httptest.NewRequest(test.method, Path+test.path, strings.NewReader(test.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(WithPrincipal(t.Context(), test.principal)))
		if w.Code != test.status || strings.Join(asked, ";") != test.asked || !strings.Contains(w.Body.String(), test.answer) {
			t.Errorf("%s %s: %d, asked %v: %.300s", test.method, test.path, w.Code, asked, w.Body)
		}
	}
}

func TestSimulationSummary(t *testing.T) {
	for want, states := range map[dnsplan.State][]dnsplan.State{
		dnsplan.OK: {dnsplan.OK, dnsplan.OK}, dnsplan.Unknown: {dnsplan.OK, dnsplan.Unknown}, dnsplan.Wrong: {dnsplan.Wrong, dnsplan.Unknown},
	} {
		for range 2 {
			var messages []dnsplan.Simulated
			for _, s := range states {
				messages = append(messages, dnsplan.Simulated{State: s})
			}
			if got := NewSimulation(messages); got.State != want || len(got.Messages) != len(states) {
				t.Errorf("%v are %s", states, got.State)
			}
			slices.Reverse(states)
		}
	}
	if text, err := json.Marshal(NewSimulation(nil)); err != nil || string(text) != `{"state":"ok","messages":[]}` {
		t.Errorf("an empty simulation is %s, %v", text, err)
	}
}
