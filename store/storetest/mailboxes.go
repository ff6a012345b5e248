package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gomail"
	"gomail/mailbox"
)

func testTree(f *fixture) {
	id, inbox := f.account("anna")
	work, err := f.store.CreateMailbox(f.ctx, id, 0, "Work", "")
	f.ok(err)
	year, err := f.store.CreateMailbox(f.ctx, id, work.ID, "2026", "")
	f.ok(err)
	if year.Path != "Work/2026" || year.UIDNext != 1 || year.UIDValidity <= work.UIDValidity {
		f.Errorf("made %+v after %+v", year, work)
	}
	_, err = f.store.CreateMailbox(f.ctx, id, 0, "Work", "")
	f.kind(err, gomail.Exists)
	_, err = f.store.CreateMailbox(f.ctx, id, 99999, "x", "")
	f.kind(err, gomail.NotFound)
	f.kind(f.store.RenameMailbox(f.ctx, id, work.ID, year.ID, "Work"), gomail.Invalid)
	f.kind(f.store.RenameMailbox(f.ctx, id, work.ID, 0, "Sent"), gomail.Exists)
	f.ok(f.store.RenameMailbox(f.ctx, id, work.ID, 0, "Office"))
	f.ok(f.store.SetSubscribed(f.ctx, id, year.ID, false))
	all, err := f.store.Mailboxes(f.ctx, id)
	f.ok(err)
	i := slices.IndexFunc(all, func(m gomail.Mailbox) bool { return m.ID == year.ID })
	if all[0].ID != inbox || all[i].Path != "Office/2026" || all[i].Subscribed {
		f.Errorf("the tree is %+v", all)
	}
	f.kind(f.store.DeleteMailbox(f.ctx, id, work.ID), gomail.Exists)
	f.ok(f.store.DeleteMailbox(f.ctx, id, year.ID))
	f.kind(f.store.DeleteMailbox(f.ctx, id, year.ID), gomail.NotFound)
	again, err := f.store.CreateMailbox(f.ctx, id, work.ID, "2026", "")
	f.ok(err)
	if again.UIDValidity <= year.UIDValidity {
		f.Errorf("a mailbox made anew has UIDVALIDITY %d after %d", again.UIDValidity, year.UIDValidity)
	}
}

func testAppend(f *fixture) {
	id, inbox := f.account("anna")
	when := time.Date(2020, 5, 6, 7, 8, 9, 0, time.UTC)
	done, err := f.store.AppendMessages(f.ctx, id, inbox, []mailbox.Append{
		{Body: f.body("one"), Index: []byte("index one"), Flags: gomail.FlagSeen, Keywords: []string{"$a", "b"}, Received: when},
		{Body: f.body("two, longer"), Received: when},
	})
	f.ok(err)
	if done[0].UID != 1 || done[1].UID != 2 || done[1].ModSeq <= done[0].ModSeq {
		f.Errorf("appended as %+v", done)
	}
	var items []mailbox.Item
	f.ok(f.store.Items(f.ctx, id, []gomail.MessageID{done[0].Message, done[1].Message, 1 << 40}, mailbox.WithIndex, func(i mailbox.Item) error { items = append(items, i); return nil }))
	want := mailbox.Item{Message: done[0].Message, Size: 3, Received: when, Index: []byte("index one")}
	if len(items) != 2 || !reflect.DeepEqual(items[0], want) {
		f.Errorf("fetched %+v", items)
	}
	if got := f.text(f.store.Content(f.ctx, id, done[1].Message)); got != "two, longer" {
		f.Errorf("the content is %q", got)
	}
	box := f.snapshot(id, inbox).Mailbox
	if box.Total != 2 || box.Unseen != 1 || box.UIDNext != 3 || box.Bytes != 14 || box.HighestModSeq != done[1].ModSeq {
		f.Errorf("counters: %+v", box)
	}
	other, _ := f.account("bert")
	_, err = f.store.Content(f.ctx, other, done[0].Message)
	f.kind(err, gomail.NotFound)
	_, err = f.store.Snapshot(f.ctx, other, inbox+1000)
	f.kind(err, gomail.NotFound)
	_, err = f.store.AppendMessages(f.ctx, id, 424242, []mailbox.Append{{Body: f.body("x")}})
	f.kind(err, gomail.NotFound)
}

func testFlags(f *fixture) {
	id, inbox := f.account("anna")
	uids := f.fill(id, inbox, 4)
	before := f.snapshot(id, inbox)
	r, err := f.store.SetFlags(f.ctx, id, inbox, []gomail.UID{1, 2, 9}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagSeen | gomail.FlagDeleted, Keywords: []string{"k"}, UnchangedSince: -1})
	f.ok(err)
	if len(r.Changed) != 2 || r.Changed[0].Keywords != "k" || r.Changed[0].ModSeq != r.Seq || r.Seq <= before.Seq {
		f.Errorf("the change gave %+v", r)
	}
	same, err := f.store.SetFlags(f.ctx, id, inbox, []gomail.UID{1}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagSeen, UnchangedSince: -1})
	f.ok(err)
	if same.Seq != r.Seq || same.Changed[0].ModSeq != r.Seq {
		f.Errorf("a change to what was already so gave %+v", same)
	}
	cond, err := f.store.SetFlags(f.ctx, id, inbox, uids, mailbox.FlagChange{Op: mailbox.ReplaceFlags, Flags: gomail.FlagFlagged, UnchangedSince: before.Seq})
	f.ok(err)
	if !slices.Equal(cond.Modified, []gomail.UID{1, 2}) || !slices.Equal(uidsOf(cond.Changed), []gomail.UID{3, 4}) {
		f.Errorf("the conditional change gave %+v", cond)
	}
	d, err := f.store.Changes(f.ctx, id, inbox, before.Seq)
	f.ok(err)
	if !slices.Equal(uidsOf(d.Changed), uids) || len(d.Vanished) != 0 || !d.Complete || d.Mailbox.Unseen != 2 || d.Mailbox.Deleted != 2 {
		f.Errorf("the feed says %+v", d)
	}
	_, err = f.store.SetFlags(f.ctx, id, inbox, uids, mailbox.FlagChange{Op: mailbox.RemoveFlags, Flags: gomail.FlagSeen, Keywords: []string{"K"}, UnchangedSince: -1})
	f.ok(err)
	if e := f.snapshot(id, inbox).Entries[0]; e.Flags != gomail.FlagDeleted || e.Keywords != "" {
		f.Errorf("after the removal: %+v", e)
	}
}

func testCopyMoveExpunge(f *fixture) {
	id, inbox := f.account("anna")
	archive := f.role(id, gomail.RoleArchive)
	f.fill(id, inbox, 5)
	start := f.snapshot(id, inbox)
	copied, err := f.store.CopyMessages(f.ctx, within(id, inbox, archive, []gomail.UID{1, 3, 77}))
	f.ok(err)
	if !slices.Equal(copied.Source, []gomail.UID{1, 3}) || !slices.Equal(copied.Target, []gomail.UID{1, 2}) {
		f.Errorf("copied %+v", copied)
	}
	moved, err := f.store.MoveMessages(f.ctx, within(id, inbox, archive, []gomail.UID{2, 3}))
	f.ok(err)
	if !slices.Equal(moved.Target, []gomail.UID{3, 4}) {
		f.Errorf("moved %+v", moved)
	}
	_, err = f.store.SetFlags(f.ctx, id, inbox, []gomail.UID{1, 4}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: gomail.FlagDeleted, UnchangedSince: -1})
	f.ok(err)
	gone, _, err := f.store.Expunge(f.ctx, id, inbox, []gomail.UID{4, 5})
	f.ok(err)
	if !slices.Equal(gone, []gomail.UID{4}) {
		f.Errorf("expunged %v", gone)
	}
	gone, seq, err := f.store.Expunge(f.ctx, id, inbox, nil)
	f.ok(err)
	if !slices.Equal(gone, []gomail.UID{1}) {
		f.Errorf("expunged %v", gone)
	}
	d, err := f.store.Changes(f.ctx, id, inbox, start.Seq)
	f.ok(err)
	if !slices.Equal(d.Vanished, []gomail.UID{1, 2, 3, 4}) || d.Seq != seq || len(d.Changed) != 0 {
		f.Errorf("the feed says %+v", d)
	}
	if got := uidsOf(f.snapshot(id, archive).Entries); !slices.Equal(got, []gomail.UID{1, 2, 3, 4}) {
		f.Errorf("the archive holds %v", got)
	}
	self, err := f.store.MoveMessages(f.ctx, within(id, archive, archive, []gomail.UID{1}))
	f.ok(err)
	if !slices.Equal(self.Target, []gomail.UID{5}) {
		f.Errorf("a move within the mailbox gave %+v", self)
	}
	f.text(f.store.Content(f.ctx, id, f.snapshot(id, archive).Entries[3].Message))
	u, err := f.store.Usage(f.ctx, id)
	f.ok(err)
	if u.Used != 4*9 {
		f.Errorf("usage is %+v", u)
	}
}

func testDeleteMailbox(f *fixture) {
	id, inbox := f.account("anna")
	tmp, err := f.store.CreateMailbox(f.ctx, id, 0, "tmp", "")
	f.ok(err)
	f.fill(id, tmp.ID, 3)
	_, err = f.store.CopyMessages(f.ctx, within(id, tmp.ID, inbox, []gomail.UID{2}))
	f.ok(err)
	f.ok(f.store.DeleteMailbox(f.ctx, id, tmp.ID))
	u, err := f.store.Usage(f.ctx, id)
	f.ok(err)
	if u.Used != 9 {
		f.Errorf("usage is %+v", u)
	}
	f.text(f.store.Content(f.ctx, id, f.snapshot(id, inbox).Entries[0].Message))
}

func testQuota(f *fixture) {
	id, inbox := f.account("anna")
	a, err := f.store.Account(f.ctx, id)
	f.ok(err)
	a.QuotaMax = 25
	f.ok(f.store.UpdateAccount(f.ctx, a))
	f.fill(id, inbox, 2)
	_, err = f.store.AppendMessages(f.ctx, id, inbox, []mailbox.Append{{Body: f.body("12345678")}})
	f.kind(err, gomail.OverQuota)
	if n := len(f.snapshot(id, inbox).Entries); n != 2 {
		f.Errorf("the mailbox holds %d messages", n)
	}
	_, err = f.store.SetFlags(f.ctx, id, inbox, []gomail.UID{1}, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1})
	f.ok(err)
	_, _, err = f.store.Expunge(f.ctx, id, inbox, nil)
	f.ok(err)
	f.fill(id, inbox, 1)
}

// A limit on messages counts each once, however many mailboxes it is in.
func testMessageQuota(f *fixture) {
	id, inbox := f.account("anna")
	a, err := f.store.Account(f.ctx, id)
	f.ok(err)
	a.QuotaMessagesMax = 2
	f.ok(f.store.UpdateAccount(f.ctx, a))
	uids := f.fill(id, inbox, 2)
	_, err = f.store.CopyMessages(f.ctx, within(id, inbox, f.role(id, gomail.RoleArchive), uids[:1]))
	f.ok(err)
	more := mailbox.Append{Body: f.body("one more")}
	_, err = f.store.AppendMessages(f.ctx, id, inbox, []mailbox.Append{more})
	f.kind(err, gomail.OverQuota)
	_, err = f.store.ReplaceMessage(f.ctx, id, inbox, uids[0], inbox, more) // its copy stays
	f.kind(err, gomail.OverQuota)
	_, err = f.store.ReplaceMessage(f.ctx, id, inbox, uids[1], inbox, more)
	f.ok(err)
	u, err := f.store.Usage(f.ctx, id)
	f.ok(err)
	if want := (mailbox.Usage{Used: int64(len("message 0one more")), Messages: 2, MaxMessages: 2}); u != want {
		f.Errorf("usage is %+v", u)
	}
	a, err = f.store.AccountOf(f.ctx, a.Address)
	f.ok(err)
	if a.QuotaMessagesUsed != 2 || a.QuotaMessagesMax != 2 || a.Room(1) {
		f.Errorf("the account is %+v", a)
	}
	f.noProblems()
}

// Sets larger than one statement names must behave like small ones.
func testLargeSets(f *fixture) {
	id, inbox := f.account("anna")
	var batch []mailbox.Append
	for range 1300 {
		batch = append(batch, mailbox.Append{Body: f.body("x")})
	}
	_, err := f.store.AppendMessages(f.ctx, id, inbox, batch)
	f.ok(err)
	all := uidsOf(f.snapshot(id, inbox).Entries)
	if len(all) != 1300 || all[1299] != 1300 {
		f.Fatalf("%d messages", len(all))
	}
	r, err := f.store.SetFlags(f.ctx, id, inbox, all, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1})
	f.ok(err)
	n := 0
	f.ok(f.store.Items(f.ctx, id, messagesOf(f.snapshot(id, inbox).Entries), mailbox.WithIndex, func(i mailbox.Item) error { n++; return nil }))
	copied, err := f.store.CopyMessages(f.ctx, within(id, inbox, f.role(id, gomail.RoleTrash), all))
	f.ok(err)
	gone, _, err := f.store.Expunge(f.ctx, id, inbox, nil)
	f.ok(err)
	if len(r.Changed) != 1300 || n != 1300 || len(copied.Target) != 1300 || len(gone) != 1300 {
		f.Errorf("changed %d, fetched %d, copied %d, expunged %d", len(r.Changed), n, len(copied.Target), len(gone))
	}
	large, err := f.store.CreateMailbox(f.ctx, id, 0, "Large", "")
	f.ok(err)
	_, err = f.store.MoveMessages(f.ctx, within(id, f.role(id, gomail.RoleTrash), large.ID, copied.Target))
	f.ok(err)
	_, err = f.store.SetFlags(f.ctx, id, large.ID, []gomail.UID{7, 5, 6, 9, 9, 11}, mailbox.FlagChange{Flags: gomail.FlagFlagged, UnchangedSince: -1}) // in no order, with gaps
	f.ok(err)
	var flagged []gomail.UID
	for _, e := range f.snapshot(id, large.ID).Entries {
		if e.Flags.Has(gomail.FlagFlagged) {
			flagged = append(flagged, e.UID)
		}
	}
	if !slices.Equal(flagged, []gomail.UID{5, 6, 7, 9, 11}) {
		f.Errorf("flagged are %v", flagged)
	}
	f.ok(f.store.DeleteMailbox(f.ctx, id, large.ID))
}

// C2: a reader that follows the feed sees every message exactly once and in
// ascending order, however many write at once.
func testChangesMissNothing(f *fixture) {
	id, inbox := f.account("anna")
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				b := f.store.Stage()
				b.Write([]byte("hello"))
				if _, err := f.store.AppendMessages(f.ctx, id, inbox, []mailbox.Append{{Body: b}}); err != nil {
					f.Error(err)
				}
				b.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var seen []gomail.UID
	seq := gomail.ModSeq(0)
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		d, err := f.store.Changes(f.ctx, id, inbox, seq)
		f.ok(err)
		if d.Seq < seq {
			f.Fatalf("the sequence went from %d back to %d", seq, d.Seq)
		}
		seq, seen = d.Seq, append(seen, uidsOf(d.Changed)...)
	}
	if len(seen) != writers*each || !slices.IsSorted(seen) || slices.Compact(slices.Clone(seen))[len(seen)-1] != seen[len(seen)-1] {
		f.Errorf("the feed gave %d messages of %d: %v", len(seen), writers*each, seen)
	}
}

// A reader that only applies deltas must end with what a snapshot holds,
// whatever was done in between.
func testRandomHistory(f *fixture) {
	id, inbox := f.account("anna")
	trash := f.role(id, gomail.RoleTrash)
	r := rand.New(rand.NewPCG(4, 2))
	view := map[gomail.UID]mailbox.Entry{}
	seq := gomail.ModSeq(0)
	for step := range 300 {
		f.randomStep(r, id, inbox, trash)
		if step%7 != 0 {
			continue
		}
		d, err := f.store.Changes(f.ctx, id, inbox, seq)
		f.ok(err)
		for _, e := range d.Changed {
			view[e.UID] = e
		}
		for _, uid := range d.Vanished {
			delete(view, uid)
		}
		seq = d.Seq
		for _, e := range f.snapshot(id, inbox).Entries {
			if view[e.UID] != e {
				f.Fatalf("step %d: the reader has %+v, the mailbox %+v", step, view[e.UID], e)
			}
		}
		if n := len(f.snapshot(id, inbox).Entries); n != len(view) {
			f.Fatalf("step %d: the reader has %d messages, the mailbox %d", step, len(view), n)
		}
	}
}

func (f *fixture) randomStep(r *rand.Rand, id gomail.AccountID, inbox, trash gomail.MailboxID) {
	f.Helper()
	entries := f.snapshot(id, inbox).Entries
	var some []gomail.UID
	for _, e := range entries {
		if r.IntN(4) == 0 {
			some = append(some, e.UID)
		}
	}
	if len(some) == 0 {
		f.fill(id, inbox, 1+r.IntN(3))
		return
	}
	var err error
	switch r.IntN(6) {
	case 0:
		f.fill(id, inbox, 1+r.IntN(3))
	case 1:
		_, err = f.store.SetFlags(f.ctx, id, inbox, some, mailbox.FlagChange{Op: mailbox.FlagOp(r.IntN(3)), Flags: gomail.Flags(r.IntN(32)), UnchangedSince: -1})
	case 2:
		_, err = f.store.MoveMessages(f.ctx, within(id, inbox, trash, some))
	case 3:
		_, err = f.store.CopyMessages(f.ctx, within(id, inbox, trash, some))
	case 4:
		_, _, err = f.store.Expunge(f.ctx, id, inbox, some)
	case 5:
		_, err = f.store.CopyMessages(f.ctx, within(id, trash, inbox, []gomail.UID{1, 2, 3}))
	}
	f.ok(err)
}

func messagesOf(entries []mailbox.Entry) []gomail.MessageID {
	var messages []gomail.MessageID
	for _, e := range entries {
		messages = append(messages, e.Message)
	}
	return messages
}

// Items come in the order in which they are asked for, however far apart they
// lie, as often as they are asked for, and with their content.
func testItems(f *fixture) {
	id, inbox := f.account("anna")
	var batch []mailbox.Append
	for i := range 600 {
		batch = append(batch, mailbox.Append{Body: f.body(fmt.Sprint("body ", i)), Index: fmt.Append(nil, "index ", i)})
	}
	done, err := f.store.AppendMessages(f.ctx, id, inbox, batch)
	f.ok(err)
	far, err := f.store.AppendMessages(f.ctx, id, inbox, []mailbox.Append{{Body: f.body("body far"), Index: []byte("index far")}})
	f.ok(err)
	asked := []gomail.MessageID{far[0].Message, done[3].Message, 1 << 40, done[3].Message, done[599].Message, done[0].Message}
	for _, depth := range []mailbox.Depth{mailbox.WithIndex, mailbox.WithContent} {
		for _, messages := range [][]gomail.MessageID{asked, {done[7].Message, done[5].Message, done[6].Message}} {
			f.items(id, messages, depth)
		}
	}
	_, err = f.store.SetFlags(f.ctx, id, inbox, []gomail.UID{done[3].UID}, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1})
	f.ok(err)
	_, _, err = f.store.Expunge(f.ctx, id, inbox, []gomail.UID{done[3].UID})
	f.ok(err)
	for _, depth := range []mailbox.Depth{mailbox.WithIndex, mailbox.WithContent} { // what was read before is forgotten with the message
		f.ok(f.store.Items(f.ctx, id, []gomail.MessageID{done[3].Message, done[4].Message}, depth, func(i mailbox.Item) error {
			if i.Message != done[4].Message {
				f.Errorf("message %d was expunged, and is read", i.Message)
			}
			return nil
		}))
	}
}

// items holds the answer of Items against what the messages are one by one.
func (f *fixture) items(id gomail.AccountID, messages []gomail.MessageID, depth mailbox.Depth) {
	f.Helper()
	var got []gomail.MessageID
	f.ok(f.store.Items(f.ctx, id, messages, depth, func(i mailbox.Item) error {
		got = append(got, i.Message)
		text := f.text(f.store.Content(f.ctx, id, i.Message))
		if i.Size != int64(len(text)) || depth >= mailbox.WithIndex && string(i.Index) != strings.Replace(text, "body", "index", 1) {
			f.Errorf("at depth %d: %+v is %q", depth, i, text)
		}
		if depth == mailbox.WithContent {
			if opened := f.text(i.Open(f.ctx)); opened != text {
				f.Errorf("opened as %q, is %q", opened, text)
			}
		}
		return nil
	}))
	want := slices.DeleteFunc(slices.Clone(messages), func(m gomail.MessageID) bool { return m == 1<<40 })
	if !slices.Equal(got, want) {
		f.Errorf("asked for %v, got %v", messages, got)
	}
}
