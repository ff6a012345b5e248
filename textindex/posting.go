package textindex

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// The forms of a posting, its first octet.
const (
	asGaps = 0 // each number as its distance from the one before, in varints
	asBits = 1 // a bit for each message of the segment
)

// encodePosting returns the stored form of ascending numbers below size: the
// shorter of the two.
func encodePosting(numbers []uint32, size int) []byte {
	out := make([]byte, 1, len(numbers)+len(numbers)/4+2)
	next := uint32(0)
	for _, n := range numbers {
		out = binary.AppendUvarint(out, uint64(n-next))
		next = n + 1
	}
	if octets := (size + 7) / 8; octets+1 < len(out) {
		return encodeBits(numbers, octets)
	}
	return out
}

func encodeBits(numbers []uint32, octets int) []byte {
	out := make([]byte, 1+octets)
	out[0] = asBits
	for _, n := range numbers {
		out[1+n>>3] |= 1 << (n & 7)
	}
	return out
}

// appendPosting appends the numbers of a stored posting that are below size.
// What is damaged ends it: false.
func appendPosting(numbers []uint32, stored []byte, size int) ([]uint32, bool) {
	if len(stored) == 0 {
		return numbers, false
	}
	form, rest := stored[0], stored[1:]
	switch form {
	case asBits:
		return appendBits(numbers, rest, size)
	case asGaps:
	default:
		return numbers, false
	}
	next := uint64(0)
	for len(rest) > 0 {
		gap, n := binary.Uvarint(rest)
		if n <= 0 || gap >= uint64(size) || next+gap >= uint64(size) {
			return numbers, false
		}
		numbers = append(numbers, uint32(next+gap))
		next += gap + 1
		rest = rest[n:]
	}
	return numbers, true
}

func appendBits(numbers []uint32, octets []byte, size int) ([]uint32, bool) {
	for i, b := range octets {
		for ; b != 0; b &= b - 1 {
			n := i*8 + bits.TrailingZeros8(b)
			if n >= size {
				return numbers, false
			}
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers, true
}

// Intersect returns the numbers that all of the stored postings of a segment
// of size messages have, ascending. A damaged posting is false: the segment
// has to be made anew.
func Intersect(postings [][]byte, size int) (common []uint32, ok bool) {
	postings = slices.Clone(postings)
	slices.SortFunc(postings, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) })
	var next []uint32
	for i, stored := range postings {
		if next, ok = appendPosting(next[:0], stored, size); !ok {
			return nil, false
		}
		if i == 0 {
			common = slices.Clone(next)
		} else {
			common = both(common, next)
		}
		if len(common) == 0 {
			break
		}
	}
	return common, true
}

// both keeps of a what is in b as well.
func both(a, b []uint32) []uint32 {
	kept, j := a[:0], 0
	for _, n := range a {
		for j < len(b) && b[j] < n {
			j++
		}
		if j < len(b) && b[j] == n {
			kept = append(kept, n)
		}
	}
	return kept
}
