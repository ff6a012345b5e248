package imapd

import (
	"io"

	"gomail"
	"gomail/message"
)

// maxHeaderRead bounds the header that HEADER.FIELDS looks through.
const maxHeaderRead = 1 << 20

// writeSection writes BODY[...] with its content; a section that does not
// exist is NIL.
func (m *fetched) writeSection(item *fetchItem) {
	out := &m.s.out
	item.writeName(out)
	out.Text(" ")
	found, ok := m.index.Find(item.path, item.what, m.row.Shift)
	switch {
	case !ok:
		out.Text("NIL")
	case item.fields != nil:
		m.writeFields(item, found)
	default:
		found = item.cut(found)
		out.CopyLiteral(io.NewSectionReader(m.row.content, found.Offset, found.Length), found.Length, false)
	}
}

// cut takes the partial's share of a range.
func (item *fetchItem) cut(r message.Range) message.Range {
	if !item.partial {
		return r
	}
	skip := min(item.offset, r.Length)
	return message.Range{Offset: r.Offset + skip, Length: min(item.length, r.Length-skip)}
}

// writeFields writes HEADER.FIELDS.
func (m *fetched) writeFields(item *fetchItem, found message.Range) {
	kept := headerFields(m.row.content, found, item)
	m.s.out.LiteralHeader(int64(len(kept)), false)
	m.s.out.Raw(kept)
}

// writeKnownFields writes HEADER.FIELDS that the index tells.
func (m *fetched) writeKnownFields(item *fetchItem, fields []byte) {
	item.writeName(&m.s.out)
	m.s.out.Text(" ")
	kept := item.share(fields)
	m.s.out.LiteralHeader(int64(len(kept)), false)
	m.s.out.Raw(kept)
}

// share takes the partial's share of header fields.
func (item *fetchItem) share(fields []byte) []byte {
	cut := item.cut(message.Range{Length: int64(len(fields))})
	return fields[cut.Offset:cut.End()]
}

// headerFields reads those fields of a header that an item asks for, and of
// them its share.
func headerFields(content gomail.Content, header message.Range, item *fetchItem) []byte {
	raw := make([]byte, min(header.Length, maxHeaderRead))
	n, _ := io.ReadFull(io.NewSectionReader(content, header.Offset, int64(len(raw))), raw)
	return item.share(message.FilterHeader(raw[:n], item.fields, item.not))
}

// writeBinary writes BINARY[...] or BINARY.SIZE[...]: a part with its
// transfer encoding undone, RFC 3516. The size has to be known before the
// first octet is sent, so the part is decoded twice rather than held.
func (m *fetched) writeBinary(item *fetchItem) {
	out := &m.s.out
	item.writeName(out)
	out.Text(" ")
	decoded, ok := m.decoded(item)
	if !ok {
		if item.kind == itemBinarySize {
			out.Text("0")
			return
		}
		out.Text("NIL")
		return
	}
	size, err := io.Copy(io.Discard, decoded)
	if err != nil {
		out.Fail(err)
		return
	}
	if item.kind == itemBinarySize {
		out.Int(size)
		return
	}
	cut := item.cut(message.Range{Length: size})
	again, _ := m.decoded(item)
	if _, err := io.CopyN(io.Discard, again, cut.Offset); err != nil {
		out.Fail(err)
		return
	}
	out.CopyLiteral(again, cut.Length, true)
}

// decoded returns a part's content without its transfer encoding; false when
// there is no such part or its encoding is not known.
func (m *fetched) decoded(item *fetchItem) (io.Reader, bool) {
	found, ok := m.index.Find(item.path, message.Whole, m.row.Shift)
	if !ok {
		return nil, false
	}
	raw := io.NewSectionReader(m.row.content, found.Offset, found.Length)
	if len(item.path) == 0 {
		return raw, true
	}
	part, _ := m.index.Part(item.path)
	switch part.Encoding {
	case "base64", "quoted-printable":
		return message.NewTransferReader(raw, part.Encoding), true
	case "7bit", "8bit", "binary":
		return raw, true
	}
	m.unknownEncoding = true
	return nil, false
}
