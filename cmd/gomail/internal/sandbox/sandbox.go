// Package sandbox is a little internet inside one process: a DNS, a
// certificate authority and another domain's mail server. The demo and the
// tests run a server in it that differs from production in nothing but what
// it is wired to.
package sandbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"gomail/internal/resolver"
)

// The sandbox's names. The addresses are what its DNS says; Dial knows where
// these hosts really listen.
const (
	Domain       = "gomail.test"
	Hostname     = "mail.gomail.test"
	Address      = "127.0.0.1"
	FreshDomain  = "fresh.test" // registered and empty: to be added and set up
	GuideDomain  = "guide.test" // another one
	RemoteDomain = "remote.test"
	RemoteHost   = "mx.remote.test"
	remoteIP     = "127.0.0.2"
	CAIssuer     = "ca.sandbox.test" // for CAA
)

// Sandbox is a running little internet.
type Sandbox struct {
	CAFile            string // PEM
	CertFile, KeyFile string // of Hostname, PEM

	dns      *nameServer
	remote   *remote
	resolver *resolver.Resolver

	mu    sync.RWMutex
	ports map[string]string // "127.0.0.2:25", "127.0.0.1:53" → where it really is
}

// New makes a sandbox in a directory. Run serves it.
func New(dir string, log *slog.Logger) (*Sandbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's directory: %w", err)
	}
	s := &Sandbox{
		CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		ports: map[string]string{},
	}
	remoteCert, err := s.makeCertificates(dir)
	if err != nil {
		return nil, fmt.Errorf("make the sandbox's certificates: %w", err)
	}
	if s.dns, err = newNameServer(); err != nil {
		return nil, fmt.Errorf("open the sandbox's DNS: %w", err)
	}
	for _, zone := range []string{Domain, FreshDomain, GuideDomain, RemoteDomain, "sandbox.test", "127.in-addr.arpa"} {
		s.dns.addZone(zone)
	}
	if s.resolver, err = s.Resolver(); err != nil {
		return nil, err
	}
	if s.remote, err = newRemote(filepath.Join(dir, "remote"), remoteCert, s.resolver, s.Dial, log); err != nil {
		return nil, fmt.Errorf("open the remote server: %w", err)
	}
	s.dns.add(s.remote.records())
	s.dns.add(mustParse("ns.sandbox.test. 60 A " + Address))
	s.mapAddress(net.JoinHostPort(Address, "53"), s.DNS())
	s.MapPort(remoteIP, s.remote.address())
	return s, nil
}

func (s *Sandbox) makeCertificates(dir string) (tls.Certificate, error) {
	ca, err := newAuthority(s.CAFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	names := []string{Hostname}
	for _, domain := range []string{Domain, FreshDomain, GuideDomain} {
		names = append(names, "mta-sts."+domain, "autoconfig."+domain, "autodiscover."+domain)
	}
	if _, err := ca.issue(s.CertFile, s.KeyFile, names...); err != nil {
		return tls.Certificate{}, err
	}
	return ca.issue(filepath.Join(dir, "remote-cert.pem"), filepath.Join(dir, "remote-key.pem"), RemoteHost)
}

// Resolver returns a resolver that asks the sandbox's DNS.
func (s *Sandbox) Resolver() (*resolver.Resolver, error) {
	return resolver.New(resolver.Config{Servers: []string{s.DNS()}})
}

// DNS returns the address of the name server, UDP and TCP.
func (s *Sandbox) DNS() string { return s.dns.address() }

// RemoteSMTP returns the address of the remote domain's server.
func (s *Sandbox) RemoteSMTP() string { return s.remote.address() }

// RemoteMaildir returns the directory where the remote server puts each
// message that it accepted, as one file.
func (s *Sandbox) RemoteMaildir() string { return s.remote.maildir }

// Publish adds records to the DNS.
func (s *Sandbox) Publish(rrs []dns.RR) { s.dns.add(rrs) }

// TSIG returns the key with which the DNS may be changed.
func (s *Sandbox) TSIG() TSIG { return s.dns.key }

// MapPort says where the port 25 of an address really is.
func (s *Sandbox) MapPort(ip, address string) { s.mapAddress(net.JoinHostPort(ip, "25"), address) }

// MapWeb says where the port 443 of an address really is.
func (s *Sandbox) MapWeb(ip, address string) { s.mapAddress(net.JoinHostPort(ip, "443"), address) }

func (s *Sandbox) mapAddress(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[from] = to
}

// Dial connects to a host of the sandbox.
func (s *Sandbox) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.RLock()
	if real, ok := s.ports[address]; ok {
		address = real
	}
	s.mu.RUnlock()
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Run serves until ctx ends.
func (s *Sandbox) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.dns.run(ctx) })
	g.Go(func() error { return s.remote.run(ctx) })
	return g.Wait()
}
