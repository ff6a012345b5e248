package outbound_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/bounces"
	"gomail/outbound"
	"gomail/queue"
)

// Each part of a message has a Received field whose token vouches for its own
// recipients, and mail to who is suppressed is refused: all of it where there
// is no mailbox, mail to many where somebody complained.
func TestReturns(t *testing.T) {
	f := newFixture(t)
	clock := func() time.Time { return now }
	returns := bounces.New(bounces.Config{Store: f.store, Tokens: bounces.Tokens{Secret: []byte("x"), Clock: clock}, Clock: clock})
	f.Service = outbound.New(outbound.Config{Store: f.store, Domains: f.domains, Hostname: "mail.example.com", Clock: clock, Returns: returns})
	if err := f.submit("From: anna@example.com\n\nx\n", "x@one.test", "y@one.test", "z@two.test"); err != nil {
		t.Fatal(err)
	}
	list, err := f.store.List(t.Context(), queue.Key{Slot: -1}, 10)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	received := regexp.MustCompile(`id\s+([0-9a-v]{16})-([A-Za-z0-9_-]{48});`)
	var found [2][]string
	for i, m := range list {
		whole, err := f.store.Queued(t.Context(), m.Key)
		if err != nil {
			t.Fatal(err)
		}
		if found[i] = received.FindStringSubmatch(string(whole.Prefix)); found[i] == nil || strings.Count(string(whole.Prefix), "Received:") != 1 {
			t.Fatalf("%s", whole.Prefix)
		}
	}
	if found[0][1] != found[1][1] || found[0][2] == found[1][2] {
		t.Errorf("%q", found)
	}

	suppress := func(to string, why bounces.Why) {
		b := bounces.Batch{Suppressions: []bounces.Suppression{{Account: f.anna.ID, Address: f.address(to), Why: why, Last: now}}}
		if err := f.store.RecordBounces(context.Background(), b, now, func(_ *bounces.Suppression, told bounces.Suppression) bounces.Suppression {
			told.Until = now.Add(time.Hour)
			return told
		}); err != nil {
			t.Fatal(err)
		}
	}
	suppress("gone@one.test", bounces.Bounced)
	suppress("cross@one.test", bounces.Complained)
	for to, want := range map[string]gomail.Kind{"gone@one.test": gomail.NotFound, "cross@one.test": gomail.None, "x@one.test": gomail.None} {
		if err := f.CheckRecipient(t.Context(), f.anna.ID, f.address(to)); gomail.KindOf(err) != want {
			t.Errorf("%s: %v", to, err)
		}
		if err := f.CheckRecipient(t.Context(), f.bert.ID, f.address(to)); err != nil {
			t.Errorf("another account to %s: %v", to, err)
		}
	}
	for field, want := range map[string]gomail.Kind{"Subject: hello": gomail.None, "List-Id: <news.example.com>": gomail.Refused, "Precedence: bulk": gomail.Refused, "List-Unsubscribe: <mailto:off@example.com>": gomail.Refused} {
		if err := f.submit("From: anna@example.com\n"+field+"\n\nx\n", "x@one.test", "cross@one.test"); gomail.KindOf(err) != want {
			t.Errorf("%s: %v", field, err)
		}
	}
}
