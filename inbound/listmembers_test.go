package inbound_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/lists"
	"gomail/message"
	"gomail/queue"
)

// A list distributes what a milter made of the message; over LMTP, where another
// server has judged, it believes the author, and each recipient has its answer.
func TestListOtherWaysIn(t *testing.T) {
	f := newListing(t, lists.List{}, "x@good.test")
	text := strings.ReplaceAll(post(1).text, "\n", "\r\n")
	c := f.Connect(t.Context(), &gomail.Client{Addr: netip.MustParseAddrPort("192.0.2.1:4321"), Helo: "mx.good.test"})
	defer c.Close()
	tx, err := c.Begin(t.Context(), parse(t, "x@good.test"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.AddRecipient(t.Context(), gomail.Recipient{Address: f.dev.Address}); err != nil {
		t.Fatal(err)
	}
	tx.SetFilter(changing{})
	if _, err := f.Receive(t.Context(), tx, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if all := f.queued(); len(all) != 1 || !strings.HasSuffix(all[0].text, "\r\n\r\nchanged\r\n") || !strings.Contains(all[0].text, "\r\nX-Seen: yes\r\n") {
		t.Errorf("%+v", all)
	} else if signatures, chain := verified(t, f.domains, all[0].text); signatures != "example.com pass" || chain.Status != "pass" {
		t.Errorf("%s, %+v", signatures, chain)
	}

	_, results := f.Handover(t.Context(), f.hand(f.dev.Address, f.anna.Address), strings.NewReader(text))
	if len(results) != 2 || results[0] != nil || results[1] != nil || len(f.queued()) != 2 || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Errorf("%v, %d copies", results, len(f.queued()))
	}
	stranger := strings.ReplaceAll(text, "x@good.test", "y@good.test")
	if _, results = f.Handover(t.Context(), f.hand(f.dev.Address), strings.NewReader(stranger)); gomail.KindOf(results[0]) != gomail.Refused {
		t.Errorf("of a stranger: %v", results)
	}
	large := strings.Repeat("x", 2000)
	if _, results = f.Handover(t.Context(), f.hand(f.bert.Address, f.dev.Address), strings.NewReader(stranger+large)); gomail.KindOf(results[0]) == gomail.Refused || gomail.KindOf(results[1]) != gomail.Refused {
		t.Errorf("with one who has no room: %v", results)
	}
	_, results = f.Handover(t.Context(), f.hand(f.bert.Address, f.dev.Address, f.anna.Address), strings.NewReader(stranger+large))
	if gomail.KindOf(results[0]) == gomail.None || gomail.KindOf(results[1]) != gomail.Refused || results[2] != nil || len(f.read(f.anna, gomail.RoleInbox)) != 2 {
		t.Errorf("with others: %v", results)
	}
}

// bounceOf is a notification about the copy of a member.
func bounceOf(m sent, status string) mail {
	return mail{"mx.good.test", "", []string{m.Envelope.From.String()}, "From: <postmaster@far.test>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		"--b\n\nsorry\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; far.test\n\nFinal-Recipient: rfc822; one@far.test\nAction: failed\nStatus: " + status + "\nDiagnostic-Code: smtp; 550 " + status + " sorry\n\n--b--\n"}
}

// Hard bounces end delivery to the member; what may pass does not, and neither
// do bounces that are older than a month.
func TestListBounces(t *testing.T) {
	f := newListing(t, lists.List{}, "one@far.test", "x@good.test")
	send := func(n int) []sent {
		t.Helper()
		if _, err := f.receive(post(n)); err != nil {
			t.Fatal(err)
		}
		return f.queued()
	}
	all := send(1)
	one := all[slices.IndexFunc(all, func(m sent) bool { return m.Rcpts[0].Address.String() == "one@far.test" })]
	back := func(status string) {
		t.Helper()
		if _, err := f.receive(bounceOf(one, status)); err != nil {
			t.Fatal(err)
		}
	}
	back("5.2.2")
	back("4.1.1")
	back("5.1.1")
	back("5.1.1")
	if m := f.status("one@far.test"); m.Status != lists.Active || m.Bounces != 2 || m.Diagnostic != "5.1.1 550 5.1.1 sorry" {
		t.Errorf("after two: %+v", m)
	}
	back("5.1.1")
	if m := f.status("one@far.test"); m.Status != lists.Bouncing || m.Bounces != lists.MaxBounces {
		t.Errorf("after three: %+v", m)
	}
	if got := send(2); len(got) != len(all)+1 {
		t.Errorf("%d copies, of %d before", len(got), len(all))
	}
	if m, err := f.lists.Resume(t.Context(), f.dev, parse(t, "ONE@far.test")); err != nil || m.Status != lists.Active || m.Bounces != 0 || m.Diagnostic != "" {
		t.Errorf("cleared: %+v, %v", m, err)
	}
	if got := send(3); len(got) != len(all)+3 {
		t.Errorf("%d copies after that", len(got))
	}
}

// A member leaves by mail; an old address still works after that, and nobody is
// told twice.
func TestListUnsubscribe(t *testing.T) {
	f := newListing(t, lists.List{}, "x@good.test")
	token := lists.Tokens{Secret: []byte("secret")}.Make(lists.ForUnsubscribe, f.dev.ID, f.status("x@good.test").Number)
	leave := mail{"mx.good.test", "", []string{"dev+Unsubscribe-" + strings.ToUpper(token) + "@example.com"}, "From: <x@none.test>\n\n\n"}
	if _, err := f.receive(leave); err != nil || f.status("x@good.test").Status != lists.Active {
		t.Errorf("the null sender: %v, %+v", err, f.status("x@good.test"))
	}
	leave.from = "x@good.test"
	for range 2 {
		if _, err := f.receive(leave); err != nil || f.status("x@good.test").Status != lists.Unsubscribed {
			t.Errorf("%v, %+v", err, f.status("x@good.test"))
		}
	}
	if _, err := f.receive(post(1)); gomail.KindOf(err) != gomail.Refused || len(f.queued()) != 0 {
		t.Errorf("who has left posts: %v, %d copies", err, len(f.queued()))
	}
}

// A provider reports a complaint to abuse@, with the header of the copy: whose it
// was is told by the list's addresses in it, and by no others.
func TestListComplaint(t *testing.T) {
	f := newListing(t, lists.List{}, "x@good.test", "one@far.test")
	if _, err := f.receive(post(1)); err != nil {
		t.Fatal(err)
	}
	all := f.queued()
	one := all[slices.IndexFunc(all, func(m sent) bool { return m.Rcpts[0].Address.String() == "one@far.test" })]
	head, _, _ := strings.Cut(one.text, "\r\n\r\n")
	complain := func(kind, text string) {
		t.Helper()
		if err := f.lists.Complaint(t.Context(), message.Returned{Kind: message.ReturnComplaint, Feedback: kind, Text: []byte(text)}); err != nil {
			t.Error(err)
		}
	}
	complain("not-spam", head)
	complain("abuse", strings.ReplaceAll(head, "+unsubscribe-0", "+unsubscribe-1"))
	complain("abuse", "nobody@example.com, other+bounce-00000000000000000000@example.com")
	if m := f.status("one@far.test"); m.Status != lists.Active {
		t.Errorf("after nothing of the kind: %+v", m)
	}
	complain("abuse", head)
	if m, other := f.status("one@far.test"), f.status("x@good.test"); m.Status != lists.Complained || other.Status != lists.Active {
		t.Errorf("%+v, another: %+v", m, other)
	}
}

// Two lists that are members of each other: each distributes a post once.
func TestListLoop(t *testing.T) {
	f := newListing(t, lists.List{Post: lists.Anyone}, "ops@example.com", "one@far.test")
	f.add(lists.List{Address: parse(t, "ops@example.com"), Post: lists.Anyone}, "dev@example.com", "two@far.test")
	if _, err := f.receive(post(1)); err != nil {
		t.Fatal(err)
	}
	outcomes := f.work("example.com")
	if want := []string{"ops@example.com: taken for the mailing list", "dev@example.com: the message has been through the list dev@example.com before: it goes round in a loop"}; !slices.Equal(outcomes, want) {
		t.Errorf("%q", outcomes)
	}
	var to []string
	for _, m := range f.queued() {
		to = append(to, m.Rcpts[0].Address.String())
		if m.Rcpts[0].Address.String() == "two@far.test" && (strings.Count(m.text, "List-Id:") != 1 || !strings.Contains(m.text, "List-Id: <ops.example.com>")) {
			t.Errorf("of a list in a list:\n%s", m.text)
		}
	}
	if slices.Sort(to); !slices.Equal(to, []string{"one@far.test", "two@far.test"}) {
		t.Errorf("it is on its way to %s", to)
	}
}

// work delivers what is queued for a domain of ours until nothing is left.
func (f *listing) work(domain string) (outcomes []string) {
	f.Helper()
	lease, err := f.store.Lease(f.Context(), "test", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for range 10 {
		for _, m := range f.queued() {
			if m.Rcpts[0].Site != domain {
				continue
			}
			content, err := f.store.QueueContent(f.Context(), m.Key)
			if err != nil {
				f.Fatal(err)
			}
			for _, r := range f.Local().Deliver(f.Context(), queue.Task{Message: m.Message, Site: domain}, content) {
				outcomes = append(outcomes, m.Rcpts[0].Address.String()+": "+r.Text)
				if err := f.store.Finish(f.Context(), lease, []queue.Change{{Key: m.Key, N: r.N, Done: true}}); err != nil {
					f.Fatal(err)
				}
			}
			content.Close()
		}
	}
	return outcomes
}
