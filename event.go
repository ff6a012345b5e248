package gomail

// Event says that an account changed, up to a sequence number. It carries no
// data: whoever wants to know reads the change feed from where it stands.
type Event struct {
	Account AccountID
	Seq     ModSeq
	Mailbox []MailboxID // the mailboxes that changed
}
