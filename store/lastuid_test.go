package store

import (
	"testing"

	"gomail"
)

// A mailbox's last UIDs are as good as all others, and then there are none.
func TestLastUIDs(t *testing.T) {
	h := newHistory(t, 8)
	b := h.boxes[0]
	h.fill(b, 1, 2, 3)
	const last = ^gomail.UID(0) - 1
	h.alterFile("UPDATE mailbox SET uidnext = ? WHERE account_id = ? AND id = ?", int64(last-60), b.Account, b.Mailbox)
	b.next = last - 60
	for _, n := range []int{59, 3, 2, 1} { // the second is refused
		seeds := make([]gomail.UID, n)
		for i := range seeds {
			seeds[i] = gomail.UID(i + 1)
		}
		h.pending = append(h.pending, h.copies(b, seeds))
		h.commit(0)
		h.compare("at the end")
	}
	if b.next != last+1 || len(b.entries) != 64 {
		t.Errorf("there are %d messages, and the next UID is %d", len(b.entries), b.next)
	}
	dates, err := h.s.SaveDates(t.Context(), b.Account, b.Mailbox, last, ^gomail.UID(0))
	if err != nil || len(dates) != 1 {
		t.Errorf("it was saved %+v, %v", dates, err)
	}
	h.pending = append(h.pending, h.flag(b, []gomail.UID{1, last - 1, last}), h.transfer(b, h.boxes[1], []gomail.UID{2, last}, true), h.expunge(b, []gomail.UID{last - 1, ^gomail.UID(0)}))
	h.commit(0)
	h.compare("after changes")
	h.reopen()
	h.takeOut(b, 1, last-2, last-3)
	h.compare("after more of them")
	h.check()
}
