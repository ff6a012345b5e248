package imapd

import (
	"sort"

	"gomail"
	"gomail/mailbox"
)

// threadIDs tells to which threads messages of the open mailbox belong, RFC 8474
// section 5.3. It reads ahead, for it is asked in the order of the mailbox.
type threadIDs struct {
	s     *session
	known []mailbox.Threaded
	in    *view      // where
	from  gomail.UID // those that known covers
	to    gomail.UID
}

// of returns the identity of a message's thread; empty when the message is gone.
func (d *threadIDs) of(i int) (string, error) {
	v := d.s.view
	uid := v.entries[i].UID
	if v != d.in || uid < d.from || uid > d.to {
		last := min(i+readAhead, len(v.entries)) - 1
		messages := make([]gomail.MessageID, 0, last-i+1)
		for _, e := range v.entries[i : last+1] {
			messages = append(messages, e.Message)
		}
		known, err := v.box.Threads(d.s.ctx, messages)
		if err != nil {
			return "", err
		}
		d.known, d.in, d.from, d.to = known, v, uid, v.entries[last].UID
	}
	message := v.entries[i].Message
	n := sort.Search(len(d.known), func(n int) bool { return d.known[n].Message >= message })
	if n == len(d.known) || d.known[n].Message != message {
		return "", nil
	}
	return objectID("T", v.box, int64(d.known[n].Thread)), nil
}

// writeThreadID writes THREADID.
func (m *fetched) writeThreadID() {
	if m.thread == "" {
		m.s.out.Text("THREADID NIL")
		return
	}
	m.s.out.Text("THREADID (" + m.thread + ")")
}

// threadKey is the search key THREADID.
func (p *searchParser) threadKey(id string) searchKey {
	threads := threadIDs{s: p.s}
	return searchKey{cost: costRow, alone: true, match: func(c *candidate) (bool, error) {
		have, err := threads.of(c.index)
		return have == id && id != "", err
	}}
}
