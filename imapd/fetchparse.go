package imapd

import (
	"math"
	"slices"

	"gomail"
	"gomail/imapd/imapwire"
	"gomail/mailbox"
	"gomail/message"
)

// fetchKind is a data item of FETCH.
type fetchKind uint8

const (
	itemUID fetchKind = iota
	itemFlags
	itemModSeq
	itemEmailID
	itemThreadID
	itemSaveDate // RFC 8514
	itemDate
	itemSize
	itemEnvelope      // the first that needs the message's row
	itemBody          // BODY: structure without extensions
	itemBodyStructure // BODYSTRUCTURE
	itemSection       // BODY[...], and RFC822 with its kin
	itemBinary        // BINARY[...], RFC 3516
	itemBinarySize    // BINARY.SIZE[...]
	itemPreview       // PREVIEW, RFC 8970
)

// stored reports whether the item needs the message's row.
func (k fetchKind) stored() bool { return k >= itemEnvelope }

// fetchItem is one data item asked for.
type fetchItem struct {
	kind    fetchKind
	name    string // of old names: "RFC822.HEADER"; empty: BODY[...]
	peek    bool   // does not set \Seen
	path    []int
	what    message.Specifier
	fields  []string // HEADER.FIELDS
	asked   *message.Fields
	not     bool // HEADER.FIELDS.NOT
	partial bool
	offset  int64
	length  int64
}

// fetchQuery is what a FETCH asks for.
type fetchQuery struct {
	items        []fetchItem
	changedSince gomail.ModSeq // negative: no condition
	vanished     bool
	partial      *partial // nil: all of them
}

func (q *fetchQuery) has(kind fetchKind) bool {
	return slices.ContainsFunc(q.items, func(i fetchItem) bool { return i.kind == kind })
}

// setsSeen reports whether the query reads messages openly.
func (q *fetchQuery) setsSeen() bool {
	return slices.ContainsFunc(q.items, func(i fetchItem) bool { return (i.kind == itemSection || i.kind == itemBinary) && !i.peek })
}

func (q *fetchQuery) needsRows() bool {
	return slices.ContainsFunc(q.items, func(i fetchItem) bool { return i.kind.stored() })
}

// needsParts reports whether the parts of the messages have to be known.
func (q *fetchQuery) needsParts() bool {
	return slices.ContainsFunc(q.items, func(i fetchItem) bool { return i.kind > itemSection || len(i.path) > 0 })
}

// onlyFields reports whether of the messages' contents nothing but header fields
// of some names is asked for, which most indexes tell.
func (q *fetchQuery) onlyFields() bool {
	return !slices.ContainsFunc(q.items, func(i fetchItem) bool {
		return i.kind > itemSection || i.kind == itemSection && (len(i.path) > 0 || i.fields == nil || i.not)
	})
}

// depth returns how much of each message is needed, when rows are.
func (q *fetchQuery) depth() mailbox.Depth {
	for i := range q.items {
		if q.items[i].kind >= itemSection {
			return mailbox.WithContent
		}
	}
	return mailbox.WithIndex
}

// maxFetchItems is how many items one FETCH may ask for.
const maxFetchItems = 200

// readFetch reads items or a macro, and the modifiers of RFC 7162.
func (s *session) readFetch() fetchQuery {
	q := fetchQuery{changedSince: -1}
	if s.dec.Peek() == '(' {
		s.dec.List(func() { q.items = append(q.items, s.readFetchItem()...); s.boundItems(&q) })
		if len(q.items) == 0 {
			s.dec.Fail("Expected what to fetch")
		}
	} else {
		q.items = s.readFetchItem()
	}
	if s.dec.TrySpace() {
		s.dec.List(func() { s.readFetchModifier(&q) })
	}
	return q
}

// readItemList reads items up to the parenthesis that ends them.
func (s *session) readItemList() fetchQuery {
	q := fetchQuery{changedSince: -1}
	for s.dec.Err() == nil {
		q.items = append(q.items, s.readFetchItem()...)
		s.boundItems(&q)
		if s.dec.Try(')') {
			break
		}
		s.dec.Space()
	}
	return q
}

func (s *session) boundItems(q *fetchQuery) {
	if len(q.items) > maxFetchItems {
		s.dec.Fail("Too many FETCH items")
	}
}

func (s *session) readFetchModifier(q *fetchQuery) {
	switch s.dec.Word() {
	case "CHANGEDSINCE":
		s.dec.Space()
		q.changedSince = gomail.ModSeq(s.dec.Number64())
	case "VANISHED":
		q.vanished = true
	case "PARTIAL":
		q.partial = s.readPartialRange()
	default:
		s.dec.Fail("Unknown modifier of FETCH")
	}
}

// readFetchItem reads one item; macros and old names become what they stand
// for, RFC 9051 section 6.4.5 and RFC 3501 section 6.4.5.
func (s *session) readFetchItem() []fetchItem {
	simple := func(kinds ...fetchKind) []fetchItem {
		items := make([]fetchItem, len(kinds))
		for i, k := range kinds {
			items[i].kind = k
		}
		return items
	}
	switch name := s.dec.Word(); name {
	case "ALL":
		return simple(itemFlags, itemDate, itemSize, itemEnvelope)
	case "FAST":
		return simple(itemFlags, itemDate, itemSize)
	case "FULL":
		return simple(itemFlags, itemDate, itemSize, itemEnvelope, itemBody)
	case "UID":
		return simple(itemUID)
	case "FLAGS":
		return simple(itemFlags)
	case "MODSEQ":
		return simple(itemModSeq)
	case "EMAILID":
		return simple(itemEmailID)
	case "THREADID":
		return simple(itemThreadID)
	case "SAVEDATE":
		return simple(itemSaveDate)
	case "INTERNALDATE":
		return simple(itemDate)
	case "RFC822.SIZE":
		return simple(itemSize)
	case "ENVELOPE":
		return simple(itemEnvelope)
	case "BODYSTRUCTURE":
		return simple(itemBodyStructure)
	case "PREVIEW":
		return []fetchItem{s.readPreview()}
	case "RFC822":
		return []fetchItem{{kind: itemSection, name: name}}
	case "RFC822.HEADER":
		return []fetchItem{{kind: itemSection, name: name, what: message.HeaderOf, peek: true}}
	case "RFC822.TEXT":
		return []fetchItem{{kind: itemSection, name: name, what: message.TextOf}}
	case "BODY":
		if s.dec.Peek() != '[' {
			return simple(itemBody)
		}
		return []fetchItem{s.readSection(fetchItem{kind: itemSection})}
	case "BODY.PEEK":
		return []fetchItem{s.readSection(fetchItem{kind: itemSection, peek: true})}
	case "BINARY":
		return []fetchItem{s.readSection(fetchItem{kind: itemBinary})}
	case "BINARY.PEEK":
		return []fetchItem{s.readSection(fetchItem{kind: itemBinary, peek: true})}
	case "BINARY.SIZE":
		return []fetchItem{s.readSection(fetchItem{kind: itemBinarySize})}
	}
	s.dec.Fail("Unknown FETCH item")
	return nil
}

// readSection reads [1.2.HEADER]<0.100>.
func (s *session) readSection(item fetchItem) fetchItem {
	s.dec.Expect('[')
	for c := s.dec.Peek(); c >= '0' && c <= '9'; c = s.dec.Peek() {
		n := s.dec.Number()
		if n == 0 || n > math.MaxInt32 || len(item.path) == message.MaxDepth {
			s.dec.Fail("The part number is not valid")
			return item
		}
		item.path = append(item.path, int(n))
		if !s.dec.Try('.') {
			break
		}
	}
	if s.dec.Peek() != ']' {
		s.readSectionText(&item)
	}
	s.dec.Expect(']')
	s.readPartial(&item)
	return item
}

// readSectionText reads what of a part is asked for.
func (s *session) readSectionText(item *fetchItem) {
	word := s.dec.Word()
	if item.kind != itemSection {
		s.dec.Fail("BINARY takes part numbers only")
		return
	}
	switch word {
	case "HEADER":
		item.what = message.HeaderOf
	case "TEXT":
		item.what = message.TextOf
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		item.what, item.not = message.HeaderOf, word == "HEADER.FIELDS.NOT"
		s.dec.Space()
		s.dec.List(func() { item.fields = append(item.fields, s.dec.Astring()) })
		item.asked = message.NewFields(item.fields)
		if len(item.fields) == 0 {
			s.dec.Fail("Expected names of header fields")
		}
	case "MIME":
		item.what = message.MIMEOf
		if len(item.path) == 0 {
			s.dec.Fail("MIME needs a part number")
		}
	default:
		s.dec.Fail("Unknown section")
	}
}

// readPartial reads <offset.length>.
func (s *session) readPartial(item *fetchItem) {
	if item.kind == itemBinarySize || !s.dec.Try('<') {
		return
	}
	item.partial = true
	item.offset = s.dec.Number64()
	s.dec.Expect('.')
	if item.length = s.dec.Number64(); item.length == 0 {
		s.dec.Fail("A partial needs a length")
	}
	s.dec.Expect('>')
}

// writeName writes the item's name as it stands in the response.
func (item *fetchItem) writeName(out *imapwire.Output) {
	switch {
	case item.name != "":
		out.Text(item.name)
		return
	case item.kind == itemBinary:
		out.Text("BINARY[")
	case item.kind == itemBinarySize:
		out.Text("BINARY.SIZE[")
	default:
		out.Text("BODY[")
	}
	for i, n := range item.path {
		if i > 0 {
			out.Text(".")
		}
		out.Int(int64(n))
	}
	item.writeWhat(out)
	out.Text("]")
	if item.partial {
		out.Text("<")
		out.Int(item.offset)
		out.Text(">")
	}
}

func (item *fetchItem) writeWhat(out *imapwire.Output) {
	if item.what == message.Whole {
		return
	}
	if len(item.path) > 0 {
		out.Text(".")
	}
	switch {
	case item.what == message.TextOf:
		out.Text("TEXT")
	case item.what == message.MIMEOf:
		out.Text("MIME")
	case item.fields == nil:
		out.Text("HEADER")
	case item.not:
		out.Text("HEADER.FIELDS.NOT ")
		item.writeFields(out)
	default:
		out.Text("HEADER.FIELDS ")
		item.writeFields(out)
	}
}

func (item *fetchItem) writeFields(out *imapwire.Output) {
	for i, name := range item.fields {
		if i == 0 {
			out.Text("(")
		} else {
			out.Text(" ")
		}
		out.Astring(name)
	}
	out.Text(")")
}
