package message

import (
	"bytes"
	"io"
	"strings"
)

// MaxSearchText is how many octets of one part's text are searched.
const MaxSearchText = 16 << 20

// ReadHeader reads the header of the message whose content this is, shift
// octets of the account's own fields before it included. A header over a limit
// is none: there is nothing to be found in it.
func (x *Index) ReadHeader(content io.ReaderAt, shift int64) (Header, error) {
	raw, err := x.readHeader(nil, content, shift)
	if err != nil {
		return nil, err
	}
	header, err := ParseHeader(raw)
	if err != nil {
		return nil, nil
	}
	return header, nil
}

// readHeader reads the header section, as much of it as is looked at, into buf
// where it fits.
func (x *Index) readHeader(buf []byte, content io.ReaderAt, shift int64) ([]byte, error) {
	size := int(min(x.Root.Header.Length+shift, MaxHeaderBytes))
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	n, err := content.ReadAt(buf[:size], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return buf[:n], nil
}

// ReadHeaderText appends the SearchText of each field that ReadHeader returns to
// dst: in lower case, each ended by a line break, which none has within. buf is
// room for the header, which is used where it suffices.
func (x *Index) ReadHeaderText(dst, buf []byte, content io.ReaderAt, shift int64) ([]byte, error) {
	raw, err := x.readHeader(buf, content, shift)
	if err != nil {
		return dst, err
	}
	text := dst
	for n := 0; len(raw) > 0; n++ {
		end := fieldEnd(raw)
		field := raw[:end]
		raw = raw[end:]
		if len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		if n == MaxHeaderFields {
			return dst, nil
		}
		text = append(appendFieldText(text, field), '\n')
	}
	return text, nil
}

// appendFieldText appends a field's SearchText in lower case. A field without
// encoded words, in ASCII, is taken as it comes.
func appendFieldText(dst, field []byte) []byte {
	if !isPlainASCII(field) || bytes.Contains(field, []byte("=?")) {
		f := Field{Name: fieldName(field), Raw: field}
		return append(dst, strings.ToLower(f.SearchText())...)
	}
	dst = append(appendLower(dst, nameOf(field)), ": "...)
	_, value, _ := bytes.Cut(field, []byte{':'})
	folded := bytes.IndexByte(value, '\n') >= 0
	for _, c := range bytes.Trim(value, " \t\r\n") {
		if folded && (c == '\r' || c == '\n') {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// SearchText is the field as a search sees it: name and value, encoded words
// decoded (RFC 2047).
func (f *Field) SearchText() string { return f.Name + ": " + DecodeWords(f.Value()) }

// SearchText is the part's text as a search sees it, in UTF-8.
func (p *Part) SearchText(content io.ReaderAt, shift int64) io.Reader {
	raw := io.NewSectionReader(content, p.Body.Offset+shift, p.Body.Length)
	return io.LimitReader(p.DecodeText(raw), MaxSearchText)
}

// AddressText is a list of addresses as a search sees it: names decoded,
// addresses in angle brackets.
func AddressText(list []HeaderAddress) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(DecodeWords(a.Name))
		if a.Group == GroupNone {
			b.WriteString(" <" + a.Local + "@" + a.Domain + ">")
		}
		b.WriteString(", ")
	}
	return b.String()
}

// EachText calls yield for every text of the message in which something may be
// searched: header fields, the envelope's addresses and subject, and the text
// parts, those of messages within the message with them.
func (x *Index) EachText(content io.ReaderAt, shift int64, yield func(io.Reader) error) error {
	header, err := x.ReadHeader(content, shift)
	for i := 0; i < len(header) && err == nil; i++ {
		err = yield(strings.NewReader(header[i].SearchText()))
	}
	if e := x.Envelope; e != nil {
		for _, text := range []string{DecodeWords(e.Subject), e.MessageID, AddressText(e.From), AddressText(e.To), AddressText(e.Cc), AddressText(e.Bcc)} {
			if err == nil {
				err = yield(strings.NewReader(text))
			}
		}
	}
	x.Root.Walk(func(_ []int, part *Part) bool {
		if err == nil && part.Type == "text" {
			err = yield(part.SearchText(content, shift))
		}
		return err == nil
	})
	return err
}
