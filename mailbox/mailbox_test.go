package mailbox_test

import (
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
	"gomail/store"
)

func newAccount(t *testing.T) *mailbox.Account {
	t.Helper()
	anna, _ := newPair(t)
	return anna
}

func paths(t *testing.T, a *mailbox.Account) string {
	t.Helper()
	all, err := a.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range all {
		names = append(names, m.Path)
	}
	return strings.Join(names, " ")
}

func appendOne(t *testing.T, a *mailbox.Account, path string) mailbox.Appended {
	t.Helper()
	m, err := a.Lookup(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	body := a.Stage()
	defer body.Close()
	body.Write([]byte("Subject: x\r\n\r\nbody"))
	done, err := m.Append(t.Context(), mailbox.Append{Body: body, Keywords: []string{"b", "A", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	return done[0]
}

func TestTree(t *testing.T) {
	a := newAccount(t)
	for _, path := range []string{"Work/2026/May/", "inbox/sub", "Ärger"} {
		if _, err := a.Create(t.Context(), path, ""); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := paths(t, a); got != "INBOX Archive Drafts INBOX/sub Junk Sent Trash Work Work/2026 Work/2026/May Ärger" {
		t.Errorf("the tree is %s", got)
	}
	if err := a.Rename(t.Context(), "Work", "Office/All"); err != nil {
		t.Error(err)
	}
	if m, err := a.Lookup(t.Context(), "Office/All/2026/May"); err != nil || m.Path != "Office/All/2026/May" {
		t.Errorf("after the rename: %+v, %v", m, err)
	}
	for _, test := range []struct {
		what string
		err  error
		want gomail.Kind
	}{
		{"create what exists", second(a.Create(t.Context(), "Inbox", "")), gomail.Exists},
		{"a second Junk", second(a.Create(t.Context(), "Spam", gomail.RoleJunk)), gomail.Exists},
		{"an empty level", second(a.Create(t.Context(), "a//b", "")), gomail.Invalid},
		{"a control character", second(a.Create(t.Context(), "a\x07b", "")), gomail.Invalid},
		{"no UTF-8", second(a.Create(t.Context(), "a\xff", "")), gomail.Invalid},
		{"too long", second(a.Create(t.Context(), strings.Repeat("x", 301), "")), gomail.Invalid},
		{"too deep", second(a.Create(t.Context(), strings.Repeat("x/", 25)+"x", "")), gomail.Invalid},
		{"delete INBOX", a.Delete(t.Context(), "INBOX"), gomail.Forbidden},
		{"delete what has others below", a.Delete(t.Context(), "Office"), gomail.Exists},
		{"delete what is not there", a.Delete(t.Context(), "Nothing"), gomail.NotFound},
		{"rename what is not there", a.Rename(t.Context(), "Nothing", "x"), gomail.NotFound},
		{"rename onto another", a.Rename(t.Context(), "Office", "Sent"), gomail.Exists},
		{"rename below itself", a.Rename(t.Context(), "Office", "Office/x"), gomail.Invalid},
	} {
		if test.err == nil || gomail.KindOf(test.err) != test.want {
			t.Errorf("%s: %v", test.what, test.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// RFC 9051 section 6.3.6: the messages go, INBOX stays.
func TestRenameInbox(t *testing.T) {
	a := newAccount(t)
	appendOne(t, a, "INBOX")
	if err := a.Rename(t.Context(), "inbox", "Old mail"); err != nil {
		t.Fatal(err)
	}
	inbox, _ := a.Lookup(t.Context(), "INBOX")
	old, err := a.Lookup(t.Context(), "Old mail")
	if err != nil || inbox.Total != 0 || old.Total != 1 {
		t.Errorf("INBOX has %d, the other %d: %v", inbox.Total, old.Total, err)
	}
}

func TestKeywords(t *testing.T) {
	a := newAccount(t)
	done := appendOne(t, a, "INBOX")
	inbox, _ := a.Lookup(t.Context(), "INBOX")
	snap, err := inbox.Snapshot(t.Context())
	if err != nil || snap.Entries[0].Keywords != "A b" {
		t.Errorf("the keywords are %q, %v", snap.Entries[0].Keywords, err)
	}
	for _, bad := range []string{"", "two words", "a(b", `a\b`, "ü", strings.Repeat("x", 101)} {
		_, err := inbox.SetFlags(t.Context(), []gomail.UID{done.UID}, mailbox.FlagChange{Keywords: []string{bad}, UnchangedSince: -1})
		if gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("the keyword %q: %v", bad, err)
		}
	}
}

func TestWatch(t *testing.T) {
	a := newAccount(t)
	woken := make(chan struct{}, 100)
	w := a.Watch(func() { woken <- struct{}{} })
	appendOne(t, a, "INBOX")
	select {
	case <-woken:
	case <-time.After(5 * time.Second):
		t.Fatal("the watcher was not woken")
	}
	w.Close()
	for len(woken) > 0 {
		<-woken
	}
	appendOne(t, a, "INBOX")
	if len(woken) > 0 {
		t.Error("a closed watch was woken")
	}
}

// A watch follows the accounts that it is given, and those alone.
func TestWatchFollows(t *testing.T) {
	hub := mailbox.NewHub()
	n := 0
	w := hub.Watch(1, func() { n++ })
	defer w.Close()
	woken := func(account gomail.AccountID) bool {
		before := n
		hub.Publish(gomail.Event{Account: account})
		return n > before
	}
	if !woken(1) || woken(2) {
		t.Error("it does not watch the account that it began with alone")
	}
	w.Follow(2, 3)
	if woken(1) || !woken(2) || !woken(3) {
		t.Error("it does not follow")
	}
}

func FuzzKeywordChanges(f *testing.F) {
	f.Add("a b", "B c", 0)
	f.Fuzz(func(t *testing.T, have, more string, op int) {
		c := mailbox.FlagChange{Op: mailbox.FlagOp(op % 3), Keywords: strings.Fields(more)}
		_, got := c.Apply(mailbox.Entry{Keywords: strings.Join(strings.Fields(have), " ")})
		_, again := c.Apply(mailbox.Entry{Keywords: got})
		if c.Op >= 0 && got != again {
			t.Errorf("%q with %q gave %q, and that %q", have, more, got, again)
		}
	})
}

// Of a mailbox of another only what is in it can be read, whatever ids are asked
// for.
func TestSharedReadsItsOwnMessages(t *testing.T) {
	anna, bob := newPair(t)
	hidden := appendOne(t, anna, "Archive")
	shown := appendOne(t, anna, "INBOX")
	inbox, err := anna.Lookup(t.Context(), "INBOX")
	if err == nil {
		err = inbox.Grant(t.Context(), "bob@example.com", mailbox.RightsChange{Rights: mailbox.Lookup | mailbox.Read})
	}
	if err != nil {
		t.Fatal(err)
	}
	box, err := bob.Lookup(t.Context(), "Other Users/anna@example.com/INBOX")
	if err != nil || !box.Shared() || box.OwnerAddress() != "anna@example.com" {
		t.Fatalf("%+v, %v", box, err)
	}
	var got []gomail.MessageID
	err = box.Items(t.Context(), []gomail.MessageID{hidden.Message, shown.Message}, mailbox.WithContent, func(i mailbox.Item) error {
		got = append(got, i.Message)
		return nil
	})
	if err != nil || len(got) != 1 || got[0] != shown.Message {
		t.Errorf("read %v, %v", got, err)
	}
	if _, err := box.Content(t.Context(), hidden.Message); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("what is in another mailbox: %v", err)
	}
	content, err := box.Content(t.Context(), shown.Message)
	if err != nil {
		t.Fatal(err)
	}
	content.Close()
}

// A mailbox that is called as the level of the mailboxes of others stays its owner's,
// and can be brought elsewhere.
func TestNameTakenBefore(t *testing.T) {
	st, hub := newStore(t)
	made, err := st.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: "anna", Domain: "example.com"}}, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{mailbox.OtherUsers, "Work"} {
		if _, err := st.CreateMailbox(t.Context(), made.ID, 0, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	a := mailbox.New(st, hub).Account(made.ID)
	appendOne(t, a, "Other Users")
	for what, err := range map[string]error{
		"below it": second(a.Create(t.Context(), "Other Users/x", "")), "onto it": a.Rename(t.Context(), "Work", "Other Users/Work"),
	} {
		if kind := gomail.KindOf(err); kind != gomail.NotFound && kind != gomail.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := a.Rename(t.Context(), "Other Users", "Others"); err != nil {
		t.Error(err)
	}
	if box, err := a.Lookup(t.Context(), "Others"); err != nil || box.Total != 1 {
		t.Errorf("%+v, %v", box, err)
	}
	if _, err := a.Lookup(t.Context(), "Other Users"); gomail.KindOf(err) != gomail.NotFound {
		t.Error(err)
	}
}

// newPair returns the accounts anna and bob of one store.
func newPair(t *testing.T) (anna, bob *mailbox.Account) {
	t.Helper()
	_, anna, bob = newService(t)
	return anna, bob
}

// newStore returns a store that hosts example.com.
func newStore(t *testing.T) (*store.Store, *mailbox.Hub) {
	t.Helper()
	hub := mailbox.NewHub()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Publish: hub.Publish})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	return st, hub
}

// newService returns an engine with two accounts.
func newService(t *testing.T) (s *mailbox.Service, anna, bob *mailbox.Account) {
	t.Helper()
	st, hub := newStore(t)
	s = mailbox.New(st, hub)
	var both []*mailbox.Account
	for _, local := range []string{"anna", "bob"} {
		a, err := st.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: local, Domain: "example.com"}}, "x")
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, s.Account(a.ID))
	}
	return s, both[0], both[1]
}

// What is read as rights is written as it is read; nothing else is taken.
func FuzzRights(f *testing.F) {
	for _, seed := range []string{"lrswipkxtea", "+cd", "-", "lrQ", "", "+-l", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := mailbox.ParseRightsChange(s)
		if err != nil {
			if gomail.KindOf(err) != gomail.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if strings.Trim(s, "+-lrswipkxteacd") != "" || c.Rights&^mailbox.AllRights != 0 {
			t.Errorf("%q was taken for %v", s, c)
		}
		for _, text := range []string{c.Rights.String(), c.Rights.Wire()} {
			// d and c stand for more than one right, as they do when they are read.
			again, err := mailbox.ParseRights(text)
			if err != nil || !again.Has(c.Rights) || text == c.Rights.String() && again != c.Rights {
				t.Errorf("%q is written %q and read as %v, %v", s, text, again, err)
			}
		}
		if c.Apply(0)&^c.Rights != 0 || c.Op == mailbox.RemoveFlags && c.Apply(mailbox.AllRights)&c.Rights != 0 {
			t.Errorf("%q makes %v of nothing and %v of all", s, c.Apply(0), c.Apply(mailbox.AllRights))
		}
	})
}
