package outbound_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/outbound"
	"gomail/queue"
	"gomail/store"
)

type fixture struct {
	*testing.T
	*outbound.Service
	store      *store.Store
	domains    *domains.Service
	anna, bert gomail.Account
	added      [][]queue.Message
}

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func newFixture(t *testing.T) *fixture {
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
	f := &fixture{T: t, store: st, domains: domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com"})}
	if _, err := f.domains.Add(t.Context(), "example.com", domains.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	f.anna, f.bert = f.account("anna"), f.account("bert")
	f.Service = outbound.New(outbound.Config{
		Store: st, Domains: f.domains, Hostname: "mail.example.com", Clock: func() time.Time { return now },
		Added: func(parts []queue.Message) { f.added = append(f.added, parts) },
	})
	return f
}

func (f *fixture) account(local string) gomail.Account {
	f.Helper()
	a, err := f.store.AddAccount(context.Background(), gomail.Account{Address: gomail.Address{Local: local, Domain: "example.com"}, Created: now}, "x")
	if err != nil {
		f.Fatal(err)
	}
	return a
}

func (f *fixture) address(s string) gomail.Address {
	f.Helper()
	a, err := gomail.ParseAddress(s)
	if err != nil {
		f.Fatal(err)
	}
	return a
}

// submit sends a message of anna's.
func (f *fixture) submit(text string, to ...string) error {
	f.Helper()
	e := gomail.Envelope{From: f.anna.Address, Client: gomail.Client{Account: f.anna.ID, Addr: netip.MustParseAddrPort("198.51.100.7:1"), Helo: "secret-laptop", ESMTP: true, TLS: &gomail.TLSInfo{}}}
	for _, a := range to {
		e.Recipients = append(e.Recipients, gomail.Recipient{Address: f.address(a)})
	}
	_, err := f.Submit(f.Context(), e, strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	return err
}

// queued returns what is sent of the last message that was queued.
func (f *fixture) queued() (queue.Message, string) {
	f.Helper()
	if len(f.added) == 0 {
		f.Fatal("nothing was queued")
	}
	m := f.added[len(f.added)-1][0]
	c, err := f.store.QueueContent(f.Context(), m.Key)
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		f.Fatal(err)
	}
	return m, string(text)
}

// verify returns the results of a message's signatures, with the keys that
// the domain publishes.
func (f *fixture) verify(text string) []dkim.Result {
	f.Helper()
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	header, err := message.ParseHeader([]byte(head + "\r\n"))
	if err != nil {
		f.Fatal(err)
	}
	v := dkim.NewVerifier(f.Context(), header, dkim.Options{Resolver: keys{f}, Clock: func() time.Time { return now }})
	defer v.Close()
	v.Write([]byte(body))
	results, _ := v.Results(f.Context())
	return results
}

// keys is a DNS that has just the domain's keys.
type keys struct{ f *fixture }

func (k keys) LookupTXT(ctx context.Context, name string) ([]string, error) {
	all, err := k.f.domains.Keys(ctx, "example.com")
	if err != nil {
		return nil, err
	}
	for _, key := range all {
		if strings.TrimSuffix(name, ".") == key.Selector+"._domainkey.example.com" {
			return []string{dkim.Record(key.Algorithm, key.PublicKey)}, nil
		}
	}
	return nil, &net.DNSError{IsNotFound: true}
}

func TestSubmit(t *testing.T) {
	f := newFixture(t)
	err := f.submit("Bcc: hidden@x.test\nReturn-Path: <y@x.test>\nFrom: Anna <anna@example.com>\nTo: x@one.test\nSubject: s\n\n.body\n\n\n", "x@one.test", "y@one.test", "z@two.test")
	if err != nil {
		t.Fatal(err)
	}
	m, text := f.queued()
	if strings.Contains(text, "hidden") || strings.Contains(text, "y@x.test") {
		t.Errorf("what nobody may see is sent:\n%s", text)
	}
	if strings.Contains(text, "198.51.100.7") || strings.Contains(text, "secret-laptop") {
		t.Errorf("where anna was is sent:\n%s", text)
	}
	for _, want := range []string{"Date: Mon, 4 May 2026 03:02:01 +0000\r\n", "Message-ID: <", "Received: from localhost by mail.example.com with ESMTPSA id ", "\r\n\r\n.body\r\n\r\n\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	results := f.verify(text)
	if len(results) != 2 || results[0].Status != dkim.Pass || results[1].Status != dkim.Pass {
		t.Errorf("the signatures are %+v", results)
	}
	if parts := f.added[0]; len(parts) != 2 || len(parts[0].Rcpts)+len(parts[1].Rcpts) != 3 || !m.Expires.Equal(now.Add(outbound.DefaultLifetime)) {
		t.Errorf("queued as %+v", parts)
	}
	// A From that is added on the way breaks the signatures.
	for _, r := range f.verify("From: evil@example.com\r\n" + text) {
		if r.Status == dkim.Pass {
			t.Error("a second From passes")
		}
	}
}

func TestWhatIsThereStays(t *testing.T) {
	f := newFixture(t)
	if err := f.submit("Date: Sun, 03 May 2026 01:01:01 +0200\nMessage-ID: <mine@example.com>\nFrom: anna@example.com\n\nx\n", "x@one.test"); err != nil {
		t.Fatal(err)
	}
	_, text := f.queued()
	if strings.Count(text, "\r\nDate:") != 1 || !strings.Contains(text, "Date: Sun, 03 May 2026 01:01:01 +0200\r\nMessage-ID: <mine@example.com>\r\n") {
		t.Errorf("sent:\n%s", text)
	}
}

func TestSenderRights(t *testing.T) {
	f := newFixture(t)
	for from, want := range map[string]gomail.Kind{
		"anna@example.com": gomail.None, "Anna <ANNA+tag@example.com>": gomail.None,
		"bert@example.com": gomail.Forbidden, "anna@elsewhere.test": gomail.Forbidden, "anna@example.com, bert@example.com": gomail.Forbidden,
		"not an address": gomail.Refused, "": gomail.Refused,
	} {
		if err := f.submit("From: "+from+"\nSubject: s\n\nx\n", "x@one.test"); gomail.KindOf(err) != want {
			t.Errorf("From %q: %v", from, err)
		}
	}
	if err := f.submit("Subject: no From\n\nx\n", "x@one.test"); gomail.KindOf(err) != gomail.Refused {
		t.Errorf("no From: %v", err)
	}
	if err := f.submit("From: anna@example.com\nFrom: bert@example.com\n\nx\n", "x@one.test"); gomail.KindOf(err) != gomail.Refused {
		t.Errorf("two From: %v", err)
	}
	for from, want := range map[string]gomail.Kind{"anna@example.com": gomail.None, "bert@example.com": gomail.Forbidden, "x@one.test": gomail.Forbidden} {
		if err := f.CheckSender(t.Context(), f.anna.ID, f.address(from), 0); gomail.KindOf(err) != want {
			t.Errorf("MAIL FROM %s: %v", from, err)
		}
	}
	if err := f.CheckSender(t.Context(), f.anna.ID, gomail.Address{}, 0); gomail.KindOf(err) != gomail.Forbidden {
		t.Errorf("the null reverse-path: %v", err)
	}
	for to, want := range map[string]gomail.Kind{"x@one.test": gomail.None, "bert@example.com": gomail.None, "nobody@example.com": gomail.NotFound, "x@[192.0.2.1]": gomail.Refused} {
		if err := f.CheckRecipient(t.Context(), f.anna.ID, f.address(to)); gomail.KindOf(err) != want {
			t.Errorf("RCPT TO %s: %v", to, err)
		}
	}
}

// A notification is RFC 3464's, signed, and from nobody who could be answered
// with another one.
func TestNotify(t *testing.T) {
	f := newFixture(t)
	if err := f.submit("From: anna@example.com\nSubject: lost\n\nthe body\n", "x@one.test"); err != nil {
		t.Fatal(err)
	}
	m, _ := f.queued()
	original, err := f.store.QueueContent(t.Context(), m.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	event := queue.NoticeEvent{
		Recipient: m.Rcpts[0], Action: queue.ActionFailed, At: now,
		Result: queue.Result{Outcome: queue.Permanent, Code: 550, Enhanced: "5.1.1", Text: "no such user", Remote: "mx.one.test [192.0.2.9]"},
	}
	if err := f.Notify(t.Context(), queue.Notice{Message: m, Events: []queue.NoticeEvent{event}}, original); err != nil {
		t.Fatal(err)
	}
	dsn, text := f.queued()
	if !dsn.Envelope.From.IsNull() || dsn.Rcpts[0].Address != f.anna.Address || dsn.Rcpts[0].Notify != gomail.NotifyNever {
		t.Errorf("the notification is queued as %+v", dsn)
	}
	for _, want := range []string{
		"From: Mail Delivery System <postmaster@example.com>", "report-type=delivery-status", "Final-Recipient: rfc822; x@one.test",
		"Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no such user", "Remote-MTA: dns; mx.one.test", "Auto-Submitted: auto-", "the body",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, r := range f.verify(text) {
		if r.Status != dkim.Pass {
			t.Errorf("its signature: %+v", r)
		}
	}
	before := len(f.added)
	m.Envelope.From = gomail.Address{}
	if err := f.Notify(t.Context(), queue.Notice{Message: m, Events: []queue.NoticeEvent{event}}, original); err != nil || len(f.added) != before {
		t.Errorf("a notification answered the null reverse-path (%v)", err)
	}
}

// What expired says so, and not that it will be tried again.
func TestExpiredNotice(t *testing.T) {
	f := newFixture(t)
	if err := f.submit("From: anna@example.com\n\nx\n", "x@one.test"); err != nil {
		t.Fatal(err)
	}
	m, _ := f.queued()
	original, err := f.store.QueueContent(t.Context(), m.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	event := queue.NoticeEvent{Recipient: m.Rcpts[0], Action: queue.ActionFailed, At: now, Result: queue.Result{Outcome: queue.Temporary, Code: 451, Enhanced: "4.7.1", Text: "greylisted", Remote: "mx.one.test"}}
	if err := f.Notify(t.Context(), queue.Notice{Message: m, Events: []queue.NoticeEvent{event}}, original); err != nil {
		t.Fatal(err)
	}
	if _, text := f.queued(); !strings.Contains(text, "Status: 5.4.7") || !strings.Contains(text, "greylisted") {
		t.Errorf("the notification:\n%s", text)
	}
}
