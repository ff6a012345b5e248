package mxsend

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/queue"
	"gomail/smtpd"

	"go.uber.org/goleak"
)

// keeper is a backend that keeps what it is sent.
type keeper struct {
	mu       sync.Mutex
	messages []string
	sessions atomic.Int64
}

func (k *keeper) NewSession(context.Context, *gomail.Client) (smtpd.Session, error) {
	k.sessions.Add(1)
	return &keeping{k: k}, nil
}

type keeping struct {
	k     *keeper
	rcpts []string
}

func (s *keeping) Authenticate(context.Context, string, string, string) error { return nil }

func (s *keeping) Mail(context.Context, gomail.Address, smtpd.MailOptions) error { return nil }

func (s *keeping) Rcpt(_ context.Context, r gomail.Recipient) error {
	if r.Address.Local == "reject" {
		return gomail.Errorf(gomail.NotFound, "nobody of that name")
	}
	s.rcpts = append(s.rcpts, r.Address.Local)
	return nil
}

func (s *keeping) Data(_ context.Context, r io.Reader) (string, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.k.messages = append(s.k.messages, strings.Join(s.rcpts, ",")+"|"+string(data))
	return "kept", nil
}

func (s *keeping) Reset() { s.rcpts = nil }
func (s *keeping) Close() {}

// startRemote runs an smtpd on loopback and a Sender whose port 25 leads to it.
func startRemote(t testing.TB, cfg smtpd.Config, k smtpd.Backend) *Sender {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	cfg.Hostname = "mx.example.net"
	go func() { done <- smtpd.New(cfg, k).Serve(ctx, l) }()
	z := newZone()
	z.mx["example.net"] = []*net.MX{{Host: "mx.example.net.", Pref: 10}}
	z.addr["mx.example.net"] = []string{"127.0.0.1"}
	s := New(Config{
		Hostname: "mail.example.com", Resolver: z, AllowPrivateNetworks: true,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "127.0.0.1:25" {
				t.Errorf("dials %s", addr)
			}
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	})
	t.Cleanup(func() {
		s.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestAgainstSmtpd sends awkward messages to our own server, over TLS.
func TestAgainstSmtpd(t *testing.T) {
	k := &keeper{}
	cert := testCertificate(t)
	s := startRemote(t, smtpd.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}, k)
	for _, content := range []string{
		"", "Subject: x\r\n\r\nhello\r\n", "no end", ".\r\n..\r\n.x\r\n", "lone\nLF and\rCR\r\n.\n.\r",
		strings.Repeat(strings.Repeat("x", 76)+"\r\n", 20000),
		strings.Repeat("x", 32<<10-1) + "\r\n.dot at a block's start\r\n",
		strings.Repeat(".", 100_000),
	} {
		results := s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net", "reject@example.net"), contentOf(content))
		if results[0].Outcome != queue.Delivered || results[0].TLS.Version != "TLS1.3" || results[0].Text != "kept" {
			t.Fatalf("%q: %+v", clip(content, 40), results)
		}
		if results[1].Outcome != queue.Permanent || results[1].Enhanced != "5.1.1" {
			t.Errorf("%q: %+v", clip(content, 40), results)
		}
		if got := k.messages[len(k.messages)-1]; got != "anna|"+canonical(content) {
			t.Errorf("%q arrived as %q", clip(content, 40), clip(got, 40))
		}
	}
	if n := k.sessions.Load(); n != 1 {
		t.Errorf("%d connections for one after the other", n)
	}
}

// TestConcurrent delivers from many goroutines; each message arrives once.
func TestConcurrent(t *testing.T) {
	k := &keeper{}
	s := startRemote(t, smtpd.Config{}, k)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 20 {
				r := s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net"), contentOf("x\r\n"))
				if r[0].Outcome != queue.Delivered {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	wg.Wait()
	if len(k.messages) != 200 {
		t.Errorf("%d messages arrived", len(k.messages))
	}
	if n := k.sessions.Load(); n > 20 {
		t.Errorf("%d connections", n)
	}
}

// TestClose leaves nothing running.
func TestClose(t *testing.T) {
	k := &keeper{}
	t.Run("", func(t *testing.T) {
		s := startRemote(t, smtpd.Config{}, k)
		s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net"), contentOf("x\r\n"))
		s.Close()
		if r := s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net"), contentOf("x\r\n")); r[0].Outcome != queue.Delivered {
			t.Errorf("after Close: %+v", r)
		}
	})
	goleak.VerifyNone(t)
}

// TestCancel cuts a delivery that waits for its server.
func TestCancel(t *testing.T) {
	defer goleak.VerifyNone(t)
	z := newZone()
	z.addr["example.net"] = []string{"127.0.0.1"}
	client, server := net.Pipe()
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	s := New(Config{
		Hostname: "mail.example.com", Resolver: z, AllowPrivateNetworks: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			time.AfterFunc(10*time.Millisecond, cancel)
			return client, nil
		},
	})
	r := s.Deliver(ctx, taskFor(t, "bob@example.com", "anna@example.net"), contentOf("x\r\n"))
	if r[0].Outcome != queue.Temporary {
		t.Errorf("%+v", r)
	}
}

// TestBindAddress connects from where it is told.
func TestBindAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := New(Config{Hostname: "mail.example.com", Resolver: newZone(), BindAddresses: parseAddrs("::1", "127.0.0.5")})
	c, err := s.cfg.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.HasPrefix(c.LocalAddr().String(), "127.0.0.5:") {
		t.Errorf("connected from %v", c.LocalAddr())
	}
}

func parseAddrs(list ...string) (addrs []netip.Addr) {
	for _, a := range list {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs
}

// discard is a backend that takes all and keeps nothing.
type discard struct{}

func (discard) NewSession(context.Context, *gomail.Client) (smtpd.Session, error) {
	return discard{}, nil
}
func (discard) Rcpt(context.Context, gomail.Recipient) error                  { return nil }
func (discard) Reset()                                                        {}
func (discard) Close()                                                        {}
func (discard) Mail(context.Context, gomail.Address, smtpd.MailOptions) error { return nil }
func (discard) Authenticate(context.Context, string, string, string) error    { return nil }
func (discard) Data(_ context.Context, r io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, r)
	return "ok", err
}

func BenchmarkDeliver(b *testing.B) {
	s := startRemote(b, smtpd.Config{}, discard{})
	task := taskFor(b, "bob@example.com", "anna@example.net")
	content := memory{bytes.NewReader(bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), 52))}
	b.ReportAllocs()
	for b.Loop() {
		if r := s.Deliver(b.Context(), task, content); r[0].Outcome != queue.Delivered {
			b.Fatal(r)
		}
	}
}
