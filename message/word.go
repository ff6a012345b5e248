package message

import (
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf8"
)

// DecodeWords returns a header value with its encoded words (RFC 2047)
// decoded to UTF-8. White space between two encoded words goes away, and
// neighbours in one charset are joined before conversion, since real senders
// split characters between them. What cannot be decoded stays as it is; raw
// octets that are not UTF-8 are read as Windows-1252.
func DecodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return toUTF8(value)
	}
	var d wordDecoder
	for {
		start := strings.Index(value, "=?")
		if start < 0 {
			break
		}
		charset, content, length := parseWord(value[start:])
		if length == 0 {
			d.text(value[:start+2])
			value = value[start+2:]
			continue
		}
		d.text(value[:start])
		d.word(charset, content)
		value = value[start+length:]
	}
	d.text(value)
	d.flush()
	return d.out.String()
}

// wordDecoder holds the octets of encoded words until it is known that no
// neighbour in the same charset follows.
type wordDecoder struct {
	out     strings.Builder
	charset string
	pending []byte
	between string // white space after pending
}

func (d *wordDecoder) text(s string) {
	if d.pending != nil && strings.Trim(s, " \t\r\n") == "" {
		d.between += s
		return
	}
	d.flush()
	d.out.WriteString(toUTF8(s))
}

func (d *wordDecoder) word(charset string, content []byte) {
	if d.pending != nil && !strings.EqualFold(charset, d.charset) {
		d.between = ""
		d.flush()
	}
	d.charset, d.between = charset, ""
	d.pending = append(d.pending, content...)
	if d.pending == nil {
		d.pending = []byte{}
	}
}

func (d *wordDecoder) flush() {
	if d.pending != nil {
		text := decodeCharset(d.charset, d.pending)
		d.out.WriteString(strings.Map(wordRune, text))
	}
	d.out.WriteString(d.between)
	d.pending, d.between = nil, ""
}

// wordRune keeps line breaks and NUL, which an encoded word can smuggle past
// folding, out of decoded values.
func wordRune(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return ' '
	}
	return r
}

// parseWord reads an encoded word at the start of s; length 0: there is none.
func parseWord(s string) (charset string, content []byte, length int) {
	if len(s) > 1024 {
		s = s[:1024] // RFC 2047 section 2 allows 75
	}
	q1 := strings.IndexByte(s[2:], '?')
	if q1 <= 0 || len(s) < q1+6 || s[q1+4] != '?' {
		return "", nil, 0
	}
	charset, _, _ = strings.Cut(s[2:2+q1], "*") // RFC 2231 section 5: a language
	encoding, rest := s[q1+3]|0x20, s[q1+5:]
	end := strings.Index(rest, "?=")
	if end < 0 || !isToken(charset) {
		return "", nil, 0
	}
	switch encoding {
	case 'q':
		content = decodeQ(rest[:end])
	case 'b':
		content = decodeB(rest[:end])
	default:
		return "", nil, 0
	}
	return charset, content, q1 + 5 + end + 2
}

// decodeQ decodes the Q encoding, RFC 2047 section 4.2.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// decodeB decodes base64 with or without padding, up to the first error.
func decodeB(s string) []byte {
	s = strings.Map(dropBlank, strings.TrimRight(s, "= "))
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(s)))
	n, _ := base64.RawStdEncoding.Decode(out, []byte(s))
	return out[:n]
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// toUTF8 reads octets that are not UTF-8 as Windows-1252.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return decodeCharset("windows-1252", []byte(s))
}

// EncodeWords renders text as a header value in ASCII: as it is when it is
// plain, as encoded words in UTF-8 otherwise. Control characters become
// spaces.
func EncodeWords(text string) string {
	return mime.QEncoding.Encode("utf-8", strings.Map(wordRune, text))
}
