package textindex

import (
	"iter"
	"slices"

	"gomail"
)

// The last mergeFan segments are merged when the first of them is no larger
// than the others together, so that a message is merged a few times only.
// Segments of mergeUpTo messages and more are left as they are.
const (
	mergeFan  = 8
	mergeUpTo = 1 << 16
)

// Smallest is how many messages are worth a segment: fewer are as soon read.
const Smallest = 128

// ToMerge returns the segments that should become one, none when all is well.
// Segments are given in the order of their messages.
func ToMerge(segments []Segment) []Segment {
	n := len(segments)
	if n < mergeFan {
		return nil
	}
	last := segments[n-mergeFan:]
	others := 0
	for i, s := range last {
		if len(s.Messages) >= mergeUpTo {
			return nil
		}
		if i > 0 {
			others += len(s.Messages)
		}
	}
	if len(last[0].Messages) > others {
		return nil
	}
	return last
}

// Merge is several segments on their way into one.
type Merge struct {
	Messages []gomail.MessageID // of all, ascending
	renumber [][]int32          // by part and old number: the new one, -1 when the message is gone
}

// NewMerge plans the merging of segments that lie side by side, without the
// messages that are not among those that still exist (ascending).
func NewMerge(parts []Segment, existing []gomail.MessageID) *Merge {
	m := &Merge{renumber: make([][]int32, len(parts))}
	for p, part := range parts {
		numbers := make([]int32, len(part.Messages))
		for i, id := range part.Messages {
			numbers[i] = -1
			if _, found := slices.BinarySearch(existing, id); found {
				numbers[i] = int32(len(m.Messages))
				m.Messages = append(m.Messages, id)
			}
		}
		m.renumber[p] = numbers
	}
	return m
}

// Postings merges the parts' postings of one stretch of grams, each part's by
// ascending gram. Damage is an error of kind Corrupt.
func (m *Merge) Postings(parts [][]Posting) iter.Seq2[Posting, error] {
	return func(yield func(Posting, error) bool) {
		next := make([]int, len(parts))
		var old, numbers []uint32
		for {
			gram, more := lowest(parts, next)
			if !more {
				return
			}
			numbers = numbers[:0]
			for p, part := range parts {
				if next[p] == len(part) || part[next[p]].Gram != gram {
					continue
				}
				var ok bool
				if old, ok = appendPosting(old[:0], part[next[p]].Stored, len(m.renumber[p])); !ok {
					yield(Posting{}, gomail.Errorf(gomail.Corrupt, "the text index is damaged at gram %d", gram))
					return
				}
				next[p]++
				for _, n := range old {
					if to := m.renumber[p][n]; to >= 0 {
						numbers = append(numbers, uint32(to))
					}
				}
			}
			if len(numbers) > 0 && !yield(Posting{gram, encodePosting(numbers, len(m.Messages))}, nil) {
				return
			}
		}
	}
}

// lowest returns the lowest gram that is next in one of the parts.
func lowest(parts [][]Posting, next []int) (gram Gram, more bool) {
	for p, part := range parts {
		if next[p] < len(part) && (!more || part[next[p]].Gram < gram) {
			gram, more = part[next[p]].Gram, true
		}
	}
	return gram, more
}

// Stretch is a range of grams, from First up to but without End.
type Stretch struct{ First, End Gram }

// Stretches divides all grams into stretches that are merged one after the
// other, so that little is in memory.
func Stretches() []Stretch {
	const step = grams / 64
	var all []Stretch
	for g := Gram(0); g <= Any; g += step {
		all = append(all, Stretch{g, g + step})
	}
	return all
}
