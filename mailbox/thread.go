package mailbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"gomail"
	"gomail/message"
)

// Threaded says to which thread a message belongs. A thread is named after the
// first message that was in it, and a message never changes its thread.
type Threaded struct {
	Message gomail.MessageID
	Thread  gomail.MessageID
}

// ThreadNames is a message with what leads to its thread.
type ThreadNames struct {
	Message gomail.MessageID
	Names   []int64 // hashes of message identifiers with the subject, without repetitions
}

const (
	threadBatch    = 500 // messages put into threads at a time
	maxThreadNames = 50  // of one message
)

// Threads returns the threads of those of the messages that are there, by
// ascending message. Messages belong together when one names the other, or both
// name a third, in Message-ID, In-Reply-To and References, and their subjects
// are the same but for what replying adds (RFC 8621 section 3). It takes the
// right to read.
//
// Threads are found when somebody asks, in the order in which messages came; who
// asks first waits for it.
func (b Box) Threads(ctx context.Context, messages []gomail.MessageID) ([]Threaded, error) {
	messages, err := b.readable(ctx, messages)
	if err != nil {
		return nil, err
	}
	for {
		items, err := b.a.store.Unthreaded(ctx, b.Owner, threadBatch)
		if err != nil {
			return nil, err
		}
		if len(items) > 0 {
			err = b.a.store.AssignThreads(ctx, b.Owner, namesOf(items))
		}
		if err != nil {
			return nil, err
		}
		if len(items) < threadBatch {
			return b.a.store.Threads(ctx, b.Owner, messages)
		}
	}
}

func namesOf(items []Item) []ThreadNames {
	all := make([]ThreadNames, len(items))
	for i, item := range items {
		all[i].Message = item.Message
		x, err := message.UnmarshalIndex(item.Index)
		if err != nil {
			continue // a message that cannot be read is a thread of its own
		}
		all[i].Names = threadNames(x)
	}
	return all
}

// threadNames returns the hashes of what a message is called and names. Of many
// the first, its own, and the last count, which are the nearest.
func threadNames(x *message.Index) []int64 {
	ids := message.ParseMessageIDs(x.Envelope.MessageID)
	ids = append(ids, message.ParseMessageIDs(x.Envelope.InReplyTo)...)
	ids = append(ids, x.References...)
	if len(ids) > maxThreadNames {
		ids = append(ids[:1:1], ids[len(ids)-maxThreadNames+1:]...)
	}
	base, _ := message.BaseSubject(x.Envelope.Subject)
	subject := strings.ToLower(base)
	names := make([]int64, 0, len(ids))
	for _, id := range ids {
		sum := sha256.Sum256([]byte(id + "\x00" + subject))
		if name := int64(binary.BigEndian.Uint64(sum[:]) >> 1); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
