package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// mailAddress is where the tests' mail host listens on the ports that others
// look for: 25 and 443.
const mailAddress = "127.0.72.1"

// mailServer is GoMail in the small internet, as mail.example.test.
type mailServer struct {
	*installation
	net *internet
}

// join starts GoMail with the account anna@example.test, who is an
// administrator. Its certificate is one that it trusts itself; names are the
// further ones that the certificate is for.
func (n *internet) join(t testing.TB, names ...string) *mailServer {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	i := &installation{dir: dir, anna: account{"anna@example.test", "a password for anna"}}
	mustRun(t, "", binary, "--dir", dir, "domain", "add", "example.test", "--dkim-algorithm", "both")
	mustRun(t, i.anna.Password+"\n", binary, "--dir", dir, "account", "add", i.anna.Address, "--admin", "--password-stdin")
	mustRun(t, "", binary, "--dir", dir, "alias", "add", "postmaster@example.test", i.anna.Address)
	ca, cert := authority(t, append(names, "mail.example.test", "mta-sts.example.test")...)
	write(t, filepath.Join(dir, "self-signed.pem"), ca)
	write(t, filepath.Join(dir, "gomail.toml"), fmt.Sprintf(`
[server]
hostname = "mail.example.test"
public_addresses = [%[1]q]
[smtp]
listen = ["%[1]s:25"]
[submission]
listen = ["%[1]s:0"]
tls_listen = ["%[1]s:0"]
[imap]
listen = ["%[1]s:0"]
tls_listen = ["%[1]s:0"]
[web]
listen = ["%[1]s:443"]
http_listen = ["%[1]s:0"]
[tls]
mode = "files"
cert_file = %[2]q
key_file = %[2]q
acme_ca_file = %[3]q
[dns]
resolvers = [%[4]q]
block_lists = []
reach_hosts = []
[outbound]
allow_private_networks = true
bind_addresses = [%[1]q]
`, mailAddress, write(t, filepath.Join(dir, "cert.pem"), cert), filepath.Join(dir, "self-signed.pem"), n.resolver))
	n.registry.update("127.in-addr.arpa.", "add 1.72.0.127.in-addr.arpa. 60 PTR mail.example.test.")
	i.start(t)
	t.Cleanup(func() {
		if i.running() {
			i.stop()
		}
	})
	return &mailServer{i, n}
}

// authority returns a certificate authority, and a certificate of its for
// names with its key, in PEM.
func authority(t testing.TB, names ...string) (ca, cert string) {
	t.Helper()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the tests' authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	sign := func(template *x509.Certificate, key *ecdsa.PrivateKey) string {
		der, err := x509.CreateCertificate(rand.Reader, template, root, &key.PublicKey, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	private, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	return sign(root, keys[0]), sign(leaf, keys[1]) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// gomail runs a command of ours against the server.
func (m *mailServer) gomail(args ...string) result {
	m.t.Helper()
	return m.told("", args...)
}

// told runs a command of ours with something on its standard input.
func (m *mailServer) told(stdin string, args ...string) result {
	m.t.Helper()
	return run(m.t, stdin, binary, append([]string{"--dir", m.dir}, args...)...)
}

// must runs a command of ours that has to succeed.
func (m *mailServer) must(args ...string) string {
	m.t.Helper()
	return mustRun(m.t, "", binary, append([]string{"--dir", m.dir}, args...)...)
}

// report is what gomail dns check prints, with a way to find things in it.
type report struct {
	dnsplan.Report
	t    testing.TB
	code int // the command's
}

// check looks at a domain's DNS now, with a resolver that remembers nothing:
// what it was asked a moment ago, by looks that nobody asked for, must not
// decide what a test sees.
func (m *mailServer) check(domain string) report {
	m.t.Helper()
	m.net.forget()
	var r result
	eventually(m.t, "a check that is not refused for its haste", func() bool {
		r = m.gomail("dns", "check", domain, "--json")
		return !strings.Contains(r.stderr, "try again in")
	})
	code := r.code
	if r.stdout != "" {
		r.code = 0 // it tells that the domain is not ready
	}
	return report{decode[dnsplan.Report](m.t, r), m.t, code}
}

// record returns the finding about a record, which has to be there once.
func (r report) record(kind, name string) dnsplan.Finding {
	r.t.Helper()
	var found []dnsplan.Finding
	for _, f := range r.Records {
		if f.Type == kind && f.Name == name {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d records %s %s in the report", len(found), kind, name)
	}
	return found[0]
}

// want demands a record's state and code.
func (r report) want(kind, name string, state dnsplan.State, code string) dnsplan.Finding {
	r.t.Helper()
	f := r.record(kind, name)
	if f.State != state || f.Code != code {
		r.t.Errorf("%s %s is %s (%s), want %s (%s): %s %+v", kind, name, f.State, f.Code, state, code, f.Fix, f.Found)
	}
	if state != dnsplan.OK && state != dnsplan.InapplicableNow && f.Fix == "" {
		r.t.Errorf("%s %s is %s (%s) without a word of what to do", kind, name, f.State, f.Code)
	}
	return f
}

// probe demands a probe's state and code.
func (r report) probe(kind dnsplan.ProbeKind, subject string, state dnsplan.State, code string) dnsplan.Probe {
	r.t.Helper()
	for _, p := range r.Probes {
		if p.Kind != kind || !strings.Contains(p.Subject, subject) {
			continue
		}
		if p.State != state || p.Code != code {
			r.t.Errorf("the probe %s of %s is %s (%s), want %s (%s): %s; %s", kind, p.Subject, p.State, p.Code, state, code, p.Found, p.Fix)
		}
		if state != dnsplan.OK && p.Fix == "" {
			r.t.Errorf("the probe %s of %s is %s (%s) without a word of what to do", kind, p.Subject, p.State, p.Code)
		}
		return p
	}
	r.t.Errorf("no probe %s of %s: %+v", kind, subject, r.Probes)
	return dnsplan.Probe{}
}

// states says what every record is.
func (r report) states() string {
	var b strings.Builder
	for _, f := range r.Records {
		fmt.Fprintf(&b, "%s %s %s: %s (%s) %s %v\n", f.Requirement, f.Type, f.Name, f.State, f.Code, f.Fix, f.Found)
	}
	for _, p := range r.Probes {
		fmt.Fprintf(&b, "%s %s: %s (%s) %s; %s\n", p.Kind, p.Subject, p.State, p.Code, p.Found, p.Fix)
	}
	return b.String()
}

// plan returns a domain's records as the owner would enter them by hand:
// lines of a zone file. skip leaves purposes out.
func (m *mailServer) plan(domain string) []dnsplan.Record {
	m.t.Helper()
	return decode[[]dnsplan.Record](m.t, m.gomail("dns", "plan", domain, "--json"))
}

// lines renders those records of a plan that lie in a zone and that keep
// wants; nil: all of them.
func lines(records []dnsplan.Record, zone string, keep func(dnsplan.Record) bool) string {
	var b strings.Builder
	for _, r := range records {
		if !dns.IsSubDomain(zone, dns.Fqdn(r.Name)) || r.Requirement == dnsplan.NotApplicable || keep != nil && !keep(r) {
			continue
		}
		value := r.Value
		switch r.Type {
		case "MX":
			value = fmt.Sprintf("%d %s", *r.Priority, value)
		case "TXT":
			value = chunks(value)
		}
		fmt.Fprintf(&b, "%s. %d %s %s\n", r.Name, r.TTL, r.Type, value)
	}
	return b.String()
}

// chunks quotes a TXT value in strings of at most 255 octets.
func chunks(value string) string {
	var parts []string
	for ; len(value) > 255; value = value[255:] {
		parts = append(parts, fmt.Sprintf("%q", value[:255]))
	}
	return strings.Join(append(parts, fmt.Sprintf("%q", value)), " ")
}

// enter adds lines to a zone as its owner does by hand.
func (n *nameServer) enter(zone, text string) {
	n.t.Helper()
	var updates []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			updates = append(updates, "add "+line)
		}
	}
	n.update(zone, updates...)
}

// connect makes a connection that updates zones at a name server.
func (m *mailServer) connect(name string, n *nameServer) result {
	m.t.Helper()
	part := strings.Split(updateKey, ":")
	return m.told(part[2]+"\n", "dns", "connection", "add", "rfc2136", "--name", name, "--set", "server="+net.JoinHostPort(n.address, "53"), "--set", "key_name="+part[1])
}
