package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gomail"
)

// serves returns the leaf that a handshake with m gives.
func serves(t *testing.T, m *Manager) *x509.Certificate {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		tls.Server(server, m.TLS()).Handshake()
	}()
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0]
}

func TestSelfSignedStaysTheSame(t *testing.T) {
	c := Config{Hostname: "mail.example.com", Dir: t.TempDir()}
	first, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := serves(t, first), serves(t, again); !a.Equal(b) || a.VerifyHostname("mail.example.com") != nil {
		t.Errorf("after a restart it serves %v, before %v", b.Subject, a.Subject)
	}
}

func TestFilesAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cert.pem")
	write := func(name string, at time.Time) {
		text, err := selfSigned(name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(path, at, at)
	}
	write("one.example.com", time.Unix(1000, 0))
	m, err := New(Config{CertFile: path, KeyFile: path})
	if err != nil {
		t.Fatal(err)
	}
	write("two.example.com", time.Unix(2000, 0))
	if err := m.reload(); err != nil {
		t.Fatal(err)
	}
	if got := serves(t, m).Subject.CommonName; got != "two.example.com" {
		t.Errorf("it serves %s", got)
	}
	os.WriteFile(path, []byte("half a file"), 0o600)
	if err := m.reload(); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("a damaged file: %v", err)
	}
	if got := serves(t, m).Subject.CommonName; got != "two.example.com" {
		t.Errorf("after a damaged file it serves %s", got)
	}
}
