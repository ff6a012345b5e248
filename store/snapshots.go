package store

import (
	"slices"
	"sort"
	"sync"

	"gomail"
	"gomail/mailbox"
)

// Bounds of what is remembered of mailboxes: about 16 MB. Smaller ones are read
// in less than a millisecond.
const (
	leastRemembered = 8 << 10   // entries of a mailbox
	mostRemembered  = 256 << 10 // entries of all
)

// snapshots remembers the entries of large mailboxes as they were when they were
// last opened, so that opening one again reads only what has changed since.
type snapshots struct {
	mu      sync.Mutex
	least   int // entries of a mailbox that is remembered
	entries int // of all
	all     []*remembered
}

// remembered is a mailbox at one moment. It never changes.
type remembered struct {
	mailboxKey
	uidValidity uint32
	seq         gomail.ModSeq
	entries     []mailbox.Entry
}

// get returns what is remembered of a mailbox as it was before now; nil when
// nothing is.
func (s *snapshots) get(account gomail.AccountID, now mailbox.Snapshot) *remembered {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(mailboxKey{account, now.Mailbox.ID})
	if i < 0 || s.all[i].uidValidity != now.Mailbox.UIDValidity || s.all[i].seq > now.Seq {
		return nil
	}
	found := s.all[i]
	s.all = append(slices.Delete(s.all, i, i+1), found) // the last one asked for is the last to go
	return found
}

func (s *snapshots) find(key mailboxKey) int {
	return slices.IndexFunc(s.all, func(r *remembered) bool { return r.mailboxKey == key })
}

// put remembers a mailbox in the place of what it was, if it is one of those
// that are remembered.
func (s *snapshots) put(account gomail.AccountID, now mailbox.Snapshot) {
	n := len(now.Entries)
	if n < s.least || n > mostRemembered {
		return
	}
	r := &remembered{mailboxKey{account, now.Mailbox.ID}, now.Mailbox.UIDValidity, now.Seq, slices.Clone(now.Entries)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(r.mailboxKey); i >= 0 {
		s.drop(i)
	}
	for s.entries += n; s.entries > mostRemembered; {
		s.drop(0)
	}
	s.all = append(s.all, r)
}

func (s *snapshots) drop(i int) {
	s.entries -= len(s.all[i].entries)
	s.all = slices.Delete(s.all, i, i+1)
}

// since returns the entries as they have become: those that changed take the
// place of what they were or are added, those that vanished are left out. All
// ascend by UID.
func (r *remembered) since(changed []mailbox.Entry, vanished []gomail.UID) []mailbox.Entry {
	entries := make([]mailbox.Entry, 0, len(r.entries)+len(changed))
	rest := r.entries
	upTo := func(uid gomail.UID) { // takes over what is below a UID, and passes over it itself
		i := sort.Search(len(rest), func(i int) bool { return rest[i].UID >= uid })
		entries = append(entries, rest[:i]...)
		if rest = rest[i:]; len(rest) > 0 && rest[0].UID == uid {
			rest = rest[1:]
		}
	}
	for len(changed) > 0 || len(vanished) > 0 {
		if len(changed) == 0 || len(vanished) > 0 && vanished[0] < changed[0].UID {
			upTo(vanished[0])
			vanished = vanished[1:]
			continue
		}
		upTo(changed[0].UID)
		entries = append(entries, changed[0])
		changed = changed[1:]
	}
	return append(entries, rest...)
}
