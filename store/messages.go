package store

import (
	"context"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"gomail"
	"gomail/mailbox"
	"gomail/store/blob"
)

// chunk is how many UIDs one statement names.
const chunk = 512

// bulk is how many messages one transaction changes at most, where the change
// of each stands for itself: mail comes in between two of them.
const bulk = 8 * chunk

// ascendingUIDs returns UIDs as pages are gone through: ascending, each once.
// nil, which means all, stays nil.
func ascendingUIDs(uids []gomail.UID) []gomail.UID {
	for i := 1; i < len(uids); i++ {
		if uids[i] <= uids[i-1] {
			uids = slices.Clone(uids)
			slices.Sort(uids)
			return slices.Compact(uids)
		}
	}
	return uids
}

// inParts calls f with the uids, ascending, in parts of bulk, at least once;
// nil (all of them) is one part.
func inParts(uids []gomail.UID, f func([]gomail.UID) error) error {
	uids = ascendingUIDs(uids)
	if len(uids) <= bulk {
		return f(uids)
	}
	for part := range slices.Chunk(uids, bulk) {
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}

// addEntry puts a message into a mailbox under its next UID, whatever UID and
// sequence the entry has.
func (t *tx) addEntry(a *accountRow, m *mailboxRow, e mailbox.Entry, seq gomail.ModSeq) (gomail.UID, error) {
	if m.UIDNext == ^gomail.UID(0) {
		return 0, gomail.Errorf(gomail.TooMany, "the mailbox has given out all UIDs: move its messages to a new one")
	}
	last, err := t.lastPage(a, m)
	if err != nil {
		return 0, err
	}
	e.UID, e.ModSeq = m.UIDNext, seq
	m.UIDNext++
	if last == nil || last.full() {
		if last != nil {
			last.last = false
		}
		last = newPage(e.UID)
		last.last = true
		m.pages = append(m.pages, last)
	}
	last.add(&entry{Entry: e, saved: t.store.now()})
	m.count(e, 1)
	t.touch(a, m, seq)
	return e.UID, nil
}

// count adds an entry to the mailbox's counters (sign 1) or takes it off (-1).
func (m *mailboxRow) count(e mailbox.Entry, sign int64) {
	m.Total += sign
	m.Bytes += sign * e.Size
	if !e.Flags.Has(gomail.FlagSeen) {
		m.Unseen += sign
	}
	if e.Flags.Has(gomail.FlagDeleted) {
		m.Deleted += sign
	}
	m.crc ^= entryHash(e.UID, e.Message)
}

// entryHash spreads an entry over 63 bits; a mailbox's crc is the exclusive
// or over its entries, so adding and removing are the same operation.
func entryHash(uid gomail.UID, message gomail.MessageID) int64 {
	return int64(mix(uint64(uid)<<32^uint64(message)*0x9e3779b97f4a7c15) >> 1)
}

// mix spreads a value over 64 bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// AppendMessages adds messages to a mailbox, all or none.
func (s *Store) AppendMessages(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, messages []mailbox.Append) ([]mailbox.Appended, error) {
	total := int64(0)
	for _, m := range messages {
		total += m.Body.Size()
	}
	if err := s.Room(total); err != nil {
		return nil, err
	}
	frames, err := sealAll(messages)
	if err != nil {
		return nil, err
	}
	var appended []mailbox.Appended
	apply := func(t *tx) error {
		appended, err = t.appendAll(account, id, messages, frames, total)
		return err
	}
	if err := s.commit(ctx, frames, 1, apply); err != nil {
		return nil, err
	}
	return appended, nil
}

// sealAll makes frames of bodies; of many on all processors.
func sealAll(messages []mailbox.Append) ([]*blob.Frame, error) {
	const together = 8
	frames := make([]*blob.Frame, len(messages))
	if len(messages) <= together {
		return frames, sealInto(frames, messages)
	}
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i := 0; i < len(messages); i += together {
		end := min(i+together, len(messages))
		all.Go(func() error { return sealInto(frames[i:end], messages[i:end]) })
	}
	return frames, all.Wait()
}

func sealInto(frames []*blob.Frame, messages []mailbox.Append) (err error) {
	for i, m := range messages {
		if frames[i], err = seal(m.Body); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) appendAll(account gomail.AccountID, id gomail.MailboxID, messages []mailbox.Append, frames []*blob.Frame, total int64) ([]mailbox.Appended, error) {
	a, err := t.account(account)
	if err != nil {
		return nil, err
	}
	m, err := t.mailbox(a, id)
	if err != nil {
		return nil, err
	}
	if err := a.roomFor(total, len(messages)); err != nil {
		return nil, err
	}
	appended := make([]mailbox.Appended, len(messages))
	for i, msg := range messages {
		received := msg.Received
		if received.IsZero() {
			received = t.store.options.Clock()
		}
		in := incoming{frame: frames[i].ID, index: msg.Index, received: toMicro(received), flags: msg.Flags, keywords: strings.Join(msg.Keywords, " "), size: msg.Body.Size()}
		if appended[i], err = t.addMessage(a, m, in); err != nil {
			return nil, err
		}
	}
	return appended, nil
}

// roomFor returns OverQuota unless the account can take so many octets and
// messages more.
func (a *accountRow) roomFor(bytes int64, messages int) error {
	if a.quotaMax > 0 && a.quotaUsed+bytes > a.quotaMax || a.messagesMax > 0 && a.messagesUsed+int64(messages) > a.messagesMax {
		return gomail.Errorf(gomail.OverQuota, "the mailbox is full: its owner has to delete mail or ask for more room")
	}
	return nil
}

// incoming is one new message of one account.
type incoming struct {
	frame    int64
	prefix   []byte
	index    []byte
	received int64
	flags    gomail.Flags
	keywords string
	size     int64 // of prefix and body
}

// addMessage makes a message that holds its frame and puts it into a mailbox.
func (t *tx) addMessage(a *accountRow, m *mailboxRow, in incoming) (mailbox.Appended, error) {
	seq := t.next(a)
	id := gomail.MessageID(seq)
	t.addQuota(a, in.size, 1)
	_, err := t.write("INSERT INTO message (account_id, id, frame_id, prefix, size, received, env, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.id, id, in.frame, notNil(in.prefix), in.size, in.received, notNil(in.index), messageSum(a.id, int64(id), in.frame, in.size, in.received, in.prefix, in.index))
	if err != nil {
		return mailbox.Appended{}, err
	}
	uid, err := t.addEntry(a, m, mailbox.Entry{Message: id, Flags: in.flags, Keywords: in.keywords, Size: in.size, Received: in.received}, seq)
	return mailbox.Appended{UIDValidity: m.UIDValidity, UID: uid, Message: id, ModSeq: seq}, err
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// SetFlags changes flags of those of the uids that exist.
func (s *Store) SetFlags(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID, change mailbox.FlagChange) (all mailbox.FlagResult, err error) {
	err = inParts(uids, func(part []gomail.UID) error {
		var result mailbox.FlagResult
		err := s.update(ctx, func(t *tx) (err error) { // which may be run again
			result, err = t.setFlags(account, id, part, change)
			return err
		})
		if err == nil {
			all.Seq = result.Seq
			all.Changed, all.Modified = joined(all.Changed, result.Changed), joined(all.Modified, result.Modified)
		}
		return err
	})
	return all, err
}

// joined appends a part to all; the first part is all.
func joined[T any](all, part []T) []T {
	if all == nil {
		return part
	}
	return append(all, part...)
}

func (t *tx) setFlags(account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	a, err := t.account(account)
	if err != nil {
		return mailbox.FlagResult{}, err
	}
	m, err := t.mailbox(a, id)
	if err != nil {
		return mailbox.FlagResult{}, err
	}
	result := mailbox.FlagResult{Seq: a.seq, Changed: make([]mailbox.Entry, 0, len(uids))}
	changed := make([]*entry, 0, len(uids))
	err = t.visit(a, m, uids, func(p *page, e *entry) {
		if change.UnchangedSince >= 0 && e.ModSeq > change.UnchangedSince {
			result.Modified = append(result.Modified, e.UID)
			return
		}
		if flags, keywords := change.Apply(e.Entry); flags != e.Flags || keywords != e.Keywords {
			m.count(e.Entry, -1)
			e.Flags, e.Keywords = flags, keywords
			m.count(e.Entry, 1)
			e.ModSeq = -1 // set below, once it is known that anything changes
			t.dirty, p.changed = true, true
			changed = append(changed, e)
		}
		result.Changed = append(result.Changed, e.Entry)
	})
	if err != nil || len(changed) == 0 {
		return result, err
	}
	result.Seq = t.next(a)
	t.touch(a, m, result.Seq)
	for _, e := range changed {
		e.ModSeq = result.Seq
	}
	for i := range result.Changed {
		if result.Changed[i].ModSeq < 0 {
			result.Changed[i].ModSeq = result.Seq
		}
	}
	return result, nil
}

// Expunge removes those of the uids that exist and carry \Deleted; nil: of
// all.
func (s *Store) Expunge(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID) (vanished []gomail.UID, seq gomail.ModSeq, err error) {
	if uids == nil {
		if uids, err = s.deleted(ctx, account, id); err != nil {
			return nil, 0, err
		}
	}
	err = inParts(uids, func(part []gomail.UID) error {
		var gone []gomail.UID
		err := s.update(ctx, func(t *tx) (err error) { // which may be run again
			gone, seq, err = t.expunge(account, id, part)
			return err
		})
		if err == nil {
			vanished = append(vanished, gone...)
		}
		return err
	})
	return vanished, seq, err
}

// deleted returns the UIDs that carry \Deleted now.
func (s *Store) deleted(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (uids []gomail.UID, err error) {
	err = s.read(ctx, func(c *conn) error {
		return readEntries(c, account, id, "", func(e *entry) {
			if e.Flags.Has(gomail.FlagDeleted) {
				uids = append(uids, e.UID)
			}
		})
	})
	return uids, err
}

func (t *tx) expunge(account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID) ([]gomail.UID, gomail.ModSeq, error) {
	a, err := t.account(account)
	if err != nil {
		return nil, 0, err
	}
	m, err := t.mailbox(a, id)
	if err != nil || m.Deleted == 0 {
		return nil, a.seq, err
	}
	found, err := t.entriesOf(a, m, uids)
	if err != nil {
		return nil, 0, err
	}
	found = slices.DeleteFunc(found, func(e mailbox.Entry) bool { return !e.Flags.Has(gomail.FlagDeleted) })
	if len(found) == 0 {
		return nil, a.seq, nil
	}
	seq := t.next(a)
	if err := t.removeEntries(a, m, found, seq); err != nil {
		return nil, 0, err
	}
	vanished := make([]gomail.UID, len(found))
	for i, e := range found {
		vanished[i] = e.UID
	}
	return vanished, seq, nil
}
