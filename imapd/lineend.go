package imapd

import (
	"bytes"
	"io"
)

// lineEndings makes what clients append a message as it is on the wire: every
// line ends with CRLF, and NUL, which no string of a later FETCH could hold,
// becomes 0x80. Well-formed messages pass through as they are.
type lineEndings struct {
	w    io.Writer
	last byte
	buf  []byte
}

// Write implements io.Writer.
func (l *lineEndings) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	out := p
	if !l.clean(p) {
		out = l.mend(p)
	}
	l.last = p[len(p)-1]
	if _, err := l.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// clean reports whether p needs no mending.
func (l *lineEndings) clean(p []byte) bool {
	if bytes.IndexByte(p, 0) >= 0 {
		return false
	}
	last := l.last
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return true
		}
		if i > 0 {
			last = p[i-1]
		}
		if last != '\r' {
			return false
		}
		p, last = p[i+1:], '\n'
	}
}

func (l *lineEndings) mend(p []byte) []byte {
	out := l.buf[:0]
	last := l.last
	for _, c := range p {
		switch {
		case c == 0:
			out = append(out, 0x80)
		case c == '\n' && last != '\r':
			out = append(out, '\r', '\n')
		default:
			out = append(out, c)
		}
		last = c
	}
	l.buf = out
	return out
}
