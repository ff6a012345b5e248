package main

import (
	"fmt"
	"maps"

	"github.com/emersion/go-imap/v2"
)

// entry is a message in a mailbox of ours.
type entry struct {
	uid   imap.UID // 0: not known, because the reply was not read
	flags string
}

// contents are mailboxes: mailbox → name → entry.
type contents map[string]map[string]entry

func (c contents) clone() contents {
	n := contents{}
	for box, entries := range c {
		n[box] = maps.Clone(entries)
	}
	return n
}

// folders are the mailboxes of one reader, who alone changes them, one command
// after the other: after a cut they are as after its last acknowledged command,
// or as after the one that was under way.
type folders struct {
	account  string
	now      contents
	pending  contents // as after the command under way; nil: none is
	uids     map[string]map[imap.UID]string
	validity map[string]uint32
}

func newFolders(account string, boxes ...string) *folders {
	f := &folders{account: account, now: contents{}, uids: map[string]map[imap.UID]string{}, validity: map[string]uint32{}}
	for _, box := range boxes {
		f.now[box], f.uids[box] = map[string]entry{}, map[imap.UID]string{}
	}
	return f
}

// begin notes what a command would change, before it is sent.
func (f *folders) begin(change func(contents)) {
	f.pending = f.now.clone()
	change(f.pending)
}

// acknowledged notes that it has happened, with the UIDs that were told.
func (f *folders) acknowledged(box string, uids map[string]imap.UID) {
	f.now, f.pending = f.pending, nil
	for name, uid := range uids {
		e := f.now[box][name]
		e.uid = uid
		f.now[box][name] = e
		f.uids[box][uid] = name
	}
}

// refused notes that a command changed nothing.
func (f *folders) refused() { f.pending = nil }

// verify holds the mailboxes against what they have to be.
func (f *folders) verify(found map[string]listing) (wrong []string) {
	for box, l := range found {
		validity := f.validity[box]
		wrong = append(wrong, verifyUIDs(f.account+" "+box, l, &validity, f.uids[box])...)
		f.validity[box] = validity
		for _, m := range l.messages {
			if !m.whole {
				wrong = append(wrong, fmt.Sprintf("%s %s: %q (UID %d) is not whole", f.account, box, m.name, m.uid))
			}
		}
	}
	against := f.differences(f.now, found)
	if len(against) > 0 && f.pending != nil && len(f.differences(f.pending, found)) == 0 {
		against = nil
	}
	f.adopt(found)
	return append(wrong, against...)
}

// differences says in what the mailboxes differ from what is expected.
func (f *folders) differences(want contents, found map[string]listing) (wrong []string) {
	for box, entries := range want {
		seen := map[string]bool{}
		for _, m := range found[box].messages {
			e, ok := entries[m.name]
			switch {
			case !ok || seen[m.name]:
				wrong = append(wrong, fmt.Sprintf("%s %s: %s (UID %d) should not be there", f.account, box, m.name, m.uid))
			case e.uid != 0 && e.uid != m.uid:
				wrong = append(wrong, fmt.Sprintf("%s %s: %s had UID %d and has %d", f.account, box, m.name, e.uid, m.uid))
			case e.flags != m.flags:
				wrong = append(wrong, fmt.Sprintf("%s %s: %s had flags %q and has %q", f.account, box, m.name, e.flags, m.flags))
			}
			seen[m.name] = true
		}
		for name := range entries {
			if !seen[name] {
				wrong = append(wrong, fmt.Sprintf("%s %s: %s was acknowledged and is lost", f.account, box, name))
			}
		}
	}
	return wrong
}

// adopt goes on from what was found.
func (f *folders) adopt(found map[string]listing) {
	f.pending = nil
	for box := range f.now {
		f.now[box] = map[string]entry{}
		for _, m := range found[box].messages {
			f.now[box][m.name] = entry{m.uid, m.flags}
		}
	}
}
