package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"gomail/queue"
	"gomail/store"
)

// How servers were verified is counted once for each recipient that they took.
func TestDeliveriesAreCountedByProtection(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	m := newMetrics(st)
	tell := m.queue().Attempt
	for _, r := range []queue.Result{
		{Remote: "mx", TLS: queue.Security{Version: "TLS1.3", Verified: queue.ByDANE}}, {Remote: "mx", TLS: queue.Security{Version: "TLS1.3"}}, {Remote: "mx"},
		{Remote: "mx", Outcome: queue.Temporary, TLS: queue.Security{Version: "TLS1.3", Verified: queue.ByDANE}}, {}, // what was put off, and a mailbox here
	} {
		tell(r)
	}
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`{verified="dane"} 1`, `{verified="no"} 1`, `{verified="plain"} 1`} {
		if !strings.Contains(w.Body.String(), "gomail_delivery_tls_total"+want) {
			t.Errorf("%s is not in\n%s", want, w.Body)
		}
	}
}
