package message

import (
	"html"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// previewSource is how much decoded text a preview is made from.
const previewSource = 16 << 10

// DecodeText gives the text of a part in UTF-8 from its body as transferred:
// transfer encoding and charset undone.
func (p *Part) DecodeText(body io.Reader) io.Reader {
	return NewCharsetReader(NewTransferReader(body, p.Encoding), p.Charset())
}

// TextPart returns the part that a reader sees first: the first text/plain
// that is no attachment, or else the first text/html. It does not look into
// messages within the message. False: there is none.
func (x *Index) TextPart() (*Part, bool) {
	var plain, rich *Part
	x.Root.Walk(func(_ []int, p *Part) bool {
		switch {
		case p.Disposition == "attachment" || p.Type != "text":
		case p.Subtype == "plain" && plain == nil:
			plain = p
		case p.Subtype == "html" && rich == nil:
			rich = p
		}
		return !p.IsMessage()
	})
	if plain == nil {
		plain = rich
	}
	return plain, plain != nil
}

// Preview makes at most limit characters of plain text in one line from a
// text part's body as transferred, for lists of messages. Of HTML the tags
// go; quoted lines of plain text are left out.
func (p *Part) Preview(body io.Reader, limit int) string {
	raw, _ := io.ReadAll(io.LimitReader(p.DecodeText(body), previewSource))
	text := string(raw)
	if p.Subtype == "html" {
		text = stripTags(text)
	} else {
		text = withoutQuotes(text)
	}
	return cutText(strings.Join(strings.FieldsFunc(text, isInvisible), " "), limit)
}

func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

func cutText(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return s[:i]
		}
		n++
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

func withoutQuotes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, ">") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// stripTags takes markup, style sheets and scripts out of HTML. The result is
// for a line of text only; it is not a sanitiser.
func stripTags(s string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:open])
		b.WriteByte(' ')
		s = s[open:]
		end := tagEnd(s)
		if end < 0 {
			break
		}
		s = s[end:]
	}
	return html.UnescapeString(b.String())
}

// tagEnd returns the length of the tag, comment, style sheet or script at the
// start of s, -1 when it does not end.
func tagEnd(s string) int {
	var closing string
	switch {
	case strings.HasPrefix(s, "<!--"):
		closing = "-->"
	case hasTag(s, "style"):
		closing = "</style>"
	case hasTag(s, "script"):
		closing = "</script>"
	case hasTag(s, "head"):
		closing = "</head>"
	default:
		if end := strings.IndexByte(s, '>'); end >= 0 {
			return end + 1
		}
		return -1
	}
	end := strings.Index(strings.ToLower(s), closing)
	if end < 0 {
		return -1
	}
	return end + len(closing)
}

func hasTag(s, name string) bool {
	return len(s) > len(name)+1 && strings.EqualFold(s[1:1+len(name)], name) && strings.IndexByte("> \t\r\n", s[1+len(name)]) >= 0
}
