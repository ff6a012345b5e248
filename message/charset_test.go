package message

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"
)

// TestCharsetReaderIsItsDecoder holds the short cut for ASCII against the
// charset's decoder over everything.
func TestCharsetReaderIsItsDecoder(t *testing.T) {
	charsets := []string{
		"", "us-ascii", "utf-8", "UTF8", "\"utf-8\"", "unknown-8bit", "iso-8859-1", "iso-8859-8-i", "iso-8859-15", "windows-1251", "windows-1252",
		"koi8-r", "macintosh", "ibm866", "big5", "gbk", "gb2312", "gb18030", "euc-jp", "shift_jis", "euc-kr", "iso-2022-jp", "iso-2022-kr",
		"hz-gb-2312", "utf-16", "utf-16le", "utf-16be", "unicode", "ucs-2", "utf-7", "x-user-defined", "replacement",
	}
	texts := []string{
		"", "plain", "plain\r\nlines\x00\x7f", "a\xef\xbb\xbfb", "\xef\xbb\xbfbom", "\xff\xfea\x00", "caf\xc3\xa9 und \xe9t\xe9", "cut \xe2\x82", "\x1b$B$3$s\x1b(B ascii",
		"~{<:Ky2;~} hz", "\x81\x30\x81\x30 \x5c \x7e \x8f\xa2\xaf", strings.Repeat("long ascii ", 900) + "\xa4\xcf\xa4\xb8" + strings.Repeat(" and more \xb0\xa1", 900),
	}
	for c := range 256 {
		texts = append(texts, "at "+string([]byte{byte(c)})+"A and "+string([]byte{'x', byte(c), 0xa1, byte(c)}))
	}
	for _, charset := range charsets {
		for _, text := range texts {
			want, wantErr := io.ReadAll(transform.NewReader(strings.NewReader(text), charsetOf(charset).NewDecoder()))
			for _, r := range []io.Reader{strings.NewReader(text), iotest.DataErrReader(strings.NewReader(text)), iotest.OneByteReader(strings.NewReader(text))} {
				got, err := io.ReadAll(NewCharsetReader(r, charset))
				if string(got) != string(want) || (err == nil) != (wantErr == nil) {
					t.Fatalf("%s of %.60q: %.80q %v, the decoder says %.80q %v", charset, text, got, err, want, wantErr)
				}
			}
		}
	}
}
