package inbound_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/inbound"
	"gomail/internal/seal"
	"gomail/mailauth"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/queue"
	"gomail/store"
)

// zone is the DNS of a test: TXT records, and names whose servers are broken.
type zone map[string]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch v, ok := z[strings.TrimSuffix(name, ".")]; {
	case v == "SERVFAIL":
		return nil, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	case ok:
		return []string{v}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	if host == "mx.good.test" || host == "mx.good.test." {
		return []net.IPAddr{{IP: net.IPv4(192, 0, 2, 1)}}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (z zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	if addr == "192.0.2.1" {
		return []string{"mx.good.test."}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
}

var signer = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))

// world is the DNS in which good.test sends properly and reject.test,
// quarantine.test and broken.test are forged.
func world() zone {
	return zone{
		"good.test":                 "v=spf1 ip4:192.0.2.1 -all",
		"_dmarc.good.test":          "v=DMARC1; p=reject",
		"s._domainkey.good.test":    dkim.Record("ed25519", signer.Public().(ed25519.PublicKey)),
		"reject.test":               "v=spf1 -all",
		"_dmarc.reject.test":        "v=DMARC1; p=reject",
		"quarantine.test":           "v=spf1 -all",
		"_dmarc.quarantine.test":    "v=DMARC1; p=quarantine",
		"broken.test":               "SERVFAIL",
		"_dmarc.broken.test":        "v=DMARC1; p=reject",
		"broken-dmarc.test":         "v=spf1 -all",
		"_dmarc.broken-dmarc.test":  "SERVFAIL",
		"s._domainkey.reject.test":  "SERVFAIL",
		"s2._domainkey.reject.test": "v=DKIM1; p=",
	}
}

type fixture struct {
	*testing.T
	*inbound.Service
	config     inbound.Config
	store      *store.Store
	anna, bert gomail.Account
}

func newFixture(t *testing.T, mode inbound.Mode, readers ...inbound.Reader) fixture {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Check(context.Background(), func(p string) { t.Error(p) }); err != nil {
			t.Error(err)
		}
		st.Close()
	})
	sealer, _ := seal.New(make([]byte, 32))
	d := domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com"})
	if _, err := d.Add(t.Context(), "example.com", domains.AddOptions{Algorithm: domains.Ed25519}); err != nil {
		t.Fatal(err)
	}
	f := fixture{T: t, store: st}
	f.anna, f.bert = f.account("anna", 0), f.account("bert", 1000)
	if err := d.AddAlias(t.Context(), parse(t, "sales@example.com"), f.anna.Address); err != nil {
		t.Fatal(err)
	}
	f.config = inbound.Config{
		Store: st, Domains: d, Hostname: "mail.example.com", Mode: mode, Readers: readers,
		Checker: mailauth.New(mailauth.Config{Resolver: world(), Hostname: "mail.example.com"}),
		Clock:   func() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) },
	}
	f.Service = inbound.New(f.config)
	return f
}

func (f fixture) account(local string, quota int64) gomail.Account {
	f.Helper()
	a, err := f.store.AddAccount(context.Background(), gomail.Account{Address: gomail.Address{Local: local, Domain: "example.com"}, QuotaMax: quota, Created: time.Now()}, "x")
	if err != nil {
		f.Fatal(err)
	}
	return a
}

func parse(t *testing.T, s string) gomail.Address {
	t.Helper()
	a, err := gomail.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mail is one message from 192.0.2.1.
type mail struct {
	helo, from string
	to         []string
	text       string
}

func (f fixture) receive(m mail) (inbound.Receipt, error) {
	f.Helper()
	return f.receiveFrom("192.0.2.1", m)
}

func (f fixture) receiveFrom(addr string, m mail) (inbound.Receipt, error) {
	f.Helper()
	client := &gomail.Client{Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 4321), Helo: m.helo, ESMTP: true, TLS: &gomail.TLSInfo{Version: "TLS1.3"}}
	c := f.Connect(f.Context(), client)
	defer c.Close()
	var from gomail.Address
	if m.from != "" {
		from = parse(f.T, m.from)
	}
	t, err := c.Begin(f.Context(), from, int64(len(m.text)))
	if err != nil {
		return inbound.Receipt{}, err
	}
	defer t.Close()
	for _, to := range m.to {
		if err := t.AddRecipient(f.Context(), gomail.Recipient{Address: parse(f.T, to)}); err != nil {
			return inbound.Receipt{}, err
		}
	}
	return f.Receive(f.Context(), t, strings.NewReader(strings.ReplaceAll(m.text, "\n", "\r\n")))
}

// read returns the messages in a mailbox.
func (f fixture) read(a gomail.Account, role gomail.MailboxRole) []string {
	f.Helper()
	boxes, err := f.store.Mailboxes(context.Background(), a.ID)
	if err != nil {
		f.Fatal(err)
	}
	var texts []string
	for _, box := range boxes {
		if box.Role != role {
			continue
		}
		snap, err := f.store.Snapshot(context.Background(), a.ID, box.ID)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range snap.Entries {
			c, err := f.store.Content(context.Background(), a.ID, e.Message)
			if err != nil {
				f.Fatal(err)
			}
			text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
			if err != nil {
				f.Fatal(err)
			}
			c.Close()
			texts = append(texts, string(text))
		}
	}
	return texts
}

func from(domain string) string {
	return "From: x@" + domain + "\nTo: anna@example.com\nSubject: s\nDate: Mon, 04 May 2026 03:02:01 +0000\nMessage-ID: <1@x>\n\nbody\n"
}

// signed is a message of good.test that carries its signature.
func signed(t *testing.T) string {
	t.Helper()
	text := strings.ReplaceAll(from("good.test"), "\n", "\r\n")
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	header, err := message.ParseHeader([]byte(head + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	hash := dkim.NewBodyHash(dkim.Relaxed)
	hash.Write([]byte(body))
	field, err := dkim.Sign(dkim.SignOptions{Domain: "good.test", Selector: "s", Signer: signer}, header, hash.Sum())
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(field)+text, "\r\n", "\n")
}

func TestReceive(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"anna@example.com", "sales+tag@example.com", "bert@example.com"}, signed(t)}); err != nil {
		t.Fatal(err)
	}
	got := f.read(f.anna, gomail.RoleInbox)
	if len(got) != 1 {
		t.Fatalf("anna, who was named twice, has %d messages", len(got))
	}
	for _, want := range []string{
		"Return-Path: <x@good.test>\r\nDelivered-To: anna@example.com\r\nDelivered-To: sales+tag@example.com\r\nAuthentication-Results: mail.example.com;",
		"iprev=pass", "spf=pass", "dkim=pass header.d=good.test", "dmarc=pass", "Received-SPF: pass",
		"Received: from mx.good.test (mx.good.test [192.0.2.1]) by mail.example.com", "with ESMTPS id ", "for <anna@example.com>", "Mon, 04 May 2026 03:02:01 +0000",
	} {
		if !strings.Contains(unfold(got[0]), want) {
			t.Errorf("%q is not in\n%s", want, got[0])
		}
	}
	if !strings.HasSuffix(got[0], strings.ReplaceAll(signed(t), "\n", "\r\n")) {
		t.Errorf("what was sent is not what is read:\n%s", got[0])
	}
	if got := f.read(f.bert, gomail.RoleInbox); len(got) != 1 || strings.Contains(got[0], "Delivered-To: anna") {
		t.Errorf("bert has %q", got)
	}
}

// unfold joins folded lines, but keeps each field on its own.
func unfold(s string) string {
	return strings.NewReplacer("\r\n\t", " ", "\r\n ", " ").Replace(s)
}

// What the author's domain asks for is done within the mode; what is not
// known never refuses.
func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		mode   inbound.Mode
		domain string
		want   string // "inbox", "junk", "refused"
	}{
		{inbound.Reject, "good.test", "inbox"}, // SPF passes and aligns
		{inbound.Reject, "reject.test", "refused"},
		{inbound.Reject, "quarantine.test", "junk"},
		{inbound.Reject, "nothing.test", "inbox"},
		{inbound.Reject, "broken.test", "inbox"},
		{inbound.Reject, "broken-dmarc.test", "inbox"},
		{inbound.Quarantine, "reject.test", "junk"},
		{inbound.Quarantine, "quarantine.test", "junk"},
		{inbound.Observe, "reject.test", "inbox"},
		{inbound.Observe, "quarantine.test", "inbox"},
	} {
		t.Run(fmt.Sprintf("%s/%s", test.mode, test.domain), func(t *testing.T) {
			f := newFixture(t, test.mode)
			_, err := f.receive(mail{"mx.good.test", "x@" + test.domain, []string{"anna@example.com"}, from(test.domain)})
			got := "nowhere"
			switch {
			case gomail.KindOf(err) == gomail.Refused:
				got = "refused"
				if !strings.Contains(err.Error(), test.domain) {
					t.Errorf("the refusal does not name the domain: %v", err)
				}
			case err != nil:
				t.Error(err)
			case len(f.read(f.anna, gomail.RoleInbox)) == 1:
				got = "inbox"
			case len(f.read(f.anna, gomail.RoleJunk)) == 1:
				got = "junk"
			}
			if got != test.want {
				t.Errorf("it went to %s, want %s", got, test.want)
			}
		})
	}
}

// Nobody but us writes results in our name.
func TestForgedResultsAreRemoved(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	text := "Authentication-Results: MAIL.example.com; dmarc=pass header.from=forged\n" +
		"Authentication-Results: (x) mail.example.com.;\n dkim=pass header.d=forged\n" +
		"Authentication-Results: other.example; spf=pass\nReturn-Path: <forged@x>\n" + from("good.test")
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"anna@example.com"}, text}); err != nil {
		t.Fatal(err)
	}
	got := f.read(f.anna, gomail.RoleInbox)[0]
	if strings.Contains(got, "forged") || !strings.Contains(got, "other.example") {
		t.Errorf("anna reads\n%s", got)
	}
}

// An account with a limit on messages takes mail until it is reached.
func TestMessageQuota(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	carl := f.account("carl", 0)
	carl.QuotaMessagesMax = 1
	if err := f.store.UpdateAccount(t.Context(), carl); err != nil {
		t.Fatal(err)
	}
	one := mail{"mx.good.test", "x@good.test", []string{"carl@example.com"}, from("good.test")}
	if _, err := f.receive(one); err != nil {
		t.Fatal(err)
	}
	if _, err := f.receive(one); gomail.KindOf(err) != gomail.OverQuota {
		t.Errorf("a full mailbox: %v", err)
	}
	if got := f.read(carl, gomail.RoleInbox); len(got) != 1 {
		t.Errorf("carl has %d messages", len(got))
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	many := strings.Repeat("X-Filler: x\n", 10_000)
	hops := strings.Repeat("Received: from a by b; Mon, 04 May 2026 03:02:01 +0000\n", 51)
	for _, test := range []struct {
		what string
		m    mail
		kind gomail.Kind
	}{
		{"an unknown user", mail{"h", "x@good.test", []string{"nobody@example.com"}, from("good.test")}, gomail.NotFound},
		{"a foreign domain", mail{"h", "x@good.test", []string{"a@elsewhere.test"}, from("good.test")}, gomail.RelayDenied},
		{"a full mailbox", mail{"h", "x@good.test", []string{"bert@example.com"}, from("good.test") + strings.Repeat("long\n", 400)}, gomail.OverQuota},
		{"10,000 fields", mail{"h", "x@good.test", []string{"anna@example.com"}, many + from("good.test")}, gomail.Refused},
		{"a huge header", mail{"h", "x@good.test", []string{"anna@example.com"}, "X: " + strings.Repeat("y", 300<<10) + "\n" + from("good.test")}, gomail.Refused},
		{"a loop", mail{"h", "x@good.test", []string{"anna@example.com"}, hops + from("good.test")}, gomail.Loop},
	} {
		if _, err := f.receive(test.m); err == nil || gomail.KindOf(err) != test.kind {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	if got := f.read(f.anna, gomail.RoleInbox); len(got) != 0 {
		t.Errorf("anna has %q", got)
	}
}

// The client's word for itself must not become a field of its own.
func TestHeloCannotInject(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	if _, err := f.receive(mail{"evil\r\nX-Injected: yes)(", "x@good.test", []string{"anna@example.com"}, from("good.test")}); err != nil {
		t.Fatal(err)
	}
	if got := f.read(f.anna, gomail.RoleInbox)[0]; strings.Contains(got, "\nX-Injected") {
		t.Errorf("anna reads\n%s", got)
	}
}

// A message that breaks off, or one that the disk cannot take, is nowhere.
func TestNothingHalfDone(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	client := &gomail.Client{Addr: netip.MustParseAddrPort("192.0.2.1:4321")}
	c := f.Connect(t.Context(), client)
	defer c.Close()
	tx, err := c.Begin(t.Context(), parse(t, "x@good.test"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.AddRecipient(t.Context(), gomail.Recipient{Address: f.anna.Address}); err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(strings.NewReader(strings.ReplaceAll(from("good.test"), "\n", "\r\n")), failing{})
	if _, err := f.Receive(t.Context(), tx, broken); err == nil {
		t.Error("a message that broke off was taken")
	}
	if got := f.read(f.anna, gomail.RoleInbox); len(got) != 0 {
		t.Errorf("anna has %q", got)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLocal(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	task := queue.Task{Site: "example.com", Message: queue.Message{Envelope: gomail.Envelope{From: f.bert.Address}}}
	for i, to := range []string{"anna@example.com", "nobody@example.com", "sales@example.com"} {
		task.Rcpts = append(task.Rcpts, queue.Recipient{N: i, Recipient: gomail.Recipient{Address: parse(t, to)}})
	}
	results := f.Local().Deliver(t.Context(), task, content{strings.NewReader("Received: x\r\nFrom: bert@example.com\r\n\r\nbody\r\n")})
	if results[0].Outcome != queue.Delivered || results[1].Outcome != queue.Permanent || results[1].Enhanced != "5.1.1" || results[2].Outcome != queue.Delivered {
		t.Errorf("the results are %+v", results)
	}
	got := f.read(f.anna, gomail.RoleInbox)
	want := "Return-Path: <bert@example.com>\r\nDelivered-To: anna@example.com\r\nDelivered-To: sales@example.com\r\nReceived: x\r\nFrom: bert@example.com\r\n\r\nbody\r\n"
	if len(got) != 1 || got[0] != want {
		t.Errorf("anna has %q", got)
	}
}

type content struct{ *strings.Reader }

func (content) Close() error { return nil }
