package mxsend

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"gomail/queue"
)

// keptOffers is an OfferStore in memory.
type keptOffers struct {
	hosts  map[string]time.Time
	writes int
	broken bool
}

func (k *keptOffers) TLSOffers(context.Context, int) (map[string]time.Time, error) {
	if k.broken {
		return nil, errors.New("the disk is full")
	}
	return map[string]time.Time{"example.net": k.hosts["example.net"]}, nil
}

func (k *keptOffers) NoteTLSOffer(_ context.Context, host string, at, _ time.Time) error {
	if k.broken {
		return errors.New("the disk is full")
	}
	k.writes++
	k.hosts[host] = at
	return nil
}

// deliverOnce has a new Sender, as after a restart, deliver to a server with or
// without TLS, and returns its log.
func deliverOnce(t *testing.T, offers OfferStore, withTLS bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := peer{make(chan string, 10)}
	server := smtp.NewServer(p)
	server.Domain = "mx.example.net"
	if withTLS {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	}
	go server.Serve(l)
	defer server.Close()
	z := newZone()
	z.addr["example.net"] = []string{"127.0.0.1"}
	var log bytes.Buffer
	s := New(Config{
		Hostname: "mail.example.com", Resolver: z, AllowPrivateNetworks: true, Offers: offers, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	})
	defer s.Close()
	for range 2 {
		if r := s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net"), contentOf("Subject: x\r\n\r\nx\r\n")); r[0].Outcome != queue.Delivered {
			t.Fatalf("%+v", r)
		}
		<-p.got
		s.pool.close() // or the second message would take the same connection
	}
	return log.String()
}

// A server that offered TLS and does so no more is noticed after a restart.
func TestDowngradeAfterARestart(t *testing.T) {
	const warning = "a server that offered TLS before does not now"
	kept := &keptOffers{hosts: map[string]time.Time{}}
	if log := deliverOnce(t, kept, false); strings.Contains(log, warning) || kept.writes != 0 {
		t.Errorf("a server that never offered TLS: %d writes, %s", kept.writes, log)
	}
	if log := deliverOnce(t, kept, true); strings.Contains(log, warning) || kept.writes != 1 {
		t.Errorf("a server that offers TLS: %d writes, %s", kept.writes, log)
	}
	if log := deliverOnce(t, kept, false); !strings.Contains(log, warning) {
		t.Errorf("not noticed: %s", log)
	}
	kept.broken = true
	if log := deliverOnce(t, kept, true); !strings.Contains(log, "could not be read") || !strings.Contains(log, "was not kept") {
		t.Errorf("the store's failure is not told: %s", log)
	}
}

func TestOffers(t *testing.T) {
	var o offers
	now := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		host          string
		offered       bool
		after         time.Duration
		notice, write bool
	}{
		{"a", false, 0, false, false},
		{"a", true, 0, false, true},
		{"a", true, time.Hour, false, false},
		{"a", false, time.Hour, true, false},
		{"a", true, keepOfferEvery, false, true},
		{"b", false, 0, false, false},
		{"a", false, offersAge + keepOfferEvery, false, false},
	} {
		if notice, write := o.note(c.host, c.offered, now.Add(c.after)); notice != c.notice || write != c.write {
			t.Errorf("%d: %v, %v", i, notice, write)
		}
	}
	for i := range mostOffers + 10 {
		o.note(strconv.Itoa(i), true, now)
	}
	if len(o.hosts) > mostOffers {
		t.Errorf("%d hosts are remembered", len(o.hosts))
	}
}
