package imapwire

import (
	"slices"
	"strconv"
	"strings"
)

// Span is a range of numbers, both ends included.
type Span struct{ First, Last uint32 }

// Set is a sequence set, RFC 9051 section 9, as it was written. In it 0 stands
// for *, the largest number in use.
type Set struct {
	Spans []Span
	Saved bool // "$": the result of the last SEARCH that saved one, RFC 5182
}

// Resolve gives * its meaning and returns the spans ascending, without
// overlaps. When largest is 0, * matches nothing.
func (s Set) Resolve(largest uint32) []Span {
	spans := make([]Span, 0, len(s.Spans))
	for _, p := range s.Spans {
		if (p.First == 0 || p.Last == 0) && largest == 0 {
			continue
		}
		if p.First == 0 {
			p.First = largest
		}
		if p.Last == 0 {
			p.Last = largest
		}
		if p.First > p.Last {
			p.First, p.Last = p.Last, p.First
		}
		spans = append(spans, p)
	}
	return merge(spans)
}

func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int {
		if a.First < b.First {
			return -1
		}
		return boolInt(a.First > b.First)
	})
	out := spans[:0]
	for _, p := range spans {
		if n := len(out); n > 0 && uint64(p.First) <= uint64(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, p.Last)
			continue
		}
		out = append(out, p)
	}
	return out
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ParseSet reads a sequence set; false when it is none.
func ParseSet(s string) (Set, bool) {
	if s == "$" {
		return Set{Saved: true}, true
	}
	var set Set
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, ":")
		if !isRange {
			last = first
		}
		a, ok1 := parseSetNumber(first)
		b, ok2 := parseSetNumber(last)
		if !ok1 || !ok2 {
			return Set{}, false
		}
		set.Spans = append(set.Spans, Span{a, b})
	}
	return set, true
}

func parseSetNumber(s string) (uint32, bool) {
	if s == "*" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n > 0 && s[0] != '+'
}

// FormatSet renders ascending numbers as a sequence set, empty for none.
func FormatSet[N ~uint32 | ~int](numbers []N) string {
	var b strings.Builder
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(numbers[i]), 10))
		if j > i {
			b.WriteString(":" + strconv.FormatUint(uint64(numbers[j]), 10))
		}
		i = j + 1
	}
	return b.String()
}
