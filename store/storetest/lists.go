package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"gomail"
	"gomail/inbound"
	"gomail/lists"
	"gomail/queue"
)

// testLists: a list has an address of its own, and members whose numbers are
// never given out again.
func testLists(f *fixture) {
	f.account("anna")
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	dev := lists.List{
		Address: address("dev@example.com"), Name: "Dev", Post: lists.Named, Posters: []gomail.Address{address("X@far.test")}, ReplyToList: true, MaxSize: 5, Owner: address("anna@example.com"), Created: at,
	}
	dev.ID = f.number(f.store.AddList(f.ctx, dev))
	f.ok(f.store.AddForward(f.ctx, address("out@example.com"), address("a@far.test")))
	for text, kind := range map[string]gomail.Kind{"dev@example.com": gomail.Exists, "anna@example.com": gomail.Exists, "out@example.com": gomail.Exists, "x@far.test": gomail.NotFound} {
		_, err := f.store.AddList(f.ctx, lists.List{Address: address(text)})
		f.kind(err, kind)
	}
	f.kind(f.store.AddForward(f.ctx, dev.Address, address("a@far.test")), gomail.Exists)
	_, err := f.store.AddAccount(f.ctx, gomail.Account{Address: dev.Address}, "x")
	f.kind(err, gomail.Exists)

	members := []gomail.Address{address("Zed@far.test"), address("bob@far.test"), address("zed@far.test")}
	if n, err := f.store.AddListMembers(f.ctx, dev.ID, members, at, 2); err != nil || n != 2 {
		f.Errorf("%d were added, %v", n, err)
	}
	_, err = f.store.AddListMembers(f.ctx, dev.ID, []gomail.Address{address("more@far.test")}, at, 2)
	f.kind(err, gomail.TooMany)
	_, err = f.store.AddListMembers(f.ctx, dev.ID+1, members, at, 9)
	f.kind(err, gomail.NotFound)
	bob, zed := lists.Member{Number: 2, Address: members[1], Status: lists.Active, Since: at}, lists.Member{Number: 1, Address: members[0], Status: lists.Active, Since: at}
	f.members(dev.ID, "", bob, zed)
	f.members(dev.ID, "BOB@far.test", zed)

	left := bob
	left.Status, left.Since, left.Bounces, left.LastBounce, left.Diagnostic = lists.Bouncing, at.Add(time.Hour), 3, at.Add(time.Hour), "5.1.1 no"
	before, now, err := f.store.ChangeListMember(f.ctx, dev.ID, 2, func(lists.Member) lists.Member { return left })
	if err != nil || before != bob || now != left {
		f.Errorf("%+v became %+v: %v", before, now, err)
	}
	f.members(dev.ID, "", left, zed)
	_, _, err = f.store.ChangeListMember(f.ctx, dev.ID, 7, func(m lists.Member) lists.Member { return m })
	f.kind(err, gomail.NotFound)
	f.ok(f.store.RemoveListMember(f.ctx, dev.ID, address("BOB@far.test")))
	f.kind(f.store.RemoveListMember(f.ctx, dev.ID, bob.Address), gomail.NotFound)
	_, err = f.store.ListMember(f.ctx, dev.ID, bob.Address)
	f.kind(err, gomail.NotFound)
	if n, err := f.store.AddListMembers(f.ctx, dev.ID, members, at, 2); err != nil || n != 1 {
		f.Errorf("%d were added, %v", n, err)
	}
	bob.Number = 3
	f.members(dev.ID, "", bob, zed)

	dev.Name, dev.Posters, dev.Owner = "", nil, gomail.Address{}
	f.ok(f.store.UpdateList(f.ctx, dev))
	dev.Members, dev.Active = 2, 2
	if got, err := f.store.ListAt(f.ctx, dev.Address); err != nil || !reflect.DeepEqual(got, dev) {
		f.Errorf("the list is %+v, %v", got, err)
	}
	if all, err := f.store.ListAddresses(f.ctx); err != nil || !slices.Equal(all, []gomail.Address{dev.Address}) {
		f.Errorf("lists: %v, %v", all, err)
	}
	f.ok(f.store.RemoveList(f.ctx, dev.ID))
	_, err = f.store.ListAt(f.ctx, dev.Address)
	f.kind(err, gomail.NotFound)
	f.kind(f.store.UpdateList(f.ctx, dev), gomail.NotFound)

	other := f.must(f.store.AddDomain(f.ctx, gomail.Domain{Name: "example.org", Created: at}, nil))
	id := f.number(f.store.AddList(f.ctx, lists.List{Address: address("dev@example.org")}))
	if _, err := f.store.AddListMembers(f.ctx, id, members, at, 9); err != nil {
		f.Error(err)
	}
	f.ok(f.store.RemoveDomain(f.ctx, other))
	if all, err := f.store.Lists(f.ctx); err != nil || len(all) != 0 {
		f.Errorf("a list outlives its domain: %+v, %v", all, err)
	}
}

func (f *fixture) number(n int64, err error) int64 {
	f.Helper()
	f.ok(err)
	return n
}

func (f *fixture) members(list int64, after string, want ...lists.Member) {
	f.Helper()
	got, err := f.store.ListMembers(f.ctx, list, after, 10)
	if err != nil || !slices.Equal(got, want) {
		f.Errorf("the members after %q are %+v, %v", after, got, err)
	}
	for _, m := range got {
		if one, err := f.store.ListMember(f.ctx, list, m.Address); err != nil || one != m {
			f.Errorf("%s is %+v, %v", m.Address, one, err)
		}
	}
}

// testListPosts: what a list distributes is one body, a message in the queue for
// each member, and it is distributed once.
func testListPosts(f *fixture) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	id := f.number(f.store.AddList(f.ctx, lists.List{Address: address("dev@example.com")}))
	send := func(digest string, at time.Time) ([]queue.Message, error) {
		var parts []queue.Message
		for i := range 3 {
			r := recipient(fmt.Sprintf("m%d@far.test", i))
			r.Due = at
			part := queue.Split(queue.Message{Envelope: gomail.Envelope{From: address("a@b.test")}, Prefix: fmt.Appendf(nil, "X: %d\r\n", i), Received: at, Expires: at, Rcpts: []queue.Recipient{r}})
			parts = append(parts, part...)
		}
		err := f.store.Deliver(f.ctx, inbound.Delivery{Body: f.body("hello"), Queue: parts, Distribution: &lists.Distribution{List: id, Digest: digest, At: at}})
		return parts, err
	}
	parts, err := send("one", at)
	f.ok(err)
	for i, p := range parts {
		if text := f.text(f.store.QueueContent(f.ctx, p.Key)); text != fmt.Sprintf("X: %d\r\nhello", i) {
			f.Errorf("part %d is %q", i, text)
		}
	}
	_, err = send("one", at.Add(time.Minute))
	f.kind(err, gomail.Exists)
	_, err = send("two", at.Add(time.Hour))
	f.ok(err)
	if list, err := f.store.List(f.ctx, queue.Key{Slot: -1}, 10); err != nil || len(list) != 6 {
		f.Errorf("%d are queued, %v", len(list), err)
	}
	when, count, err := f.store.ListPosts(f.ctx, id, "one", at.Add(time.Minute))
	if err != nil || !when.Equal(at) || count != 1 {
		f.Errorf("distributed at %v, %d since: %v", when, count, err)
	}
	_, err = send("three", at.Add(lists.KeepPosts+time.Minute))
	f.ok(err)
	if when, _, err := f.store.ListPosts(f.ctx, id, "one", at); err != nil || !when.IsZero() {
		f.Errorf("it is remembered for too long: %v, %v", when, err)
	}
}
