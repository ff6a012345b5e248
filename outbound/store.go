package outbound

import (
	"context"

	"gomail"
	"gomail/queue"
)

// Store keeps what is to be sent.
type Store interface {
	// Stage returns an empty body.
	Stage() gomail.Body

	// Room returns NoSpace when the disk cannot take so many octets more.
	Room(size int64) error

	// Enqueue makes a message durable: the body and the rows of all parts in
	// one commit. The parts share the body and come back with their keys. What
	// an account sends is counted in the same commit; allow, unless nil, is
	// asked before with what it has sent until then, and its error ends all.
	Enqueue(ctx context.Context, body gomail.Body, parts []queue.Message, allow func(Sending) error) ([]queue.Message, error)
}
