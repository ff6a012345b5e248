package storetest

import (
	"fmt"
	"reflect"

	"gomail"
	"gomail/mailbox"
)

func testMetadata(f *fixture) {
	a, _ := f.account("anna")
	box, err := f.store.CreateMailbox(f.ctx, a, 0, "Work", "")
	f.ok(err)
	get := func(id gomail.MailboxID) []mailbox.Metadata {
		f.Helper()
		all, err := f.store.Metadata(f.ctx, mailbox.Place{Account: a, Mailbox: id}, a)
		f.ok(err)
		return all
	}
	set := func(id gomail.MailboxID, changes ...mailbox.Metadata) {
		f.Helper()
		f.ok(f.store.SetMetadata(f.ctx, mailbox.Place{Account: a, Mailbox: id}, a, changes))
	}
	set(box.ID, mailbox.Metadata{Entry: "/private/comment", Value: []byte("mine")}, mailbox.Metadata{Entry: "/private/a", Value: []byte{0, 255}})
	set(0, mailbox.Metadata{Entry: "/private/comment", Value: []byte{}})
	if got, want := get(box.ID), []mailbox.Metadata{{Entry: "/private/a", Value: []byte{0, 255}}, {Entry: "/private/comment", Value: []byte("mine")}}; !reflect.DeepEqual(got, want) {
		f.Errorf("the mailbox's metadata is %v", got)
	}
	if got := get(0); len(got) != 1 || len(got[0].Value) != 0 {
		f.Errorf("the account's metadata is %v", got)
	}
	set(box.ID, mailbox.Metadata{Entry: "/private/comment", Value: []byte("new")}, mailbox.Metadata{Entry: "/private/a"}, mailbox.Metadata{Entry: "/private/none"})
	if got := get(box.ID); len(got) != 1 || string(got[0].Value) != "new" {
		f.Errorf("after a change it is %v", got)
	}
	many := make([]mailbox.Metadata, mailbox.MaxMetadata)
	for i := range many {
		many[i] = mailbox.Metadata{Entry: fmt.Sprint("/private/", i), Value: []byte("x")}
	}
	f.kind(f.store.SetMetadata(f.ctx, mailbox.Place{Account: a, Mailbox: box.ID}, a, many), gomail.TooMany)
	f.kind(f.store.SetMetadata(f.ctx, mailbox.Place{Account: a, Mailbox: box.ID + 1000}, a, many[:1]), gomail.NotFound)
	if got := get(box.ID); len(got) != 1 {
		f.Errorf("after a refusal it has %d entries", len(got))
	}
	f.ok(f.store.DeleteMailbox(f.ctx, a, box.ID))
	if got := get(box.ID); len(got) != 0 {
		f.Errorf("of a mailbox that is gone there is %v", got)
	}
}

// Whoever watches metadata learns which entries changed, and that something did.
func testMetadataMarks(f *fixture) {
	a, inbox := f.account("anna")
	b, _ := f.account("bob")
	of := func(account gomail.AccountID) map[string]gomail.ModSeq {
		f.Helper()
		all, err := f.store.MetadataMarks(f.ctx, account)
		f.ok(err)
		marks := map[string]gomail.ModSeq{}
		for _, m := range all {
			marks[fmt.Sprint(m.Place.Account == a, m.Place.Mailbox, m.Entry)] = m.ModSeq
		}
		return marks
	}
	at := mailbox.Place{Account: a, Mailbox: inbox}
	set := func(at mailbox.Place, reader gomail.AccountID, entry, value string) {
		f.Helper()
		m := mailbox.Metadata{Entry: entry}
		if value != "" {
			m.Value = []byte(value)
		}
		f.ok(f.store.SetMetadata(f.ctx, at, reader, []mailbox.Metadata{m}))
	}
	set(at, a, "/shared/comment", "one")
	set(mailbox.Place{Account: a}, a, "/private/x", "two")
	set(at, b, "/private/comment", "bob's")
	comment, x, bobs := fmt.Sprint(true, inbox, "/shared/comment"), fmt.Sprint(true, 0, "/private/x"), fmt.Sprint(true, inbox, "/private/comment")
	before, theirs := of(a), of(b)
	if len(before) != 2 || before[comment] == 0 || before[x] <= before[comment] || len(theirs) != 1 || theirs[bobs] == 0 {
		f.Errorf("the marks are %v and %v", before, theirs)
	}
	set(at, a, "/shared/comment", "three")
	set(at, b, "/private/comment", "again")
	set(mailbox.Place{Account: a}, a, "/private/x", "")
	after := of(a)
	if len(after) != 1 || after[comment] <= before[x] || of(b)[bobs] <= theirs[bobs] {
		f.Errorf("the marks are %v and %v", after, of(b))
	}
}
