package storetest

import (
	"time"

	"gomail"
	"gomail/mailbox"
)

// When a message came to its mailbox is noted anew for each mailbox, and does
// not change there (RFC 8514 section 3).
func testSaveDates(f *fixture) {
	a, inbox := f.account("anna")
	other, err := f.store.CreateMailbox(f.ctx, a, 0, "Other", "")
	f.ok(err)
	before := time.Now()
	uids := f.fill(a, inbox, 3)
	dates := func(id gomail.MailboxID, first, last gomail.UID) []mailbox.SaveDate {
		f.Helper()
		all, err := f.store.SaveDates(f.ctx, a, id, first, last)
		f.ok(err)
		return all
	}
	appended := dates(inbox, 1, 100)
	if len(appended) != 3 || appended[2].UID != uids[2] || appended[0].Saved.Before(before.Add(-time.Minute)) {
		f.Errorf("the save dates are %v", appended)
	}
	_, err = f.store.CopyMessages(f.ctx, within(a, inbox, other.ID, uids[:1]))
	f.ok(err)
	_, err = f.store.MoveMessages(f.ctx, within(a, inbox, other.ID, uids[1:2]))
	f.ok(err)
	for _, d := range dates(other.ID, 1, 2) {
		if d.Saved.Before(appended[2].Saved) {
			f.Errorf("a copy was saved at %v, before there was anything to copy", d.Saved)
		}
	}
	if left := dates(inbox, uids[0], uids[1]); len(left) != 1 || !left[0].Saved.Equal(appended[0].Saved) {
		f.Errorf("what was copied has the save dates %v, and had %v", left, appended)
	}
}

func testDeletedBytes(f *fixture) {
	a, inbox := f.account("anna")
	uids := f.fill(a, inbox, 3)
	bytes := func() int64 {
		f.Helper()
		n, err := f.store.DeletedBytes(f.ctx, a, inbox)
		f.ok(err)
		return n
	}
	if n := bytes(); n != 0 {
		f.Errorf("%d octets are marked, of none", n)
	}
	_, err := f.store.SetFlags(f.ctx, a, inbox, uids[:2], mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1})
	f.ok(err)
	if n := bytes(); n != 2*int64(len("message 0")) {
		f.Errorf("%d octets are marked", n)
	}
}

// A message takes another's place in one step, also where there is no room for
// both.
func testReplace(f *fixture) {
	a, inbox := f.account("anna")
	other, err := f.store.CreateMailbox(f.ctx, a, 0, "Other", "")
	f.ok(err)
	uids := f.fill(a, inbox, 2)
	before := f.snapshot(a, inbox)
	with := func(text string) mailbox.Append {
		return mailbox.Append{Body: f.body(text), Flags: gomail.FlagDraft, Received: time.Now()}
	}
	added, err := f.store.ReplaceMessage(f.ctx, a, inbox, uids[0], inbox, with("new"))
	f.ok(err)
	delta, err := f.store.Changes(f.ctx, a, inbox, before.Seq)
	f.ok(err)
	if len(delta.Vanished) != 1 || delta.Vanished[0] != uids[0] || len(delta.Changed) != 1 || delta.Changed[0].UID != added.UID || delta.Mailbox.Total != 2 {
		f.Errorf("a replacement changed %+v", delta)
	}
	if text := f.text(f.store.Content(f.ctx, a, added.Message)); text != "new" {
		f.Errorf("the new message is %q", text)
	}
	_, err = f.store.ReplaceMessage(f.ctx, a, inbox, uids[0], inbox, with("again"))
	f.kind(err, gomail.NotFound)
	_, err = f.store.ReplaceMessage(f.ctx, a, inbox, uids[1], other.ID+1000, with("lost"))
	f.kind(err, gomail.NotFound)
	if uids := uidsOf(f.snapshot(a, inbox).Entries); len(uids) != 2 {
		f.Errorf("after refusals the mailbox has %v", uids)
	}
	_, err = f.store.ReplaceMessage(f.ctx, a, inbox, uids[1], other.ID, with("elsewhere"))
	f.ok(err)
	if one, two := len(f.snapshot(a, inbox).Entries), len(f.snapshot(a, other.ID).Entries); one != 1 || two != 1 {
		f.Errorf("after a replacement elsewhere the mailboxes have %d and %d", one, two)
	}
}
