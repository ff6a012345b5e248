package message

import "strings"

// foldAt is the line length at which FoldField breaks where it can, RFC 5322
// section 2.1.1.
const foldAt = 78

// FoldField renders a header field, folded at white space (RFC 5322 section
// 2.2.3) and ended by CRLF. Line breaks and NUL in value become spaces, so a
// value can never add a field of its own. A word longer than a line stays
// whole.
func FoldField(name, value string) string {
	var b strings.Builder
	b.Grow(len(name) + len(value) + 16)
	b.WriteString(name)
	b.WriteByte(':')
	column := len(name) + 1
	for _, word := range strings.FieldsFunc(value, isLineSpace) {
		if column+1+len(word) > foldAt && column > len(name)+1 {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteByte(' ')
		b.WriteString(word)
		column += 1 + len(word)
	}
	b.WriteString("\r\n")
	return b.String()
}

func isLineSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == 0 }
