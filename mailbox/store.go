package mailbox

import (
	"context"
	"time"

	"gomail"
)

// Entry is one message in one mailbox, without its content: what a session
// keeps in memory for each message.
type Entry struct {
	UID      gomail.UID
	Message  gomail.MessageID
	Flags    gomail.Flags
	Keywords string // sorted, joined by single spaces: "$Forwarded work"
	ModSeq   gomail.ModSeq

	Size     int64 // octets of header and body as read
	Received int64 // INTERNALDATE in microseconds since 1970: a third of a time.Time
}

// InternalDate returns when the message was received, RFC 9051 section 2.3.3.
func (e *Entry) InternalDate() time.Time { return time.UnixMicro(e.Received).UTC() }

// Snapshot is a whole mailbox at one moment.
type Snapshot struct {
	Mailbox gomail.Mailbox
	Seq     gomail.ModSeq // the account's sequence at that moment; Changes continues from here
	Entries []Entry       // ascending UID
}

// Delta is what happened in one mailbox after a sequence.
type Delta struct {
	Mailbox  gomail.Mailbox
	Seq      gomail.ModSeq // continue from here
	Changed  []Entry       // new or changed and still there, ascending UID
	Vanished []gomail.UID  // expunged or moved away, ascending; may name messages the reader never saw
	Complete bool          // false: the log was trimmed past the asked sequence, Vanished is not all
}

// Item is one message as it is fetched. None of it ever changes.
type Item struct {
	Message  gomail.MessageID
	Size     int64     // octets of header and body as read
	Received time.Time // INTERNALDATE

	Index []byte // message.Index in stored form, see Shift
	Shift int64  // octets of the account's own header fields, which precede what Index describes
	Own   []byte // of these fields what message.OwnFields keeps

	// Open opens header and body; WithContent only. It is to be called soon:
	// it remembers where the body was.
	Open func(context.Context) (gomail.Content, error)
}

// Depth is how much of a message is asked for.
type Depth int

// The depths.
const (
	WithIndex   Depth = iota // size, date and the index
	WithContent              // and where the content is
)

// SaveDate is when a message was put into the mailbox where it is.
type SaveDate struct {
	UID   gomail.UID
	Saved time.Time // zero: before this was noted
}

// Appended says where a new message went.
type Appended struct {
	UIDValidity uint32
	UID         gomail.UID
	Message     gomail.MessageID
	ModSeq      gomail.ModSeq
}

// Append is a message to be added to one mailbox.
type Append struct {
	Body     gomail.Body
	Index    []byte // message.Index in stored form
	Flags    gomail.Flags
	Keywords []string
	Received time.Time // INTERNALDATE; zero: now
}

// FlagChange says how flags and keywords change.
type FlagChange struct {
	Op             FlagOp
	Flags          gomail.Flags
	Keywords       []string
	UnchangedSince gomail.ModSeq // RFC 7162 section 3.1.3; negative: no condition

	Protected    gomail.Flags // stay as they are, whatever Flags says
	KeepKeywords bool         // keywords stay as they are
}

// FlagOp is how a FlagChange applies.
type FlagOp int

// The operations of IMAP's STORE.
const (
	AddFlags FlagOp = iota
	RemoveFlags
	ReplaceFlags
)

// FlagResult is the outcome of a FlagChange.
type FlagResult struct {
	Changed  []Entry      // entries as they are now, ascending UID; those that already were as asked are in it too
	Modified []gomail.UID // failed UnchangedSince, ascending
	Seq      gomail.ModSeq
}

// Place is a mailbox of an account.
type Place struct {
	Account gomail.AccountID
	Mailbox gomail.MailboxID
}

// Transfer is messages that are copied or moved. Across accounts each becomes a
// message of the target's account over the same body.
type Transfer struct {
	From, To Place
	UIDs     []gomail.UID
	Rights   Rights // at the target: flags beyond them are left behind
}

// Neighbour is an account of which another may use mailboxes.
type Neighbour struct {
	Account   gomail.AccountID
	Address   gomail.Address               // the main one
	Mailboxes []gomail.Mailbox             // all; Subscribed is the other's own
	Grants    map[gomail.MailboxID][]Grant // those that concern the other
}

// Copied maps messages from one mailbox to another. Source and Target have
// the same length and order, ascending.
type Copied struct {
	UIDValidity uint32 // of the target
	Source      []gomail.UID
	Target      []gomail.UID
}

// Usage is an account's quota, in octets and messages. Max and MaxMessages 0:
// unlimited.
type Usage struct {
	Used, Max             int64
	Messages, MaxMessages int64
}

// Store keeps mailboxes. Each method is one transaction; those that write
// take the account's row first (C1).
type Store interface {
	TextStore

	Stage() gomail.Body

	Mailboxes(ctx context.Context, account gomail.AccountID) ([]gomail.Mailbox, error)
	// CreateMailbox makes a mailbox with the grants of its parent.
	CreateMailbox(ctx context.Context, account gomail.AccountID, parent gomail.MailboxID, name string, role gomail.MailboxRole) (gomail.Mailbox, error)
	RenameMailbox(ctx context.Context, account gomail.AccountID, id, parent gomail.MailboxID, name string) error
	DeleteMailbox(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) error
	SetSubscribed(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, subscribed bool) error

	Snapshot(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (Snapshot, error)
	Changes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, since gomail.ModSeq) (Delta, error)
	Items(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID, depth Depth, yield func(Item) error) error
	Content(ctx context.Context, account gomail.AccountID, message gomail.MessageID) (gomail.Content, error)
	Usage(ctx context.Context, account gomail.AccountID) (Usage, error)

	// Unthreaded returns the first messages that were put into no thread yet, by
	// ascending message and with their indexes.
	Unthreaded(ctx context.Context, account gomail.AccountID, limit int) ([]Item, error)
	// AssignThreads puts messages, ascending, into threads: each into the oldest
	// that has one of its names, or into a new one that is called as it is. All
	// its names then lead there, but for those that lead elsewhere. Those that
	// others have put into threads meanwhile, or that are gone, are passed over.
	AssignThreads(ctx context.Context, account gomail.AccountID, messages []ThreadNames) error
	// Threads returns the threads of those of the messages that have one, by
	// ascending message.
	Threads(ctx context.Context, account gomail.AccountID, messages []gomail.MessageID) ([]Threaded, error)

	// SaveDates returns when the messages from first to last were put into the
	// mailbox, ascending UID.
	SaveDates(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, first, last gomail.UID) ([]SaveDate, error)
	// DeletedBytes returns the sum of the sizes of the messages with \Deleted.
	DeletedBytes(ctx context.Context, account gomail.AccountID, id gomail.MailboxID) (int64, error)

	// Metadata returns the entries of a mailbox, or with mailbox 0 of the
	// account, in the order of their names; private ones as the reader has set
	// them.
	Metadata(ctx context.Context, at Place, reader gomail.AccountID) ([]Metadata, error)
	// SetMetadata changes entries, all or none; those with a nil value go.
	// TooMany beyond MaxMetadata of the account and of what the reader keeps at
	// others. Entries go with their mailbox and with the reader.
	SetMetadata(ctx context.Context, at Place, reader gomail.AccountID, changes []Metadata) error
	// MetadataMarks returns when the entries that an account keeps were last
	// changed, in no order.
	MetadataMarks(ctx context.Context, account gomail.AccountID) ([]MetadataMark, error)

	// Neighbours returns the accounts of which an account was given rights on
	// mailboxes, directly or as anyone, in the order of their addresses.
	Neighbours(ctx context.Context, account gomail.AccountID) ([]Neighbour, error)
	// GrantsTo returns those of a mailbox's grants that concern an account.
	GrantsTo(ctx context.Context, at Place, account gomail.AccountID) ([]Grant, error)
	// Grants returns the owner's grant of all rights and then a mailbox's own: by
	// address, anyone last, the negative ones after their like.
	Grants(ctx context.Context, at Place) ([]Grant, error)
	// ChangeGrant changes the rights of the grant with grant's account and sign;
	// without rights it goes. TooMany beyond MaxGrants. Grants go with their
	// mailbox and with the account that they are for.
	ChangeGrant(ctx context.Context, at Place, grant Grant, change RightsChange) error
	// Grantee returns the account of an address, main or alias, if it is owner's
	// or any of its addresses is in a domain in which owner has one. NotFound
	// otherwise.
	Grantee(ctx context.Context, owner gomail.AccountID, address gomail.Address) (gomail.AccountID, error)
	// SubscribeShared sets whether an account subscribes to another's mailbox.
	SubscribeShared(ctx context.Context, account gomail.AccountID, at Place, subscribed bool) error
	// Within returns those of the messages that are in a mailbox, in their order.
	Within(ctx context.Context, at Place, messages []gomail.MessageID) ([]gomail.MessageID, error)

	AppendMessages(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, messages []Append) ([]Appended, error)
	// ReplaceMessage adds a message to the mailbox to and takes uid out of id,
	// in one transaction. NotFound when uid is not there, OverQuota when the new
	// one does not fit in the place of the old.
	ReplaceMessage(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uid gomail.UID, to gomail.MailboxID, m Append) (Appended, error)
	SetFlags(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID, change FlagChange) (FlagResult, error)
	CopyMessages(ctx context.Context, t Transfer) (Copied, error)
	MoveMessages(ctx context.Context, t Transfer) (Copied, error)
	Expunge(ctx context.Context, account gomail.AccountID, id gomail.MailboxID, uids []gomail.UID) (vanished []gomail.UID, seq gomail.ModSeq, err error)
}
