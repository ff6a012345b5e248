package imapd

import "io"

// previewLength is how many characters a preview has, RFC 8970 section 3.2.
const previewLength = 200

// readPreview reads what may follow PREVIEW: the modifier LAZY, by which a
// client would rather have none than wait. Ours are made when they are asked
// for, from what has to be opened anyway, so it makes no difference.
func (s *session) readPreview() fetchItem {
	s.dec.TryText(" (LAZY)")
	return fetchItem{kind: itemPreview}
}

// writePreview writes PREVIEW: the beginning of the text that a reader sees
// first; empty where a message has none.
func (m *fetched) writePreview() {
	out := &m.s.out
	out.Text("PREVIEW ")
	part, ok := m.index.TextPart()
	if !ok {
		out.Text(`""`)
		return
	}
	body := io.NewSectionReader(m.row.content, part.Body.Offset+m.row.Shift, part.Body.Length)
	out.String(part.Preview(body, previewLength))
}
