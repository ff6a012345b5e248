package inbound_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/inbound"
	"gomail/internal/seal"
	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
	"gomail/message"
	"gomail/queue"
)

// forwarding returns a fixture in which team@example.com leads outside, and
// office@example.com to anna and outside.
func forwarding(t *testing.T) (fixture, *domains.Service) {
	t.Helper()
	f := newFixture(t, inbound.Reject)
	d := f.config.Domains
	for _, a := range [][2]string{
		{"team@example.com", "one@far.test"}, {"team@example.com", "two@far.test"}, {"team@example.com", "three@away.test"},
		{"office@example.com", "anna@example.com"}, {"office@example.com", "office@far.test"},
	} {
		if err := d.AddAlias(t.Context(), parse(t, a[0]), parse(t, a[1])); err != nil {
			t.Fatal(err)
		}
	}
	return f, d
}

// sent is what is in the queue, with its content.
type sent struct {
	queue.Message
	text string
}

func (f fixture) queued() (all []sent) {
	f.Helper()
	list, err := f.store.List(f.Context(), queue.Key{Slot: -1}, 100)
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range list {
		content, err := f.store.QueueContent(f.Context(), m.Key)
		if err != nil {
			f.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
		if err != nil {
			f.Fatal(err)
		}
		content.Close()
		all = append(all, sent{m.Message, string(text)})
	}
	return all
}

func (s sent) recipients() string {
	var to []string
	for _, r := range s.Rcpts {
		to = append(to, fmt.Sprintf("%s %d %s", r.Address, r.Notify, r.Original))
	}
	slices.Sort(to)
	return strings.Join(to, ", ")
}

// ourKeys is the test's DNS with the keys of example.com besides.
type ourKeys struct {
	zone
	domains *domains.Service
}

func (k ourKeys) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if selector, ok := strings.CutSuffix(name, "._domainkey.example.com"); ok {
		keys, err := k.domains.Keys(ctx, "example.com")
		for _, key := range keys {
			if key.Selector == selector {
				return []string{dkim.Record(key.Algorithm, key.PublicKey)}, err
			}
		}
	}
	return k.zone.LookupTXT(ctx, name)
}

// verified returns the results of a message's signatures and of its chain.
func verified(t *testing.T, d *domains.Service, text string) (string, arc.Result) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	header, err := message.ParseHeader([]byte(head + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	keys := ourKeys{world(), d}
	chain := arc.NewVerifier(t.Context(), header, arc.Options{Resolver: keys})
	v := dkim.NewVerifier(t.Context(), header, dkim.Options{Resolver: keys, Also: chain.MessageSignatures()})
	v.Write([]byte(body))
	signatures, also := v.Results(t.Context())
	var results []string
	for _, s := range signatures {
		results = append(results, s.Domain+" "+string(s.Status))
	}
	return strings.Join(results, ", "), chain.Result(t.Context(), also)
}

func TestForward(t *testing.T) {
	f, d := forwarding(t)
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"team+tag@example.com", "bert@example.com"}, signed(t)}); err != nil {
		t.Fatal(err)
	}
	all := f.queued()
	if len(all) != 2 || len(f.read(f.bert, gomail.RoleInbox)) != 1 {
		t.Fatalf("%d copies are queued, bert has %d", len(all), len(f.read(f.bert, gomail.RoleInbox)))
	}
	var to []string
	for _, m := range all {
		to = append(to, m.recipients())
		if from := m.Envelope.From; from.Domain != "example.com" || !strings.HasPrefix(from.Local, "SRS0=") || !strings.HasSuffix(from.Local, "=good.test=x") {
			t.Errorf("forwarded for %s", from)
		}
		if !strings.HasPrefix(m.text, "ARC-Seal: i=1; ") || !strings.Contains(m.text, "\r\nDelivered-To: team+tag@example.com\r\nDKIM-Signature: ") || strings.Contains(m.text, "Return-Path") || strings.Contains(m.text, "bert@") {
			t.Errorf("forwarded as\n%s", m.text)
		}
		signatures, chain := verified(t, d, m.text)
		newest, _ := chain.Newest()
		if signatures != "good.test pass" || chain.Status != arc.Pass || newest.Domain != "example.com" || !strings.Contains(newest.Results, "dmarc=pass") {
			t.Errorf("%s, %+v", signatures, chain)
		}
		if life := m.Expires.Sub(m.Received); life != 5*24*time.Hour {
			t.Errorf("it is tried for %s", life)
		}
	}
	slices.Sort(to)
	if want := "one@far.test 0 rfc822;team+tag@example.com, two@far.test 0 rfc822;team+tag@example.com|three@away.test 0 rfc822;team+tag@example.com"; strings.Join(to, "|") != want {
		t.Errorf("it goes to %q", to)
	}
}

// What the sender wants to hear goes on (RFC 3461 section 5.2.7), also with
// what an account gets besides.
func TestForwardKeepsTheEnvelope(t *testing.T) {
	f, _ := forwarding(t)
	c := f.Connect(t.Context(), &gomail.Client{Helo: "mx.good.test", ESMTP: true})
	defer c.Close()
	tx, err := c.Begin(t.Context(), parse(t, "x@good.test"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	tx.SetEnvelope(gomail.Envelope{Return: "HDRS", EnvelopeID: "env 1", SMTPUTF8: true, EightBit: true, TLS: gomail.TLSRequired})
	if err := tx.AddRecipient(t.Context(), gomail.Recipient{Address: parse(t, "office@example.com"), Notify: gomail.NotifyFailure, Original: "rfc822;first@good.test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Receive(t.Context(), tx, strings.NewReader("From: x@nowhere.test\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	all := f.queued()
	if len(all) != 1 || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Fatalf("%d copies are queued, anna has %d", len(all), len(f.read(f.anna, gomail.RoleInbox)))
	}
	e := all[0].Envelope
	if e.Return != "HDRS" || e.EnvelopeID != "env 1" || !e.SMTPUTF8 || !e.EightBit || e.TLS != gomail.TLSRequired {
		t.Errorf("%+v", e)
	}
	if want := fmt.Sprintf("office@far.test %d rfc822;first@good.test", gomail.NotifyFailure); all[0].recipients() != want {
		t.Errorf("%s, want %s", all[0].recipients(), want)
	}
}

// TestForwardTLSOptional: no policy holds a forwarded message up whose header says
// so.
func TestForwardTLSOptional(t *testing.T) {
	f, _ := forwarding(t)
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"office@example.com"}, "TLS-Required: No\r\n" + from("nowhere.test")}); err != nil {
		t.Fatal(err)
	}
	if all := f.queued(); len(all) != 1 || all[0].Envelope.TLS != gomail.TLSOptional {
		t.Errorf("queued: %+v", all)
	}
}

// TestWayBack: a bounce to the rewritten sender goes to the original one, with
// the null sender; whatever was not made here, or is old, is refused.
func TestWayBack(t *testing.T) {
	long := "bounces+1234567-89ab-anna=example.org-and-more@em1234.newsletters.good.test"
	for _, sender := range []string{"x@good.test", long} {
		f, _ := forwarding(t)
		if _, err := f.receive(mail{"mx.good.test", sender, []string{"team@example.com"}, signed(t)}); err != nil {
			t.Fatal(err)
		}
		rewritten := f.queued()[0].Envelope.From.String()
		for _, m := range f.queued() {
			f.store.Drop(t.Context(), m.Key, -1)
		}
		if _, err := f.receive(mail{"mx.good.test", "", []string{rewritten}, from("nowhere.test")}); err != nil {
			t.Fatal(err)
		}
		all := f.queued()
		if len(all) != 1 || !all[0].Envelope.From.IsNull() || all[0].Rcpts[0].Address.String() != sender {
			t.Errorf("the bounce goes on as %+v", all)
		}
		for _, forged := range []string{strings.Replace(rewritten, "SRS0=", "SRS0=x", 1), "SRS0=AAAAAA=AA=good.test=x@example.com", "SRS1=AAAAAA=good.test==x@example.com"} {
			if _, err := f.receive(mail{"mx.good.test", "", []string{forged}, from("good.test")}); gomail.KindOf(err) != gomail.NotFound {
				t.Errorf("%s: %v", forged, err)
			}
		}
		later := domains.New(domains.Config{Store: f.store, Sealer: sealer(), Hostname: "mail.example.com", Clock: func() time.Time { return time.Now().Add(23 * 24 * time.Hour) }})
		if _, err := later.Resolve(t.Context(), parse(t, rewritten)); gomail.KindOf(err) != gomail.NotFound {
			t.Errorf("after 23 days: %v", err)
		}
	}
}

func sealer() *seal.Sealer {
	s, err := seal.New(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	return s
}

func TestNotForwarded(t *testing.T) {
	f, _ := forwarding(t)
	for _, c := range []struct {
		what string
		mail mail
		kind gomail.Kind
	}{
		{"junk", mail{"mx.quarantine.test", "x@quarantine.test", []string{"team@example.com"}, from("quarantine.test")}, gomail.Refused},
		{"junk, for an account too", mail{"mx.quarantine.test", "x@quarantine.test", []string{"office@example.com"}, from("quarantine.test")}, gomail.None},
		{"a loop", mail{"mx.good.test", "x@good.test", []string{"team@example.com"}, "Delivered-To: TEAM@example.com\n" + signed(t)}, gomail.Loop},
		{"a long way", mail{"mx.good.test", "x@good.test", []string{"team@example.com"}, strings.Repeat("Received: from x\n", 51) + signed(t)}, gomail.Loop},
		{"two aliases at a time", mail{"mx.good.test", "x@good.test", []string{"team@example.com", "office@example.com"}, signed(t)}, gomail.TooMany},
	} {
		if _, err := f.receive(c.mail); gomail.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if all := f.queued(); len(all) != 0 || len(f.read(f.anna, gomail.RoleJunk)) != 1 {
		t.Errorf("%d went on, anna has %d in Junk", len(all), len(f.read(f.anna, gomail.RoleJunk)))
	}
}

// TestForwardFromHere: what people here send to aliases goes on under their own
// address; over LMTP too; and what a milter changed goes on as changed.
func TestForwardFromHere(t *testing.T) {
	f, d := forwarding(t)
	content := []byte("From: anna@example.com\r\n\r\nx\r\n")
	task := queue.Task{Message: queue.Message{Envelope: gomail.Envelope{From: f.anna.Address, Return: "FULL"}}}
	for i, to := range []string{"team@example.com", "bert@example.com", "office@example.com", "nobody@example.com"} {
		task.Rcpts = append(task.Rcpts, queue.Recipient{N: i, Recipient: gomail.Recipient{Address: parse(t, to)}})
	}
	var outcomes []string
	for _, r := range f.Local().Deliver(t.Context(), task, memory{bytes.NewReader(content)}) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s %v", r.N, r.Enhanced, r.PassedOn))
	}
	slices.Sort(outcomes)
	if want := "0 2.1.5 true, 1 2.1.5 false, 2 2.1.5 false, 3 5.1.1 false"; strings.Join(outcomes, ", ") != want {
		t.Errorf("%q", outcomes)
	}
	all := f.queued()
	for _, m := range all {
		if m.Envelope.From != f.anna.Address || m.Envelope.Return != "FULL" || !strings.HasPrefix(m.text, "Delivered-To: ") {
			t.Errorf("%+v\n%s", m.Envelope, m.text)
		}
		f.store.Drop(t.Context(), m.Key, -1)
	}
	if len(all) != 3 || len(f.read(f.bert, gomail.RoleInbox)) != 1 || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Errorf("%d went on", len(all))
	}

	if _, results := f.Handover(t.Context(), f.hand(parse(t, "office@example.com")), bytes.NewReader(content)); results[0] != nil {
		t.Fatal(results)
	}
	if all := f.queued(); len(all) != 1 || !strings.HasPrefix(all[0].Envelope.From.Local, "SRS0=") || strings.Contains(all[0].text, "ARC-") {
		t.Errorf("over LMTP: %+v", all)
	} else {
		f.store.Drop(t.Context(), all[0].Key, -1)
	}

	c := f.Connect(t.Context(), &gomail.Client{Helo: "mx.good.test"})
	defer c.Close()
	tx, _ := c.Begin(t.Context(), parse(t, "x@good.test"), 0)
	defer tx.Close()
	if err := tx.AddRecipient(t.Context(), gomail.Recipient{Address: parse(t, "office@example.com")}); err != nil {
		t.Fatal(err)
	}
	tx.SetFilter(changing{})
	if _, err := f.Receive(t.Context(), tx, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if all := f.queued(); len(all) != 1 || !strings.HasSuffix(all[0].text, "\r\n\r\nchanged\r\n") {
		t.Errorf("%+v", all)
	} else if _, chain := verified(t, d, all[0].text); chain.Status != arc.Pass {
		t.Errorf("%+v", chain)
	}
}

// An alias forwards so many messages in an hour, with any tag; what it does not
// take comes again later, and others are not concerned.
func TestForwardLimit(t *testing.T) {
	f, _ := forwarding(t)
	now := f.config.Clock()
	f.config.MaxForwards, f.config.Clock = 2, func() time.Time { return now }
	f.Service = inbound.New(f.config)
	send := func(to string, want gomail.Kind) {
		t.Helper()
		if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{to}, signed(t)}); gomail.KindOf(err) != want {
			t.Errorf("%s: %v", to, err)
		}
	}
	send("team@example.com", gomail.None)
	send("Team+a@example.com", gomail.None)
	send("team+b@example.com", gomail.Throttled)
	send("office@example.com", gomail.None)
	send("anna@example.com", gomail.None)
	now = now.Add(time.Hour)
	send("team@example.com", gomail.None)
}

// changing is a milter that writes another body.
type changing struct{}

func (changing) Examine(_ context.Context, h message.Header, _ func() io.Reader) (message.Revision, error) {
	return message.Revision{Header: append(h, message.Field{Name: "X-Seen", Raw: []byte("X-Seen: yes\r\n")}), ReplaceBody: true, Body: []byte("changed\r\n")}, nil
}

// memory is content in memory.
type memory struct{ *bytes.Reader }

func (m memory) Close() error { return nil }
