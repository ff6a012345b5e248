package gomail

import "time"

// MessageID identifies a message within its account. It does not change when
// the message is moved or copied between mailboxes: it is JMAP's Email id.
type MessageID int64

// Message is a message as an account keeps it, without its content.
type Message struct {
	ID       MessageID
	Size     int64     // octets as read: the account's own header prefix and the body
	Received time.Time // IMAP's INTERNALDATE, JMAP's receivedAt
	Index    []byte    // message.Index in its stored form: envelope, structure, part offsets
}
