package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail/store"
	"gomail/tlspolicy"
)

// policyAddress is where the MTA-STS policies of other domains are.
const policyAddress = "127.0.70.9"

// policyHost serves MTA-STS policies by host.
func policyHost(t testing.TB, certificate string, policies map[string]string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certificate, certificate)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", policyAddress+":443", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy, ok := policies[r.Host]
		if !ok || r.URL.Path != "/.well-known/mta-sts.txt" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, policy)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

// certificates reads the certificates of a PEM file.
func certificates(t testing.TB, file string) (all []*x509.Certificate) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// tlsa writes a TLSA record's value.
func tlsa(t testing.TB, usage, selector, matching uint8, c *x509.Certificate) string {
	t.Helper()
	data, err := dns.CertificateToDANE(selector, matching, c)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %d %d %s", usage, selector, matching, data)
}

// attempt waits for the log's line about a delivery to an address.
func (m *mailServer) attempt(rcpt string) (line string) {
	m.t.Helper()
	eventually(m.t, "a delivery to "+rcpt, func() bool {
		for l := range strings.Lines(m.stderr.String()) {
			if strings.Contains(l, `msg="delivery attempt"`) && strings.Contains(l, "rcpt="+rcpt) {
				line = l
			}
		}
		return line != ""
	})
	return line
}

// Mail to a Postfix goes by the policies of its domains: TLSA records in a
// signed zone, MTA-STS in an unsigned one; and what a policy forbids waits,
// with the reason. Then Postfix's own prober judges our TLSA record.
func TestTLSPoliciesOutward(t *testing.T) {
	need(t, "/usr/sbin/posttls-finger", "unshare")
	began := time.Now()
	world := startInternet(t, 60)
	hosts := []string{"mx.peer.test", "ta.peer.test", "wrong.peer.test", "pkix.peer.test", "mta-sts.sts.test", "mta-sts.expired.sts.test", "mta-sts.other.sts.test", "mta-sts.large.sts.test"}
	m := world.join(t, hosts...)
	own := filepath.Join(m.dir, "cert.pem")
	leaf, ca := certificates(t, own)[0], certificates(t, filepath.Join(m.dir, "self-signed.pem"))[0]
	chain, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(m.dir, "self-signed.pem"))
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, filepath.Join(m.dir, "peer.pem"), string(chain)+string(authority))
	expired := write(t, filepath.Join(m.dir, "expired.pem"), selfSignedUntil(t, "expired.peer.test", time.Now().Add(-time.Hour)))
	byName := write(t, filepath.Join(m.dir, "sni"), "expired.peer.test "+expired+"\n")
	peer := startPostfixPeer(t, "tls_server_sni_maps = texthash:"+byName+"\nvirtual_mailbox_domains = static:ok\nvirtual_mailbox_maps = static:bob/\nsmtpd_tls_cert_file = "+file+"\nsmtpd_tls_key_file = "+file+"\n")

	var signed strings.Builder
	for host, record := range map[string]string{
		"mx": tlsa(t, 3, 1, 1, leaf), "ta": tlsa(t, 2, 0, 2, ca), "elsewhere": tlsa(t, 2, 1, 1, ca), "wrong": "3 1 1 " + strings.Repeat("ab", 32), "pkix": tlsa(t, 1, 1, 1, leaf),
		"expired": tlsa(t, 3, 1, 1, certificates(t, expired)[0]),
	} {
		signed.WriteString(host + " A " + peerAddress + "\n_25._tcp." + host + " TLSA " + record + "\nto-" + host + " MX 10 " + host + "\n")
	}
	zones := world.provider(provider1, hosted{name: "peer.test.", signed: true, lines: signed.String()}, hosted{name: "example.test.", signed: true}, hosted{name: "sts.test.", lines: `
@ MX 10 mx.peer.test.
_mta-sts TXT "v=STSv1; id=1"
mta-sts A ` + policyAddress + `
expired MX 10 expired.peer.test.
_mta-sts.expired TXT "v=STSv1; id=1"
mta-sts.expired A ` + policyAddress + `
other MX 10 mx.peer.test.
_mta-sts.other TXT "v=STSv1; id=1"
mta-sts.other A ` + policyAddress + `
large MX 10 mx.peer.test.
_mta-sts.large TXT "v=STSv1; id=1"
mta-sts.large A ` + policyAddress + `
`}, hosted{name: "bogus.test.", lines: "@ MX 10 mx.peer.test."})
	world.registry.update("test.", "add bogus.test. 60 DS 4711 13 2 "+strings.Repeat("AB", 32))
	world.forget()
	const policy = "version: STSv1\nmode: enforce\nmax_age: 86400\n"
	policyHost(t, own, map[string]string{
		"mta-sts.sts.test": policy + "mx: *.peer.test\n", "mta-sts.expired.sts.test": policy + "mx: expired.peer.test\n", "mta-sts.other.sts.test": policy + "mx: mail.sts.test\n",
		"mta-sts.large.sts.test": policy + strings.Repeat("mx: mail.sts.test\n", 60_000),
	})

	for domain, want := range map[string][]string{
		"to-mx.peer.test":        {"outcome=delivered", "TLS1.3", "verified by dane", "policy=dane"},
		"to-ta.peer.test":        {"outcome=delivered", "verified by dane"},
		"to-pkix.peer.test":      {"outcome=delivered", "verified by webpki", "policy=dane"},
		"to-expired.peer.test":   {"outcome=delivered", "verified by dane"}, // self-signed and expired: the key is right
		"expired.sts.test":       {"outcome=temporary", "certificate has expired"},
		"to-wrong.peer.test":     {"outcome=temporary", "the server is not verified, which is demanded by the TLSA records of wrong.peer.test"},
		"to-elsewhere.peer.test": {"outcome=temporary", "certificate is valid for"},
		"sts.test":               {"outcome=delivered", "verified by mta-sts", "policy=mta-sts"},
		"other.sts.test":         {"outcome=temporary", "the MTA-STS policy of other.sts.test does not name the host mx.peer.test"},
		"large.sts.test":         {"outcome=delivered", "verified by webpki", "policy=none"},
		"bogus.test":             {"outcome=temporary", "looking up the MX of bogus.test"},
	} {
		m.submit("bob@"+domain, "From: "+m.anna.Address+"\r\nTo: bob@"+domain+"\r\nSubject: to "+domain+"\r\n\r\nx\r\n")
		line := m.attempt("bob@" + domain)
		for _, w := range want {
			if !strings.Contains(line, w) {
				t.Errorf("%s: %q is not in %s", domain, w, line)
			}
		}
	}
	if got := peer.received("Subject: to to-mx.peer.test"); !strings.Contains(got, "using TLSv1.3") {
		t.Errorf("Postfix has\n%s", got)
	}
	if files, _ := filepath.Glob(filepath.Join(peer.dir, "mail/bob/new/*")); len(files) != 6 {
		t.Errorf("Postfix has %d messages, want 6", len(files))
	}
	var waiting []struct {
		ID         string
		Recipients []struct {
			Address string
			LastTLS string `json:"last_tls"`
		}
	}
	if err := json.Unmarshal([]byte(m.must("queue", "list", "--json")), &waiting); err != nil || len(waiting) != 5 {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}

	for _, w := range waiting {
		if strings.HasPrefix(w.Recipients[0].Address, "bob@to-wrong.") {
			if said := m.must("queue", "show", w.ID); !strings.Contains(said, "which is demanded by the TLSA records") {
				t.Errorf("queue show says\n%s", said)
			}
		}
	}

	// Postfix does not know REQUIRETLS: what demands it comes back.
	c := dialSMTPS(t, m.bound["submission.tls_listen"], trust(t, filepath.Join(m.dir, "self-signed.pem"), "mail.example.test"))
	if reply := c.ehlo(); !strings.Contains(reply, "REQUIRETLS") {
		t.Errorf("submission offers\n%s", reply)
	}
	c.want("235", "AUTH PLAIN %s", plain(m.anna))
	c.want("250", "MAIL FROM:<%s> REQUIRETLS", m.anna.Address)
	c.want("250", "RCPT TO:<bob@to-mx.peer.test>")
	c.want("354", "DATA")
	c.want("250", "From: %s\r\nSubject: insists\r\n\r\nsecret words\r\n.", m.anna.Address)
	eventually(t, "the notification", func() bool { return len(holding(m.mailbox("INBOX"), "Status: 5.7.30")) == 1 })
	if notice := holding(m.mailbox("INBOX"), "Status: 5.7.30")[0]; strings.Contains(notice, "secret words") {
		t.Errorf("the notification gives back what was to be kept secret:\n%s", notice)
	}

	// Our own MX, as Postfix sees it.
	zones.enter("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	zones.update("example.test.", "delete _25._tcp.mail.example.test. TLSA", "add _25._tcp.mail.example.test. 60 TLSA "+tlsa(t, 3, 1, 1, leaf))
	world.forget()
	for name, kind := range map[string]uint16{"example.test": dns.TypeMX, "mail.example.test": dns.TypeA, "_25._tcp.mail.example.test": dns.TypeTLSA} {
		if m := world.ask(name, kind); !m.AuthenticatedData || len(m.Answer) == 0 {
			t.Errorf("the resolver says of %s\n%s", name, m)
		}
	}
	conf := write(t, filepath.Join(t.TempDir(), "resolv.conf"), "nameserver "+resolverAddress+"\noptions edns0 trust-ad\n")
	os.Chmod(conf, 0o644)
	said := run(t, "", "unshare", "-m", "sh", "-c", "mount --bind "+conf+" /etc/resolv.conf && exec timeout 30 /usr/sbin/posttls-finger -c -l dane -L verbose example.test")
	if text := said.stdout + said.stderr; !strings.Contains(text, "Matched DANE EE certificate at depth 0: 3 1 1") {
		t.Errorf("posttls-finger says\n%s", text)
	}

	// What will be reported of all that.
	m.stop()
	st, err := store.Open(t.Context(), store.Options{Dir: m.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for domain, want := range map[string]string{
		"to-mx.peer.test": "tlsa ", "to-wrong.peer.test": "tlsa certificate-not-trusted", "to-pkix.peer.test": "tlsa tlsa-invalid", "to-elsewhere.peer.test": "tlsa certificate-host-mismatch",
		"sts.test": "sts ", "other.sts.test": "sts validation-failure", "large.sts.test": "sts sts-policy-fetch-error", "expired.sts.test": "sts certificate-expired",
	} {
		counts, err := st.TLSSessions(t.Context(), domain, tlspolicy.Day(began), 10)
		if later := tlspolicy.Day(time.Now()); err == nil && later.After(began) { // midnight came
			var more []tlspolicy.Count
			more, err = st.TLSSessions(t.Context(), domain, later, 10)
			counts = append(counts, more...)
		}
		if err != nil || !slices.ContainsFunc(counts, func(c tlspolicy.Count) bool { return string(c.Policy)+" "+string(c.Failure.Type) == want }) {
			t.Errorf("%s is counted as %+v, %v", domain, counts, err)
		}
	}
}
