package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authorityFor starts an ACME authority (pebble, which turns away a third of
// all nonces) that asks at two ports and one name server. It returns its
// directory, and a file with whom to trust.
func authorityFor(t testing.TB, web, secure int, resolver string) (directory, caFile string) {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_WFE_NONCEREJECT": "33", "PEBBLE_VA_NOSLEEP": "1"} {
		os.Setenv(name, value)
		t.Cleanup(func() { os.Unsetenv(name) })
	}
	quiet := log.New(io.Discard, "", 0)
	memory := db.NewMemoryStore()
	signer := ca.New(quiet, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 90 * 24 * 3600}})
	front := wfe.New(quiet, memory, va.New(quiet, web, secure, false, resolver, memory), signer, []string{"ca.test"}, false, false, 0, 0)
	handler := front.Handler()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	caFile = write(t, filepath.Join(t.TempDir(), "ca.pem"), string(own)+string(signer.GetRootCert(0).PEM()))
	return s.URL + "/dir", caFile
}

// unusedPort returns a port that was free a moment ago.
func unusedPort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// both has a name server answer over TCP too: the authority asks so.
func (z *zone) both(t testing.TB, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: z}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
}

// An installation orders its certificates by itself, serves each name's own on
// every port, and says why one is missing.
func TestCertificatesFromAnAuthority(t *testing.T) {
	z, resolver := startDNS(t, "mail.example.test. 0 A 127.0.0.1", "mta-sts.example.test. 0 A 192.0.2.1")
	z.both(t, resolver)
	web, secure := unusedPort(t), unusedPort(t)
	directory, caFile := authorityFor(t, web, secure, resolver)
	t.Setenv("GOMAIL_WEB_HTTP_LISTEN", "127.0.0.1:"+strconv.Itoa(web))
	t.Setenv("GOMAIL_WEB_LISTEN", "127.0.0.1:"+strconv.Itoa(secure))
	t.Setenv("GOMAIL_SERVER_PUBLIC_ADDRESSES", "127.0.0.1")
	t.Setenv("GOMAIL_SERVER_CONFINE", "true") // no port may be taken later: an order needs none
	i := serve(t, resolver, fmt.Sprintf("[tls]\nmode = \"acme\"\nacme_email = \"admin@example.test\"\nacme_directory = %q\nacme_ca_file = %q\n", directory, caFile))

	at := func(key, name string) *x509.Certificate {
		c, err := tls.Dial("tcp", i.bound[key], trust(t, caFile, name))
		if err != nil {
			return nil
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	eventually(t, "a certificate for the mail host", func() bool { return at("imap.tls_listen", "mail.example.test") != nil })
	for _, key := range []string{"submission.tls_listen", "web.listen"} {
		if at(key, "mail.example.test") == nil {
			t.Errorf("%s does not show it", key)
		}
	}
	host := at("imap.tls_listen", "mail.example.test")

	type certificate struct{ Name, State, Code, Found, Mend string }
	state := func(name string) (found certificate) {
		for _, c := range decode[[]certificate](t, run(t, "", binary, "--dir", i.dir, "cert", "list", "--json")) {
			if c.Name == name {
				found = c
			}
		}
		return found
	}
	eventually(t, "the policy host to be looked at", func() bool { return state("mta-sts.example.test").Code == "address_elsewhere" })
	if c := state("mta-sts.example.test"); c.State != "waiting" || !strings.Contains(c.Found, "192.0.2.1") || !strings.Contains(c.Mend, "mail.example.test") {
		t.Errorf("%+v", c)
	}
	type finding struct{ Check, State, Found, Mend string }
	var all []finding
	json.Unmarshal([]byte(run(t, "", binary, "--dir", i.dir, "doctor", "--json").stdout), &all)
	seen := map[string]string{}
	for _, f := range all {
		seen[f.Check] = f.State + " " + f.Found
	}
	if !strings.HasPrefix(seen["certificate mail.example.test"], "ok") || !strings.HasPrefix(seen["certificate mta-sts.example.test"], "warning") {
		t.Errorf("the doctor finds %v", seen)
	}

	z.mu.Lock()
	delete(z.records, "mta-sts.example.test.")
	z.mu.Unlock()
	z.add(t, "mta-sts.example.test. 0 A 127.0.0.1")
	mustRun(t, "", binary, "--dir", i.dir, "cert", "renew", "mta-sts.example.test")
	eventually(t, "a certificate for the policy host", func() bool { return at("web.listen", "mta-sts.example.test") != nil })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust(t, caFile, "mta-sts.example.test")}}
	defer client.CloseIdleConnections()
	request, _ := http.NewRequest(http.MethodGet, "https://"+i.bound["web.listen"]+"/.well-known/mta-sts.txt", nil)
	request.Host = "mta-sts.example.test"
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	policy, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if !strings.Contains(string(policy), "version: STSv1") {
		t.Errorf("the policy is %q", policy)
	}
	if c := at("imap.tls_listen", "mta-sts.example.test"); c == nil || c.Equal(host) {
		t.Error("IMAP does not choose by the name that is asked for")
	}

	z.add(t, "autoconfig.example.test. 0 A 127.0.0.1")
	mustRun(t, "", binary, "--dir", i.dir, "cert", "renew", "autoconfig.example.test")
	eventually(t, "a certificate for Thunderbird's host", func() bool { return at("web.listen", "autoconfig.example.test") != nil })
	get := func(host, path string) string {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust(t, caFile, host), DisableKeepAlives: true}}
		request, _ := http.NewRequest(http.MethodGet, "https://"+i.bound["web.listen"]+path, nil)
		request.Host = host
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return string(text)
	}
	if text := get("autoconfig.example.test", "/mail/config-v1.1.xml?emailaddress=anna%40example.test"); !strings.Contains(text, "<hostname>mail.example.test</hostname>") {
		t.Errorf("Thunderbird gets %s", text)
	}
	profile := write(t, filepath.Join(t.TempDir(), "profile"), get("mail.example.test", "/setup/mail.mobileconfig?address=anna%40example.test"))
	if r := run(t, "", "openssl", "cms", "-verify", "-inform", "DER", "-in", profile, "-CAfile", caFile, "-purpose", "any"); r.code != 0 || !strings.Contains(r.stdout, "<string>anna@example.test</string>") {
		t.Errorf("the profile: %s%s", r.stdout, r.stderr)
	}

	i.stop()
	leaks := run(t, "", "grep", "-rlE", "PRIVATE KEY|BEGIN CERTIFICATE", filepath.Join(i.dir))
	if strings.Contains(leaks.stdout, "gomail.db") {
		t.Errorf("keys lie open in %s", leaks.stdout)
	}
	mustRun(t, "", binary, "--dir", i.dir, "check")
	i.start(t)
	if c := at("imap.tls_listen", "mail.example.test"); c == nil || !c.Equal(host) {
		t.Error("after a restart it does not show the certificate that it had")
	}
}
