package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail/dnsplan"
	"gomail/internal/config"
	"gomail/web/api"
)

// dnsWorld answers as a test says; what it does not know does not exist.
type dnsWorld struct {
	mx   map[string]string
	txt  map[string]string
	ptr  map[string]string
	dead bool
}

func (w dnsWorld) fail(name string) error {
	if w.dead {
		return &net.DNSError{Err: "timeout", Name: name, IsTimeout: true}
	}
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (w dnsWorld) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if host, ok := w.mx[name]; ok {
		return []*net.MX{{Host: host, Pref: 10}}, nil
	}
	return nil, w.fail(name)
}

func (w dnsWorld) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, ok := w.txt[name]; ok {
		return []string{"other", text}, nil
	}
	return nil, w.fail(name)
}

func (w dnsWorld) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	return nil, w.fail(host)
}

func (w dnsWorld) LookupAddr(_ context.Context, addr string) ([]string, error) {
	if name, ok := w.ptr[addr]; ok {
		return []string{name}, nil
	}
	return nil, w.fail(addr)
}

var now = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

// healthy is a patient with whom nothing is wrong.
func healthy(t *testing.T) Patient {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "secret.key")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Server = config.Server{Hostname: "mail.example.com", DataDir: dir, PublicAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	free := []string{"127.0.0.1:0"}
	c.SMTP.Listen, c.Submission.Listen, c.Submission.TLSListen, c.IMAP.Listen, c.IMAP.TLSListen, c.Web.Listen, c.Web.HTTPListen = free, free, free, free, free, free, free
	c.TLS.Mode = "files"
	c.Secrets.KeyFile = key
	return Patient{
		Config: c, Admins: 1, Clock: func() time.Time { return now },
		Resolver: dnsWorld{mx: map[string]string{"example.com": "mail.example.com."}, txt: map[string]string{"example.com": "v=spf1 mx ~all"}, ptr: map[string]string{"192.0.2.1": "mail.example.com."}},
		Cert:     &tls.Certificate{Leaf: &x509.Certificate{DNSNames: []string{"mail.example.com"}, NotAfter: now.AddDate(0, 2, 0)}},
		Plans: map[string][]dnsplan.Record{"example.com": {
			{Name: "example.com", Type: "MX", Value: "mail.example.com.", Requirement: dnsplan.Required},
			{Name: "example.com", Type: "TXT", Value: "v=spf1 mx ~all", Requirement: dnsplan.Required},
			{Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none", Requirement: dnsplan.Recommended},
		}},
	}
}

// find returns the finding whose check begins so.
func find(t *testing.T, all []Finding, check string) Finding {
	t.Helper()
	for _, f := range all {
		if strings.HasPrefix(f.Check, check) {
			return f
		}
	}
	t.Fatalf("there is no finding about %s", check)
	return Finding{}
}

func TestHealthy(t *testing.T) {
	for _, f := range Examine(t.Context(), healthy(t)) {
		if f.State != OK && f.Check != "clock" { // whose state is this machine's
			t.Errorf("%+v", f)
		}
		if (f.State == OK) != (f.Mend == "") && f.State != Unknown {
			t.Errorf("a finding that is not ok says how to mend it: %+v", f)
		}
	}
}

// ordered has the patient's certificate come from an authority.
func ordered(c api.Certificate) func(*Patient) {
	c.Name = "mail.example.com"
	return func(p *Patient) { p.Config.TLS.Mode, p.Certificates = "acme", []api.Certificate{c} }
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		check  string
		state  State
		found  string
		change func(*Patient)
	}{
		{"hostname", Problem, "not set", func(p *Patient) { p.Config.Server.Hostname = "" }},
		{"port smtp.listen", Problem, "in use", func(p *Patient) { p.Config.SMTP.Listen = []string{taken.Addr().String()} }},
		{"port imap.listen", Problem, "refused", func(p *Patient) { p.Running, p.Config.IMAP.Listen = true, []string{"127.0.0.1:1"} }},
		{"port smtp.listen", OK, "answers", func(p *Patient) { p.Running, p.Config.SMTP.Listen = true, []string{taken.Addr().String()} }},
		{"resolver", Problem, "no answer", func(p *Patient) { p.Resolver = dnsWorld{dead: true} }},
		{"addresses", Warning, "not set", func(p *Patient) { p.Config.Server.PublicAddresses = nil }},
		{"addresses", Warning, "no name", func(p *Patient) { p.Resolver = dnsWorld{} }},
		{"addresses", Warning, "other.example", func(p *Patient) { p.Resolver = dnsWorld{ptr: map[string]string{"192.0.2.1": "other.example."}} }},
		{"disk", Problem, "cannot be read", func(p *Patient) { p.Config.Server.DataDir = "/nonexistent" }},
		{"certificate", Problem, "expired", func(p *Patient) { p.Cert.Leaf.NotAfter = now.AddDate(0, 0, -1) }},
		{"certificate", Warning, "expires", func(p *Patient) { p.Cert.Leaf.NotAfter = now.AddDate(0, 0, 5) }},
		{"certificate", Problem, "not for mail.example.com", func(p *Patient) { p.Cert.Leaf.DNSNames = []string{"other.example"} }},
		{"certificate", Problem, "cannot be read", func(p *Patient) { p.Cert, p.CertErr = nil, errors.New("no PEM") }},
		{"certificate", Warning, "first start", func(p *Patient) { p.Cert, p.CertErr, p.Config.TLS.Mode = nil, fs.ErrNotExist, "self-signed" }},
		{"certificate", Warning, "self-signed", func(p *Patient) { p.Config.TLS.Mode = "self-signed" }},
		{"certificate mail.example.com", OK, "valid until", ordered(api.Certificate{NotAfter: now.AddDate(0, 0, 60)})},
		{"certificate mail.example.com", Warning, "first time", func(p *Patient) { p.Config.TLS.Mode = "acme" }},
		{"certificate mail.example.com", Problem, "there is none: port 80", ordered(api.Certificate{State: "failing", Found: "port 80", Mend: "open it"})},
		{"certificate mail.example.com", Warning, "cannot be renewed: port 80", ordered(api.Certificate{State: "failing", NotAfter: now.AddDate(0, 0, 20), Found: "port 80", Mend: "open it"})},
		{"certificate mail.example.com", Problem, "ends on", ordered(api.Certificate{State: "failing", NotAfter: now.AddDate(0, 0, 3), Found: "port 80", Mend: "open it"})},
		{"certificate mail.example.com", Warning, "not ordered yet: elsewhere", ordered(api.Certificate{State: "waiting", Domain: "example.com", Found: "elsewhere", Mend: "point it here"})},
		{"secret key", Problem, "others can read", func(p *Patient) { os.Chmod(p.Config.Secrets.KeyFile, 0o644) }},
		{"secret key", Problem, "cannot be read", func(p *Patient) { p.Config.Secrets.KeyFile = "/nonexistent" }},
		{"administrator", Problem, "none", func(p *Patient) { p.Admins = 0 }},
		{"domains", Warning, "none", func(p *Patient) { p.Plans = nil }},
		{"domain example.com", Problem, "MX example.com, TXT example.com", func(p *Patient) { p.Resolver = dnsWorld{} }},
		{"domain example.com", Unknown, "does not answer", func(p *Patient) { p.Resolver = dnsWorld{dead: true} }},
	} {
		p := healthy(t)
		test.change(&p)
		f := find(t, Examine(t.Context(), p), test.check)
		if f.State != test.state || !strings.Contains(f.Found, test.found) {
			t.Errorf("%s: %s %q, want %s with %q", test.check, f.State, f.Found, test.state, test.found)
		}
	}
}
