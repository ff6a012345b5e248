package imapd_test

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
	"gomail/imapd"
	"gomail/mailbox"
	"gomail/message"
	"gomail/store"
)

// certificate is made once for all tests.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func serverTLS() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{certificate()}} }

// house is a store with two accounts and an IMAP server on it.
type house struct {
	t     testing.TB
	store *store.Store
	boxes *mailbox.Service
	anna  gomail.Account
	scram bool
	addr  string
	stop  context.CancelFunc // begins the shutdown
	ended chan error         // what Serve returned
}

// Authenticate implements imapd.Authenticator: every account's password is
// "secret", disabled@ is switched off and busy@ has to wait.
func (h *house) Authenticate(ctx context.Context, username, password string, remote netip.Addr, protocol string) (gomail.AccountID, error) {
	address, err := gomail.ParseAddress(username)
	switch {
	case address.Local == "disabled":
		return 0, gomail.Errorf(gomail.Disabled, "the account is switched off: ask your administrator")
	case address.Local == "busy":
		return 0, gomail.Errorf(gomail.Throttled, "too many failed sign-ins: wait a minute")
	case err != nil || password != "secret" || protocol != "imap" || !remote.IsLoopback():
		return 0, gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")
	}
	account, _, err := h.store.AccountByAddress(ctx, address)
	if err != nil {
		return 0, gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")
	}
	return account.ID, nil
}

// exchanging is a house that knows SCRAM and tokens, for one client.
type exchanging struct{ *house }

// Mechanisms implements imapd.Exchanger.
func (exchanging) Mechanisms(tls.ConnectionState) []string {
	return []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"}
}

// Exchange implements imapd.Exchanger.
func (h exchanging) Exchange(mechanism string, _ tls.ConnectionState, _ netip.Addr, _ string) imapd.Exchange {
	if mechanism == "OAUTHBEARER" {
		return &bearer{account: h.anna.ID}
	}
	return &canned{account: h.anna.ID}
}

// vector is SCRAM as in RFC 7677 section 3: what the client says at each step,
// and the server's challenge.
var vector = []struct{ response, challenge string }{
	{"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
	{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	{"", ""},
}

// canned is the example of the RFC.
type canned struct {
	account gomail.AccountID
	step    int
}

// Step implements imapd.Exchange.
func (x *canned) Step(_ context.Context, response string) (string, gomail.AccountID, error) {
	if response != vector[x.step].response {
		return "", 0, gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")
	}
	if x.step++; x.step < len(vector) {
		return vector[x.step-1].challenge, 0, nil
	}
	return "", x.account, nil
}

// bearer is OAUTHBEARER as in RFC 7628 sections 4.1 and 4.3.
type bearer struct {
	account gomail.AccountID
	failed  bool
}

// Step implements imapd.Exchange.
func (x *bearer) Step(_ context.Context, response string) (string, gomail.AccountID, error) {
	switch {
	case x.failed:
		return "", 0, gomail.Errorf(gomail.Unauthenticated, "the token was not accepted")
	case strings.HasSuffix(response, "\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"):
		return "", x.account, nil
	}
	x.failed = true
	return `{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known/openid-configuration"}`, 0, nil
}

// newHouse opens a store in a temporary directory and serves it.
func newHouse(t testing.TB, cfg imapd.Config, change ...func(*house)) *house {
	t.Helper()
	return newHouseOver(t, cfg, func(s *store.Store) mailbox.Store { return s }, change...)
}

// forgetful is a store whose log of changes was trimmed to nothing.
type forgetful struct{ *store.Store }

// Changes implements mailbox.Store.
func (f forgetful) Changes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq) (mailbox.Delta, error) {
	delta, err := f.Store.Changes(ctx, account, id, since)
	if delta.Seq > since {
		delta.Complete, delta.Changed, delta.Vanished = false, nil, nil
	}
	return delta, err
}

// newHouseOver is newHouse with something between the engine and the store.
func newHouseOver(t testing.TB, cfg imapd.Config, over func(*store.Store) mailbox.Store, change ...func(*house)) *house {
	t.Helper()
	hub := mailbox.NewHub()
	clock := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Publish: hub.Publish, Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{t: t, store: s, boxes: mailbox.New(over(s), hub)}
	if _, err := s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	h.anna = h.addAccount("anna", 0)
	h.addAccount("bob", 20_000)
	carol := h.addAccount("carol", 0)
	carol.QuotaMessagesMax = 2
	if err := s.UpdateAccount(t.Context(), carol); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(h)
	}
	h.serve(cfg)
	return h
}

func (h *house) addAccount(local string, quota int64) gomail.Account {
	h.t.Helper()
	account, err := h.store.AddAccount(context.Background(), gomail.Account{
		Address: gomail.Address{Local: local, Domain: "example.com"}, Role: gomail.RoleUser, QuotaMax: quota,
	}, "-")
	if err != nil {
		h.t.Fatal(err)
	}
	return account
}

func (h *house) serve(cfg imapd.Config) {
	cfg.Hostname = "imap.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	h.addr, h.stop, h.ended = l.Addr().String(), stop, make(chan error, 1)
	var auth imapd.Authenticator = h
	if h.scram {
		auth = exchanging{h}
	}
	server := imapd.New(cfg, auth, h.boxes)
	go func() { h.ended <- server.Serve(ctx, l) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-h.ended; err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	})
}

// deliver puts a message into one of anna's mailboxes, as the store would
// after SMTP.
func (h *house) deliver(path, raw string, flags gomail.Flags, keywords ...string) gomail.UID {
	h.t.Helper()
	ctx := context.Background()
	account := h.boxes.Account(h.anna.ID)
	box, err := account.Lookup(ctx, path)
	if err != nil {
		h.t.Fatal(err)
	}
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	body := account.Stage()
	defer body.Close()
	var x message.Indexer
	body.Write([]byte(raw))
	x.Write([]byte(raw))
	added, err := box.Append(ctx, mailbox.Append{
		Body: body, Index: x.Finish().Marshal(), Flags: flags, Keywords: keywords,
		Received: time.Date(2026, 4, 1, 10, 20, 30, 0, time.UTC),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return added[0].UID
}

func (h *house) dialTLS() net.Conn {
	h.t.Helper()
	c, err := tls.Dial("tcp", h.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}
