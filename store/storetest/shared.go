package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/mailbox"
)

// shared is a fixture with an owner, two others of example.com and one of
// another domain.
type shared struct {
	*fixture
	anna, bob, carl, dora gomail.AccountID
	inbox                 mailbox.Place // anna's
}

func newShared(f *fixture) *shared {
	s := &shared{fixture: f}
	var inbox gomail.MailboxID
	s.anna, inbox = f.account("anna")
	s.inbox = mailbox.Place{Account: s.anna, Mailbox: inbox}
	s.bob, _ = f.account("bob")
	s.carl, _ = f.account("carl")
	f.must(f.store.AddDomain(f.ctx, gomail.Domain{Name: "example.net", Created: time.Now()}, nil))
	a, err := f.store.AddAccount(f.ctx, gomail.Account{Address: gomail.Address{Local: "dora", Domain: "example.net"}, Role: gomail.RoleUser, Created: time.Now()}, "hash")
	f.ok(err)
	s.dora = a.ID
	return s
}

func (s *shared) give(at mailbox.Place, to gomail.AccountID, letters string) {
	s.Helper()
	negative := strings.HasPrefix(letters, "-")
	rights, err := mailbox.ParseRights(strings.TrimPrefix(letters, "-"))
	s.ok(err)
	s.ok(s.store.ChangeGrant(s.ctx, at, mailbox.Grant{Account: to, Negative: negative}, mailbox.RightsChange{Op: mailbox.ReplaceFlags, Rights: rights}))
}

// grants writes the grants of a mailbox but its owner's.
func (s *shared) grants(at mailbox.Place) string {
	s.Helper()
	all, err := s.store.Grants(s.ctx, at)
	s.ok(err)
	if len(all) == 0 || all[0].Account != at.Account || all[0].Rights != mailbox.AllRights {
		s.Fatalf("the owner is not first in %v", all)
	}
	var words []string
	for _, g := range all[1:] {
		words = append(words, g.Identifier()+"="+g.Rights.String())
	}
	return strings.Join(words, " ")
}

// sees writes what is shared with an account.
func (s *shared) sees(account gomail.AccountID) string {
	s.Helper()
	all, err := s.store.Neighbours(s.ctx, account)
	s.ok(err)
	var words []string
	for _, n := range all {
		for _, m := range n.Mailboxes {
			for _, g := range n.Grants[m.ID] {
				words = append(words, fmt.Sprintf("%s/%s %v%v %v", n.Address, m.Path, map[bool]string{true: "-"}[g.Negative], g.Rights, m.Subscribed))
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func (f *fixture) expect(what, got, want string) {
	f.Helper()
	if got != want {
		f.Errorf("%s: %q, want %q", what, got, want)
	}
}

func testGrants(f *fixture) {
	s := newShared(f)
	s.give(s.inbox, s.carl, "lr")
	s.give(s.inbox, s.bob, "lrs")
	s.give(s.inbox, s.bob, "-s")
	s.give(s.inbox, 0, "l")
	s.give(s.inbox, 0, "-p")
	f.expect("the grants", s.grants(s.inbox), "bob@example.com=lrs -bob@example.com=s carl@example.com=lr anyone=l -anyone=p")
	f.expect("bob sees", s.sees(s.bob), "anna@example.com/INBOX -p false, anna@example.com/INBOX -s false, anna@example.com/INBOX l false, anna@example.com/INBOX lrs false")
	f.expect("who is of another domain sees", s.sees(s.dora), "")
	f.expect("the owner sees", s.sees(s.anna), "")
	to, err := f.store.GrantsTo(f.ctx, s.inbox, s.carl)
	f.ok(err)
	if len(to) != 3 {
		f.Errorf("what concerns carl is %v", to)
	}
	s.give(s.inbox, s.carl, "")
	s.give(s.inbox, 0, "-")
	s.give(s.inbox, s.bob, "-")
	f.expect("the grants after some went", s.grants(s.inbox), "bob@example.com=lrs anyone=l")
	before := f.snapshot(s.anna, s.inbox.Mailbox).Seq
	s.give(s.inbox, s.bob, "srl")
	if got := f.snapshot(s.anna, s.inbox.Mailbox).Seq; got != before {
		f.Error("rights as they were are a change")
	}
	s.give(s.inbox, s.bob, "r")
	if d, err := f.store.Changes(f.ctx, s.anna, s.inbox.Mailbox, before); err != nil || d.Seq <= before {
		f.Errorf("a change of rights is none of the account: %+v, %v", d, err)
	}
	plus := mailbox.RightsChange{Op: mailbox.AddFlags, Rights: mailbox.Lookup}
	f.kind(f.store.ChangeGrant(f.ctx, mailbox.Place{Account: s.anna, Mailbox: 1 << 40}, mailbox.Grant{Account: s.bob}, plus), gomail.NotFound)
	f.kind(f.store.ChangeGrant(f.ctx, s.inbox, mailbox.Grant{Account: 1 << 40}, plus), gomail.NotFound)
}

func testGrantsEnd(f *fixture) {
	s := newShared(f)
	work, err := f.store.CreateMailbox(f.ctx, s.anna, 0, "Work", "")
	f.ok(err)
	at := mailbox.Place{Account: s.anna, Mailbox: work.ID}
	s.give(at, s.bob, "lr")
	s.give(at, 0, "l")
	below, err := f.store.CreateMailbox(f.ctx, s.anna, work.ID, "Below", "")
	f.ok(err)
	f.expect("what is made below has", s.grants(mailbox.Place{Account: s.anna, Mailbox: below.ID}), "bob@example.com=lr anyone=l")
	f.ok(f.store.SubscribeShared(f.ctx, s.bob, at, true))
	f.ok(f.store.SubscribeShared(f.ctx, s.bob, at, true))
	f.expect("bob sees", s.sees(s.bob), "anna@example.com/Work l true, anna@example.com/Work lr true, anna@example.com/Work/Below l false, anna@example.com/Work/Below lr false")
	f.ok(f.store.SubscribeShared(f.ctx, s.carl, at, false))
	note := []mailbox.Metadata{{Entry: "/private/comment", Value: []byte("bob's")}}
	f.ok(f.store.SetMetadata(f.ctx, at, s.bob, note))
	f.ok(f.store.DeleteMailbox(f.ctx, s.anna, below.ID))
	f.ok(f.store.DeleteMailbox(f.ctx, s.anna, work.ID))
	f.expect("after the mailboxes went bob sees", s.sees(s.bob), "")
	f.kind(f.store.SubscribeShared(f.ctx, s.bob, at, true), gomail.NotFound)

	s.give(s.inbox, s.bob, "lr")
	s.give(s.inbox, s.carl, "lr")
	f.ok(f.store.SubscribeShared(f.ctx, s.bob, s.inbox, true))
	f.ok(f.store.SetMetadata(f.ctx, s.inbox, s.bob, note))
	f.ok(f.store.RemoveAccount(f.ctx, s.bob))
	f.expect("after bob went", s.grants(s.inbox), "carl@example.com=lr")
	f.noProblems()
	f.ok(f.store.SetMetadata(f.ctx, s.inbox, s.carl, note))
	f.ok(f.store.RemoveAccount(f.ctx, s.anna))
	f.expect("after anna went carl sees", s.sees(s.carl), "")
}

func testGrantee(f *fixture) {
	s := newShared(f)
	find := func(owner gomail.AccountID, local, domain string) gomail.AccountID {
		f.Helper()
		id, err := f.store.Grantee(f.ctx, owner, gomail.Address{Local: local, Domain: domain})
		if err != nil && gomail.KindOf(err) != gomail.NotFound {
			f.Error(err)
		}
		return id
	}
	if find(s.anna, "bob", "example.com") != s.bob || find(s.anna, "anna", "example.com") != s.anna {
		f.Error("accounts of the domain are not found")
	}
	if find(s.anna, "dora", "example.net") != 0 || find(s.anna, "nobody", "example.com") != 0 {
		f.Error("accounts of another domain, or none, are found")
	}
	f.ok(f.store.AddAlias(f.ctx, gomail.Address{Local: "d", Domain: "example.com"}, s.dora))
	if find(s.anna, "dora", "example.net") != s.dora || find(s.anna, "d", "example.com") != s.dora || find(s.dora, "anna", "example.com") != s.anna {
		f.Error("an alias in the domain makes no neighbour")
	}
	s.give(s.inbox, 0, "l")
	f.expect("who has but an alias in the domain sees of what is for anyone", s.sees(s.dora), "")
}

func testManyGrants(f *fixture) {
	s := newShared(f)
	rights := mailbox.RightsChange{Op: mailbox.AddFlags, Rights: mailbox.Lookup}
	for i := range mailbox.MaxGrants / 2 {
		id, _ := f.account(fmt.Sprint("n", i))
		for _, negative := range []bool{false, true} {
			f.ok(f.store.ChangeGrant(f.ctx, s.inbox, mailbox.Grant{Account: id, Negative: negative}, rights))
		}
	}
	f.kind(f.store.ChangeGrant(f.ctx, s.inbox, mailbox.Grant{}, rights), gomail.TooMany)
}

func testSharedMetadata(f *fixture) {
	s := newShared(f)
	set := func(reader gomail.AccountID, entry, value string) {
		f.Helper()
		m := mailbox.Metadata{Entry: entry}
		if value != "" {
			m.Value = []byte(value)
		}
		f.ok(f.store.SetMetadata(f.ctx, s.inbox, reader, []mailbox.Metadata{m}))
	}
	get := func(reader gomail.AccountID) string {
		f.Helper()
		all, err := f.store.Metadata(f.ctx, s.inbox, reader)
		f.ok(err)
		var words []string
		for _, m := range all {
			words = append(words, m.Entry+"="+string(m.Value))
		}
		return strings.Join(words, " ")
	}
	set(s.anna, "/private/comment", "anna's")
	set(s.anna, "/shared/comment", "for all")
	set(s.bob, "/private/comment", "bob's")
	set(s.bob, "/shared/color", "red")
	f.expect("anna reads", get(s.anna), "/private/comment=anna's /shared/color=red /shared/comment=for all")
	f.expect("bob reads", get(s.bob), "/private/comment=bob's /shared/color=red /shared/comment=for all")
	f.expect("carl reads", get(s.carl), "/shared/color=red /shared/comment=for all")
	set(s.bob, "/private/comment", "")
	set(s.bob, "/shared/comment", "")
	f.expect("bob reads after he took some out", get(s.bob), "/shared/color=red")
	f.expect("anna reads then", get(s.anna), "/private/comment=anna's /shared/color=red")
	many := make([]mailbox.Metadata, mailbox.MaxMetadata+1)
	for i := range many {
		many[i] = mailbox.Metadata{Entry: fmt.Sprint("/private/", i), Value: []byte("x")}
	}
	f.kind(f.store.SetMetadata(f.ctx, s.inbox, s.bob, many), gomail.TooMany)
	f.expect("bob reads after too many", get(s.bob), "/shared/color=red")
}

func testAcrossAccounts(f *fixture) {
	s := newShared(f)
	to := mailbox.Place{Account: s.bob, Mailbox: f.role(s.bob, gomail.RoleInbox)}
	uids := f.fill(s.anna, s.inbox.Mailbox, 3)
	_, err := f.store.SetFlags(f.ctx, s.anna, s.inbox.Mailbox, uids[1:], mailbox.FlagChange{Flags: gomail.FlagSeen | gomail.FlagFlagged | gomail.FlagDeleted, Keywords: []string{"work"}, UnchangedSince: -1})
	f.ok(err)
	t := mailbox.Transfer{From: s.inbox, To: to, UIDs: uids[:2], Rights: mailbox.Insert | mailbox.Seen}
	copied, err := f.store.CopyMessages(f.ctx, t)
	f.ok(err)
	if !reflect.DeepEqual(copied.Source, uids[:2]) || !reflect.DeepEqual(copied.Target, []gomail.UID{1, 2}) || copied.UIDValidity == 0 {
		f.Errorf("copied %+v", copied)
	}
	t.UIDs, t.Rights = uids[1:], mailbox.AllRights
	moved, err := f.store.MoveMessages(f.ctx, t)
	f.ok(err)
	if !reflect.DeepEqual(moved.Target, []gomail.UID{3, 4}) {
		f.Errorf("moved %+v", moved)
	}
	got, left := f.snapshot(s.bob, to.Mailbox), f.snapshot(s.anna, s.inbox.Mailbox)
	if len(left.Entries) != 1 || len(got.Entries) != 4 {
		f.Fatalf("%d are left, %d are there", len(left.Entries), len(got.Entries))
	}
	if e := got.Entries[1]; e.Flags != gomail.FlagSeen || e.Keywords != "" {
		f.Errorf("without rights came %v %q", e.Flags, e.Keywords)
	}
	if e := got.Entries[2]; e.Flags != gomail.FlagSeen|gomail.FlagFlagged|gomail.FlagDeleted || e.Keywords != "work" {
		f.Errorf("with all rights came %v %q", e.Flags, e.Keywords)
	}
	for i, want := range []string{"message 0", "message 1", "message 1", "message 2"} {
		f.expect("a body", f.text(f.store.Content(f.ctx, s.bob, got.Entries[i].Message)), want)
	}
	if delta, err := f.store.Changes(f.ctx, s.anna, s.inbox.Mailbox, 0); err != nil || !reflect.DeepEqual(delta.Vanished, uids[1:]) {
		f.Errorf("of what moved away is told %v, %v", delta.Vanished, err)
	}
	f.noProblems()

	f.ok(f.store.UpdateAccount(f.ctx, gomail.Account{ID: s.bob, Role: gomail.RoleUser, QuotaMax: 40}))
	t.UIDs = uids[:1]
	_, err = f.store.CopyMessages(f.ctx, t)
	f.kind(err, gomail.OverQuota)
	f.ok(f.store.RemoveAccount(f.ctx, s.anna))
	f.expect("a body after its first owner went", f.text(f.store.Content(f.ctx, s.bob, got.Entries[3].Message)), "message 2")
	within, err := f.store.Within(f.ctx, to, []gomail.MessageID{got.Entries[1].Message, 1 << 40, got.Entries[0].Message})
	f.ok(err)
	if !reflect.DeepEqual(within, []gomail.MessageID{got.Entries[1].Message, got.Entries[0].Message}) {
		f.Errorf("of three messages there are %v", within)
	}
}
