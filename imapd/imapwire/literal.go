package imapwire

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Literal is the announcement of octets that follow a line: {5}, {5+} or
// ~{5}, RFC 9051 section 4.3, RFC 7888 and RFC 3516.
type Literal struct {
	Size   int64
	Sync   bool // the client waits to be asked
	Binary bool // literal8: may hold NUL
}

// trailingLiteral reads the announcement at the end of a line.
func trailingLiteral(line []byte) (Literal, bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return Literal{}, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return Literal{}, false
	}
	lit := Literal{Sync: true, Binary: open > 0 && line[open-1] == '~'}
	digits := line[open+1 : len(line)-1]
	if n := len(digits); n > 0 && (digits[n-1] == '+' || digits[n-1] == '-') {
		lit.Sync = false
		digits = digits[:n-1]
	}
	for _, c := range digits {
		if !isDigit(c) {
			return Literal{}, false
		}
	}
	size, err := strconv.ParseInt(string(digits), 10, 63)
	lit.Size = size
	return lit, err == nil
}

// literalFollows reports whether a literal8 is next, not an atom that begins
// with a tilde.
func (d *Decoder) literalFollows() bool {
	return d.pos+1 < len(d.line) && d.line[d.pos+1] == '{'
}

// Literal reads the announcement that must be next. The caller then calls
// Accept or Refuse.
func (d *Decoder) Literal() Literal {
	rest := d.line[min(d.pos, len(d.line)):]
	lit, ok := trailingLiteral(rest)
	head := bytes.IndexByte(rest, '{')
	if !ok || head != bytes.LastIndexByte(rest, '{') || head > boolInt(lit.Binary) {
		d.Fail("Expected a literal")
		return Literal{Sync: true}
	}
	d.pos = len(d.line)
	return lit
}

// Accept asks for a literal where that is needed and returns its content,
// which the caller reads to the end before it calls Resume.
func (d *Decoder) Accept(lit Literal) io.Reader {
	if d.err != nil {
		return bytes.NewReader(nil)
	}
	if lit.Sync {
		d.Continue()
	}
	return &literalReader{in: d.In, left: lit.Size}
}

// Resume reads the line that follows a literal.
func (d *Decoder) Resume() {
	if d.err == nil {
		d.nextLine()
	}
}

// Refuse makes the command fail with err. What the client sends without
// waiting is passed over.
func (d *Decoder) Refuse(lit Literal, err error) {
	if d.err != nil {
		return
	}
	if !lit.Sync {
		d.discard(lit)
		if d.err == nil {
			d.nextLine()
		}
	} else {
		d.line = d.line[:0]
	}
	d.setErr(err)
}

// discard passes over the octets of a literal, or gives up when there are too
// many.
func (d *Decoder) discard(lit Literal) {
	if lit.Size > d.Limits.Discard {
		d.setErr(&FatalError{Text: "The literal is too large to be passed over"})
		return
	}
	if err := d.In.Discard(lit.Size); err != nil {
		d.setErr(err)
	}
}

// literalString reads a literal into memory, within the limits.
func (d *Decoder) literalString() string {
	content := d.literalOctets()
	if strings.IndexByte(content, 0) >= 0 {
		d.Fail("A string holds NUL")
	}
	return content
}

// NOctets reads a string, or a literal8 (RFC 3516) that may hold NUL, or NIL,
// which is false.
func (d *Decoder) NOctets() (string, bool) {
	if d.Peek() == '~' && d.literalFollows() {
		return d.literalOctets(), true
	}
	return d.NString()
}

// literalOctets reads a literal into memory, within the limits.
func (d *Decoder) literalOctets() string {
	lit := d.Literal()
	if d.err != nil {
		return ""
	}
	if lit.Size > int64(min(d.Limits.Literal, d.Limits.Command-d.used)) {
		d.Refuse(lit, &TooBigError{Text: fmt.Sprintf("A literal of %d octets is too large here", lit.Size)})
		return ""
	}
	content := make([]byte, lit.Size)
	if _, err := io.ReadFull(d.Accept(lit), content); err != nil {
		d.setErr(err)
		return ""
	}
	d.used += len(content)
	d.nextLine()
	return string(content)
}

type literalReader struct {
	in   *Input
	left int64
}

// Read implements io.Reader. An end of the connection is no end of the
// literal.
func (r *literalReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.in.Read(p)
	r.left -= int64(n)
	if err == io.EOF && r.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
