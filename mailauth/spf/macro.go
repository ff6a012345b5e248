package spf

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Macro letters, RFC 7208 section 7.2. The last three stand in explanations
// only.
const (
	recordLetters      = "slodiphv"
	explanationLetters = recordLetters + "crt"
)

// macro is one "%{d2r.-}".
type macro struct {
	letter     byte // lower case
	escape     bool // it was upper case: the value is escaped as in a URL
	keep       int  // how many parts from the right are kept, 0: all
	reverse    bool
	delimiters string // empty: a dot
}

// scanMacros checks the macro-string of a record and reports whether it ends
// in a macro.
func scanMacros(s string) (endsInMacro, ok bool) {
	for i := 0; i < len(s); {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false, false
		}
		_, _, n, ok := nextPiece(s[i:], recordLetters)
		if !ok {
			return false, false
		}
		endsInMacro = s[i] == '%'
		i += n
	}
	return endsInMacro, true
}

// nextPiece reads what stands at the start of s: a literal, one octet long or
// written with a %, or a macro. n is its length.
func nextPiece(s, letters string) (literal string, m macro, n int, ok bool) {
	switch {
	case s[0] != '%':
		return s[:1], macro{}, 1, true
	case strings.HasPrefix(s, "%%"):
		return "%", macro{}, 2, true
	case strings.HasPrefix(s, "%_"):
		return " ", macro{}, 2, true
	case strings.HasPrefix(s, "%-"):
		return "%20", macro{}, 2, true
	case !strings.HasPrefix(s, "%{"):
		return "", macro{}, 0, false
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return "", macro{}, 0, false
	}
	m, ok = parseMacro(s[2:end], letters)
	return "", m, end + 1, ok
}

// parseMacro reads what stands between the braces: a letter, digits, r, and
// delimiters.
func parseMacro(body, letters string) (macro, bool) {
	if body == "" || !isAlpha(body[0]) || strings.IndexByte(letters, body[0]|0x20) < 0 {
		return macro{}, false
	}
	m := macro{letter: body[0] | 0x20, escape: body[0] < 'a'}
	rest := strings.TrimLeft(body[1:], "0123456789")
	if digits := body[1 : len(body)-len(rest)]; digits != "" {
		if strings.Trim(digits, "0") == "" {
			return m, false
		}
		m.keep, _ = strconv.Atoi(digits) // the largest number where there is no such number
	}
	if rest != "" && rest[0]|0x20 == 'r' {
		m.reverse, rest = true, rest[1:]
	}
	m.delimiters = rest
	return m, strings.Trim(rest, ".-+,/_=") == ""
}

// transform applies the digits, the r, the delimiters and the escape, RFC 7208
// section 7.3.
func (m macro) transform(value string) string {
	delimiters := m.delimiters
	if delimiters == "" {
		delimiters = "."
	}
	if m.keep > 0 || m.reverse || delimiters != "." {
		parts := split(value, delimiters)
		if m.reverse {
			slices.Reverse(parts)
		}
		if m.keep > 0 && m.keep < len(parts) {
			parts = parts[len(parts)-m.keep:]
		}
		value = strings.Join(parts, ".")
	}
	if m.escape {
		value = escapeURL(value)
	}
	return value
}

// split cuts at each of the delimiters; empty parts stay.
func split(value, delimiters string) []string {
	var parts []string
	for {
		i := strings.IndexAny(value, delimiters)
		if i < 0 {
			return append(parts, value)
		}
		parts = append(parts, value[:i])
		value = value[i+1:]
	}
}

// escapeURL writes all but the unreserved characters of RFC 3986 as %XX.
func escapeURL(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isAlnum(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// dotted writes an address as the macro i does: an IPv6 address as 32 digits.
func dotted(addr netip.Addr) string {
	if addr.Is4() {
		return addr.String()
	}
	raw := addr.As16()
	return strings.Join(strings.Split(hex.EncodeToString(raw[:]), ""), ".")
}

// maxName is the length of a domain name to which RFC 7208 section 7.3 cuts.
const maxName = 253

// shorten takes whole labels off the left until the name is short enough.
func shorten(name string) string {
	for len(name) > maxName {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			return name
		}
		name = rest
	}
	return name
}
