package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"

	"gomail"
	"gomail/cmd/gomail/internal/sandbox"
	"gomail/dnsplan"
	"gomail/domains"
	"gomail/mailauth/dkim"
	"gomail/message"
)

// rotating is a domain whose keys are rotated at a DNS provider that can
// fail, with a clock. The provider and the DNS are the sandbox's, over real
// sockets.
type rotating struct {
	*testing.T
	*services
	box   *sandbox.Sandbox
	dir   string
	now   time.Time
	dials atomic.Int64        // connections to the provider so far
	fault func(n int64) fault // what happens to the nth
}

// fault is what happens to a connection to the provider.
type fault int

const (
	works     fault = iota
	refused         // nobody answers
	replyLost       // what was asked is done, and the answer is lost
)

func startRotation(t *testing.T, fails func(n int64) fault) *rotating {
	t.Helper()
	r := &rotating{T: t, dir: t.TempDir(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), fault: func(int64) fault { return works }}
	var err error
	if r.box, err = sandbox.New(filepath.Join(r.dir, "sandbox"), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.box.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	r.open()
	t.Cleanup(func() { r.close() })
	key := r.box.TSIG()
	if _, err := r.publisher.Connect(t.Context(), dnsplan.NewConnection{Provider: "rfc2136", Credentials: map[string]string{
		"server": key.Server, "key_name": key.Name, "algorithm": key.Algorithm, "key": key.Secret,
	}}); err != nil {
		t.Fatal(err)
	}
	settings := gomail.DomainSettings{Publishing: gomail.PublishingSettings{Connection: "rfc2136"}}
	if _, err := r.domains.Add(t.Context(), sandbox.FreshDomain, domains.AddOptions{Algorithm: domains.Ed25519, Settings: settings}); err != nil {
		t.Fatal(err)
	}
	r.tick(time.Minute)
	r.tick(time.Minute)
	r.verified("before the rotation")
	r.dials.Store(0)
	r.fault = fails
	return r
}

// open starts the services anew over the same store, as after a restart.
func (r *rotating) open() {
	r.Helper()
	resolver, err := r.box.Resolver()
	if err != nil {
		r.Fatal(err)
	}
	o := outside{resolver: resolver, dial: r.dial, clock: func() time.Time { return r.now }, wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if r.services, err = openServices(r.Context(), demoConfig(r.dir, r.box), o, slog.New(slog.NewTextHandler(r.T.Output(), nil))); err != nil {
		r.Fatal(err)
	}
}

// dial is the sandbox's, but for connections to the provider, which are
// counted and may fail.
func (r *rotating) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" || address != r.box.TSIG().Server {
		return r.box.Dial(ctx, network, address)
	}
	switch r.fault(r.dials.Add(1)) {
	case refused:
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("the provider is down")}
	case replyLost:
		c, err := r.box.Dial(ctx, network, address)
		return deaf{c}, err
	}
	return r.box.Dial(ctx, network, address)
}

// deaf is a connection whose answers never arrive.
type deaf struct{ net.Conn }

// Read waits until the other side has done what it was asked, and fails.
func (d deaf) Read(p []byte) (int, error) {
	d.Conn.Read(p)
	return 0, errors.New("the connection was cut")
}

// tick lets time pass and looks after the keys, as the server does.
func (r *rotating) tick(d time.Duration) {
	r.Helper()
	r.now = r.now.Add(d)
	if err := r.domains.Advance(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// verified fails unless mail sent now is signed, and every signature verifies
// for somebody who asks the DNS afresh, in the eyes of another implementation.
func (r *rotating) verified(when string) {
	r.Helper()
	signers, err := r.domains.Signers(r.Context(), sandbox.FreshDomain)
	if err != nil {
		r.Fatal(err)
	}
	header, err := message.ParseHeader([]byte("From: anna@" + sandbox.FreshDomain + "\r\nTo: bob@remote.test\r\nSubject: x\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n"))
	if err != nil {
		r.Fatal(err)
	}
	text := append(bytes.Clone(header.Bytes()), "\r\n"...)
	for _, k := range signers {
		field, err := dkim.Sign(dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.Private}, header, dkim.NewBodyHash(dkim.Relaxed).Sum())
		if err != nil {
			r.Fatal(err)
		}
		text = append(field, text...)
	}
	results, err := msgauth.VerifyWithOptions(bytes.NewReader(text), &msgauth.VerifyOptions{LookupTXT: r.freshTXT})
	if err != nil || len(results) == 0 {
		r.Fatalf("%s (%s): mail is not signed: %v", when, r.now, err)
	}
	for _, v := range results {
		if v.Err != nil {
			r.Fatalf("%s (%s): a signature does not verify: %v; keys %s", when, r.now, v.Err, r.states())
		}
	}
}

// freshTXT asks the name server, not a cache.
func (r *rotating) freshTXT(name string) ([]string, error) {
	m, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT), r.box.DNS())
	if err != nil {
		return nil, err
	}
	var all []string
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all, nil
}

func (r *rotating) states() string {
	keys, err := r.domains.Keys(r.Context(), sandbox.FreshDomain)
	if err != nil {
		r.Fatal(err)
	}
	var all []string
	for _, k := range keys {
		all = append(all, k.Selector+" "+string(k.State))
	}
	return strings.Join(all, ", ")
}

// rotate goes through a whole rotation, with mail sent after every step.
func (r *rotating) rotate(step func()) {
	r.Helper()
	if _, err := r.domains.Rotate(r.Context(), sandbox.FreshDomain, "", "next"); err != nil {
		r.Fatal(err)
	}
	r.verified("when the rotation has begun")
	const hour, day = time.Hour, 24 * time.Hour
	for i, d := range slices.Concat(slices.Repeat([]time.Duration{hour}, 4), slices.Repeat([]time.Duration{6 * hour}, 6), slices.Repeat([]time.Duration{5 * day}, 30)) {
		r.tick(d)
		r.verified(fmt.Sprintf("step %d", i))
		step()
	}
	if got := r.states(); got != "next active" {
		r.Errorf("in the end the keys are: %s", got)
	}
	if left, err := r.freshTXT("mail._domainkey." + sandbox.FreshDomain); err != nil || len(left) > 0 {
		r.Errorf("the old key is still in the DNS: %q, %v", left, err)
	}
}

func TestRotationAtAProvider(t *testing.T) {
	t.Parallel()
	r := startRotation(t, func(int64) fault { return works })
	r.rotate(func() {})
	if n := r.dials.Load(); n < 3 || n > 60 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// The provider fails at each step in turn, for a while or with its answer
// lost: all mail stays verifiable, and the rotation ends all the same.
func TestRotationWithAProviderThatFails(t *testing.T) {
	t.Parallel()
	counted := startRotation(t, func(int64) fault { return works })
	counted.rotate(func() {})
	for _, kind := range []fault{refused, replyLost} {
		for at := int64(1); at <= counted.dials.Load(); at++ {
			r := startRotation(t, func(n int64) fault {
				if n >= at && n < at+9 {
					return kind
				}
				return works
			})
			r.rotate(func() {})
			if t.Failed() {
				t.Fatalf("with fault %d from connection %d", kind, at)
			}
		}
	}
}

// The server is started anew after every step.
func TestRotationSurvivesRestarts(t *testing.T) {
	t.Parallel()
	r := startRotation(t, func(n int64) fault {
		if n%5 == 1 {
			return refused
		}
		return works
	})
	r.rotate(func() {
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		r.open()
	})
}

// The provider is dead for good in the middle of a rotation: the old key goes
// on signing for as long as that lasts.
func TestRotationWithADeadProvider(t *testing.T) {
	t.Parallel()
	r := startRotation(t, func(int64) fault { return refused })
	if _, err := r.domains.Rotate(t.Context(), sandbox.FreshDomain, "", "next"); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		r.tick(5 * 24 * time.Hour)
		r.verified("while the provider is dead")
	}
	if got := r.states(); got != "mail active, next pending" {
		t.Errorf("the keys are: %s", got)
	}
	r.fault = func(int64) fault { return works }
	for range 3 {
		r.tick(time.Hour)
		r.verified("when the provider is back")
	}
	if got := r.states(); got != "mail active, next active" {
		t.Errorf("the keys are: %s", got)
	}
}
