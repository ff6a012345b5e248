package certs

import (
	"crypto"
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
	"math/big"
	"net"
	"time"

	"gomail"
	"gomail/internal/disk"
)

// SelfSignedFile is the name of the self-signed certificate and its key, in
// the data directory.
const SelfSignedFile = "self-signed.pem"

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
	der, err := signSelf(hostname, key, now)
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

// signSelf makes a certificate for the hostname that a key signs for itself.
func signSelf(hostname string, key crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hostname}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		DNSNames: []string{hostname, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}
