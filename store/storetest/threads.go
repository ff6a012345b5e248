package storetest

import (
	"fmt"
	"slices"

	"gomail"
	"gomail/mailbox"
)

// Messages are put into threads once, by what they are called; and a thread is
// forgotten with its last message.
func testThreads(f *fixture) {
	a, inbox := f.account("anna")
	other, err := f.store.CreateMailbox(f.ctx, a, 0, "Other", "")
	f.ok(err)
	uids := f.fill(a, inbox, 6)
	var ids []gomail.MessageID
	for _, e := range f.snapshot(a, inbox).Entries {
		ids = append(ids, e.Message)
	}
	unthreaded := func(limit int) int {
		f.Helper()
		items, err := f.store.Unthreaded(f.ctx, a, limit)
		f.ok(err)
		return len(items)
	}
	threads := func() string {
		f.Helper()
		all, err := f.store.Threads(f.ctx, a, append(slices.Clone(ids), 1<<40))
		f.ok(err)
		text := ""
		for _, m := range all {
			text += fmt.Sprint(" ", slices.Index(ids, m.Message), "-", slices.Index(ids, m.Thread))
		}
		return text
	}
	if unthreaded(100) != 6 || unthreaded(4) != 4 || threads() != "" {
		f.Errorf("of 6 messages %d are in no thread", unthreaded(100))
	}
	names := []mailbox.ThreadNames{{Message: ids[0], Names: []int64{10}}, {Message: ids[1], Names: []int64{20, 30}}, {Message: ids[2], Names: []int64{40, 10}}}
	f.ok(f.store.AssignThreads(f.ctx, a, names))
	f.ok(f.store.AssignThreads(f.ctx, a, names)) // who comes second changes nothing
	f.ok(f.store.AssignThreads(f.ctx, a, []mailbox.ThreadNames{{Message: ids[3], Names: []int64{30, 40}}, {Message: ids[4]}}))
	const want = " 0-0 1-1 2-0 3-0 4-4"
	if got := threads(); got != want || unthreaded(100) != 1 {
		f.Errorf("the threads are%s, not%s", got, want)
	}
	_, err = f.store.CopyMessages(f.ctx, mailbox.Transfer{From: mailbox.Place{Account: a, Mailbox: inbox}, To: mailbox.Place{Account: a, Mailbox: other.ID}, UIDs: uids[:1], Rights: mailbox.AllRights})
	f.ok(err)
	expunge := func(uids ...gomail.UID) {
		f.Helper()
		_, err := f.store.SetFlags(f.ctx, a, inbox, uids, mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1})
		f.ok(err)
		_, _, err = f.store.Expunge(f.ctx, a, inbox, uids)
		f.ok(err)
	}
	expunge(uids[0], uids[1], uids[5])
	if got := threads(); got != " 0-0 2-0 3-0 4-4" || unthreaded(100) != 0 {
		f.Errorf("after messages went the threads are%s", got)
	}
	f.noProblems()
	expunge(uids[2:5]...)
	f.ok(f.store.DeleteMailbox(f.ctx, a, other.ID))
	more := f.fill(a, inbox, 1)
	last := f.snapshot(a, inbox).Entries[0].Message
	f.ok(f.store.AssignThreads(f.ctx, a, []mailbox.ThreadNames{{Message: last, Names: []int64{10, 20}}}))
	ids = append(ids, last)
	if got := threads(); got != " 6-6" || len(more) != 1 {
		f.Errorf("after all messages went the threads are%s", got)
	}
	f.noProblems()
}
