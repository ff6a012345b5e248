package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
)

// stopRemovals has the removal of messages fail, or go on.
func (h *history) stopRemovals(odds int) {
	h.s.writing.Lock()
	defer h.s.writing.Unlock()
	if _, err := h.s.writer.exec("UPDATE failing SET removals = ?", odds); err != nil {
		h.Fatal(err)
	}
}

// fill puts some messages into a mailbox and returns the first.
func (h *history) fill(b *historyBox, seeds ...gomail.UID) gomail.MessageID {
	h.pending = append(h.pending, h.copies(b, seeds))
	h.commit(0)
	snap, err := h.s.Snapshot(h.Context(), b.Account, b.Mailbox)
	if err != nil || len(snap.Entries) == 0 {
		h.Fatal(snap, err)
	}
	return snap.Entries[0].Message
}

func (h *history) takeOut(b *historyBox, uids ...gomail.UID) {
	h.pending = append(h.pending, h.expunge(b, uids))
	h.commit(0)
}

func (h *history) items(account gomail.AccountID, id gomail.MessageID) (n int) {
	err := h.s.Items(h.Context(), account, []gomail.MessageID{id}, mailbox.WithIndex, func(mailbox.Item) error { n++; return nil })
	if err != nil {
		h.Fatal(err)
	}
	return n
}

// A message that left its last mailbox is read by nobody: not while its row is
// still there, and not when that is gone.
func TestGoneStaysGone(t *testing.T) {
	h := newHistory(t, 2)
	b := h.boxes[0]
	id := h.fill(b, 1, 2, 3)
	if h.items(b.Account, id) != 1 {
		t.Fatal("a message is not there")
	}
	h.stopRemovals(1000)
	h.takeOut(b, 1)
	if h.items(b.Account, id) != 0 {
		t.Error("a message that is gone is still read")
	}
	h.stopRemovals(0)
	h.settle(b.Account)
	if h.items(b.Account, id) != 0 {
		t.Error("a message is read again when its row is gone")
	}
	if _, err := h.s.Content(t.Context(), b.Account, id); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("its content: %v", err)
	}
	h.check()
}

// Messages that went one by one are removed many at a time.
func TestGoneAreRemovedTogether(t *testing.T) {
	h := newHistory(t, 3)
	b := h.boxes[0]
	var all []gomail.UID
	for uid := range gomail.UID(120) {
		all = append(all, uid+1)
	}
	h.fill(b, all...)
	h.stopRemovals(1000)
	for _, uid := range all {
		h.pending = append(h.pending, h.expunge(b, []gomail.UID{uid}))
	}
	h.commit(0)
	h.stopRemovals(0)
	before := h.s.stats.commits.Load()
	if err := h.s.removeAllGone(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.s.stats.commits.Load() - before; n > 3 {
		t.Errorf("it took %d commits", n)
	}
	h.check()
}

// With an account what was still to be removed of it goes.
func TestAccountGoesBeforeItsMessages(t *testing.T) {
	h := newHistory(t, 4)
	b, c := h.boxes[0], h.boxes[3]
	h.fill(b, 1, 2, 3)
	h.fill(c, 1, 2, 3)
	h.stopRemovals(1000)
	h.takeOut(b, 1)
	h.stopRemovals(0)
	if err := h.s.RemoveAccount(t.Context(), b.Account); err != nil {
		t.Fatal(err)
	}
	h.pending = append(h.pending, h.expunge(c, []gomail.UID{2}), historyWrite{"remove", func(t *tx) error { return t.removeAccount(c.Account) }, func() {}})
	h.commit(0)
	for _, box := range []*historyBox{b, c} {
		if h.s.unfinished.any(box.Account) {
			t.Error("of an account that is gone there is still something to remove")
		}
	}
}

// A damaged row of the log concerns its account alone, which goes on as if the
// log did not reach so far; nothing is removed because of it.
func TestDamagedLogStopsNobody(t *testing.T) {
	h := newHistory(t, 5)
	b, c := h.boxes[0], h.boxes[3]
	h.fill(b, 1, 2, 3)
	h.fill(c, 1, 2, 3)
	h.stopRemovals(1000)
	h.takeOut(b, 1)
	h.takeOut(c, 2)
	// Its one message's identity is another's now.
	h.alterFile("UPDATE change SET op = 3, entries = CAST(SUBSTR(entries, 1, 1) || X'0F' || SUBSTR(entries, 3) AS BLOB) WHERE account_id = ?", b.Account)
	h.settle(c.Account)
	if _, err := h.s.Collect(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	d, err := h.s.Changes(t.Context(), b.Account, b.Mailbox, 1)
	if err != nil || d.Complete || len(d.Changed) != 2 {
		t.Errorf("the changes of its mailbox: %+v, %v", d, err)
	}
	if all := h.problems(); !strings.Contains(all, "log of changes cannot be read") || strings.Contains(all, "does not exist") {
		t.Errorf("check finds\n%s", all)
	}
}

// alterFile changes a store's database while it is closed.
func (h *history) alterFile(query string, args ...any) {
	h.Helper()
	h.s.Close()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.dir, "gomail.db"))
	if err != nil {
		h.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query, args...); err != nil {
		h.Fatal(err)
	}
	h.open()
}

func (h *history) problems() string {
	var found []string
	h.s.Check(h.Context(), func(problem string) { found = append(found, problem) })
	return strings.Join(found, "\n")
}

// Mail still comes into a mailbox whose last page is damaged: the message has
// other recipients, too.
func TestMailBehindDamagedPage(t *testing.T) {
	h := newHistory(t, 6)
	b := h.boxes[0]
	h.fill(b, 1, 2, 3)
	h.alterFile("UPDATE entry_page SET entries = CAST(entries || X'00' AS BLOB) WHERE account_id = ? AND mailbox_id = ?", b.Account, b.Mailbox)
	for range 2 {
		h.pending = append(h.pending, h.copies(b, []gomail.UID{4, 5}))
		h.commit(0)
		h.reopen()
	}
	if b.next != 8 {
		t.Errorf("of four messages %d came in", b.next-4)
	}
	if all := h.problems(); strings.Count(all, "page of entries is damaged") != 1 {
		t.Errorf("check finds\n%s", all)
	}
	h.pending = append(h.pending, h.expunge(b, []gomail.UID{5, 6}), h.expunge(b, []gomail.UID{1}))
	h.commit(0)
	if len(b.entries) != 5 {
		t.Errorf("of two messages that can be read and one that cannot %d are gone", 7-len(b.entries))
	}
}

// Pages that overlap hide entries, and check says so.
func TestCheckFindsOverlap(t *testing.T) {
	h := newHistory(t, 7)
	b := h.boxes[0]
	h.fill(b, 1, 2, 3, 4)
	h.s.writing.Lock()
	p := h.s.kept[b.Account].rows[0].pages[0]
	all, err := readAllOf(p.first, p.writer.sealed(p.first))
	h.s.writing.Unlock()
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	low, high := newPage(1), newPage(3)
	for i := range all {
		if i < 3 {
			low.add(&all[i])
		} else {
			high.add(&all[i])
		}
	}
	h.alterFile("UPDATE entry_page SET modseq = ?, lowest = ?, highest = ?, entries = ? WHERE account_id = ? AND mailbox_id = ?",
		low.span.modseq, low.span.lowest, low.span.highest, low.writer.sealed(1), b.Account, b.Mailbox)
	h.alterFile("INSERT INTO entry_page VALUES (?, ?, 3, ?, ?, ?, ?)", b.Account, b.Mailbox, high.span.modseq, high.span.lowest, high.span.highest, high.writer.sealed(3))
	if all := h.problems(); !strings.HasPrefix(all, "pages of entries overlap") || strings.Contains(all, "\n") {
		t.Errorf("check finds\n%s", all)
	}
}
