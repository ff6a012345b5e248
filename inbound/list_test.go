package inbound_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

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

// Who posts to a list that does not take it, and to others, hears of it, unless
// the sender may be forged.
func TestListBouncesToWhoIsNotForged(t *testing.T) {
	f := newListing(t, lists.List{}, "m@far.test")
	var told []string
	f.config.Bounce = func(_ context.Context, n queue.Notice, content gomail.Content) error {
		text, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
		for _, e := range n.Events {
			told = append(told, fmt.Sprintf("%s: %s %s %s, %t", n.Message.Envelope.From, e.Recipient.Address, e.Action, e.Result.Enhanced, strings.Contains(string(text), "\r\n\r\n")))
		}
		return err
	}
	f.Service = inbound.New(f.config)
	for from, want := range map[string]string{"x@good.test": "x@good.test: dev@example.com failed 5.7.1, true", "x@none.test": "", "": ""} {
		told = nil
		m := mail{"mx.good.test", from, []string{"dev@example.com", "anna@example.com"}, "From: <" + cmp.Or(from, "x@none.test") + ">\nSubject: s\n\nhello\n"}
		if _, err := f.receive(m); err != nil || strings.Join(told, ", ") != want {
			t.Errorf("%s: %v, told %q", from, err, told)
		}
	}
	if n := len(f.read(f.anna, gomail.RoleInbox)); n != 3 || len(f.queued()) != 0 {
		t.Errorf("anna has %d", n)
	}
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
