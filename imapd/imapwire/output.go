package imapwire

import (
	"io"
	"strconv"
	"strings"
)

// Output gathers responses and writes them in blocks. After the first error
// everything is dropped; Flush returns that error. It is not safe for
// concurrent use.
type Output struct {
	// Target is what is written to; it is exchanged when TLS begins.
	Target io.Writer

	// Ready is called before every write, to set a deadline.
	Ready func() error

	// Blocks are where buffers come from.
	Blocks *Blocks

	// UTF8 has quoted strings hold UTF-8, which rev2 and UTF8=ACCEPT allow.
	UTF8 bool

	buf []byte
	err error
}

// Flush writes what was gathered and gives the buffer back.
func (o *Output) Flush() error {
	o.write()
	if o.buf != nil {
		o.Blocks.put(o.buf)
		o.buf = nil
	}
	return o.err
}

func (o *Output) write() {
	if len(o.buf) > 0 && o.err == nil {
		if o.err = o.Ready(); o.err == nil {
			_, o.err = o.Target.Write(o.buf)
		}
	}
	if o.buf != nil {
		o.buf = o.buf[:0]
	}
}

// Err returns the first error of writing.
func (o *Output) Err() error { return o.err }

// room makes sure of a buffer with place for n more octets, when n is small.
func (o *Output) room(n int) {
	if o.buf == nil {
		o.buf = o.Blocks.get()[:0]
	}
	if len(o.buf)+n > cap(o.buf) {
		o.grow()
	}
	if len(o.buf)+n > cap(o.buf) {
		o.write()
	}
}

// grow exchanges the buffer for a large one, which most responses never need:
// a system call and a record of TLS for each few octets were a fifth of what a
// long one took.
func (o *Output) grow() {
	if cap(o.buf) >= largeBlock {
		return
	}
	large := append(o.Blocks.getLarge()[:0], o.buf...)
	o.Blocks.put(o.buf)
	o.buf = large
}

// Text writes s as it is. It must be free of what strangers wrote.
func (o *Output) Text(s string) {
	o.room(len(s))
	if len(s) > cap(o.buf) {
		o.large([]byte(s))
		return
	}
	o.buf = append(o.buf, s...)
}

// Raw writes b as it is: wire forms made elsewhere, and literals' contents.
func (o *Output) Raw(b []byte) {
	o.room(len(b))
	if len(b) > cap(o.buf) {
		o.large(b)
		return
	}
	o.buf = append(o.buf, b...)
}

// large writes past the buffer, which is empty.
func (o *Output) large(b []byte) {
	if o.err == nil {
		if o.err = o.Ready(); o.err == nil {
			_, o.err = o.Target.Write(b)
		}
	}
}

// Int writes a number.
func (o *Output) Int(n int64) {
	o.room(20)
	o.buf = strconv.AppendInt(o.buf, n, 10)
}

// String writes s as a string: quoted when it may be, a literal otherwise.
// NUL, which no string may hold, is left out.
func (o *Output) String(s string) {
	if !o.quotable(s) {
		o.literal(s)
		return
	}
	o.Text(`"`)
	for start := 0; ; {
		i := start
		for i < len(s) && s[i] != '"' && s[i] != '\\' {
			i++
		}
		o.Text(s[start:i])
		if i == len(s) {
			break
		}
		o.Text(`\` + s[i:i+1])
		start = i + 1
	}
	o.Text(`"`)
}

// quotable reports whether s may stand between quotes.
func (o *Output) quotable(s string) bool {
	if len(s) > 4096 {
		return false
	}
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
		ascii = ascii && s[i] < 0x80
	}
	return ascii || o.UTF8 && validUTF8(s)
}

func (o *Output) literal(s string) {
	clean := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != 0 {
			clean = append(clean, s[i])
		}
	}
	o.LiteralHeader(int64(len(clean)), false)
	o.Raw(clean)
}

// LiteralHeader announces a literal of n octets, which the caller writes. A
// binary one is a literal8 (RFC 3516), which may hold NUL.
func (o *Output) LiteralHeader(n int64, binary bool) {
	if binary {
		o.Text("~")
	}
	o.Text("{")
	o.Int(n)
	o.Text("}\r\n")
}

// Mailbox writes a mailbox name: in modified UTF-7, or in UTF-8 when the
// session has agreed on that.
func (o *Output) Mailbox(name string) {
	if !o.UTF8 {
		name = EncodeUTF7(name)
	}
	o.Astring(name)
}

func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAtomChar(s[i]) || s[i] >= 0x80 {
			return false
		}
	}
	return s != ""
}

// CopyLiteral writes a literal of n octets read from r, in blocks. When r has
// less, or fails, the connection cannot go on: Flush then returns that error.
func (o *Output) CopyLiteral(r io.Reader, n int64, binary bool) {
	o.LiteralHeader(n, binary)
	for n > 0 && o.err == nil {
		o.room(1)
		space := o.buf[len(o.buf):cap(o.buf)]
		if int64(len(space)) > n {
			space = space[:n]
		}
		k, err := r.Read(space)
		o.buf = o.buf[:len(o.buf)+k]
		if n -= int64(k); n > 0 && err != nil {
			o.fail(err)
		}
	}
}

func (o *Output) fail(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	o.err = err
}

// Astring writes s as an atom where it can be one, and as a string otherwise.
func (o *Output) Astring(s string) {
	if isAtom(s) && !strings.EqualFold(s, "NIL") {
		o.Text(s)
		return
	}
	o.String(s)
}

// Fail makes err what Flush returns, for a response that was begun and cannot
// be completed.
func (o *Output) Fail(err error) {
	if o.err == nil {
		o.fail(err)
	}
}
