package smtpd

import (
	"bytes"
	"errors"
	"io"
)

// Limits on the length of one line, in octets with its line end. Commands
// may be longer than RFC 5321 section 4.5.3.1.4 asks for, to hold every
// extension's parameters; an AUTH response holds 12,288 (RFC 4954 section 4).
const (
	maxCommandLine = 2048
	maxAuthLine    = 12288 + 2
	maxSkippedLine = 1 << 20 // of an overlong line, before the session is given up
)

// blockSize is how much is read at once while a message arrives.
const blockSize = 64 << 10

type block [blockSize]byte

// tlsHandshake is the first octet of a TLS handshake record, RFC 8446
// section 5.1. No command begins with it.
const tlsHandshake = 0x16

// What can be wrong with a line that did arrive whole.
var (
	errLineTooLong = errors.New("the line is too long")
	errLineBareLF  = errors.New("lines must end in CR LF")
	errLineControl = errors.New("the line holds a control character")
)

// errTLSRecord is a TLS client on a port that begins in plain text. Its
// handshake may hold no LF, so nothing would ever answer it.
var errTLSRecord = errors.New("the client speaks TLS where plain text begins")

// input is the buffered side of a connection from which commands and messages
// are read. An idle connection owns the small buffer only; a block is borrowed
// when more arrives than fits in it.
type input struct {
	src  io.Reader
	more func() error // reads at least one octet by calling read, or fails

	small [512]byte
	block *block // nil: buffered data is in small
	r, w  int    // what is buffered

	get func() *block
	put func(*block)
}

func (in *input) space() []byte {
	if in.block != nil {
		return in.block[:]
	}
	return in.small[:]
}

// buffered returns what has arrived and was not consumed.
func (in *input) buffered() []byte { return in.space()[in.r:in.w] }

// consume drops n buffered octets.
func (in *input) consume(n int) {
	if in.r += n; in.r == in.w {
		in.r, in.w = 0, 0
	}
}

// read asks the connection for more, once.
func (in *input) read() error {
	in.makeRoom()
	n, err := in.src.Read(in.space()[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom leaves space to read into, and never called with a full block:
// no line and no message run needs one.
func (in *input) makeRoom() {
	if in.r > 0 {
		s := in.space()
		in.w = copy(s, s[in.r:in.w])
		in.r = 0
	}
	if in.block == nil && in.w == len(in.small) {
		in.borrow()
	}
}

// borrow changes to a block.
func (in *input) borrow() {
	if in.block != nil {
		return
	}
	b := in.get()
	in.w = copy(b[:], in.small[in.r:in.w])
	in.r = 0
	in.block = b
}

// giveBack returns the block when what is buffered fits without.
func (in *input) giveBack() {
	if in.block == nil || in.w-in.r > len(in.small) {
		return
	}
	in.w = copy(in.small[:], in.block[in.r:in.w])
	in.r = 0
	in.put(in.block)
	in.block = nil
}

// release returns the block whatever it holds; the input is not used again.
func (in *input) release() {
	in.r, in.w = 0, 0
	in.giveBack()
}

// line returns the next line without its CRLF. It is valid until the next
// read. A line with a fault is consumed whole, so that the session stays in
// step; errLineTooLong, errLineBareLF and errLineControl tell of it.
func (in *input) line(limit int) ([]byte, error) {
	seen := 0
	for {
		b := in.buffered()
		if len(b) > 0 && b[0] == tlsHandshake {
			return nil, errTLSRecord
		}
		if i := bytes.IndexByte(b[seen:], '\n'); i >= 0 {
			end := seen + i
			line, err := checkLine(b[:end], limit)
			in.consume(end + 1)
			return line, err
		}
		if seen = len(b); seen >= limit {
			return nil, in.skipLine()
		}
		if err := in.more(); err != nil {
			return nil, err
		}
	}
}

// checkLine takes the CR off a line whose LF has been taken off already.
func checkLine(line []byte, limit int) ([]byte, error) {
	if len(line)+1 > limit {
		return nil, errLineTooLong
	}
	n := len(line) - 1
	if n < 0 || line[n] != '\r' {
		return nil, errLineBareLF
	}
	line = line[:n]
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, errLineControl
		}
	}
	return line, nil
}

// skipLine drops the rest of a line that is too long.
func (in *input) skipLine() error {
	for skipped := 0; skipped < maxSkippedLine; {
		b := in.buffered()
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			in.consume(i + 1)
			return errLineTooLong
		}
		skipped += len(b)
		in.consume(len(b))
		if err := in.more(); err != nil {
			return err
		}
	}
	return errFlooded
}
