package gomail

// MailboxID identifies a mailbox within its account.
type MailboxID int64

// MailboxRole is the special use of a mailbox, RFC 6154 and RFC 8621
// section 2, in JMAP's lower-case words. Empty: none.
type MailboxRole string

// The roles of the standard mailboxes.
const (
	RoleInbox   MailboxRole = "inbox"
	RoleDrafts  MailboxRole = "drafts"
	RoleSent    MailboxRole = "sent"
	RoleArchive MailboxRole = "archive"
	RoleJunk    MailboxRole = "junk"
	RoleTrash   MailboxRole = "trash"
)

// StandardMailboxes are made with every account, in this order.
var StandardMailboxes = []struct {
	Name string
	Role MailboxRole
}{
	{"INBOX", RoleInbox}, {"Drafts", RoleDrafts}, {"Sent", RoleSent},
	{"Archive", RoleArchive}, {"Junk", RoleJunk}, {"Trash", RoleTrash},
}

// MailboxSeparator stands between the levels of a mailbox's path.
const MailboxSeparator = '/'

// UID is a message's number in one mailbox, RFC 9051 section 2.3.1.1. UIDs
// ascend and are never used twice under one UIDVALIDITY.
type UID uint32

// ModSeq is a modification sequence, RFC 7162. It is the account's one
// counter, so it is also the JMAP state; at most 63 bits.
type ModSeq int64

// Mailbox is a named collection of messages with its counters. All counters
// stand in its row, so opening it costs the same whatever it holds.
type Mailbox struct {
	ID            MailboxID
	Parent        MailboxID // 0: top level
	Path          string    // UTF-8, levels joined by MailboxSeparator: "Work/2026"
	Role          MailboxRole
	UIDValidity   uint32
	UIDNext       UID
	HighestModSeq ModSeq
	Total         int64 // messages
	Unseen        int64 // messages without \Seen
	Deleted       int64 // messages with \Deleted
	Bytes         int64 // sum of sizes
	Subscribed    bool
}

// Event says that an account changed, up to a sequence number. It carries no
// data: whoever wants to know reads the change feed from where it stands.
type Event struct {
	Account AccountID
	Seq     ModSeq
	Mailbox []MailboxID // the mailboxes that changed
}
