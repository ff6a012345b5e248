package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"gomail"
)

// Config says where the certificate comes from.
type Config struct {
	Hostname   string // the mail host
	CertFile   string // PEM chain; with KeyFile: mode "files"
	KeyFile    string // PEM
	Dir        string // where a self-signed certificate is kept, else
	MinVersion string // "1.2" (also when empty) or "1.3"
	ACME       *ACME  // not nil: mode "acme"
	Logger     *slog.Logger
	Clock      func() time.Time
}

// Manager holds the current certificates: the mail host's, and where they come
// from an authority those of other names.
type Manager struct {
	config  Config
	current atomic.Pointer[loaded] // the mail host's
	orders  *orders                // nil: none are ordered
}

// loaded is a certificate as it was read.
type loaded struct {
	certificate *tls.Certificate
	stamp       string // changes when the files do
}

// reloadEvery is how often the files are looked at.
const reloadEvery = 10 * time.Second

// New reads the certificate, or makes a self-signed one that lasts ten years
// and stays the same over restarts. One that is to be ordered is self-signed
// until it has come, with the key that it will have.
func New(c Config) (*Manager, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	m := &Manager{config: c}
	if c.ACME != nil {
		return m, m.open()
	}
	if c.CertFile == "" {
		m.config.CertFile = filepath.Join(c.Dir, SelfSignedFile)
		m.config.KeyFile = m.config.CertFile
		if err := m.ensureSelfSigned(); err != nil {
			return nil, err
		}
	}
	return m, m.reload()
}

// TLS returns the configuration for a server. Certificates that come later
// are used by the handshakes that follow. No handshake waits for anything but
// memory.
func (m *Manager) TLS() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: m.choose}
	if m.config.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	return c
}

// WebTLS is TLS for HTTPS, where an authority asks too (TLS-ALPN-01, RFC
// 8737).
func (m *Manager) WebTLS() *tls.Config {
	c := m.TLS()
	if m.orders == nil {
		return c
	}
	c.NextProtos = []string{"h2", "http/1.1", acmeProtocol}
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmeProtocol {
			return m.orders.answerTLS(hello)
		}
		return m.choose(hello)
	}
	return c
}

// acmeProtocol is how an authority that checks a name says so.
const acmeProtocol = "acme-tls/1"

// choose returns the certificate of the name that a client asks for, or else
// the mail host's.
func (m *Manager) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if m.orders != nil && hello.ServerName != "" {
		if c := m.orders.certificate(strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))); c != nil {
			return c, nil
		}
	}
	return m.current.Load().certificate, nil
}

// Pair returns the current certificate of the mail host with its key.
func (m *Manager) Pair() *tls.Certificate { return m.current.Load().certificate }

// Certificate returns the current leaf of the mail host.
func (m *Manager) Certificate() *x509.Certificate { return m.current.Load().certificate.Leaf }

// Run reads the files again when they change, or orders and renews, until ctx
// ends. A pair that cannot be used is reported and the old one kept.
func (m *Manager) Run(ctx context.Context) error {
	if m.orders != nil {
		return m.orders.run(ctx)
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := m.reload(); err != nil {
				m.config.Logger.Error("the new certificate is not used", slog.Any("error", err))
			}
		}
	}
}

// reload reads the pair if its files changed.
func (m *Manager) reload() error {
	stamp, err := m.stamp()
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the certificate cannot be read: %w", err)
	}
	if old := m.current.Load(); old != nil && old.stamp == stamp {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(m.config.CertFile, m.config.KeyFile)
	if err != nil {
		return gomail.Errorf(gomail.Invalid, "the certificate %s cannot be used: %w", m.config.CertFile, err)
	}
	if m.config.Clock().After(pair.Leaf.NotAfter) {
		m.config.Logger.Warn("the certificate has expired", slog.String("file", m.config.CertFile), slog.Time("expired", pair.Leaf.NotAfter))
	}
	m.current.Store(&loaded{&pair, stamp})
	return nil
}

func (m *Manager) stamp() (string, error) {
	var stamp string
	for _, path := range []string{m.config.CertFile, m.config.KeyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		stamp += fmt.Sprintf("%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return stamp, nil
}
