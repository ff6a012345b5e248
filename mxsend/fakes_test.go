package mxsend

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"gomail"
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
}

func newZone() *zone {
	return &zone{mx: map[string][]*net.MX{}, addr: map[string][]string{}, fail: map[string]bool{}}
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
