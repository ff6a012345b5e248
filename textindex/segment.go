package textindex

import (
	"iter"
	"slices"

	"gomail"
)

// Segment is the index of some messages of an account, without its postings.
type Segment struct {
	ID       int64
	Messages []gomail.MessageID // ascending; their places are their numbers
}

// Through returns the segment's last message.
func (s Segment) Through() gomail.MessageID { return s.Messages[len(s.Messages)-1] }

// Posting is a gram of a segment with the messages that have it, in stored
// form.
type Posting struct {
	Gram   Gram
	Stored []byte
}

// MaxSegment is how many messages a Builder takes. It holds 8 octets in memory
// for each pair of a gram and a message.
const (
	MaxSegment = 2048
	buildPairs = 4 << 20
)

// Builder makes a segment of messages that come in ascending order. The zero
// value is ready.
type Builder struct {
	messages []gomail.MessageID
	pairs    []uint64 // gram and number
}

// Add adds a message with its grams, each once. One that comes when the
// segment is full is left out, as are those after it.
func (b *Builder) Add(id gomail.MessageID, grams []Gram) {
	if b.Full() {
		return
	}
	n := uint64(len(b.messages))
	b.messages = append(b.messages, id)
	for _, g := range grams {
		b.pairs = append(b.pairs, uint64(g)<<32|n)
	}
}

// Full reports whether it is time to begin another segment.
func (b *Builder) Full() bool {
	return len(b.messages) >= MaxSegment || len(b.pairs) >= buildPairs
}

// Messages returns the messages that were added.
func (b *Builder) Messages() []gomail.MessageID { return b.messages }

// Postings returns the segment's postings by ascending gram.
func (b *Builder) Postings() iter.Seq2[Posting, error] {
	slices.Sort(b.pairs)
	return func(yield func(Posting, error) bool) {
		var numbers []uint32
		for i := 0; i < len(b.pairs); {
			gram := Gram(b.pairs[i] >> 32)
			numbers = numbers[:0]
			for ; i < len(b.pairs) && Gram(b.pairs[i]>>32) == gram; i++ {
				numbers = append(numbers, uint32(b.pairs[i]))
			}
			if !yield(Posting{gram, encodePosting(numbers, len(b.messages))}, nil) {
				return
			}
		}
	}
}
