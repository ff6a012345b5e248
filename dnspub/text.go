package dnspub

import (
	"fmt"
	"strconv"
	"strings"

	"gomail"
)

// maxString is the length of a character-string in octets, RFC 1035 section
// 3.3.
const maxString = 255

// The ways to write an octet that is no printable ASCII as three digits behind
// a backslash: RFC 1035 section 5.1 counts in tens, Amazon in eights.
const (
	decimal = 10
	octal   = 8
)

// quoteText writes a text in quoted strings of at most 255 octets.
func quoteText(text string, base int) string {
	var b strings.Builder
	for first := true; first || text != ""; first = false {
		if !first {
			b.WriteByte(' ')
		}
		n := min(len(text), maxString)
		quoteString(&b, text[:n], base)
		text = text[n:]
	}
	return b.String()
}

func quoteString(b *strings.Builder, s string, base int) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case (c < ' ' || c > '~') && base == octal:
			fmt.Fprintf(b, `\%03o`, c)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// parseText reads quoted strings and joins them. A text that does not begin
// with a quote was never quoted and is returned as it stands.
func parseText(s string, base int) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\t'):
		case !inside:
			return "", gomail.Errorf(gomail.Invalid, "the text %.40q has something between its quoted strings", s)
		case c == '\\':
			octet, used, err := unescape(s[i+1:], base)
			if err != nil {
				return "", err
			}
			b.WriteByte(octet)
			i += used
		default:
			b.WriteByte(c)
		}
	}
	if inside {
		return "", gomail.Errorf(gomail.Invalid, "the text %.40q ends within a quoted string", s)
	}
	return b.String(), nil
}

// unescape reads what stands behind a backslash, and says how long it is.
func unescape(s string, base int) (octet byte, used int, err error) {
	if s == "" {
		return 0, 0, gomail.Errorf(gomail.Invalid, "a text ends with a backslash")
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, nil
	}
	if len(s) >= 3 {
		if n, err := strconv.ParseUint(s[:3], base, 8); err == nil {
			return byte(n), 3, nil
		}
	}
	return 0, 0, gomail.Errorf(gomail.Invalid, `the escape \%.3s in a text is not one of three digits`, s)
}

// unescapeName resolves the escapes that Amazon writes into names:
// "\052.example.com" is "*.example.com".
func unescapeName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			if octet, used, err := unescape(name[i+1:], octal); err == nil {
				b.WriteByte(octet)
				i += used
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
