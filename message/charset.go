package message

import (
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// KnownCharset reports whether text in that charset can be converted.
func KnownCharset(name string) bool {
	_, err := htmlindex.Get(strings.TrimSpace(name))
	return err == nil
}

// charsetOf returns the encoding of a name. An unknown one is taken for
// UTF-8, whose decoder replaces what does not fit.
func charsetOf(name string) encoding.Encoding {
	enc, err := htmlindex.Get(strings.Trim(name, " \t\"'"))
	if err != nil || enc == encoding.Replacement {
		return unicode.UTF8
	}
	return enc
}

// decodeCharset converts to UTF-8; what has no meaning becomes U+FFFD.
func decodeCharset(name string, content []byte) string {
	if isPlainASCII(content) && !isStateful(name) {
		return string(content)
	}
	text, err := charsetOf(name).NewDecoder().Bytes(content)
	if err != nil {
		return strings.ToValidUTF8(string(content), "\uFFFD")
	}
	return string(text)
}

// isStateful reports whether ASCII octets may mean something else in the
// charset: ISO-2022 and UTF-16 write letters for other scripts.
func isStateful(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "2022") || strings.Contains(lower, "utf-16") || strings.Contains(lower, "hz")
}

func isPlainASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0x1b {
			return false
		}
	}
	return true
}

// NewCharsetReader converts what r gives from a charset to UTF-8. An unknown
// or empty charset is taken for UTF-8 with U+FFFD for what does not fit.
func NewCharsetReader(r io.Reader, charset string) io.Reader {
	return transform.NewReader(r, charsetOf(charset).NewDecoder())
}
