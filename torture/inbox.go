package main

import (
	"fmt"
	"sync"

	"github.com/emersion/go-imap/v2"
)

// stored is a message as IMAP shows it.
type stored struct {
	uid   imap.UID
	flags string
	name  string
	whole bool
}

// listing is a mailbox as IMAP shows it.
type listing struct {
	validity uint32
	next     imap.UID
	messages []stored
}

// fate is what is known of a message.
type fate int

const (
	unsure  fate = iota // sent, and no reply read: may be there, once
	there               // acknowledged
	leaving             // being expunged, and no reply read: may be there, once
	gone                // its expunge was acknowledged
	refused             // by a server that goes on: is not there
)

// inbox is what we know of a mailbox into which others deliver.
type inbox struct {
	account string

	mu       sync.Mutex
	fates    map[string]fate
	uids     map[imap.UID]string // every UID ever seen, and whose it was
	validity uint32
}

func newInbox(account string) *inbox {
	return &inbox{account: account, fates: map[string]fate{}, uids: map[imap.UID]string{}}
}

func (i *inbox) note(f fate, names ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, name := range names {
		i.fates[name] = f
	}
}

// verify holds what is there against what has to be, and takes over what the
// cut decided. It returns what is wrong.
func (i *inbox) verify(l listing) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	wrong := append(verifyUIDs(i.account, l, &i.validity, i.uids), i.verifyWhole(l)...)
	times := map[string]int{}
	for _, m := range l.messages {
		times[m.name]++
		if _, known := i.fates[m.name]; !known {
			wrong = append(wrong, fmt.Sprintf("%s: there is %q, which nobody sent", i.account, m.name))
		}
	}
	for name, f := range i.fates {
		n := times[name]
		switch {
		case n > 1:
			wrong = append(wrong, fmt.Sprintf("%s: %s is there %d times", i.account, name, n))
		case f == there && n == 0:
			wrong = append(wrong, fmt.Sprintf("%s: %s was acknowledged and is lost", i.account, name))
		case f == gone && n == 1:
			wrong = append(wrong, fmt.Sprintf("%s: %s was expunged and is back", i.account, name))
		case f == refused && n == 1:
			wrong = append(wrong, fmt.Sprintf("%s: %s was refused and is there", i.account, name))
		case (f == unsure || f == refused) && n == 0:
			delete(i.fates, name)
		case f == leaving && n == 0:
			i.fates[name] = gone
		case n == 1:
			i.fates[name] = there
		}
	}
	return wrong
}

func (i *inbox) verifyWhole(l listing) (wrong []string) {
	for _, m := range l.messages {
		if !m.whole {
			wrong = append(wrong, fmt.Sprintf("%s: %q (UID %d) is not whole", i.account, m.name, m.uid))
		}
	}
	return wrong
}

// verifyUIDs demands that UIDs ascend, that none was given to two messages,
// and that the next one is new.
func verifyUIDs(mailbox string, l listing, validity *uint32, seen map[imap.UID]string) (wrong []string) {
	if *validity != 0 && l.validity != *validity {
		wrong = append(wrong, fmt.Sprintf("%s: UIDVALIDITY was %d and is %d", mailbox, *validity, l.validity))
	}
	*validity = l.validity
	last := imap.UID(0)
	for _, m := range l.messages {
		if m.uid <= last {
			wrong = append(wrong, fmt.Sprintf("%s: UID %d comes after %d", mailbox, m.uid, last))
		}
		last = m.uid
		if was, known := seen[m.uid]; known && was != m.name {
			wrong = append(wrong, fmt.Sprintf("%s: UID %d was %s and is %s", mailbox, m.uid, was, m.name))
		}
		seen[m.uid] = m.name
	}
	for uid := range seen {
		if uid >= l.next {
			wrong = append(wrong, fmt.Sprintf("%s: UID %d was given, and the next is %d", mailbox, uid, l.next))
		}
	}
	return wrong
}
