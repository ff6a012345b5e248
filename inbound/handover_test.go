package inbound_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"gomail"
	"gomail/inbound"
	"gomail/message"
)

// hand begins a transaction of LMTP to recipients.
func (f fixture) hand(to ...gomail.Address) *inbound.Transaction {
	f.Helper()
	c := f.Hand(&gomail.Client{Helo: "mx.front.test", ESMTP: true, LMTP: true})
	tx, err := c.Begin(f.Context(), parse(f.T, "x@reject.test"), 0)
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range to {
		if err := tx.AddRecipient(f.Context(), gomail.Recipient{Address: a}); err != nil {
			f.Fatal(err)
		}
	}
	return tx
}

// Over LMTP each recipient has an outcome of its own, found once the size is
// known; who has gone meanwhile holds up nobody. The other server has judged:
// a domain that rejects is not asked again.
func TestHandover(t *testing.T) {
	f := newFixture(t, inbound.Reject)
	carl := f.account("carl", 0)
	dora := f.account("dora", 9000)
	tx := f.hand(f.anna.Address, f.bert.Address, carl.Address, dora.Address, parse(t, "sales@example.com"))
	if err := f.store.RemoveAccount(t.Context(), carl.ID); err != nil {
		t.Fatal(err)
	}
	text := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", 200)
	_, results := f.Handover(t.Context(), tx, strings.NewReader(text))
	want := []gomail.Kind{gomail.None, gomail.TooLarge, gomail.NotFound, gomail.None, gomail.None}
	for i, err := range results {
		if gomail.KindOf(err) != want[i] {
			t.Errorf("recipient %d: %v, want %v", i, err, want[i])
		}
	}
	if got := f.read(f.anna, gomail.RoleInbox); len(got) != 1 || strings.Count(got[0], "Delivered-To: ") != 2 || !strings.Contains(got[0], "(LMTP socket)") || strings.Contains(got[0], "Authentication-Results") {
		t.Errorf("anna has %q", got)
	}
	if a, b := f.read(f.bert, gomail.RoleInbox), f.read(dora, gomail.RoleInbox); len(a) != 0 || len(b) != 1 {
		t.Errorf("bert has %d messages, dora %d", len(a), len(b))
	}

	_, results = f.Handover(t.Context(), f.hand(f.anna.Address, f.bert.Address), io.MultiReader(strings.NewReader("Subject: y\r\n"), failing{}))
	if len(results) != 2 || results[0] == nil || results[1] == nil || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Errorf("a message that broke off: %v", results)
	}
	_, results = f.Handover(t.Context(), f.hand(f.anna.Address), strings.NewReader(strings.Repeat("Received: from x\r\n", 60)+"\r\n"))
	if gomail.KindOf(results[0]) != gomail.Loop {
		t.Errorf("a message that goes round: %v", results)
	}
}

// revise is a filter of a test.
type revise func(message.Header) (message.Revision, error)

func (r revise) Examine(_ context.Context, h message.Header, body func() io.Reader) (message.Revision, error) {
	for range 2 { // as often as it likes
		if _, err := io.Copy(io.Discard, body()); err != nil {
			return message.Revision{}, err
		}
	}
	return r(h)
}

// What a filter makes of a message is delivered; what was authenticated is the
// message as it came, whose signature the change would break.
func TestFilter(t *testing.T) {
	for _, test := range []struct {
		name   string
		filter revise
		kind   gomail.Kind
		role   gomail.MailboxRole // where anna has it; empty: nowhere
		want   []string
	}{
		{"as it is", func(h message.Header) (message.Revision, error) { return message.Revision{Header: h}, nil }, gomail.None, gomail.RoleInbox, []string{"dkim=pass", "Subject: "}},
		{"changed", func(h message.Header) (message.Revision, error) {
			f, _ := message.NewField("Subject", "changed")
			return message.Revision{Header: h.Replace("Subject", 1, &f), Body: []byte("new\r\n"), ReplaceBody: true}, nil
		}, gomail.None, gomail.RoleInbox, []string{"dkim=pass", "Subject: changed\r\n", "\r\n\r\nnew\r\n"}},
		{"put aside", func(h message.Header) (message.Revision, error) {
			return message.Revision{Header: h, Quarantine: "odd"}, nil
		}, gomail.None, gomail.RoleJunk, []string{"dkim=pass"}},
		{"discarded", func(message.Header) (message.Revision, error) { return message.Revision{Discard: true}, nil }, gomail.None, "", nil},
		{"no recipient left", func(h message.Header) (message.Revision, error) {
			return message.Revision{Header: h, Remove: []gomail.Address{{Local: "Anna", Domain: "example.com"}}, Add: []gomail.Address{{Local: "joe", Domain: "elsewhere.test"}}}, nil
		}, gomail.None, "", nil},
		{"refused", func(message.Header) (message.Revision, error) {
			return message.Revision{}, gomail.Errorf(gomail.Refused, "no")
		}, gomail.Refused, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, inbound.Reject)
			c := f.Connect(t.Context(), &gomail.Client{Helo: "mx.good.test", ESMTP: true})
			defer c.Close()
			tx, err := c.Begin(t.Context(), parse(t, "x@good.test"), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Close()
			tx.SetFilter(test.filter)
			for _, a := range []gomail.Account{f.bert, f.anna} {
				if err := tx.AddRecipient(t.Context(), gomail.Recipient{Address: a.Address}); err != nil {
					t.Fatal(err)
				}
				if a.ID == f.bert.ID {
					tx.Withdraw()
				}
			}
			text := strings.ReplaceAll(signed(t), "\r\n", "\n")
			if _, err := f.Receive(t.Context(), tx, strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))); gomail.KindOf(err) != test.kind {
				t.Fatal(err)
			}
			for _, role := range []gomail.MailboxRole{gomail.RoleInbox, gomail.RoleJunk} {
				got := f.read(f.anna, role)
				if (len(got) == 1) != (role == test.role) {
					t.Errorf("%s holds %q", role, got)
				}
				for _, want := range test.want {
					if role == test.role && !strings.Contains(strings.Join(got, ""), want) {
						t.Errorf("%q is missing in %q", want, got)
					}
				}
			}
			if got := f.read(f.bert, gomail.RoleInbox); len(got) != 0 {
				t.Errorf("bert has %q", got)
			}
		})
	}
}
