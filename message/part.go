package message

import (
	"strings"
	"time"
)

// Limits of the index. Past them the rest of a message is opaque content of
// the part that was open.
const (
	MaxDepth = 32   // parts within parts
	MaxParts = 5000 // of one message
)

// Range is a stretch of a message, in octets from its first.
type Range struct {
	Offset int64
	Length int64
}

// End returns the offset after the last octet.
func (r Range) End() int64 { return r.Offset + r.Length }

// Index is what GoMail remembers about a message's form: made in one pass
// while it streams in, stored beside it, and enough to answer IMAP and JMAP
// without reading the message again.
type Index struct {
	Size       int64     // octets of the message as fed
	Root       *Part     // the message itself; its Header is the message's
	Envelope   *Envelope // of the message
	References []string  // message identifiers without brackets, see ParseMessageIDs
	Date       time.Time // of the Date field; zero when it cannot be read

	// SubjectOnce is whether the header has one Subject at most, which is
	// exactly what Envelope.Subject says, so that nobody need read the header
	// for it.
	SubjectOnce bool

	// Fields tells of the header fields that mail programs ask for, see
	// NewFields. Empty: nothing is known.
	Fields []byte
}

// Part is a MIME entity (RFC 2045 section 2.4): the message, a part of a
// multipart, or a message within a message/rfc822 part.
type Part struct {
	Header Range // with the empty line that ends it
	Body   Range // as transferred, not decoded
	Lines  int64 // line breaks in Body; for text and message/rfc822 parts only

	Type    string // lower case: "text"
	Subtype string // lower case: "plain"
	Params  Params

	ID          string // Content-ID as written; this, Description and MD5 are not kept for a multipart
	Description string // Content-Description as written
	Encoding    string // Content-Transfer-Encoding in lower case, "7bit" when absent
	MD5         string

	Disposition       string // lower case, empty when absent
	DispositionParams Params
	Language          []string
	Location          string

	// Children are the parts of a multipart, of which there is always one
	// at least, or the one message in a message/rfc822 part.
	Children []*Part

	// Envelope is that of the message in a message/rfc822 part.
	Envelope *Envelope
}

// IsMultipart reports whether the part is a multipart.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsMessage reports whether the part holds a message whose structure is
// indexed: message/rfc822, or message/global (RFC 6532).
func (p *Part) IsMessage() bool {
	return p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

// Charset returns the charset parameter in lower case, "us-ascii" when absent.
func (p *Part) Charset() string {
	if charset := p.Params.Get("charset"); charset != "" {
		return strings.ToLower(charset)
	}
	return "us-ascii"
}

// Filename returns the name that the sender gave the part, decoded, with any
// path before it taken off; it is a suggestion by a stranger. Empty: none.
func (p *Part) Filename() string {
	name := p.DispositionParams.Get("filename")
	if name == "" {
		name = p.Params.Get("name")
	}
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return name
}

// Walk calls visit for p and all parts below it, top to bottom, with their
// IMAP part numbers: empty for p itself when it is the message's root. It
// does not go below a part for which visit returns false.
func (p *Part) Walk(visit func(number []int, part *Part) bool) { p.walk(nil, true, visit) }

func (p *Part) walk(number []int, isMessage bool, visit func([]int, *Part) bool) {
	if !visit(number, p) {
		return
	}
	for i, child := range p.Children {
		switch {
		case p.IsMessage():
			child.walk(number, true, visit)
		default:
			child.walk(append(number[:len(number):len(number)], i+1), false, visit)
		}
	}
}

// Envelope is what IMAP shows of a message's header (RFC 9051 section
// 7.5.2). Strings are as written: unfolded, encoded words kept.
type Envelope struct {
	Date      string
	Subject   string
	From      []HeaderAddress
	Sender    []HeaderAddress // From when the field is absent
	ReplyTo   []HeaderAddress // From when the field is absent
	To        []HeaderAddress
	Cc        []HeaderAddress
	Bcc       []HeaderAddress
	InReplyTo string
	MessageID string
}
