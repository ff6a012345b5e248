package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gomail/dnsplan"
	"gomail/web/api"
)

// browser is an HTTP client with cookies that finds every host at the mail
// server, and trusts its authority.
func (m *mailServer) browser() *http.Client {
	m.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		m.t.Fatal(err)
	}
	config := trust(m.t, filepath.Join(m.dir, "self-signed.pem"), "")
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, m.bound["web.listen"])
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: config, DialContext: dial, DisableKeepAlives: true}}
}

// request sends a request and returns the status and the body of the answer.
func request(t testing.TB, c *http.Client, method, address, contentType, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// threeDomains is a server that hosts three domains which are published.
func threeDomains(t testing.TB) *mailServer {
	t.Helper()
	names := []string{"example.test", "second.test", "third.test"}
	world := startInternet(t, 0)
	provider := world.provider(provider1, hosted{name: "example.test."}, hosted{name: "second.test."}, hosted{name: "third.test."})
	m := world.join(t, "mta-sts.second.test", "mta-sts.third.test", "mta-sts.unknown.test")
	for _, name := range names {
		if name != "example.test" {
			m.must("domain", "add", name, "--dkim-algorithm", "both")
		}
		provider.enter(name+".", lines(m.plan(name), name+".", nil))
	}
	return m
}

// Several domains share the host's records and nothing else, and who manages
// one sees that one.
func TestSeveralDomains(t *testing.T) {
	m := threeDomains(t)
	shared := map[string]int{}
	keys := map[string]bool{}
	for _, name := range []string{"example.test", "second.test", "third.test"} {
		if r := m.check(name); !r.Ready {
			t.Errorf("%s is %+v:\n%s", name, r.Status, r.states())
		}
		for _, r := range m.plan(name) {
			switch {
			case r.Name == "mail.example.test" || r.Purpose == dnsplan.Reverse || r.Purpose == dnsplan.TLSA:
				shared[r.Type+" "+r.Name+" "+r.Value]++
			case r.Purpose == dnsplan.DKIM && keys[r.Value]:
				t.Errorf("%s has another domain's key", name)
			case r.Purpose == dnsplan.DKIM:
				keys[r.Value] = true
			case r.Purpose == dnsplan.Receive && r.Value != "mail.example.test.":
				t.Errorf("the MX of %s is %s", name, r.Value)
			}
		}
	}
	for record, n := range shared {
		if n != 3 {
			t.Errorf("%s is in %d of the three plans", record, n)
		}
	}
	if len(shared) != 4 || len(keys) != 6 {
		t.Errorf("shared are %v, and there are %d keys", shared, len(keys))
	}

	carl := account{"carl@second.test", "a password for carl"}
	if r := m.told(carl.Password+"\n", "account", "add", carl.Address, "--password-stdin"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	m.must("account", "set", carl.Address, "--manages", "second.test")
	c := m.browser()
	const site = "https://mail.example.test"
	form := url.Values{"address": {carl.Address}, "password": {carl.Password}}.Encode()
	if status, _ := request(t, c, http.MethodPost, site+"/signin", "application/x-www-form-urlencoded", form); status != http.StatusOK {
		t.Fatalf("sign-in leads to status %d", status)
	}
	status, text := request(t, c, http.MethodGet, site+api.Path+"/domains", "", "")
	var seen []api.Domain
	if err := json.Unmarshal([]byte(text), &seen); err != nil || status != http.StatusOK || len(seen) != 1 || seen[0].Name != "second.test" || seen[0].Badge.State != dnsplan.DomainReady {
		t.Errorf("carl sees %d %s (%v)", status, text, err)
	}
	for path, want := range map[string]int{
		"GET /domains/second.test": 200, "GET /domains/second.test/records": 200, "POST /domains/second.test/check": 200, "GET /domains/second.test/keys": 200,
		"GET /domains/example.test": 404, "GET /domains/third.test/records": 404, "POST /domains/example.test/check": 404, "GET /domains/third.test/keys": 404,
		"GET /domains/example.test/publish": 404, "GET /domains/unknown.test": 404, "GET /domains/third.test/history": 404,
		"GET /queue": 403, "PUT /server/mx": 403, "POST /domains": 403, "POST /dns/connections": 403, "DELETE /domains/second.test": 403,
	} {
		method, at, _ := strings.Cut(path, " ")
		body := ""
		if method == http.MethodPut || strings.HasPrefix(path, "POST /d") {
			body = "{}"
		}
		if status, text := request(t, c, method, site+api.Path+at, "application/json", body); status != want {
			t.Errorf("carl's %s is answered with %d, want %d: %.200s", path, status, want, text)
		}
	}
	if status, _ := request(t, m.browser(), http.MethodGet, site+api.Path+"/domains", "", ""); status != http.StatusUnauthorized {
		t.Errorf("a stranger's request is answered with %d", status)
	}
}

// policyID returns the MTA-STS id that a plan publishes.
func policyID(t testing.TB, plan []dnsplan.Record) string {
	t.Helper()
	i := slices.IndexFunc(plan, func(r dnsplan.Record) bool { return r.Purpose == dnsplan.MTASTS })
	if i < 0 {
		t.Fatal("the plan has no MTA-STS record")
	}
	return plan[i].Value
}

// Hosts and policies are previewed, and the policy's file and its id change
// together.
func TestPreviewAndPolicy(t *testing.T) {
	m := threeDomains(t)
	policy := func(domain string) (int, string) {
		t.Helper()
		return request(t, m.browser(), http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", "", "")
	}
	before := m.plan("second.test")
	if status, text := policy("second.test"); status != 200 || !strings.Contains(text, "mode: testing\n") || strings.Count(text, "mx: ") != 1 {
		t.Errorf("the policy is %d %q", status, text)
	}
	if status, text := policy("unknown.test"); status != http.StatusNotFound {
		t.Errorf("a policy for a domain that is not hosted: %d %q", status, text)
	}

	hosts := []string{"host", "mx", "10:mail.example.test", "20:mx2.backup.test", "--json"}
	previews := decode[[]api.MXPreview](t, m.gomail(append(hosts, "--dry-run")...))
	if len(previews) != 3 {
		t.Fatalf("the preview covers %d domains", len(previews))
	}
	for _, p := range previews {
		if !slices.ContainsFunc(p.Changes, func(d dnsplan.Difference) bool {
			return d.Before == nil && d.After != nil && d.After.Type == "MX" && d.After.Value == "mx2.backup.test." && *d.After.Priority == 20
		}) {
			t.Errorf("%s: the preview lacks the second host: %+v", p.Domain, p.Changes)
		}
	}
	if got := m.plan("second.test"); policyID(t, got) != policyID(t, before) || len(got) != len(before) {
		t.Error("a preview changed the plan")
	}
	m.must(hosts...)
	after := m.plan("second.test")
	if len(after) != len(before)+1 || policyID(t, after) == policyID(t, before) {
		t.Errorf("with a second host the plan has %d records, the id is %s", len(after), policyID(t, after))
	}
	if _, text := policy("second.test"); !strings.Contains(text, "mx: mail.example.test\n") || !strings.Contains(text, "mx: mx2.backup.test\n") {
		t.Errorf("the policy is %q", text)
	}
	r := m.check("second.test")
	for _, f := range r.Records {
		switch {
		case f.Value == "mx2.backup.test." && (f.State != dnsplan.Wrong || f.Code != "mx_incomplete"), f.Value == "mail.example.test." && f.Type == "MX" && f.State != dnsplan.OK:
			t.Errorf("the MX %s is %s (%s)", f.Value, f.State, f.Code)
		case f.Purpose == dnsplan.MTASTS && (f.State != dnsplan.Wrong || f.Code != "sts_id"):
			t.Errorf("the old id is %s (%s)", f.State, f.Code)
		}
	}

	set := []string{"domain", "set", "second.test", "--mta-sts", "enforce", "--json"}
	preview := decode[api.SettingsPreview](t, m.gomail(append(set, "--dry-run")...))
	if len(preview.Changes) != 1 || preview.Changes[0].After == nil || !strings.Contains(preview.Policy, "mode: enforce\n") {
		t.Fatalf("the preview is %+v", preview)
	}
	if _, text := policy("second.test"); !strings.Contains(text, "mode: testing\n") {
		t.Errorf("a preview changed the policy to %q", text)
	}
	m.must(set...)
	if _, text := policy("second.test"); text != preview.Policy || policyID(t, m.plan("second.test")) != preview.Changes[0].After.Value {
		t.Errorf("the policy is %q, the id %s, and the preview was %+v", text, policyID(t, m.plan("second.test")), preview)
	}
	if _, text := policy("third.test"); !strings.Contains(text, "mode: testing\n") {
		t.Errorf("another domain's policy became %q", text)
	}
	m.must("domain", "set", "second.test", "--mta-sts-off")
	if status, _ := policy("second.test"); status != http.StatusNotFound {
		t.Errorf("a policy that is switched off is answered with %d", status)
	}
}
