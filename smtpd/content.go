package smtpd

import (
	"bytes"

	"gomail"
)

// flaw is what makes a message's content unacceptable; the empty flaw is
// none. RFC 5321 section 2.3.8: CR and LF may only be sent as CRLF.
type flaw string

const (
	flawCR  flaw = "the message holds a CR that no LF follows"
	flawLF  flaw = "the message holds an LF without a CR before it"
	flawNUL flaw = "the message holds a NUL"
)

func (f flaw) err() error { return gomail.Errorf(gomail.Invalid, "%s", string(f)) }

// Where in a line the content stands.
type linePos uint8

const (
	lineStart  linePos = iota // after CRLF, or at the start of all
	inLine                    // elsewhere
	afterCR                   // after a CR
	afterDot                  // after a dot at the start of a line
	afterDotCR                // after such a dot and a CR
)

// content checks a message's octets as they pass and finds where it ends.
// After a flaw it goes on looking for the end by the same rule: nothing but
// CRLF.CRLF.
type content struct {
	pos  linePos
	flaw flaw
}

func (c *content) note(f flaw) {
	if c.flaw == "" {
		c.flaw = f
	}
}

// unstuff moves octets of a DATA stream from src to dst, without transparency
// dots (RFC 5321 section 4.5.2), and returns how many it wrote and consumed.
// At end the stream has ended: what follows in src belongs to commands.
func (c *content) unstuff(dst, src []byte) (wrote, consumed int, end bool) {
	for consumed < len(src) && wrote < len(dst) {
		switch b := src[consumed]; c.pos {
		case lineStart:
			c.pos = inLine
			if b == '.' {
				c.pos = afterDot
				consumed++
			}
		case inLine:
			n := c.run(src[consumed:min(len(src), consumed+len(dst)-wrote)])
			wrote += copy(dst[wrote:], src[consumed:consumed+n])
			consumed += n
		case afterCR:
			c.pos = inLine
			if b != '\n' {
				c.note(flawCR)
				break
			}
			dst[wrote] = b
			wrote++
			consumed++
			c.pos = lineStart
		case afterDot:
			c.pos = inLine
			if b == '\r' {
				c.pos = afterDotCR
				consumed++
			}
		case afterDotCR:
			if b == '\n' {
				return wrote, consumed + 1, true
			}
			c.note(flawCR)
			c.pos = inLine
		}
	}
	return wrote, consumed, false
}

// run returns how many octets of b, which begins inside a line, go to the
// content as they are: up to b's end or a line that begins with a dot.
func (c *content) run(b []byte) int {
	n := 0
	c.pos = inLine
	for c.pos == inLine && n < len(b) {
		n += c.lineEnd(b[n:])
		if c.pos == lineStart && n < len(b) && b[n] != '.' {
			c.pos = inLine
		}
	}
	if bytes.IndexByte(b[:n], 0) >= 0 {
		c.note(flawNUL)
	}
	return n
}

// lineEnd returns the length of the line at the start of b, its CRLF
// included, and where b stands after it.
func (c *content) lineEnd(b []byte) int {
	cr := bytes.IndexByte(b, '\r')
	if cr < 0 {
		cr = len(b)
	}
	if bytes.IndexByte(b[:cr], '\n') >= 0 {
		c.note(flawLF)
	}
	switch {
	case cr == len(b):
		return cr
	case cr+1 == len(b):
		c.pos = afterCR
		return cr + 1
	case b[cr+1] != '\n':
		c.note(flawCR)
		return cr + 1
	}
	c.pos = lineStart
	return cr + 2
}

// check follows octets that carry no transparency dots, as in a BDAT chunk.
func (c *content) check(b []byte) {
	for n := 0; n < len(b); {
		if c.pos == afterCR {
			if c.pos = inLine; b[n] == '\n' {
				c.pos = lineStart
				n++
				continue
			}
			c.note(flawCR)
		}
		c.pos = inLine
		n += c.lineEnd(b[n:])
	}
	if bytes.IndexByte(b, 0) >= 0 {
		c.note(flawNUL)
	}
}
