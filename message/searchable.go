package message

import (
	"io"
	"strings"
)

// MaxSearchText is how many octets of one part's text are searched.
const MaxSearchText = 16 << 20

// ReadHeader reads the header of the message whose content this is, shift
// octets of the account's own fields before it included. A header over a limit
// is none: there is nothing to be found in it.
func (x *Index) ReadHeader(content io.ReaderAt, shift int64) (Header, error) {
	raw := make([]byte, min(x.Root.Header.Length+shift, MaxHeaderBytes))
	n, err := content.ReadAt(raw, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	header, err := ParseHeader(raw[:n])
	if err != nil {
		return nil, nil
	}
	return header, nil
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
