package imapd

import "fmt"

// partial is a share of messages by position, from the end where that was
// asked for; RFC 9394.
type partial struct {
	first, last int // 1 and more
	fromEnd     bool
}

// readPartialRange reads 1:500, or -1:-500 from the end, RFC 9394 section 3.1.
func (s *session) readPartialRange() *partial {
	dec := &s.dec
	dec.Space()
	p := &partial{fromEnd: dec.Peek() == '-'}
	position := func() int {
		if p.fromEnd {
			dec.Expect('-')
		}
		n := dec.Number()
		if n == 0 {
			dec.Fail("Positions begin with 1")
		}
		return int(n)
	}
	a := position()
	dec.Expect(':')
	b := position()
	p.first, p.last = min(a, b), max(a, b)
	return p
}

// of returns its share of what was found.
func (p *partial) of(found []int) []int {
	n := len(found)
	if p.first > n {
		return nil
	}
	if last := min(p.last, n); p.fromEnd {
		return found[n-last : n-p.first+1]
	}
	return found[p.first-1 : min(p.last, n)]
}

// String is how it was asked for.
func (p *partial) String() string {
	if p.fromEnd {
		return fmt.Sprintf("-%d:-%d", p.first, p.last)
	}
	return fmt.Sprintf("%d:%d", p.first, p.last)
}
