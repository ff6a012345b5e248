package inbound

import (
	"context"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/lists"
	"gomail/queue"
)

// Delivery is one SMTP transaction's worth of rows: they become durable with
// the body in one commit, or none of them does.
type Delivery struct {
	Body     gomail.Body
	Index    []byte // message.Index of the body, in stored form
	Messages []Incoming
	Queue    []queue.Message // copies that go on to others, in slots of their own
	Senders  []domains.KeptSender

	// Distribution is noted of what goes to a mailing list; nil: it does not.
	Distribution *lists.Distribution
}

// Incoming is the message as one account receives it.
type Incoming struct {
	Account  gomail.AccountID
	Role     gomail.MailboxRole // of the mailbox it goes to
	Flags    gomail.Flags       // it has there
	Prefix   []byte             // header fields before the body: Return-Path, Delivered-To, Received, ...
	Received time.Time
}

// Store keeps what was received.
type Store interface {
	// Stage returns an empty body.
	Stage() gomail.Body

	// Room returns NoSpace when the disk cannot take so many octets more.
	Room(size int64) error

	// Deliver makes a delivery durable: the body, every recipient's message
	// and the queue rows, whose IDs it fills in, in one commit. Exists when
	// the list has distributed the same before.
	Deliver(ctx context.Context, d Delivery) error
}
