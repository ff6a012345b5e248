package mailbox

import (
	"context"

	"gomail"
)

// Box is one mailbox as one account may use it: its own with all rights, or
// another account's with those that its owner gave. A method checks the rights
// as they are when it is called. It is safe for use by several goroutines and
// holds nothing that must be given back.
type Box struct {
	gomail.Mailbox // its Path is as the account names it

	Owner  gomail.AccountID
	Rights Rights // as they were when the box was looked up

	prefix string // of Path, before the owner's own path; empty: it is the account's own
	a      *Account
}

// Shared reports whether the mailbox is another account's.
func (b Box) Shared() bool { return b.Owner != b.a.id }

// Allowed returns the rights as they are now.
func (b Box) Allowed(ctx context.Context) (Rights, error) {
	if !b.Shared() {
		return AllRights, nil
	}
	return b.a.rightsOn(ctx, b.Owner, b.ID)
}

// Need returns an error unless the account has all of the rights now: Forbidden,
// or NotFound where it may not know of the mailbox (RFC 4314 section 6).
func (b Box) Need(ctx context.Context, rights Rights) error {
	_, err := b.allow(ctx, rights)
	return err
}

// allow is Need that returns all rights.
func (b Box) allow(ctx context.Context, rights Rights) (Rights, error) {
	have, err := b.Allowed(ctx)
	if err == nil && !have.Has(rights) {
		err = b.lacking(have, rights)
	}
	return have, err
}

// lacking is the error of who has not enough rights.
func (b Box) lacking(have, rights Rights) error {
	if !have.Has(Lookup) {
		return noMailbox(b.Path)
	}
	return gomail.Errorf(gomail.Forbidden, "the owner of %q has not given you the right to do that (%s)", b.Path, rights&^have)
}

// Watch begins to watch the mailbox's account for changes.
func (b Box) Watch(wake func()) *Watch { return b.a.hub.Watch(b.Owner, wake) }

// Room returns what tells whether the owner's quota, which is read once, has
// room for messages of so many octets together: OverQuota when it has not. The
// store judges again.
func (b Box) Room() func(ctx context.Context, total int64) error {
	var u *Usage
	return func(ctx context.Context, total int64) error {
		if u == nil {
			read, err := b.Usage(ctx)
			if err != nil {
				return err
			}
			u = &read
		}
		if u.Max > 0 && u.Used+total > u.Max || u.MaxMessages > 0 && u.Messages >= u.MaxMessages {
			return gomail.Errorf(gomail.OverQuota, "There is no room for the message: the account's quota is used up")
		}
		return nil
	}
}

// Usage returns the quota that the mailbox counts against, its owner's.
func (b Box) Usage(ctx context.Context) (Usage, error) { return b.a.store.Usage(ctx, b.Owner) }

// Snapshot returns the mailbox with all its entries at one moment (C3). It
// takes the right to read.
func (b Box) Snapshot(ctx context.Context) (Snapshot, error) {
	if err := b.Need(ctx, Read); err != nil {
		return Snapshot{}, err
	}
	snap, err := b.a.store.Snapshot(ctx, b.Owner, b.ID)
	snap.Mailbox = b.named(snap.Mailbox)
	return snap, err
}

// Changes returns what happened in the mailbox after since, the Seq of an
// earlier Snapshot or Delta (C2: nothing up to it was missed). It takes the
// right to read.
func (b Box) Changes(ctx context.Context, since gomail.ModSeq) (Delta, error) {
	if err := b.Need(ctx, Read); err != nil {
		return Delta{}, err
	}
	delta, err := b.a.store.Changes(ctx, b.Owner, b.ID, since)
	delta.Mailbox = b.named(delta.Mailbox)
	return delta, err
}

// named gives a mailbox the path by which this account knows it.
func (b Box) named(m gomail.Mailbox) gomail.Mailbox {
	if b.prefix != "" {
		m.Path, m.Subscribed = b.prefix+m.Path, b.Subscribed
	}
	return m
}

// Items calls yield for those of the messages that the mailbox's account has,
// in the order in which they are asked for; of another's mailbox those alone
// that are in it. yield must not call back into writing methods. It takes the
// right to read.
func (b Box) Items(ctx context.Context, messages []gomail.MessageID, depth Depth, yield func(Item) error) error {
	messages, err := b.readable(ctx, messages)
	if err != nil {
		return err
	}
	return b.a.store.Items(ctx, b.Owner, messages, depth, yield)
}

// Content opens a message's header and body. NotFound when there is no such
// message, or it is not in this mailbox of another's. It takes the right to
// read.
func (b Box) Content(ctx context.Context, message gomail.MessageID) (gomail.Content, error) {
	found, err := b.readable(ctx, []gomail.MessageID{message})
	if err == nil && len(found) == 0 {
		err = gomail.Errorf(gomail.NotFound, "the message is gone")
	}
	if err != nil {
		return nil, err
	}
	return b.a.store.Content(ctx, b.Owner, message)
}

// readable returns those of the messages that the account may read: its own
// all, another's if they are in this mailbox.
func (b Box) readable(ctx context.Context, messages []gomail.MessageID) ([]gomail.MessageID, error) {
	if !b.Shared() {
		return messages, nil
	}
	if err := b.Need(ctx, Read); err != nil {
		return nil, err
	}
	return b.a.store.Within(ctx, b.place(), messages)
}

// SetFlags changes flags and keywords of those of the uids that exist, in one
// transaction and under one new modification sequence. Entries that already
// are as asked keep their sequence. Flags that the account has no right to
// change stay as they are; Forbidden when it may change none of those named.
func (b Box) SetFlags(ctx context.Context, uids []gomail.UID, change FlagChange) (FlagResult, error) {
	words, err := cleanKeywords(change.Keywords)
	if err != nil {
		return FlagResult{}, err
	}
	change.Keywords = words
	if change, err = b.limited(ctx, change); err != nil {
		return FlagResult{}, err
	}
	return b.a.store.SetFlags(ctx, b.Owner, b.ID, uids, change)
}

// limited takes out of a change what the rights do not allow, RFC 4314 section
// 4.
func (b Box) limited(ctx context.Context, change FlagChange) (FlagChange, error) {
	have, err := b.Allowed(ctx)
	if err != nil || have.Has(Seen|Write|DeleteMail) {
		return change, err
	}
	var named Rights
	if change.Flags&gomail.FlagSeen != 0 {
		named |= Seen
	}
	if change.Flags&gomail.FlagDeleted != 0 {
		named |= DeleteMail
	}
	if change.Flags&^(gomail.FlagSeen|gomail.FlagDeleted) != 0 || len(change.Keywords) > 0 {
		named |= Write
	}
	if named == 0 {
		named = Seen | Write | DeleteMail // all flags are to go
	}
	if have&named == 0 {
		return change, b.lacking(have, named)
	}
	change.Protected = ^have.Flags()
	change.KeepKeywords = !have.Has(Write)
	return change, nil
}

// Append adds messages to the mailbox, all or none, durable when it returns.
// OverQuota when they do not fit its owner's. It takes the right to insert;
// flags that the rights do not allow are left out.
func (b Box) Append(ctx context.Context, messages ...Append) ([]Appended, error) {
	have, err := b.allow(ctx, Insert)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		if messages[i], err = messages[i].limited(have); err != nil {
			return nil, err
		}
	}
	return b.a.store.AppendMessages(ctx, b.Owner, b.ID, messages)
}

// limited cleans the keywords and leaves out what the rights do not allow.
func (m Append) limited(have Rights) (Append, error) {
	words, err := cleanKeywords(m.Keywords)
	if !have.Has(Write) {
		words = nil
	}
	m.Keywords = words
	m.Flags &= have.Flags()
	return m, err
}

// Replace adds a message to the mailbox to and takes another, uid of this one,
// away: both or neither, durable when it returns (RFC 8508); where the two are
// of different accounts the new one comes first. NotFound when there is no such
// message. It takes the rights to delete and expunge here and to insert there.
func (b Box) Replace(ctx context.Context, uid gomail.UID, to Box, m Append) (Appended, error) {
	if err := b.Need(ctx, DeleteMail|ExpungeBox); err != nil {
		return Appended{}, err
	}
	have, err := to.allow(ctx, Insert)
	if err != nil {
		return Appended{}, err
	}
	if m, err = m.limited(have); err != nil {
		return Appended{}, err
	}
	if b.Owner == to.Owner {
		return b.a.store.ReplaceMessage(ctx, b.Owner, b.ID, uid, to.ID, m)
	}
	added, err := b.a.store.AppendMessages(ctx, to.Owner, to.ID, []Append{m})
	if err != nil {
		return Appended{}, err
	}
	change := FlagChange{Op: AddFlags, Flags: gomail.FlagDeleted, UnchangedSince: -1}
	if _, err := b.a.store.SetFlags(ctx, b.Owner, b.ID, []gomail.UID{uid}, change); err != nil {
		return added[0], err
	}
	_, _, err = b.a.store.Expunge(ctx, b.Owner, b.ID, []gomail.UID{uid})
	return added[0], err
}

// SaveDates returns when the messages from first to last were put into the
// mailbox, ascending UID. It takes the right to read.
func (b Box) SaveDates(ctx context.Context, first, last gomail.UID) ([]SaveDate, error) {
	if err := b.Need(ctx, Read); err != nil {
		return nil, err
	}
	return b.a.store.SaveDates(ctx, b.Owner, b.ID, first, last)
}

// DeletedBytes returns the sum of the sizes of the messages with \Deleted. It
// takes the right to read.
func (b Box) DeletedBytes(ctx context.Context) (int64, error) {
	if err := b.Need(ctx, Read); err != nil {
		return 0, err
	}
	return b.a.store.DeletedBytes(ctx, b.Owner, b.ID)
}

// Copy adds those of the uids that exist to another mailbox, with their dates
// and those flags that the rights allow there. Bytes are not copied; across
// accounts the message counts against the quota of the target's owner. It
// takes the right to insert there.
func (b Box) Copy(ctx context.Context, to Box, uids []gomail.UID) (Copied, error) {
	return b.transfer(ctx, to, uids, false)
}

// Move takes those of the uids that exist to another mailbox, in one
// transaction (RFC 6851). Moving within one mailbox gives new UIDs. It takes
// the rights to delete and expunge here and to insert there.
func (b Box) Move(ctx context.Context, to Box, uids []gomail.UID) (Copied, error) {
	if err := b.Need(ctx, DeleteMail|ExpungeBox); err != nil {
		return Copied{}, err
	}
	return b.transfer(ctx, to, uids, true)
}

func (b Box) transfer(ctx context.Context, to Box, uids []gomail.UID, move bool) (Copied, error) {
	if err := b.Need(ctx, Read); err != nil {
		return Copied{}, err
	}
	have, err := to.allow(ctx, Insert)
	if err != nil {
		return Copied{}, err
	}
	t := Transfer{From: b.place(), To: to.place(), UIDs: uids, Rights: have}
	if move {
		return b.a.store.MoveMessages(ctx, t)
	}
	return b.a.store.CopyMessages(ctx, t)
}

func (b Box) place() Place { return Place{b.Owner, b.ID} }

// Expunge removes those of the uids that exist and carry \Deleted. A nil uids
// means all messages; the vanished UIDs are returned ascending. It takes the
// right to expunge.
func (b Box) Expunge(ctx context.Context, uids []gomail.UID) ([]gomail.UID, gomail.ModSeq, error) {
	if err := b.Need(ctx, ExpungeBox); err != nil {
		return nil, 0, err
	}
	return b.a.store.Expunge(ctx, b.Owner, b.ID, uids)
}
