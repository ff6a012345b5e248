package message

import "bytes"

// Limits on what the indexer holds of a message.
const (
	maxPartHeader   = 32 << 10  // of one part's header
	nestedHeaders   = 256 << 10 // of all headers but the first
	maxBoundary     = 200       // RFC 2046 section 5.1.1 allows 70
	maxLinePrefix   = 512       // of a line, to find a boundary in it
	defaultEncoding = "7bit"
)

// Indexer makes the Index of a message that is written to it, in pieces of
// any size, in time proportional to its size. It holds headers, never bodies.
// The zero Indexer is ready for use. It never fails: what cannot be made out
// is opaque.
type Indexer struct {
	offset int64 // octets consumed
	lines  int64 // line breaks consumed
	eol    int64 // length of the last line break, 1 or 2
	work   int64 // octets and boundary candidates looked at, for the test of linearity

	line   []byte // the beginning of a line that is not complete
	inLine bool   // the beginning was dealt with, the rest of the line is passed over
	lastCR bool   // the octet before was CR
	index  *Index
	stack  []*frame
	open   int // frames with a boundary
	parts  int
	budget int // octets of nested headers still kept
	full   bool
}

// frame is a part that is not complete.
type frame struct {
	part      *Part
	mode      frameMode
	boundary  []byte // of a multipart that waits for parts
	digest    bool   // its parts are message/rfc822 by default, RFC 2046 section 5.1.5
	inDigest  bool   // it is a part of such a multipart
	isMessage bool   // its header is a message's
	holder    *Part  // of a message within a message: the part around it
	header    []byte // captured so far
	limit     int    // of header
	bodyLine  int64  // line breaks before the body
}

type frameMode uint8

const (
	atDelimiter frameMode = iota // the header begins with the next line
	inHeader
	atHeaderEnd // the body begins with the next line
	inBody      // also a multipart's preamble and epilogue
)

// Write takes the next piece of the message. It never fails.
func (x *Indexer) Write(p []byte) (int, error) {
	x.start()
	for rest := p; len(rest) > 0; {
		if x.opaque() {
			x.skip(rest)
			break
		}
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			x.fragment(rest)
			break
		}
		x.endLine(rest[:i+1])
		rest = rest[i+1:]
	}
	return len(p), nil
}

func (x *Indexer) start() {
	if x.index != nil {
		return
	}
	x.index = &Index{Root: &Part{}}
	x.budget = nestedHeaders
	x.parts = 1
	x.stack = append(x.stack, &frame{part: x.index.Root, mode: inHeader, isMessage: true, limit: MaxHeaderBytes})
}

// top returns the innermost open part.
func (x *Indexer) top() *frame { return x.stack[len(x.stack)-1] }

// opaque reports whether nothing but the end of the message can change what
// is known, so that octets need only be counted.
func (x *Indexer) opaque() bool {
	return (x.open == 0 || x.full) && x.top().mode == inBody && len(x.line) == 0
}

// skip counts octets and line breaks.
func (x *Indexer) skip(p []byte) {
	x.work += int64(len(p))
	x.offset += int64(len(p))
	if n := bytes.Count(p, []byte{'\n'}); n > 0 {
		x.lines += int64(n)
		x.inLine = p[len(p)-1] != '\n'
		return
	}
	x.inLine = true
}

// fragment takes a piece without a line break: the beginning of a line is
// held until it is long enough to be judged.
func (x *Indexer) fragment(p []byte) {
	x.work += int64(len(p))
	x.lastCR = p[len(p)-1] == '\r'
	if x.inLine {
		x.pass(p)
		return
	}
	x.line = append(x.line, p...)
	if len(x.line) >= maxLinePrefix {
		x.beginLine(x.line, false)
		x.line = x.line[:0]
		x.inLine = true
	}
}

// endLine takes a piece that ends with a line break.
func (x *Indexer) endLine(p []byte) {
	x.work += int64(len(p))
	eol := int64(1)
	if n := len(p); n > 1 && p[n-2] == '\r' || n == 1 && x.lastCR {
		eol = 2
	}
	switch {
	case x.inLine:
		x.pass(p)
	case len(x.line) > 0:
		x.line = append(x.line, p...)
		x.beginLine(x.line, true)
		x.line = x.line[:0]
	default:
		x.beginLine(p, true)
	}
	x.inLine, x.lastCR = false, false
	x.lines++
	x.eol = eol
	x.endOfLine()
}

// pass takes the rest of a line whose beginning was dealt with.
func (x *Indexer) pass(p []byte) {
	x.offset += int64(len(p))
	if top := x.top(); top.mode == inHeader {
		x.capture(top, p)
	}
}

// beginLine deals with a line, or with so much of its beginning as is needed.
func (x *Indexer) beginLine(line []byte, whole bool) {
	if x.open > 0 && !x.full && len(line) > 2 && line[0] == '-' && line[1] == '-' {
		if i := x.findBoundary(line[2:]); i >= 0 {
			x.delimiter(i, line)
			return
		}
	}
	x.offset += int64(len(line))
	if top := x.top(); top.mode == inHeader {
		x.capture(top, line)
		if whole && isBlankLine(line) {
			top.mode = atHeaderEnd
		}
	}
}

func isBlankLine(line []byte) bool {
	return len(line) == 1 || len(line) == 2 && line[0] == '\r'
}

// capture keeps header octets within the limits.
func (x *Indexer) capture(f *frame, p []byte) {
	room := f.limit - len(f.header)
	if f.part != x.index.Root {
		room = min(room, x.budget)
		x.budget -= min(len(p), max(room, 0))
	}
	if room > 0 {
		f.header = append(f.header, p[:min(len(p), room)]...)
	}
}

// findBoundary returns the innermost frame whose boundary begins the line
// after its two hyphens, -1 for none. RFC 2046 section 5.1.1 has a prefix
// suffice, so of several the longest is meant; section 5.1.2 has those of
// outer multiparts end inner ones.
func (x *Indexer) findBoundary(line []byte) int {
	best, length := -1, 0
	for i := len(x.stack) - 1; i >= 0; i-- {
		b := x.stack[i].boundary
		if b == nil {
			continue
		}
		x.work++
		if len(b) > length && bytes.HasPrefix(line, b) {
			best, length = i, len(b)
		}
	}
	return best
}

// delimiter ends the parts within frame i and begins the next one, or the
// epilogue after a close-delimiter. The line break before the line belongs to
// it, RFC 2046 section 5.1.1.
func (x *Indexer) delimiter(i int, line []byte) {
	x.closeAbove(i+1, x.offset-x.eol)
	f := x.stack[i]
	x.offset += int64(len(line))
	if bytes.HasPrefix(line[2+len(f.boundary):], []byte("--")) {
		f.boundary = nil
		x.open--
		return
	}
	if x.parts == MaxParts {
		x.full = true
		return
	}
	child := &Part{}
	f.part.Children = append(f.part.Children, child)
	x.parts++
	x.stack = append(x.stack, &frame{part: child, inDigest: f.digest, limit: maxPartHeader})
}

// endOfLine moves on a part that was waiting for the end of a line.
func (x *Indexer) endOfLine() {
	switch top := x.top(); top.mode {
	case atDelimiter:
		top.mode = inHeader
		top.part.Header.Offset = x.offset
	case atHeaderEnd:
		x.finishHeader(top, x.offset)
	}
}

// finishHeader reads the header of a part that ends at an offset and prepares
// for its body.
func (x *Indexer) finishHeader(f *frame, end int64) {
	if f.mode == atDelimiter {
		f.part.Header.Offset = x.offset
	}
	f.part.Header.Length = max(0, end-f.part.Header.Offset)
	f.part.Body.Offset = f.part.Header.End()
	f.bodyLine = x.lines
	f.mode = inBody
	fields := readFields(f.header, f.isMessage)
	if f.part == x.index.Root {
		x.index.SubjectOnce = subjectOnce(f.header, fields.subject)
	}
	fields.apply(f)
	if f.isMessage {
		x.takeEnvelope(f, fields)
	}
	if f.part == x.index.Root {
		x.index.Fields = x.index.listFields(f.header)
	}
	f.header = nil
	x.openContent(f)
}

// takeEnvelope gives a message's envelope to where it is shown.
func (x *Indexer) takeEnvelope(f *frame, fields *partFields) {
	if f.holder != nil {
		f.holder.Envelope = fields.envelope()
		return
	}
	x.index.Envelope = fields.envelope()
	x.index.References = ParseMessageIDs(fields.references)
	x.index.Date, _ = ParseDate(fields.date)
}

// openContent prepares for the parts of a multipart or for the message in a
// message/rfc822 part, within the limits.
func (x *Indexer) openContent(f *frame) {
	p := f.part
	if !p.IsMultipart() && !p.IsMessage() {
		return
	}
	if len(x.stack) > MaxDepth || x.parts == MaxParts {
		p.Type, p.Subtype, p.Params = "application", "octet-stream", nil
		return
	}
	if p.IsMultipart() {
		f.boundary = boundaryOf(p)
		f.digest = p.Subtype == "digest"
		x.open++
		return
	}
	child := &Part{Header: Range{Offset: p.Body.Offset}}
	p.Children = []*Part{child}
	x.parts++
	x.stack = append(x.stack, &frame{part: child, mode: inHeader, isMessage: true, holder: p, limit: MaxHeaderBytes})
}

// closeAbove ends every part above the lowest keep parts at an offset.
func (x *Indexer) closeAbove(keep int, end int64) {
	for len(x.stack) > keep {
		f := x.top()
		if f.mode != inBody {
			x.finishHeader(f, end) // may open a message without content
			continue
		}
		x.close(f, end)
		x.stack = x.stack[:len(x.stack)-1]
	}
}

// close ends one part, whose header is complete, at an offset.
func (x *Indexer) close(f *frame, end int64) {
	p := f.part
	if f.boundary != nil {
		x.open--
	}
	p.Body.Length = max(0, end-p.Body.Offset)
	if p.Body.Length > 0 && (p.Type == "text" || p.IsMessage()) {
		p.Lines = x.lines - f.bodyLine
		if end < x.offset {
			p.Lines-- // the line break before a delimiter is the delimiter's
		}
	}
	if p.IsMultipart() && len(p.Children) == 0 {
		at := Range{Offset: p.Body.Offset}
		p.Children = []*Part{{Header: at, Body: at, Type: "text", Subtype: "plain", Encoding: defaultEncoding}}
	}
}

// Finish ends the message and returns its index. The Indexer is used up.
func (x *Indexer) Finish() *Index {
	x.start()
	if len(x.line) > 0 {
		x.beginLine(x.line, false)
	}
	x.closeAbove(0, x.offset)
	x.index.Size = x.offset
	return x.index
}
