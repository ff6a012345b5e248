package store

import (
	"slices"
	"testing"

	"gomail"
)

func TestKeptRowsAreBounded(t *testing.T) {
	k := keptRows{}
	for batch := range gomail.AccountID(300) {
		accounts := map[gomail.AccountID]*accountRow{}
		for n := range gomail.AccountID(500) {
			id := batch*500 + n
			accounts[id] = &accountRow{id: id, mailboxes: []gomail.MailboxID{1}, rows: slices.Repeat([]*mailboxRow{{}}, int(n%20))}
		}
		k.put(accounts)
		if len(k) > maxKept {
			t.Fatalf("%d accounts are kept", len(k))
		}
	}
	if len(k) != maxKept {
		t.Errorf("only %d accounts are kept", len(k))
	}
	a := k.take(300*500 - 1)
	if a == nil || a.mailboxes != nil || a.rows != nil {
		t.Errorf("the last account was kept as %+v", a)
	}
	if k.take(300*500-1) != nil {
		t.Error("an account is taken twice")
	}
}

// Of the pages of an account one is kept, or those of many mailboxes would take
// several times as much as all else.
func TestOnePageIsKept(t *testing.T) {
	h := newHistory(t, 10)
	b, c := h.boxes[0], h.boxes[1]
	for range 2 {
		for _, box := range []*historyBox{b, c} {
			h.pending = append(h.pending, h.copies(box, []gomail.UID{1, 2}))
		}
		h.commit(0)
		h.compare("after a batch")
		h.s.writing.Lock()
		for _, m := range h.s.kept[b.Account].rows {
			if want := m.ID == c.Mailbox; want != (len(m.pages) == 1) {
				t.Errorf("of mailbox %d, %d pages are kept", m.ID, len(m.pages))
			}
		}
		h.s.writing.Unlock()
	}
	h.check()
}
