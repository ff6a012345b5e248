package store

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gomail"
	"gomail/mailbox"
)

// What is remembered with what changed is what is there.
func TestRememberedSince(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for range 2000 {
		var old, now, changed []mailbox.Entry
		var vanished []gomail.UID
		last := gomail.UID(0)
		for range r.IntN(60) {
			last += 1 + gomail.UID(r.IntN(3))
			e := mailbox.Entry{UID: last, Message: gomail.MessageID(last), ModSeq: 1}
			old = append(old, e)
			switch r.IntN(8) {
			case 0:
				vanished = append(vanished, last)
				continue
			case 1:
				e.ModSeq = 2
				changed = append(changed, e)
			}
			now = append(now, e)
		}
		for range r.IntN(4) { // new ones, and some that came and went meanwhile
			last += 1 + gomail.UID(r.IntN(3))
			e := mailbox.Entry{UID: last, Message: gomail.MessageID(last), ModSeq: 3}
			if r.IntN(3) == 0 {
				vanished = append(vanished, last)
				continue
			}
			changed, now = append(changed, e), append(now, e)
		}
		before := slices.Clone(old)
		if got := (&remembered{entries: old}).since(changed, vanished); !slices.Equal(got, now) || !slices.Equal(old, before) {
			t.Fatalf("of %v with %v, without %v, became %v", before, changed, vanished, got)
		}
	}
}

// No more is remembered than there is room for, and what was not asked for the
// longest time goes first.
func TestRememberedAreBounded(t *testing.T) {
	s := snapshots{least: 1000}
	at := func(id gomail.MailboxID, n int) mailbox.Snapshot {
		return mailbox.Snapshot{Mailbox: gomail.Mailbox{ID: id, UIDValidity: 7}, Seq: 5, Entries: make([]mailbox.Entry, n)}
	}
	s.put(1, at(1, 999))
	s.put(1, at(2, mostRemembered+1))
	if len(s.all) != 0 {
		t.Error("a small or a huge mailbox is remembered")
	}
	third := mostRemembered/3 - 1
	for id := gomail.MailboxID(1); id <= 3; id++ {
		s.put(1, at(id, third))
	}
	s.put(1, at(3, third)) // in its own place
	if s.get(1, at(1, 0)) == nil || s.get(2, at(1, 0)) != nil {
		t.Error("the wrong mailboxes are remembered")
	}
	s.put(1, at(4, third))
	if s.get(1, at(2, 0)) != nil || s.get(1, at(1, 0)) == nil || s.entries != 3*third || len(s.all) != 3 {
		t.Errorf("%d mailboxes with %d entries are remembered", len(s.all), s.entries)
	}
	other, older := at(1, 0), at(1, 0)
	other.Mailbox.UIDValidity, older.Seq = 8, 4
	if s.get(1, other) != nil || s.get(1, older) != nil {
		t.Error("what is remembered is taken for another mailbox, or for one before it")
	}
}
