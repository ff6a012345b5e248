package message

import (
	"bytes"
	"encoding/binary"
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

func isPlainASCII(b []byte) bool { return plainPrefix(b) == len(b) }

// NewCharsetReader converts what r gives from a charset to UTF-8. An unknown
// or empty charset is taken for UTF-8 with U+FFFD for what does not fit.
func NewCharsetReader(r io.Reader, charset string) io.Reader {
	enc := charsetOf(charset)
	if name, err := htmlindex.Name(enc); err != nil || isStateful(name) {
		return transform.NewReader(r, enc.NewDecoder())
	}
	return &charsetReader{r: r, enc: enc}
}

// charsetReader passes ASCII on as it is, which most mail is written in, and
// decodes from the first other octet on. The charset has no states, so that a
// decoder can begin there.
type charsetReader struct {
	r       io.Reader
	enc     encoding.Encoding
	decoded io.Reader // once something else than ASCII came
}

// Read implements io.Reader.
func (c *charsetReader) Read(p []byte) (int, error) {
	if c.decoded != nil {
		return c.decoded.Read(p)
	}
	n, err := c.r.Read(p)
	plain := plainPrefix(p[:n])
	if plain == n {
		return n, err
	}
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(p[plain:n])), &failed{c.r, err})
	c.decoded = transform.NewReader(rest, c.enc.NewDecoder())
	if plain > 0 {
		return plain, nil
	}
	return c.decoded.Read(p)
}

// failed is a reader that gave err with the last octets it gave.
type failed struct {
	r   io.Reader
	err error
}

func (f *failed) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.Read(p)
}

// plainPrefix returns the length of the ASCII at the start of b, without
// escape characters. It looks at eight octets at a time.
func plainPrefix(b []byte) int {
	const (
		ones    = 0x0101010101010101
		tops    = 0x8080808080808080
		escapes = 0x1b * ones
	)
	n := 0
	for ; n+8 <= len(b); n += 8 {
		word := binary.LittleEndian.Uint64(b[n:])
		without := word ^ escapes // an octet of it is 0 where an escape stands
		if (word|(without-ones)&^without)&tops != 0 {
			break
		}
	}
	for n < len(b) && b[n] < 0x80 && b[n] != 0x1b {
		n++
	}
	return n
}
