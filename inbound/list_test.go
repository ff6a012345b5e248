package inbound_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/bounces"
	"gomail/domains"
	"gomail/inbound"
	"gomail/lists"
	"gomail/message"
	"gomail/queue"
)

// listing is a fixture with the list dev@example.com, of which anna is a member
// and one@far.test.
type listing struct {
	fixture
	domains *domains.Service
	lists   *lists.Service
	dev     lists.List // the one that is tried
	cases   int
}

func newListing(t *testing.T, l lists.List, members ...string) *listing {
	t.Helper()
	f := &listing{fixture: newFixture(t, inbound.Reject)}
	f.domains = f.config.Domains
	f.lists = lists.New(lists.Config{
		Store: f.store, Tokens: lists.Tokens{Secret: []byte("secret")}, Site: func() string { return "https://mail.example.com" }, Changed: f.domains.Reload, Clock: f.config.Clock,
		Hard: func(status, diagnostic string) bool { return bounces.Classify(0, status, diagnostic) == bounces.Hard },
	})
	f.config.Lists = f.lists
	f.Service = inbound.New(f.config)
	l.Address = parse(t, "dev@example.com")
	f.dev = f.add(l, members...)
	return f
}

// add makes a list with members.
func (f *listing) add(l lists.List, members ...string) lists.List {
	f.Helper()
	l, err := f.lists.Add(f.Context(), l)
	if err != nil {
		f.Fatal(err)
	}
	var addresses []gomail.Address
	for _, m := range members {
		addresses = append(addresses, parse(f.T, m))
	}
	if n, err := f.lists.AddMembers(f.Context(), l, addresses); err != nil || n != len(members) {
		f.Fatalf("%d were added: %v", n, err)
	}
	return l
}

// post is a message from x@good.test that is not signed.
func post(n int) mail {
	return mail{"mx.good.test", "x@good.test", []string{"dev@example.com"}, fmt.Sprintf("From: <x@good.test>\nMessage-ID: <%d@x>\nSubject: s\n\nhello\n", n)}
}

func (f *listing) status(address string) lists.Member {
	f.Helper()
	m, err := f.store.ListMember(f.Context(), f.dev.ID, parse(f.T, address))
	if err != nil {
		f.Fatal(err)
	}
	return m
}

// One body for all, and a copy of its own for each member: DKIM holds for the
// author and for the list, over the list's fields too.
func TestList(t *testing.T) {
	f := newListing(t, lists.List{Name: "Developers", Owner: parse(t, "anna@example.com")}, "anna@example.com", "one@far.test", "two@far.test", "x@good.test")
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"dev@example.com"}, signed(t)}); err != nil {
		t.Fatal(err)
	}
	all := f.queued()
	mine := f.read(f.anna, gomail.RoleInbox)
	if len(all) != 3 || len(mine) != 1 {
		t.Fatalf("%d copies are queued, anna has %d", len(all), len(mine))
	}
	seen := map[string]bool{}
	for _, m := range all {
		to := m.Rcpts[0].Address.String()
		if len(m.Rcpts) != 1 || m.Rcpts[0].Notify != gomail.NotifyFailure || !strings.HasPrefix(m.Envelope.From.Local, "dev+bounce-") || seen[m.Envelope.From.Local] {
			t.Errorf("%s gets it from %s, %+v", to, m.Envelope.From, m.Rcpts)
		}
		seen[m.Envelope.From.Local] = true
		target, err := f.lists.Resolve(t.Context(), f.dev.Address, strings.TrimPrefix(m.Envelope.From.Local, "dev+"))
		if err != nil || target.For != lists.ForBounce || target.Member != f.status(to).Number {
			t.Errorf("%s: a bounce means %+v, %v", to, target, err)
		}
		f.holds(m.text, "good.test pass")
	}
	f.holds(mine[0], "good.test pass")
	if !strings.HasPrefix(mine[0], "Return-Path: <dev+bounce-") || !strings.Contains(mine[0], "\r\nDelivered-To: anna@example.com\r\n") {
		t.Errorf("anna has\n%s", mine[0])
	}
	for _, gone := range []string{"Precedence", "Return-Path", "anna@example.com>\r\nList-Post"} {
		if strings.Contains(all[0].text, gone) {
			t.Errorf("%s is in\n%s", gone, all[0].text)
		}
	}
}

// holds fails unless the copy has the list's fields, and signatures of the list
// over them and as wanted.
func (f *listing) holds(text, others string) {
	f.Helper()
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	header, err := message.ParseHeader([]byte(head + "\r\n"))
	if err != nil {
		f.Fatal(err)
	}
	for name, want := range map[string]string{
		"List-Id": `"Developers" <dev.example.com>`, "List-Post": "<mailto:dev@example.com>", "List-Owner": "<mailto:anna@example.com>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	} {
		if header.Get(name) != want || header.Count(name) != 1 {
			f.Errorf("%s: %q", name, header.Values(name))
		}
	}
	leave := header.Get("List-Unsubscribe")
	if !strings.HasPrefix(leave, "<https://mail.example.com/unsubscribe/dev@example.com/") || !strings.Contains(leave, ">, <mailto:dev+unsubscribe-") {
		f.Errorf("List-Unsubscribe: %s", leave)
	}
	for _, name := range []string{"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "List-Owner"} {
		if !strings.Contains(strings.Join(strings.Fields(header.Get("DKIM-Signature")), ""), ":"+name+":") {
			f.Errorf("%s is not signed: %s", name, header.Get("DKIM-Signature"))
		}
	}
	if signatures, chain := verified(f.T, f.domains, text); signatures != "example.com pass, "+others || chain.Status != "pass" {
		f.Errorf("%s, %+v, in\n%s", signatures, chain, text)
	}
}

// Who may post, and what is taken of them.
func TestListTakes(t *testing.T) {
	f := newListing(t, lists.List{})
	plain := "From: <x@good.test>\nMessage-ID: <%d@x>\nSubject: s\n\nhello\n"
	for what, c := range map[string]struct {
		list  lists.List
		text  string
		from  string
		kind  gomail.Kind
		taken int
	}{
		"a member":                    {lists.List{}, plain, "x@good.test", 0, 1},
		"nobody known":                {lists.List{}, strings.Replace(plain, "x@good", "y@good", 1), "x@good.test", gomail.Refused, 0},
		"anybody":                     {lists.List{Post: lists.Anyone}, strings.Replace(plain, "x@good", "y@good", 1), "x@good.test", 0, 1},
		"a member, forged":            {lists.List{}, strings.Replace(plain, "x@good.test", "m@none.test", 1), "x@good.test", gomail.Refused, 0},
		"one who is named":            {lists.List{Post: lists.Named, Posters: []gomail.Address{parse(t, "X@good.test")}}, plain, "x@good.test", 0, 1},
		"a member who is not named":   {lists.List{Post: lists.Named, Posters: []gomail.Address{parse(t, "z@good.test")}}, plain, "x@good.test", gomail.Refused, 0},
		"two authors, one unknown":    {lists.List{}, strings.Replace(plain, "<x@good.test>", "x@good.test, y@good.test", 1), "x@good.test", gomail.Refused, 0},
		"too large":                   {lists.List{MaxSize: 20}, plain, "x@good.test", gomail.TooLarge, 0},
		"through it before":           {lists.List{}, "List-Id: Dev <dev.EXAMPLE.com>\n" + plain, "x@good.test", gomail.Loop, 0},
		"delivered to it before":      {lists.List{}, "Delivered-To: dev@EXAMPLE.com\n" + plain, "x@good.test", gomail.Loop, 0},
		"an answer of a program":      {lists.List{}, "Auto-Submitted: auto-replied; x=y\n" + plain, "x@good.test", 0, 0},
		"not of a program":            {lists.List{}, "Auto-Submitted: No\n" + plain, "x@good.test", 0, 1},
		"a bounce to the list itself": {lists.List{Post: lists.Anyone}, strings.Replace(plain, "good", "none", 1), "", 0, 0},
	} {
		f.another(c.list, "x@good.test", "m@none.test")
		before := len(f.queued())
		_, err := f.receive(mail{"mx.good.test", c.from, []string{f.dev.Address.String()}, strings.ReplaceAll(c.text, "dev", f.dev.Address.Local)})
		if got := len(f.queued()) - before; gomail.KindOf(err) != c.kind || got != 2*c.taken {
			t.Errorf("%s: %v, %d copies", what, err, got)
		}
	}
}

// another makes a list for a case of its own the one that is tried.
func (f *listing) another(l lists.List, members ...string) {
	f.Helper()
	f.cases++
	l.Address = parse(f.T, fmt.Sprintf("dev%d@example.com", f.cases))
	f.dev = f.add(l, members...)
}

// Who else was to get it does so, whatever the list says of it; programs' mail
// goes to the owner.
func TestListBesideOthers(t *testing.T) {
	f := newListing(t, lists.List{Owner: parse(t, "bert@example.com")}, "anna@example.com")
	if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{"dev@example.com", "anna@example.com"}, signed(t)}); err != nil || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Errorf("%v, anna has %d", err, len(f.read(f.anna, gomail.RoleInbox)))
	}
	auto := mail{"mx.good.test", "", []string{"dev@example.com"}, "From: <x@none.test>\nAuto-Submitted: auto-replied\nSubject: away\n\n\n"}
	if _, err := f.receive(auto); err != nil {
		t.Error(err)
	}
	if got := f.read(f.bert, gomail.RoleInbox); len(got) != 1 || !strings.Contains(got[0], "Delivered-To: dev@example.com\r\n") || len(f.read(f.anna, gomail.RoleInbox)) != 1 {
		t.Errorf("the owner has %q", got)
	}
	for _, tag := range []string{"x", "bounce-", "bounce-0000000000000000000", "unsubscribe-aaaaaaaaaaaaaaaaaaaa", "bounce-" + lists.Tokens{Secret: []byte("secret")}.Make(lists.ForUnsubscribe, f.dev.ID, 1)} {
		if _, err := f.receive(mail{"mx.good.test", "", []string{"dev+" + tag + "@example.com"}, "From: <x@good.test>\n\n\n"}); gomail.KindOf(err) != gomail.NotFound {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

// A server that did not hear that we took the message sends it again; nobody
// gets it twice.
func TestListDistributesOnce(t *testing.T) {
	f := newListing(t, lists.List{}, "x@good.test", "one@far.test")
	for range 2 {
		if _, err := f.receive(post(1)); err != nil || len(f.queued()) != 2 {
			t.Errorf("%v, %d copies", err, len(f.queued()))
		}
	}
	if _, err := f.receive(post(2)); err != nil || len(f.queued()) != 4 {
		t.Errorf("%v, %d copies of another", err, len(f.queued()))
	}
}

// The author stays in From as long as a signature of theirs holds, or nobody is
// told to refuse what has none.
func TestListRewritesTheAuthor(t *testing.T) {
	f := newListing(t, lists.List{})
	const unsigned = "From: \"Mary, Jane\" <x@good.test>\nMessage-ID: <1@x>\nSubject: s\n\nhello\n"
	ours := func(text string) string { return strings.ReplaceAll(text, f.dev.Address.Local, "dev") }
	for what, c := range map[string]struct {
		list           lists.List
		text           string
		from, answerTo string
	}{
		"signed":                         {lists.List{}, signed(t), "x@good.test", ""},
		"signed, and answers changed":    {lists.List{Name: "Dev", ReplyToList: true}, signed(t), `"x via Dev" <dev@example.com>`, `"Dev" <dev@example.com>, x@good.test`},
		"SPF alone":                      {lists.List{}, unsigned, `"Mary, Jane via dev" <dev@example.com>`, `"Mary, Jane" <x@good.test>`},
		"SPF alone, with answers to":     {lists.List{}, "Reply-To: z@good.test\n" + unsigned, `"Mary, Jane via dev" <dev@example.com>`, "z@good.test"},
		"SPF alone, answers to the list": {lists.List{ReplyToList: true}, "Reply-To: z@good.test\n" + unsigned, `"Mary, Jane via dev" <dev@example.com>`, `<dev@example.com>, "Mary, Jane" <x@good.test>`},
		"no policy":                      {lists.List{Post: lists.Anyone}, strings.Replace(unsigned, "good.test", "none.test", 1), `"Mary, Jane" <x@none.test>`, ""},
	} {
		f.another(c.list, "x@good.test")
		if _, err := f.receive(mail{"mx.good.test", "x@good.test", []string{f.dev.Address.String()}, c.text}); err != nil {
			t.Fatal(what, err)
		}
		all := f.queued()
		text := all[slices.IndexFunc(all, func(m sent) bool { return strings.HasPrefix(m.Envelope.From.Local, f.dev.Address.Local+"+") })].text
		head, _, _ := strings.Cut(text, "\r\n\r\n")
		header, _ := message.ParseHeader([]byte(head + "\r\n"))
		if from, answers := ours(header.Get("From")), ours(strings.Join(header.Values("Reply-To"), " and ")); from != c.from || answers != c.answerTo {
			t.Errorf("%s: From: %s, Reply-To: %s", what, from, answers)
		}
		signatures, chain := verified(t, f.domains, text)
		if !strings.HasPrefix(signatures, "example.com pass") || chain.Status != "pass" {
			t.Errorf("%s: %s, %+v", what, signatures, chain)
		}
	}
}

// What accounts of ours post comes by the queue, and nobody has verified it: the
// list's signature speaks for its own domain, and for another one here only a
// signature over nothing that the list changes.
func TestListPostsFromHere(t *testing.T) {
	f := newListing(t, lists.List{Post: lists.Anyone, ReplyToList: true}, "one@far.test", "bert@example.com")
	for author, want := range map[string]string{"anna@example.com": "anna@example.com", "eve@example.org": `"eve via dev" <dev@example.com>`} {
		body := f.store.Stage()
		fmt.Fprintf(body, "From: %s\r\nMessage-ID: <1@%s>\r\n\r\nhello\r\n", author, author)
		m := queue.Message{Account: f.anna.ID, Envelope: gomail.Envelope{From: parse(t, author)}, Received: f.config.Clock(), Expires: f.config.Clock(), Rcpts: []queue.Recipient{{Recipient: gomail.Recipient{Address: f.dev.Address}}}}
		if _, err := f.store.Enqueue(t.Context(), body, queue.Split(m), nil); err != nil {
			t.Fatal(err)
		}
		body.Close()
		if outcomes := f.work("example.com"); len(outcomes) != 1 || outcomes[0] != "dev@example.com: taken for the mailing list" {
			t.Fatalf("%q", outcomes)
		}
		found := false
		for _, m := range f.queued() {
			found = found || strings.Contains(m.text, "\r\nFrom: "+want+"\r\n") && m.Rcpts[0].Address.String() == "one@far.test"
		}
		if !found {
			t.Errorf("%s is not From %s in %+v", author, want, f.queued())
		}
	}
	if got := f.read(f.bert, gomail.RoleInbox); len(got) != 2 || !strings.Contains(got[0], "\r\nReply-To: <dev@example.com>") || strings.Contains(got[0], "ARC-Seal") {
		t.Errorf("bert has %q", got)
	}
}

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
