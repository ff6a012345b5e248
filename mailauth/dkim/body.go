package dkim

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Canonicalization names one of the two algorithms of RFC 6376 section 3.4.
type Canonicalization string

// The algorithms.
const (
	Simple  Canonicalization = "simple"
	Relaxed Canonicalization = "relaxed"
)

// BodyHash computes the hash of a message body in canonical form (bh=) as it
// is written. Lines end with CRLF; a CR or LF alone is content.
type BodyHash struct {
	relaxed bool
	sum     hash.Hash
	size    int64 // of the canonical body, without what is pending
	buf     []byte

	// What is pending is only written once something follows it.
	lines int  // line ends
	space bool // white space, relaxed only
	cr    bool // a CR whose LF has not come
}

// NewBodyHash returns a BodyHash of an empty body.
func NewBodyHash(c Canonicalization) *BodyHash {
	return &BodyHash{relaxed: c == Relaxed, sum: sha256.New(), buf: make([]byte, 0, bodyBuffer)}
}

// Words are gathered before they are hashed: a hash is slow on small writes.
const (
	bodyBuffer = 4 << 10
	crlf       = "\r\n"
)

// Write takes the next part of the body, cut anywhere. It never fails.
func (b *BodyHash) Write(p []byte) (int, error) {
	rest := p
	for len(rest) > 0 {
		if b.cr {
			rest = b.afterCR(rest)
			continue
		}
		n := b.run(rest)
		if n > 0 {
			b.content(rest[:n])
		}
		if rest = rest[n:]; len(rest) > 0 {
			if rest[0] == '\r' {
				b.cr = true
			} else {
				b.space = true
			}
			rest = rest[1:]
		}
	}
	return len(p), nil
}

// afterCR decides whether the CR before rest ended a line.
func (b *BodyHash) afterCR(rest []byte) []byte {
	b.cr = false
	if rest[0] == '\n' {
		b.lines++
		b.space = false
		return rest[1:]
	}
	b.content([]byte{'\r'})
	return rest
}

// run returns how much of p is plain content.
func (b *BodyHash) run(p []byte) int {
	if !b.relaxed {
		if i := bytes.IndexByte(p, '\r'); i >= 0 {
			return i
		}
		return len(p)
	}
	for i, c := range p {
		switch {
		case c > ' ' || c != ' ' && c != '\t' && c != '\r':
		case c == ' ' && i > 0 && i+1 < len(p) && p[i+1] > ' ':
			// One space between two words is canonical already.
		default:
			return i
		}
	}
	return len(p)
}

// content writes plain content and, before it, what was pending.
func (b *BodyHash) content(p []byte) {
	for ; b.lines > 0; b.lines-- {
		b.add(crlf)
	}
	if b.space {
		b.add(" ")
		b.space = false
	}
	b.addBytes(p)
}

// Sum ends the body and returns its hash.
func (b *BodyHash) Sum() []byte {
	if b.cr {
		b.cr = false
		b.content([]byte{'\r'})
	}
	// Empty lines at the end do not count, and the last line ends with a
	// CRLF even where the body does not. An empty body is a CRLF in simple
	// form and nothing in relaxed form.
	if b.Size() > 0 || !b.relaxed {
		b.add(crlf)
	}
	b.lines, b.space = 0, false
	b.flush()
	return b.sum.Sum(nil)
}

// Size returns the octets of the canonical body, after Sum.
func (b *BodyHash) Size() int64 { return b.size + int64(len(b.buf)) }

// add writes a few octets.
func (b *BodyHash) add(s string) {
	if len(b.buf)+len(s) > bodyBuffer {
		b.flush()
	}
	b.buf = append(b.buf, s...)
}

func (b *BodyHash) addBytes(p []byte) {
	if len(b.buf)+len(p) > bodyBuffer {
		b.flush()
	}
	if len(p) > bodyBuffer {
		b.sum.Write(p)
		b.size += int64(len(p))
		return
	}
	b.buf = append(b.buf, p...)
}

func (b *BodyHash) flush() {
	b.sum.Write(b.buf)
	b.size += int64(len(b.buf))
	b.buf = b.buf[:0]
}
