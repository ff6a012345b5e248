package dkim

import (
	"bytes"
	"strings"

	"gomail/message"
)

// AppendField appends a header field, raw, in canonical form, RFC 6376 sections
// 3.4.1 and 3.4.2, with its line end.
func AppendField(dst, raw []byte, c Canonicalization) []byte {
	raw = bytes.TrimRight(raw, "\r\n")
	if c != Relaxed {
		return append(append(dst, raw...), crlf...)
	}
	colon := bytes.IndexByte(raw, ':')
	if colon < 0 {
		colon = len(raw)
	}
	for _, b := range bytes.TrimRight(raw[:colon], " \t") {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		dst = append(dst, b)
	}
	dst = append(dst, ':')
	if colon < len(raw) {
		dst = appendRelaxed(dst, raw[colon+1:])
	}
	return append(dst, crlf...)
}

// appendRelaxed appends a value unfolded, with every run of white space as
// one space and none at its ends.
func appendRelaxed(dst, value []byte) []byte {
	start, space := len(dst), false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '\r', '\n':
			// Folding: a line break always comes before white space.
		case ' ', '\t':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	return dst
}

// fieldIndex finds the fields of a header by name, bottom up, which is how
// h= counts repeated ones (RFC 6376 section 5.4.2).
type fieldIndex struct {
	header message.Header
	byName map[string][]int // lower case; top to bottom
}

func indexFields(header message.Header) fieldIndex {
	x := fieldIndex{header, make(map[string][]int, len(header))}
	for i, f := range header {
		if f.Name != "" {
			name := strings.ToLower(f.Name)
			x.byName[name] = append(x.byName[name], i)
		}
	}
	return x
}

// appendSigned appends the canonical form of the fields that h= lists, each
// instance once. A name beyond those there are stands for nothing. The field
// at index self, the signature itself, is never one of them; -1 for none.
func (x fieldIndex) appendSigned(dst []byte, names []string, c Canonicalization, self int) []byte {
	left := make(map[string]int, len(names))
	for _, name := range names {
		name = strings.ToLower(name)
		at := x.byName[name]
		n, seen := left[name]
		if !seen {
			n = len(at)
		}
		if n > 0 && at[n-1] == self {
			n--
		}
		if n > 0 {
			n--
			dst = AppendField(dst, x.header[at[n]].Raw, c)
		}
		left[name] = n
	}
	return dst
}

// WithoutSignature returns a DKIM-Signature field with the value of b= taken
// out and nothing else changed, RFC 6376 section 3.7.
func WithoutSignature(raw []byte) []byte {
	colon := bytes.IndexByte(raw, ':')
	for start := colon + 1; start < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[start:], ';'); i >= 0 {
			end = start + i
		}
		equals := bytes.IndexByte(raw[start:end], '=')
		if equals >= 0 && string(bytes.Trim(raw[start:start+equals], fws)) == "b" {
			out := append([]byte(nil), raw[:start+equals+1]...)
			return append(out, raw[end:]...)
		}
		start = end + 1
	}
	return raw
}
