package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gomail"
	"gomail/mailbox"
)

var histories = flag.Int("histories", 2, "how many random histories TestHistories goes through")

// history is mailboxes of two accounts whose writes are committed in batches,
// some of which fail, and what should have become of them.
type history struct {
	*testing.T
	r       *rand.Rand
	s       *Store
	dir     string
	seeds   mailbox.Place // whose messages are copied to make new ones
	boxes   []*historyBox
	ids     map[int]gomail.MessageID // of the model's messages
	last    int                      // the model's last message
	pending []historyWrite
}

type historyBox struct {
	mailbox.Place
	next    gomail.UID
	entries []historyEntry
	gone    bool
	inbox   bool

	before mailbox.Snapshot // some time ago
}

type historyEntry struct {
	uid      gomail.UID
	message  int
	flags    gomail.Flags
	keywords string
}

// historyWrite is a write, and its effect if it succeeds.
type historyWrite struct {
	name   string
	apply  func(*tx) error
	effect func()
}

// TestHistories has random writes go in batches, with failures of all kinds:
// those that were answered as done are done, those that were not are not, and
// what was kept or begun in memory makes no difference.
func TestHistories(t *testing.T) {
	for n := range *histories {
		h := newHistory(t, uint64(n))
		for round := range 60 {
			for range 1 + h.r.IntN(5) {
				h.pending = append(h.pending, h.random())
			}
			h.commit([]int{0, 0, 20, 300}[h.r.IntN(4)])
			h.compare(fmt.Sprintf("history %d, round %d", n, round))
			if h.r.IntN(25) == 0 {
				h.reopen()
			}
		}
		h.check()
		h.s.Close()
		if t.Failed() {
			return
		}
	}
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{T: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), ids: map[int]gomail.MessageID{}}
	h.open()
	if _, err := h.s.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		a, err := h.s.AddAccount(t.Context(), gomail.Account{Address: gomail.Address{Local: fmt.Sprint("p", i), Domain: "example.com"}}, "x")
		if err != nil {
			t.Fatal(err)
		}
		boxes, err := h.s.Mailboxes(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			h.seeds = mailbox.Place{Account: a.ID, Mailbox: boxes[0].ID}
			h.sow()
			continue
		}
		for _, m := range boxes[:3] {
			h.boxes = append(h.boxes, &historyBox{Place: mailbox.Place{Account: a.ID, Mailbox: m.ID}, next: 1, inbox: m.Role == gomail.RoleInbox})
		}
	}
	return h
}

func (h *history) open() {
	var err error
	if h.s, err = Open(h.Context(), Options{Dir: h.dir}); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { h.s.Close() })
	h.s.snapshots.least = 1
	h.s.writing.Lock()
	defer h.s.writing.Unlock()
	for _, text := range []string{
		"CREATE TEMP TABLE failing (odds, removals)",
		"INSERT INTO failing VALUES (0, 0)",
		"CREATE TEMP TRIGGER f1 BEFORE INSERT ON main.entry_page WHEN (SELECT abs(random()) % 1000 < odds FROM failing) BEGIN SELECT RAISE(ABORT, 'injected'); END",
		"CREATE TEMP TRIGGER f2 BEFORE UPDATE ON main.entry_page WHEN (SELECT abs(random()) % 1000 < odds FROM failing) BEGIN SELECT RAISE(ABORT, 'injected'); END",
		"CREATE TEMP TRIGGER f3 BEFORE INSERT ON main.change WHEN (SELECT abs(random()) % 1000 < odds FROM failing) BEGIN SELECT RAISE(ABORT, 'injected'); END",
		"CREATE TEMP TRIGGER f4 BEFORE UPDATE ON main.mailbox WHEN (SELECT abs(random()) % 1000 < odds FROM failing) BEGIN SELECT RAISE(ABORT, 'injected'); END",
		"CREATE TEMP TRIGGER f5 BEFORE DELETE ON main.message WHEN (SELECT abs(random()) % 1000 < max(odds, removals) FROM failing) BEGIN SELECT RAISE(ABORT, 'injected'); END",
	} {
		if _, err := h.s.writer.exec(text); err != nil {
			h.Fatal(err)
		}
	}
}

func (h *history) reopen() {
	h.s.Close()
	h.open()
}

// sow makes the messages that all others are copies of.
func (h *history) sow() {
	all := make([]mailbox.Append, 120)
	for i := range all {
		body := h.s.Stage()
		defer body.Close()
		fmt.Fprintf(body, "Subject: %d\r\n\r\ny\r\n", i)
		all[i] = mailbox.Append{Body: body}
	}
	if _, err := h.s.AppendMessages(h.Context(), h.seeds.Account, h.seeds.Mailbox, all); err != nil {
		h.Fatal(err)
	}
}

func (h *history) random() historyWrite {
	var boxes []*historyBox
	for _, b := range h.boxes {
		if !b.gone {
			boxes = append(boxes, b)
		}
	}
	b, c := boxes[h.r.IntN(len(boxes))], boxes[h.r.IntN(len(boxes))]
	uids := h.choose(b)
	switch h.r.IntN(16) {
	case 0, 1, 2:
		return h.grow(b)
	case 3, 4:
		return h.flag(b, uids)
	case 5, 6, 7:
		return h.expunge(b, uids)
	case 8, 9:
		return h.transfer(b, c, uids, true)
	case 10:
		return h.transfer(b, c, uids, false)
	case 11:
		return historyWrite{"flush", (*tx).flush, func() {}}
	case 12:
		var ids []gomail.MessageID
		return historyWrite{"remove what is gone", func(t *tx) (err error) { ids, _, err = t.removeGone(b.Account); return err }, func() {
			h.s.unfinished.finished(b.Account, ids)
		}}
	case 13:
		if h.r.IntN(3) == 0 && !b.inbox {
			return historyWrite{"delete a mailbox", func(t *tx) error { return t.deleteMailbox(b.Account, b.Mailbox) }, func() { b.gone = true }}
		}
		return h.create(b.Account)
	case 14:
		return historyWrite{"fail", func(*tx) error { return errors.New("failed") }, nil}
	default:
		w := h.random()
		return historyWrite{w.name + " and fail", func(t *tx) error {
			if err := w.apply(t); err != nil {
				return err
			}
			return errors.New("failed")
		}, nil}
	}
}

// choose returns UIDs of a mailbox: a stretch, some here and there, nearly all,
// and some that do not exist.
func (h *history) choose(b *historyBox) []gomail.UID {
	uids := []gomail.UID{}
	if len(b.entries) > 0 {
		i := h.r.IntN(len(b.entries))
		j := min(len(b.entries), i+1+h.r.IntN([]int{1, 5, 70, 1000}[h.r.IntN(4)]))
		odds := []float64{1, 0.5, 0.05, 0.95}[h.r.IntN(4)]
		for _, e := range b.entries[i:j] {
			if h.r.Float64() < odds {
				uids = append(uids, e.uid)
			}
		}
	}
	if h.r.IntN(4) == 0 {
		uids = append(uids, b.next+gomail.UID(h.r.IntN(3000)))
	}
	if h.r.IntN(8) == 0 {
		uids = append(uids, uids...)
	}
	if h.r.IntN(8) == 0 {
		h.r.Shuffle(len(uids), func(i, j int) { uids[i], uids[j] = uids[j], uids[i] })
	}
	return uids
}

func (h *history) grow(b *historyBox) historyWrite {
	first := gomail.UID(1 + h.r.IntN(120))
	var uids []gomail.UID
	for uid := first; uid <= 120 && len(uids) < 1<<h.r.IntN(8); uid++ {
		uids = append(uids, uid)
	}
	return h.copies(b, uids)
}

// copies makes new messages out of seeds.
func (h *history) copies(b *historyBox, seeds []gomail.UID) historyWrite {
	m := mailbox.Transfer{From: h.seeds, To: b.Place, UIDs: seeds, Rights: mailbox.AllRights}
	return historyWrite{"grow", func(t *tx) error { _, err := t.transfer(m, seeds, false); return err }, func() {
		for range seeds {
			h.last++
			b.enter(historyEntry{message: h.last})
		}
	}}
}

func (b *historyBox) enter(e historyEntry) {
	e.uid = b.next
	b.next++
	b.entries = append(b.entries, e)
}

// among returns those of the entries that are there now.
func (b *historyBox) among(uids []gomail.UID) (found []historyEntry) {
	for _, e := range b.entries {
		if slices.Contains(uids, e.uid) {
			found = append(found, e)
		}
	}
	return found
}

func (b *historyBox) leave(uids []gomail.UID) {
	b.entries = slices.DeleteFunc(b.entries, func(e historyEntry) bool { return slices.Contains(uids, e.uid) })
}

func (h *history) flag(b *historyBox, uids []gomail.UID) historyWrite {
	flags := gomail.Flags(h.r.IntN(32)) &^ gomail.FlagDeleted
	words := [][]string{nil, {"work"}, {"$Forwarded", "work"}, {"a-long-keyword-of-which-there-is-room-for-few-on-a-page"}}[h.r.IntN(4)]
	change := mailbox.FlagChange{Op: mailbox.FlagOp(h.r.IntN(3)), Flags: flags, Keywords: words, UnchangedSince: -1}
	return historyWrite{"flag", func(t *tx) error { _, err := t.setFlags(b.Account, b.Mailbox, ascendingUIDs(uids), change); return err }, func() {
		for i := range b.entries {
			if e := &b.entries[i]; slices.Contains(uids, e.uid) {
				e.flags, e.keywords = change.Apply(mailbox.Entry{Flags: e.flags, Keywords: e.keywords})
			}
		}
	}}
}

func (h *history) expunge(b *historyBox, uids []gomail.UID) historyWrite {
	change := mailbox.FlagChange{Flags: gomail.FlagDeleted, UnchangedSince: -1}
	return historyWrite{"expunge", func(t *tx) error {
		uids := ascendingUIDs(uids)
		if _, err := t.setFlags(b.Account, b.Mailbox, uids, change); err != nil {
			return err
		}
		_, _, err := t.expunge(b.Account, b.Mailbox, uids)
		return err
	}, func() { b.leave(uids) }}
}

func (h *history) transfer(b, c *historyBox, uids []gomail.UID, move bool) historyWrite {
	m := mailbox.Transfer{From: b.Place, To: c.Place, UIDs: uids, Rights: mailbox.AllRights}
	return historyWrite{fmt.Sprintf("transfer %v", move), func(t *tx) error { _, err := t.transfer(m, ascendingUIDs(uids), move); return err }, func() {
		found := b.among(uids)
		var old []gomail.UID
		for _, e := range found {
			old = append(old, e.uid)
			if b.Account != c.Account {
				h.last++
				e.message = h.last
			}
			c.enter(e)
		}
		if move {
			b.leave(old)
		}
	}}
}

func (h *history) create(account gomail.AccountID) historyWrite {
	var id gomail.MailboxID
	name := fmt.Sprint("box ", h.r.Int())
	return historyWrite{"create", func(t *tx) error {
		a, err := t.account(account)
		if err != nil {
			return err
		}
		id, err = t.insertMailbox(a, 0, name, "")
		return err
	}, func() {
		h.boxes = append(h.boxes, &historyBox{Place: mailbox.Place{Account: account, Mailbox: id}, next: 1})
	}}
}

// commit commits what is pending in one batch, of which so many of a thousand
// statements fail, and lets the model know what became of it.
func (h *history) commit(odds int) {
	b := &batch{}
	for _, w := range h.pending {
		b.writes = append(b.writes, &write{apply: w.apply, done: make(chan error, 1)})
	}
	h.s.writing.Lock()
	h.failing(odds)
	h.s.commitBatch(b)
	h.failing(0)
	h.s.writing.Unlock()
	for i, w := range b.writes {
		switch err := <-w.done; {
		case err == nil:
			h.pending[i].effect()
		case h.s.Failure() != nil:
			h.Fatal(err)
		}
	}
	h.pending = nil
}

func (h *history) failing(odds int) {
	if _, err := h.s.writer.exec("UPDATE failing SET odds = ?", odds); err != nil {
		h.Fatal(err)
	}
}

// compareRead holds a mailbox that may be made of what is remembered against
// what is read.
func (h *history) compareRead(when string, b *historyBox, snap mailbox.Snapshot) {
	h.Helper()
	h.s.snapshots.all, h.s.snapshots.entries = nil, 0
	read, err := h.s.Snapshot(h.Context(), b.Account, b.Mailbox)
	if err != nil || read.Seq != snap.Seq || !slices.Equal(read.Entries, snap.Entries) {
		h.Fatalf("%s: mailbox %v is remembered with %d entries at %d, and read with %d at %d: %v", when, b.Place, len(snap.Entries), snap.Seq, len(read.Entries), read.Seq, err)
	}
}

// compare holds the store against the model, and the changes since some time
// ago against what was then and is now.
func (h *history) compare(when string) {
	h.Helper()
	for _, b := range h.boxes {
		snap, err := h.s.Snapshot(h.Context(), b.Account, b.Mailbox)
		if b.gone {
			if gomail.KindOf(err) != gomail.NotFound {
				h.Fatalf("%s: a mailbox that was deleted: %v", when, err)
			}
			continue
		}
		if err != nil {
			h.Fatalf("%s: %v", when, err)
		}
		if snap.Mailbox.UIDNext != b.next || len(snap.Entries) != len(b.entries) {
			h.Fatalf("%s: mailbox %v has %d entries, next %d: want %d, %d", when, b.Place, len(snap.Entries), snap.Mailbox.UIDNext, len(b.entries), b.next)
		}
		for i, e := range snap.Entries {
			want := b.entries[i]
			if h.ids[want.message] == 0 {
				h.ids[want.message] = e.Message
			}
			if e.UID != want.uid || e.Flags != want.flags || e.Keywords != want.keywords || e.Message != h.ids[want.message] {
				h.Fatalf("%s: mailbox %v has %+v, want %+v of message %d", when, b.Place, e, want, h.ids[want.message])
			}
		}
		h.compareRead(when, b, snap)
		h.compareChanges(when, b, snap)
		if h.r.IntN(5) == 0 {
			b.before = snap
		}
	}
}

func (h *history) compareChanges(when string, b *historyBox, now mailbox.Snapshot) {
	d, err := h.s.Changes(h.Context(), b.Account, b.Mailbox, b.before.Seq)
	if err != nil || !slices.IsSortedFunc(d.Changed, func(x, y mailbox.Entry) int { return int(x.UID) - int(y.UID) }) {
		h.Fatalf("%s: %v", when, err)
	}
	byUID := map[gomail.UID]mailbox.Entry{}
	for _, e := range b.before.Entries {
		byUID[e.UID] = e
	}
	for _, uid := range d.Vanished {
		delete(byUID, uid)
	}
	for _, e := range d.Changed {
		byUID[e.UID] = e
	}
	for _, e := range now.Entries {
		if byUID[e.UID] != e {
			h.Fatalf("%s: by the changes since %d an entry is %+v, and it is %+v", when, b.before.Seq, byUID[e.UID], e)
		}
		delete(byUID, e.UID)
	}
	if len(byUID) > 0 {
		h.Fatalf("%s: the changes do not tell that %d entries are gone", when, len(byUID))
	}
}

// check has all invariants looked at, while messages are still to be removed
// and when they are.
func (h *history) check() {
	h.Helper()
	for range 2 {
		if err := h.s.Check(h.Context(), func(problem string) { h.Errorf("check: %s", problem) }); err != nil {
			h.Fatal(err)
		}
		h.settle(h.boxes[0].Account)
		h.settle(h.boxes[3].Account)
	}
}

// settle waits until an account's messages that are gone are removed.
func (h *history) settle(account gomail.AccountID) {
	h.Helper()
	for range 500 {
		if err := h.s.removeAllGone(h.Context()); err != nil {
			h.Fatal(err)
		}
		if !h.s.unfinished.any(account) {
			return
		}
		time.Sleep(10 * time.Millisecond) // the store itself is about to be done
	}
	h.Errorf("messages of account %d are still to be removed", account)
}
