package imapd

import (
	"sort"
	"time"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// readAhead is for how many messages what is kept beside them is read at a time.
const readAhead = 4000

// saveDates tells when messages were put into the open mailbox, RFC 8514. It
// reads ahead, for it is asked in the order of the mailbox.
type saveDates struct {
	s     *session
	known []mailbox.SaveDate
	in    *view      // where
	from  gomail.UID // those that known covers
	to    gomail.UID
}

// of returns when the message at an index came there; zero where that was not
// noted yet.
func (d *saveDates) of(i int) (time.Time, error) {
	v := d.s.view
	entries := v.entries
	uid := entries[i].UID
	if v != d.in || uid < d.from || uid > d.to {
		last := entries[min(i+readAhead, len(entries))-1].UID
		known, err := v.box.SaveDates(d.s.ctx, uid, last)
		if err != nil {
			return time.Time{}, err
		}
		d.known, d.in, d.from, d.to = known, v, uid, last
	}
	n := sort.Search(len(d.known), func(n int) bool { return d.known[n].UID >= uid })
	if n == len(d.known) || d.known[n].UID != uid {
		return time.Time{}, nil // gone meanwhile
	}
	return d.known[n].Saved, nil
}

// writeSaveDate writes SAVEDATE.
func (m *fetched) writeSaveDate() {
	out := &m.s.out
	if m.saved.IsZero() {
		out.Text("SAVEDATE NIL")
		return
	}
	out.Text(`SAVEDATE "` + imapwire.FormatDateTime(m.saved) + `"`)
}

// saveDateKey is SAVEDBEFORE, SAVEDON and SAVEDSINCE. Where it was not noted
// when a message was put into its mailbox, it is when it was received.
func (p *searchParser) saveDateKey(name string, day time.Time) searchKey {
	dates := saveDates{s: p.s}
	return searchKey{cost: costRow, alone: true, match: func(c *candidate) (bool, error) {
		t, err := dates.of(c.index)
		if t.IsZero() {
			t = c.entry.InternalDate()
		}
		return dateMatches(name, t, day), err
	}}
}
