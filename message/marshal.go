package message

import (
	"encoding/binary"
	"time"

	"gomail"
)

// The stored form of an Index:
//
//	version            1 octet, indexVersion
//	size               uvarint
//	root header length uvarint
//	flags              1 octet: 1 a date follows, 2 SubjectOnce, 4 fields follow below
//	date               varint, unix seconds; varint, offset in minutes
//	references         uvarint count, then each as uvarint length and octets
//	envelope           uvarint length, ENVELOPE as on the wire
//	structure          uvarint length, BODYSTRUCTURE as on the wire
//	fields             uvarint length, octets: see Index.Fields
//	layout             for each part, depth first: uvarints of the gap between
//	                   where it could begin and its header, its header's length
//	                   and its body's length
//
// ENVELOPE and BODYSTRUCTURE hold everything but offsets, so that they serve
// IMAP as they are and the tree is made from them.
const indexVersion = 1

// Marshal returns the index in the form in which it is stored.
func (x *Index) Marshal() []byte {
	envelope := x.Envelope.AppendEnvelope(make([]byte, 0, 512))
	structure := x.Root.AppendStructure(make([]byte, 0, 512), true)
	dst := make([]byte, 0, len(envelope)+len(structure)+len(x.Fields)+128)
	dst = append(dst, indexVersion)
	dst = binary.AppendUvarint(dst, uint64(x.Size))
	dst = binary.AppendUvarint(dst, uint64(x.Root.Header.Length))
	dst = x.appendDate(dst)
	dst = binary.AppendUvarint(dst, uint64(len(x.References)))
	for _, id := range x.References {
		dst = appendBytes(dst, []byte(id))
	}
	dst = appendBytes(dst, envelope)
	dst = appendBytes(dst, structure)
	dst = x.appendFieldList(dst)
	return x.Root.appendLayout(dst, 0)
}

// The flags before the date.
const (
	hasDate     = 1
	subjectFlag = 2
	listFlag    = 4
)

func (x *Index) appendDate(dst []byte) []byte {
	flags := byte(0)
	if x.SubjectOnce {
		flags = subjectFlag
	}
	if len(x.Fields) > 0 {
		flags |= listFlag
	}
	if x.Date.IsZero() {
		return append(dst, flags)
	}
	_, offset := x.Date.Zone()
	dst = binary.AppendVarint(append(dst, flags|hasDate), x.Date.Unix())
	return binary.AppendVarint(dst, int64(offset/60))
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// appendLayout renders where a part lies; base is the offset that its header
// cannot lie before.
func (p *Part) appendLayout(dst []byte, base int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(p.Header.Offset-base))
	dst = binary.AppendUvarint(dst, uint64(p.Header.Length))
	dst = binary.AppendUvarint(dst, uint64(p.Body.Length))
	for _, child := range p.Children {
		dst = child.appendLayout(dst, p.Body.Offset)
	}
	return dst
}

// SizeOf returns the size of the message from its marshalled index, -1 when
// that is damaged.
func SizeOf(marshalled []byte) int64 {
	r := indexReader{b: marshalled}
	r.version()
	return r.number()
}

// HeaderLengthOf returns the length of the message's own header, with the
// empty line, from its marshalled index, -1 when that is damaged.
func HeaderLengthOf(marshalled []byte) int64 {
	r := indexReader{b: marshalled}
	r.version()
	r.number()
	return r.number()
}

// EnvelopeOf returns ENVELOPE as on the wire from a marshalled index, nil
// when that is damaged.
func EnvelopeOf(marshalled []byte) []byte {
	r := indexReader{b: marshalled}
	r.preamble()
	return r.bytes()
}

// SubjectOf returns Envelope.Subject and SubjectOnce from a marshalled index, of
// which the subject may be a part; not ok when that is damaged.
func SubjectOf(marshalled []byte) (subject []byte, once, ok bool) {
	r := indexReader{b: marshalled}
	once = r.preamble()
	envelope := wireReader{b: r.bytes()}
	envelope.eat("(")
	envelope.noctets() // Date
	envelope.eat(" ")
	subject = envelope.noctets()
	return subject, once, !r.bad && !envelope.bad
}

// StructureOf returns BODYSTRUCTURE, or BODY when not extended, as on the
// wire from a marshalled index, nil when that is damaged. The extended form
// is stored ready-made; the other is rendered.
func StructureOf(marshalled []byte, extended bool) []byte {
	r := indexReader{b: marshalled}
	r.preamble()
	r.bytes()
	structure := r.bytes()
	if extended || structure == nil {
		return structure
	}
	x, err := UnmarshalIndex(marshalled)
	if err != nil {
		return nil
	}
	return x.Root.AppendStructure(nil, false)
}

// DateOf returns Date from a marshalled index; not ok when that is damaged.
func DateOf(marshalled []byte) (date time.Time, ok bool) {
	r := indexReader{b: marshalled}
	r.version()
	r.number()
	r.number()
	date, _ = r.date()
	return date, !r.bad
}

// UnmarshalHead reads of a marshalled index what tells of the whole message:
// Root has no parts, and nothing but where header and body are. It takes a
// third of the time that all takes.
func UnmarshalHead(marshalled []byte) (*Index, error) {
	r := indexReader{b: marshalled}
	x := r.head()
	envelope := wireReader{b: r.bytes()}
	x.Envelope = envelope.envelope()
	if r.bad || !envelope.done() {
		return nil, errDamagedIndex()
	}
	return x, nil
}

// UnmarshalRanges reads of a marshalled index where header and body of the whole
// message are, and nothing else.
func UnmarshalRanges(marshalled []byte) (*Index, error) {
	r := indexReader{b: marshalled}
	r.version()
	size, header := r.number(), r.number()
	if r.bad || header > size {
		return nil, errDamagedIndex()
	}
	return &Index{Size: size, Root: wholeMessage(size, header)}, nil
}

// wholeMessage is the root of which nothing but the ranges is known.
func wholeMessage(size, header int64) *Part {
	return &Part{Header: Range{Length: header}, Body: Range{Offset: header, Length: size - header}}
}

// head reads what stands before the envelope.
func (r *indexReader) head() *Index {
	x := &Index{}
	r.version()
	x.Size = r.number()
	header := r.number()
	x.Date, x.SubjectOnce = r.date()
	for n := r.count(); n > 0 && !r.bad; n-- {
		x.References = append(x.References, string(r.bytes()))
	}
	x.Root = wholeMessage(x.Size, header)
	if header > x.Size {
		r.bad = true
	}
	return x
}

// UnmarshalIndex reads a marshalled index. A damaged one is a Corrupt error.
// It reads no more than it is given, whatever the counts in it claim.
func UnmarshalIndex(marshalled []byte) (*Index, error) {
	r := indexReader{b: marshalled}
	x := r.head()
	headerLength := x.Root.Header.Length
	envelope := wireReader{b: r.bytes()}
	structure := wireReader{b: r.bytes()}
	if r.flags&listFlag != 0 {
		x.Fields = r.bytes()
	}
	if r.bad {
		return nil, errDamagedIndex()
	}
	x.Envelope = envelope.envelope()
	x.Root = structure.part(0)
	if envelope.done() && structure.done() {
		r.layout(x.Root, 0, 0)
	} else {
		r.bad = true
	}
	if r.bad || len(r.b) > 0 || x.Root.Header.Length != headerLength || x.Root.Body.End() != x.Size {
		return nil, errDamagedIndex()
	}
	return x, nil
}

func errDamagedIndex() error {
	return gomail.Errorf(gomail.Corrupt, "the stored index of a message is damaged")
}

// indexReader takes a marshalled index apart; after the first fault
// everything reads as empty.
type indexReader struct {
	b     []byte
	bad   bool
	flags byte
}

func (r *indexReader) version() {
	if len(r.b) == 0 || r.b[0] != indexVersion {
		r.bad = true
		return
	}
	r.b = r.b[1:]
}

// number reads a size or an offset, -1 when there is none.
func (r *indexReader) number() int64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || v > 1<<62 {
		r.bad = true
		return -1
	}
	r.b = r.b[n:]
	return int64(v)
}

// count reads how many things of at least one octet follow.
func (r *indexReader) count() int64 {
	n := r.number()
	if n > int64(len(r.b)) {
		r.bad = true
	}
	return n
}

func (r *indexReader) bytes() []byte {
	n := r.count()
	if r.bad {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *indexReader) signed() int64 {
	v, n := binary.Varint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// date reads the flags and the date.
func (r *indexReader) date() (t time.Time, subjectOnce bool) {
	r.takeFlags()
	subjectOnce = r.flags&subjectFlag != 0
	if r.bad || r.flags&hasDate == 0 {
		return time.Time{}, subjectOnce
	}
	seconds, minutes := r.signed(), r.signed()
	if minutes < -24*60 || minutes > 24*60 {
		r.bad = true
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).In(time.FixedZone("", int(minutes)*60)), subjectOnce
}

func (r *indexReader) takeFlags() {
	if r.bad || len(r.b) == 0 || r.b[0] > hasDate|subjectFlag|listFlag {
		r.bad = true
		return
	}
	r.flags, r.b = r.b[0], r.b[1:]
}

// preamble passes over what stands before the envelope.
func (r *indexReader) preamble() (subjectOnce bool) {
	r.version()
	r.number()
	r.number()
	if r.takeFlags(); r.flags&hasDate != 0 {
		r.signed()
		r.signed()
	}
	subjectOnce = r.flags&subjectFlag != 0
	for n := r.count(); n > 0 && !r.bad; n-- {
		r.bytes()
	}
	return subjectOnce
}

// layout reads where a part and those below it lie.
func (r *indexReader) layout(p *Part, base int64, depth int) {
	gap, header, body := r.number(), r.number(), r.number()
	if r.bad || depth > MaxDepth+1 || gap > 1<<50 || header > 1<<50 || body > 1<<50 || !p.IsMultipart() && p.Body.Length != body {
		r.bad = true
		return
	}
	p.Header = Range{Offset: base + gap, Length: header}
	p.Body = Range{Offset: p.Header.End(), Length: body}
	for _, child := range p.Children {
		r.layout(child, p.Body.Offset, depth+1)
	}
}
