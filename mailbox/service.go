package mailbox

import (
	"context"

	"gomail"
)

// Service is the mailbox engine over one store.
type Service struct {
	store Store
	hub   *Hub
}

// New returns the engine over a store whose commits are published to hub.
func New(store Store, hub *Hub) *Service {
	return &Service{store: store, hub: hub}
}

// Account returns the mailboxes of one account. The id comes from the
// authenticated session, never from a parameter of a request.
func (s *Service) Account(id gomail.AccountID) *Account {
	return &Account{store: s.store, hub: s.hub, id: id}
}

// Account is one account's mailboxes. It is safe for use by several
// goroutines and holds nothing that must be given back.
type Account struct {
	store Store
	hub   *Hub
	id    gomail.AccountID
}

// ID returns the account's id.
func (a *Account) ID() gomail.AccountID { return a.id }

// Watch begins to watch the account for changes.
func (a *Account) Watch() *Watch { return a.hub.Watch(a.id) }

// Usage returns the account's quota and what is used of it.
func (a *Account) Usage(ctx context.Context) (Usage, error) { return a.store.Usage(ctx, a.id) }

// Stage returns an empty body to be filled and given to Append.
func (a *Account) Stage() gomail.Body { return a.store.Stage() }

// Snapshot returns a mailbox with all its entries at one moment (C3).
func (a *Account) Snapshot(ctx context.Context, id gomail.MailboxID) (Snapshot, error) {
	return a.store.Snapshot(ctx, a.id, id)
}

// Changes returns what happened in a mailbox after since, the Seq of an
// earlier Snapshot or Delta (C2: nothing up to it was missed).
func (a *Account) Changes(ctx context.Context, id gomail.MailboxID, since gomail.ModSeq) (Delta, error) {
	return a.store.Changes(ctx, a.id, id, since)
}

// Items calls yield for those of the messages that the account has, in the
// order in which they are asked for. yield must not call back into the
// account's writing methods.
func (a *Account) Items(ctx context.Context, messages []gomail.MessageID, depth Depth, yield func(Item) error) error {
	return a.store.Items(ctx, a.id, messages, depth, yield)
}

// Content opens a message's header and body. NotFound when the account has
// no such message.
func (a *Account) Content(ctx context.Context, message gomail.MessageID) (gomail.Content, error) {
	return a.store.Content(ctx, a.id, message)
}

// SetFlags changes flags and keywords of those of the uids that exist, in one
// transaction and under one new modification sequence. Entries that already
// are as asked keep their sequence.
func (a *Account) SetFlags(ctx context.Context, id gomail.MailboxID, uids []gomail.UID, change FlagChange) (FlagResult, error) {
	words, err := cleanKeywords(change.Keywords)
	if err != nil {
		return FlagResult{}, err
	}
	change.Keywords = words
	return a.store.SetFlags(ctx, a.id, id, uids, change)
}

// Append adds messages to a mailbox, all or none, durable when it returns.
// OverQuota when they do not fit.
func (a *Account) Append(ctx context.Context, id gomail.MailboxID, messages ...Append) ([]Appended, error) {
	for i := range messages {
		words, err := cleanKeywords(messages[i].Keywords)
		if err != nil {
			return nil, err
		}
		messages[i].Keywords = words
	}
	return a.store.AppendMessages(ctx, a.id, id, messages)
}

// Replace adds a message to the mailbox to and takes another, uid of id, away:
// both or neither, durable when it returns (RFC 8508). NotFound when there is
// no such message.
func (a *Account) Replace(ctx context.Context, id gomail.MailboxID, uid gomail.UID, to gomail.MailboxID, m Append) (Appended, error) {
	words, err := cleanKeywords(m.Keywords)
	if err != nil {
		return Appended{}, err
	}
	m.Keywords = words
	return a.store.ReplaceMessage(ctx, a.id, id, uid, to, m)
}

// SaveDates returns when the messages from first to last were put into a
// mailbox, ascending UID.
func (a *Account) SaveDates(ctx context.Context, id gomail.MailboxID, first, last gomail.UID) ([]SaveDate, error) {
	return a.store.SaveDates(ctx, a.id, id, first, last)
}

// DeletedBytes returns the sum of the sizes of a mailbox's messages with
// \Deleted.
func (a *Account) DeletedBytes(ctx context.Context, id gomail.MailboxID) (int64, error) {
	return a.store.DeletedBytes(ctx, a.id, id)
}

// Copy adds those of the uids that exist to another mailbox, with their flags
// and dates. Bytes are not copied.
func (a *Account) Copy(ctx context.Context, from, to gomail.MailboxID, uids []gomail.UID) (Copied, error) {
	return a.store.CopyMessages(ctx, a.id, from, to, uids)
}

// Move takes those of the uids that exist to another mailbox, in one
// transaction (RFC 6851). Moving within one mailbox gives new UIDs.
func (a *Account) Move(ctx context.Context, from, to gomail.MailboxID, uids []gomail.UID) (Copied, error) {
	return a.store.MoveMessages(ctx, a.id, from, to, uids)
}

// Expunge removes those of the uids that exist and carry \Deleted. A nil uids
// means all messages; the vanished UIDs are returned ascending.
func (a *Account) Expunge(ctx context.Context, id gomail.MailboxID, uids []gomail.UID) ([]gomail.UID, gomail.ModSeq, error) {
	return a.store.Expunge(ctx, a.id, id, uids)
}
