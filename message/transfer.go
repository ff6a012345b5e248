package message

import (
	"io"
	"strings"
)

// NewTransferReader decodes a body's Content-Transfer-Encoding (RFC 2045
// section 6). It is tolerant: what is not valid is passed over or passed on,
// and the only errors are those of r. An unknown encoding is taken for none.
func NewTransferReader(r io.Reader, encoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return &transferReader{r: r, decoder: &base64Decoder{}}
	case "quoted-printable":
		return &transferReader{r: r, decoder: &quotedDecoder{}}
	}
	return r
}

// transferDecoder decodes a stream cut at any place.
type transferDecoder interface {
	decode(dst, src []byte) []byte
	finish(dst []byte) []byte
}

type transferReader struct {
	r       io.Reader
	decoder transferDecoder
	in      []byte
	buf     []byte
	out     []byte // decoded and not yet read, a part of buf
	err     error
}

// Read implements io.Reader.
func (t *transferReader) Read(p []byte) (int, error) {
	if t.in == nil {
		t.in = make([]byte, 4096)
	}
	for len(t.out) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.r.Read(t.in)
		t.buf = t.decoder.decode(t.buf[:0], t.in[:n])
		if err == io.EOF {
			t.buf = t.decoder.finish(t.buf)
		}
		t.out, t.err = t.buf, err
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// base64Decoder passes over what is not in the alphabet, and takes padding in
// the middle as the end of one text and the beginning of the next.
type base64Decoder struct {
	bits uint32
	n    uint // sextets in bits
}

func (d *base64Decoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		v := sextet(c)
		if v < 0 {
			if c == '=' {
				dst = d.finish(dst)
			}
			continue
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
			d.bits, d.n = 0, 0
		}
	}
	return dst
}

func (d *base64Decoder) finish(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.n = 0, 0
	return dst
}

// sextet returns the value of a base64 letter, -1 for anything else.
func sextet(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// maxBlankRun bounds the white space held back because it may end a line.
const maxBlankRun = 1000

// quotedDecoder decodes quoted-printable (RFC 2045 section 6.7). White space
// at the end of a line goes; an = that begins no escape stays.
type quotedDecoder struct {
	held []byte // white space, or an escape that is not complete
}

func (d *quotedDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		dst = d.octet(dst, c)
	}
	return dst
}

func (d *quotedDecoder) octet(dst []byte, c byte) []byte {
	if len(d.held) > 0 && d.held[0] == '=' {
		return d.escape(dst, c)
	}
	switch {
	case c == '=':
		dst = append(dst, d.held...)
		d.held = append(d.held[:0], c)
		return dst
	case (c == ' ' || c == '\t') && len(d.held) < maxBlankRun:
		d.held = append(d.held, c)
		return dst
	case c != '\r' && c != '\n':
		dst = append(dst, d.held...)
	}
	d.held = d.held[:0]
	return append(dst, c)
}

// escape continues what began with =: two hexadecimal digits, or a soft line
// break with white space before it.
func (d *quotedDecoder) escape(dst []byte, c byte) []byte {
	held := d.held
	last := held[len(held)-1]
	switch {
	case c == '\n':
		d.held = held[:0]
		return dst
	case len(held) == 1 && isHex(c):
		d.held = append(held, c)
		return dst
	case len(held) == 2 && isHex(last) && isHex(c):
		d.held = held[:0]
		return append(dst, unhex(last)<<4|unhex(c))
	case (c == ' ' || c == '\t' || c == '\r') && (len(held) == 1 || !isHex(held[1])) && len(held) < maxBlankRun:
		d.held = append(held, c)
		return dst
	}
	dst = append(dst, held...)
	d.held = held[:0]
	return d.octet(dst, c)
}

func (d *quotedDecoder) finish(dst []byte) []byte {
	if len(d.held) > 1 && isHex(d.held[1]) {
		dst = append(dst, d.held...)
	}
	d.held = d.held[:0]
	return dst
}
