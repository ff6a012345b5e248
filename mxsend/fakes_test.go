package mxsend

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gomail"
	"gomail/internal/resolver"
	"gomail/queue"
)

// memory is content in memory.
type memory struct{ *bytes.Reader }

func (m memory) Size() int64  { return m.Reader.Size() }
func (m memory) Close() error { return nil }

func contentOf(s string) gomail.Content { return memory{bytes.NewReader([]byte(s))} }

// zone is a resolver for tests. A name that is in fail fails for now.
type zone struct {
	mx   map[string][]*net.MX
	addr map[string][]string
	fail map[string]bool

	secure map[string]bool // authenticated: MX of a domain, addresses of a host
	tlsa   map[string][]*dns.TLSA
	alias  map[string]string
}

// authenticate has DNSSEC vouch for the MX of example.net and for hosts.
func (z *zone) authenticate(hosts []string, spoiled bool) {
	z.secure["example.net"] = true
	for _, h := range hosts {
		z.secure[h] = true
		z.fail["_25._tcp."+h] = spoiled
	}
}

func (z *zone) SecureMX(ctx context.Context, name string) ([]*net.MX, bool, error) {
	records, err := z.LookupMX(ctx, name)
	return records, z.secure[name], err
}

func (z *zone) SecureHost(ctx context.Context, host string) (resolver.Host, error) {
	h := resolver.Host{Name: host, Secure: z.secure[host]}
	if target, ok := z.alias[host]; ok {
		h.Name, h.Secure = target, z.secure[host] && z.secure[target]
	}
	_, err := z.LookupIPAddr(ctx, host)
	return h, err
}

func (z *zone) SecureAlias(_ context.Context, name string) (bool, error) {
	return z.alias[name] != "" && z.secure[name], nil
}

func (z *zone) LookupTLSA(_ context.Context, name string) ([]*dns.TLSA, bool, error) {
	host := strings.TrimPrefix(name, "_25._tcp.")
	if z.fail[name] {
		return nil, false, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	}
	if len(z.tlsa[host]) == 0 {
		return nil, z.secure[host], &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	return z.tlsa[host], z.secure[host], nil
}

func newZone() *zone {
	return &zone{mx: map[string][]*net.MX{}, addr: map[string][]string{}, fail: map[string]bool{}, secure: map[string]bool{}, tlsa: map[string][]*dns.TLSA{}, alias: map[string]string{}}
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if z.fail[name] {
		return nil, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	}
	if records, ok := z.mx[name]; ok {
		return records, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	host = strings.TrimSuffix(host, ".")
	if z.fail[host] {
		return nil, &net.DNSError{Err: "server failure", Name: host, IsTemporary: true}
	}
	var addrs []net.IPAddr
	for _, a := range z.addr[host] {
		addrs = append(addrs, net.IPAddr{IP: net.ParseIP(a)})
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func mustAddress(t testing.TB, s string) gomail.Address {
	if s == "" {
		return gomail.Address{}
	}
	a, err := gomail.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// taskFor makes a task of a message to recipients of one domain.
func taskFor(t testing.TB, from string, rcpts ...string) queue.Task {
	task := queue.Task{Message: queue.Message{Envelope: gomail.Envelope{From: mustAddress(t, from)}}}
	for i, r := range rcpts {
		a := mustAddress(t, r)
		task.Site = a.Domain
		task.Rcpts = append(task.Rcpts, queue.Recipient{Recipient: gomail.Recipient{Address: a}, N: i})
	}
	return task
}
