package pop3d_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/message"
	"gomail/pop3d"
	"gomail/store"
)

// certificate is made once for all tests.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// house is a store with an account and a POP3 server on it.
type house struct {
	t     testing.TB
	boxes *mailbox.Service
	anna  gomail.AccountID
	addr  string
}

func newHouse(t testing.TB, cfg pop3d.Config) *house {
	t.Helper()
	hub := mailbox.NewHub()
	clock := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Publish: hub.Publish, Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{t: t, boxes: mailbox.New(s, hub)}
	if _, err := s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	account, err := s.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: "anna", Domain: "example.com"}, Role: gomail.RoleUser}, "-")
	if err != nil {
		t.Fatal(err)
	}
	h.anna = account.ID
	h.serve(cfg)
	return h
}

func (h *house) serve(cfg pop3d.Config) {
	cfg.Hostname = "pop.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	h.addr = l.Addr().String()
	go func() { ended <- pop3d.New(cfg, h, h.boxes).Serve(ctx, l) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	})
}

// Authenticate implements pop3d.Authenticator: anna's password is "se cret".
func (h *house) Authenticate(_ context.Context, username, password string, remote netip.Addr, protocol string) (gomail.AccountID, error) {
	switch {
	case username == "busy@example.com":
		return 0, gomail.Errorf(gomail.Throttled, "too many failed sign-ins: wait a minute")
	case username == "broken@example.com":
		return 0, gomail.Errorf(gomail.Unavailable, "the directory does not answer")
	case username != "anna@example.com" || password != "se cret" || protocol != "pop3" || !remote.IsLoopback():
		return 0, gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")
	}
	return h.anna, nil
}

// Mechanisms implements pop3d.Exchanger.
func (h *house) Mechanisms(tls.ConnectionState) []string { return []string{"ECHO"} }

// Exchange implements pop3d.Exchanger.
func (h *house) Exchange(string, tls.ConnectionState, netip.Addr, string) pop3d.Exchange {
	return &echo{account: h.anna}
}

// echo is a mechanism that wants "first", then "second".
type echo struct {
	account gomail.AccountID
	step    int
}

// Step implements pop3d.Exchange.
func (x *echo) Step(_ context.Context, response string) (string, gomail.AccountID, error) {
	x.step++
	switch {
	case x.step == 1 && response == "first":
		return "go on", 0, nil
	case x.step == 2 && response == "second":
		return "", x.account, nil
	}
	return "", 0, gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")
}

// deliver puts a message into anna's INBOX and returns its UID.
func (h *house) deliver(raw string) gomail.UID {
	h.t.Helper()
	box := h.inbox()
	body := h.boxes.Account(h.anna).Stage()
	defer body.Close()
	body.Write([]byte(raw))
	var x message.Indexer
	x.Write([]byte(raw))
	added, err := box.Append(context.Background(), mailbox.Append{Body: body, Index: x.Finish().Marshal()})
	if err != nil {
		h.t.Fatal(err)
	}
	return added[0].UID
}

func (h *house) inbox() mailbox.Box {
	h.t.Helper()
	box, err := h.boxes.Account(h.anna).Lookup(context.Background(), "INBOX")
	if err != nil {
		h.t.Fatal(err)
	}
	return box
}

// flags lists anna's messages: "1" or, when it was read, "1 seen".
func (h *house) flags() string {
	h.t.Helper()
	snap, err := h.inbox().Snapshot(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, e := range snap.Entries {
		text := string(rune('0' + e.UID))
		if e.Flags.Has(gomail.FlagSeen) {
			text += " seen"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func serverTLS() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{certificate()}} }

func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }
