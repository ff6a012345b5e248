package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"gomail"
	"gomail/internal/disk"
)

// Config says where the certificate comes from.
type Config struct {
	Hostname   string // the mail host
	CertFile   string // PEM chain; with KeyFile: mode "files"
	KeyFile    string // PEM
	Dir        string // where a self-signed certificate is kept, else
	MinVersion string // "1.2" (also when empty) or "1.3"
	Logger     *slog.Logger
	Clock      func() time.Time
}

// Manager holds the current certificate.
type Manager struct {
	config  Config
	current atomic.Pointer[loaded]
}

// loaded is a certificate as it was read.
type loaded struct {
	certificate *tls.Certificate
	stamp       string // changes when the files do
}

// SelfSignedFile is the name of the self-signed certificate and its key, in
// the data directory.
const SelfSignedFile = "self-signed.pem"

// reloadEvery is how often the files are looked at.
const reloadEvery = 10 * time.Second

// New reads the certificate, or makes a self-signed one that lasts ten years
// and stays the same over restarts.
func New(c Config) (*Manager, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	m := &Manager{config: c}
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
// are used by the handshakes that follow.
func (m *Manager) TLS() *tls.Config {
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return m.current.Load().certificate, nil },
	}
	if m.config.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	return c
}

// Certificate returns the current leaf.
func (m *Manager) Certificate() *x509.Certificate { return m.current.Load().certificate.Leaf }

// Run reads the files again when they change, until ctx ends. A pair that
// cannot be used is reported and the old one kept.
func (m *Manager) Run(ctx context.Context) error {
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

// ensureSelfSigned makes the self-signed pair unless there is one for the
// hostname.
func (m *Manager) ensureSelfSigned() error {
	pair, err := tls.LoadX509KeyPair(m.config.CertFile, m.config.KeyFile)
	if err == nil && pair.Leaf.VerifyHostname(m.config.Hostname) == nil {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gomail.Errorf(gomail.Invalid, "the self-signed certificate %s is damaged: remove it and start again: %w", m.config.CertFile, err)
	}
	text, err := selfSigned(m.config.Hostname, m.config.Clock())
	if err != nil {
		return fmt.Errorf("make a self-signed certificate: %w", err)
	}
	return disk.WriteFile(disk.CertData, "", m.config.CertFile, text)
}

// selfSigned returns a certificate and its key in PEM.
func selfSigned(hostname string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hostname}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		DNSNames: []string{hostname, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
