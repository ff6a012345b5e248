package imapd

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
)

// view is what a session has shown of the mailbox that it has open. Sequence
// number n is entries[n-1].
type view struct {
	box      mailbox.Box
	readOnly bool            // nothing may be changed
	examined bool            // by EXAMINE
	entries  []mailbox.Entry // ascending UID
	seq      gomail.ModSeq   // of the account: changes up to it are in entries
	modSeq   gomail.ModSeq   // HIGHESTMODSEQ as told
	keywords []string        // as told by FLAGS, sorted
	saved    []gomail.UID    // of SEARCH RETURN (SAVE), ascending; RFC 5182

	own      []gomail.UID     // put there by this client, and not told yet
	contexts []*searchContext // kept up to date
	touched  []gomail.UID     // what may have changed their results; any order
	firstNew gomail.UID       // those from here on are new; 0: none is
}

func newView(box mailbox.Box, snap mailbox.Snapshot, readOnly bool) *view {
	box.Mailbox = snap.Mailbox
	v := &view{box: box, readOnly: readOnly || !box.Rights.Writes(), examined: readOnly, entries: snap.Entries, seq: snap.Seq}
	v.modSeq = max(snap.Mailbox.HighestModSeq, 1)
	for i := range v.entries {
		v.learnKeywords(v.entries[i].Keywords)
	}
	return v
}

// learnKeywords adds keywords to those known and reports whether one was new.
func (v *view) learnKeywords(words string) (learned bool) {
	for words != "" {
		word, rest, _ := strings.Cut(words, " ")
		words = rest
		if i, found := slices.BinarySearch(v.keywords, word); !found {
			v.keywords = slices.Insert(v.keywords, i, word)
			learned = true
		}
	}
	return learned
}

// touch notes that a message may have come into a result or left it.
func (v *view) touch(uid gomail.UID) {
	if len(v.contexts) > 0 {
		v.touched = append(v.touched, uid)
	}
}

// find returns the index of a UID, or where it would be.
func (v *view) find(uid gomail.UID) (int, bool) {
	i := sort.Search(len(v.entries), func(i int) bool { return v.entries[i].UID >= uid })
	return i, i < len(v.entries) && v.entries[i].UID == uid
}

// lastUID returns the largest UID, 0 when the mailbox is empty.
func (v *view) lastUID() uint32 {
	if len(v.entries) == 0 {
		return 0
	}
	return uint32(v.entries[len(v.entries)-1].UID)
}

// resolve returns the indexes of a set's messages, ascending. UIDs that do
// not exist are passed over; sequence numbers that do not exist are an error
// (RFC 9051 section 9, seq-number), except in a range up to *, by which
// clients ask for whatever is new.
func (v *view) resolve(set imapwire.Set, uid bool) ([]int, error) {
	switch {
	case set.Saved:
		return v.indexes(v.saved), nil
	case uid:
		return v.resolveUIDs(set), nil
	}
	for _, span := range set.Spans {
		n, open := max(span.First, span.Last), span.First == 0 || span.Last == 0
		if uint64(n) > uint64(len(v.entries)) && !open {
			return nil, &imapwire.SyntaxError{Text: "There is no message number " + strconv.FormatUint(uint64(n), 10)}
		}
	}
	var out []int
	for _, span := range set.Resolve(uint32(len(v.entries))) {
		for n := int(span.First); n <= int(span.Last) && n <= len(v.entries); n++ {
			out = append(out, n-1)
		}
	}
	return out, nil
}

func (v *view) resolveUIDs(set imapwire.Set) []int {
	var out []int
	for _, span := range set.Resolve(max(v.lastUID(), 1)) {
		i, _ := v.find(gomail.UID(span.First))
		for ; i < len(v.entries) && uint32(v.entries[i].UID) <= span.Last; i++ {
			out = append(out, i)
		}
	}
	return out
}

// indexes returns where those of the UIDs are that still exist.
func (v *view) indexes(uids []gomail.UID) []int {
	out := make([]int, 0, len(uids))
	for _, uid := range uids {
		if i, ok := v.find(uid); ok {
			out = append(out, i)
		}
	}
	return out
}

// uids returns the UIDs at indexes.
func (v *view) uids(indexes []int) []gomail.UID {
	out := make([]gomail.UID, len(indexes))
	for n, i := range indexes {
		out[n] = v.entries[i].UID
	}
	return out
}

// messages returns the identities of the messages at indexes.
func (v *view) messages(indexes []int) []gomail.MessageID {
	out := make([]gomail.MessageID, len(indexes))
	for n, i := range indexes {
		out[n] = v.entries[i].Message
	}
	return out
}

// remove takes vanished UIDs out and returns the indexes at which they were,
// ascending, and the UIDs that were there.
func (v *view) remove(vanished []gomail.UID) (gone []int, uids []gomail.UID) {
	for _, uid := range vanished {
		if i, ok := v.find(uid); ok {
			gone = append(gone, i)
			uids = append(uids, uid)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	kept, next := v.entries[:gone[0]], 0
	for i := gone[0]; i < len(v.entries); i++ {
		if next < len(gone) && gone[next] == i {
			next++
			continue
		}
		kept = append(kept, v.entries[i])
	}
	v.entries = kept
	return gone, uids
}

// mailboxID renders MAILBOXID, RFC 8474.
func mailboxID(box mailbox.Box) string { return objectID("F", box, int64(box.ID)) }

// emailID renders EMAILID of a message in a mailbox, RFC 8474.
func emailID(box mailbox.Box, id gomail.MessageID) string { return objectID("M", box, int64(id)) }

// objectID tells what is another account's by that account, as identities are
// an account's own.
func objectID(kind string, box mailbox.Box, id int64) string {
	if box.Shared() {
		kind += strconv.FormatInt(int64(box.Owner), 10) + "-"
	}
	return kind + strconv.FormatInt(id, 10)
}
