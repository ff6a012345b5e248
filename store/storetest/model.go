package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// held is what the model of a mailbox knows of an entry.
type held struct {
	uid      gomail.UID
	message  gomail.MessageID
	flags    gomail.Flags
	keywords string
}

// model is two mailboxes of an account, as they should be.
type model struct {
	*fixture
	r       *rand.Rand
	account gomail.AccountID
	ids     [2]gomail.MailboxID
	boxes   [2][]held
	next    [2]gomail.UID
}

// testModel has large mailboxes changed at random, in stretches and here and
// there, and holds each step against a model that knows nothing of how they are
// stored.
func testModel(f *fixture) {
	id, inbox := f.account("anna")
	m := &model{fixture: f, r: rand.New(rand.NewPCG(11, 12)), account: id, ids: [2]gomail.MailboxID{inbox, f.role(id, gomail.RoleTrash)}, next: [2]gomail.UID{1, 1}}
	m.append(0, 1500)
	for step := range 150 {
		m.step()
		for box := range m.boxes {
			var got []held
			for _, e := range f.snapshot(id, m.ids[box]).Entries {
				got = append(got, held{e.UID, e.Message, e.Flags, e.Keywords})
			}
			if !slices.Equal(got, m.boxes[box]) {
				f.Fatalf("step %d: mailbox %d has %d entries, and should have %d: %v", step, box, len(got), len(m.boxes[box]), firstDifference(got, m.boxes[box]))
			}
		}
	}
}

func firstDifference(got, want []held) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%+v, and should be %+v", got[i], want[i])
		}
	}
	return "one is shorter"
}

// step changes something, and the model likewise.
func (m *model) step() {
	box := m.r.IntN(2)
	chosen := m.choose(box)
	uids := make([]gomail.UID, len(chosen))
	for i, e := range chosen {
		uids[i] = e.uid
	}
	switch kind := m.r.IntN(10); {
	case len(chosen) == 0:
		m.append(box, 1+m.r.IntN(300))
	case kind < 3:
		m.setFlags(box, uids, gomail.Flags(m.r.IntN(32))&^gomail.FlagDeleted)
	case kind < 5:
		_, err := m.store.CopyMessages(m.ctx, within(m.account, m.ids[box], m.ids[1-box], uids))
		m.ok(err)
		m.enter(1-box, chosen)
	case kind < 7:
		_, err := m.store.MoveMessages(m.ctx, within(m.account, m.ids[box], m.ids[1-box], uids))
		m.ok(err)
		m.enter(1-box, chosen)
		m.leave(box, uids)
	case kind < 9:
		m.setFlags(box, uids, gomail.FlagDeleted)
		_, _, err := m.store.Expunge(m.ctx, m.account, m.ids[box], uids)
		m.ok(err)
		m.leave(box, uids)
	default:
		m.append(box, 1+m.r.IntN(100))
	}
}

// choose returns a stretch of entries, or some here and there, or all but a few.
func (m *model) choose(box int) []held {
	all := m.boxes[box]
	if len(all) == 0 {
		return nil
	}
	i := m.r.IntN(len(all))
	j := i + m.r.IntN(len(all)-i)
	odds := []float64{1, 0.5, 0.05, 0.95}[m.r.IntN(4)]
	var chosen []held
	for _, e := range all[i:j] {
		if m.r.Float64() < odds {
			chosen = append(chosen, e)
		}
	}
	return chosen
}

func (m *model) append(box, n int) {
	batch := make([]mailbox.Append, n)
	for i := range batch {
		batch[i] = mailbox.Append{Body: m.body(fmt.Sprint("body ", i)), Flags: gomail.Flags(m.r.IntN(4)), Keywords: strings.Fields([]string{"", "", "work", "$Forwarded work"}[m.r.IntN(4)])}
	}
	done, err := m.store.AppendMessages(m.ctx, m.account, m.ids[box], batch)
	m.ok(err)
	for i, a := range batch {
		m.boxes[box] = append(m.boxes[box], held{m.next[box], done[i].Message, a.Flags, strings.Join(a.Keywords, " ")})
		m.next[box]++
	}
}

// setFlags adds flags.
func (m *model) setFlags(box int, uids []gomail.UID, flags gomail.Flags) {
	_, err := m.store.SetFlags(m.ctx, m.account, m.ids[box], uids, mailbox.FlagChange{Flags: flags, UnchangedSince: -1})
	m.ok(err)
	for i := range m.boxes[box] {
		if e := &m.boxes[box][i]; slices.Contains(uids, e.uid) {
			e.flags |= flags
		}
	}
}

func (m *model) enter(box int, entries []held) {
	for _, e := range entries {
		e.uid = m.next[box]
		m.next[box]++
		m.boxes[box] = append(m.boxes[box], e)
	}
}

func (m *model) leave(box int, uids []gomail.UID) {
	m.boxes[box] = slices.DeleteFunc(m.boxes[box], func(e held) bool { return slices.Contains(uids, e.uid) })
}
