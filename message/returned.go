package message

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"gomail"
)

// ReturnKind is what a message means for one that was sent before it.
type ReturnKind string

// The kinds.
const (
	NotReturned     ReturnKind = ""          // it is about no other message, as far as can be seen
	ReturnFailed    ReturnKind = "failed"    // a bounce: a recipient was given up
	ReturnDelayed   ReturnKind = "delayed"   // the other server is still trying
	ReturnDelivered ReturnKind = "delivered" // delivered, relayed or expanded
	ReturnAutoReply ReturnKind = "autoreply" // a person's program has answered (RFC 3834), or a receipt (RFC 8098): no bounce
	ReturnComplaint ReturnKind = "complaint" // a feedback report, RFC 5965
)

// Returned is what could be read of a message that says what became of another
// one. Every word of it is a stranger's claim.
type Returned struct {
	Kind       ReturnKind
	Feedback   string              // of a complaint: "abuse", "fraud", "not-spam", ... in lower case
	Recipients []ReturnedRecipient // MaxReturned at most
	Text       []byte              `json:"-"` // what its parts say, the returned original's header among it, MaxReturnedText octets at most
}

// ReturnedRecipient is what is said of one recipient.
type ReturnedRecipient struct {
	Address    gomail.Address // where it failed; empty: it is no Internet address
	Original   gomail.Address // as the sender had written it; empty: not told
	Action     DSNAction      // empty in a complaint
	Status     string         // RFC 3463 code, "5.1.1"; empty: none was found
	Diagnostic string         // the words of the server that refused it, one line, 500 octets at most
}

// Limits of what is read of a message that comes back.
const (
	MaxReturned     = 200       // recipients
	MaxReturnedText = 256 << 10 // octets of Text
	maxReturnedPart = 64 << 10  // octets of one part
	maxDiagnostic   = 500
)

// ReadReturned reads a message as an answer of a machine to another one: a
// delivery status notification (RFC 3464, RFC 6533), a feedback report (RFC
// 5965), or one of the forms that older servers write in plain text. content
// is what the index is about. It looks at a bounded part of it.
func ReadReturned(x *Index, content io.ReaderAt) Returned {
	var r Returned
	header := readHeaderOf(x.Root, content)
	parts := reportParts(x.Root)
	switch {
	case parts.status != nil:
		r.Recipients = parseStatus(decoded(parts.status, content))
		r.Kind = kindOf(r.Recipients)
	case parts.feedback != nil:
		r.Kind = ReturnComplaint
		r.Feedback, r.Recipients = parseFeedback(decoded(parts.feedback, content))
	case parts.disposition:
		r.Kind = ReturnAutoReply
	default:
		r.Kind, r.Recipients = readPlain(header, textOf(x, content))
	}
	if r.Kind != NotReturned && r.Kind != ReturnAutoReply {
		r.Text = evidence(x.Root, header, content)
	}
	return r
}

// reported are the parts that say what a report is.
type reported struct {
	status, feedback *Part
	disposition      bool
}

// reportParts finds them. A server's own report is not looked for in the
// message that it returns.
func reportParts(root *Part) (found reported) {
	root.Walk(func(_ []int, p *Part) bool {
		switch {
		case p.Type != "message":
		case p.Subtype == "delivery-status" || p.Subtype == "global-delivery-status":
			if found.status == nil {
				found.status = p
			}
		case p.Subtype == "feedback-report":
			found.feedback = p
		case p.Subtype == "disposition-notification" || p.Subtype == "global-disposition-notification":
			found.disposition = true
		case p.IsMessage():
			return false
		}
		return true
	})
	return found
}

// kindOf is the worst that is said of any recipient.
func kindOf(recipients []ReturnedRecipient) ReturnKind {
	kind := NotReturned
	for _, r := range recipients {
		switch r.Action {
		case DSNFailed:
			return ReturnFailed
		case DSNDelayed:
			kind = ReturnDelayed
		case DSNDelivered, DSNRelayed, DSNExpanded:
			if kind == NotReturned {
				kind = ReturnDelivered
			}
		}
	}
	return kind
}

func readHeaderOf(p *Part, content io.ReaderAt) Header {
	raw := make([]byte, min(p.Header.Length, maxReturnedPart))
	n, _ := content.ReadAt(raw, p.Header.Offset)
	var header Header
	for _, f := range statusFields(raw[:n])[0] {
		header = append(header, Field{Name: f.name, Raw: []byte(f.name + ": " + f.value + "\r\n")})
	}
	return header
}

// decoded reads the beginning of a part, transfer encoding undone.
func decoded(p *Part, content io.ReaderAt) []byte {
	body := io.NewSectionReader(content, p.Body.Offset, min(p.Body.Length, 4*maxReturnedPart))
	text, _ := io.ReadAll(io.LimitReader(NewTransferReader(body, p.Encoding), maxReturnedPart)) // what could be read of broken encodings is of use
	return text
}

func textOf(x *Index, content io.ReaderAt) string {
	p, ok := x.TextPart()
	if !ok {
		return ""
	}
	body := io.NewSectionReader(content, p.Body.Offset, min(p.Body.Length, 4*maxReturnedPart))
	text, _ := io.ReadAll(io.LimitReader(p.DecodeText(body), maxReturnedPart))
	if p.Subtype == "html" {
		text = htmlTag.ReplaceAll(text, []byte("\n"))
	}
	return string(text)
}

var htmlTag = regexp.MustCompile(`<[a-zA-Z/!][^<>@]*>`)

// evidence collects what may hold the original's trace: the header of the
// report, and the beginning of every part, headers of returned messages
// included.
func evidence(root *Part, header Header, content io.ReaderAt) []byte {
	var all bytes.Buffer
	for _, f := range header {
		if f.Is("To") || f.Is("X-Failed-Recipients") {
			all.Write(f.Raw)
		}
	}
	root.Walk(func(_ []int, p *Part) bool {
		room := MaxReturnedText - all.Len()
		if room <= 0 {
			return false
		}
		if p != root && p.Header.Length > 0 {
			all.Write(beginning(p.Header, content, room))
		}
		if len(p.Children) == 0 && (p.Type == "text" || p.Type == "message") {
			text := decoded(p, content)
			all.Write(text[:max(0, min(len(text), MaxReturnedText-all.Len()))])
		}
		return true
	})
	return all.Bytes()
}

func beginning(r Range, content io.ReaderAt, room int) []byte {
	raw := make([]byte, min(r.Length, int64(room), maxReturnedPart))
	n, _ := content.ReadAt(raw, r.Offset)
	return raw[:n]
}

// oneLine makes a diagnostic of any text.
func oneLine(s string) string {
	return cutText(strings.Join(strings.Fields(toUTF8(s)), " "), maxDiagnostic)
}

// ReturnedAddresses returns what looks like an address in a text, each once, in
// their order, at most so many.
func ReturnedAddresses(text []byte, most int) (all []gomail.Address) {
	seen := map[gomail.Address]bool{}
	for _, span := range addressSpans(text, 20*most) {
		a, err := gomail.ParseAddress(string(text[span.Offset:span.End()]))
		if err != nil || seen[a.Canonical()] {
			continue
		}
		seen[a.Canonical()] = true
		if all = append(all, a); len(all) == most {
			break
		}
	}
	return all
}

// addressSpans finds stretches around an @ that have the form of an address
// without quotes, at most so many. Each octet is looked at a few hundred times
// at worst.
func addressSpans(text []byte, most int) (spans []Range) {
	for at := 0; len(spans) < most; at++ {
		next := bytes.IndexByte(text[at:], '@')
		if next < 0 {
			break
		}
		at += next
		from, to := at, at+1
		for from > 0 && at-from < gomail.MaxLocalPart && isLocalOctet(text[from-1]) {
			from--
		}
		for to < len(text) && to-at <= gomail.MaxDomain && isDomainOctet(text[to]) {
			to++
		}
		from += len(text[from:at]) - len(bytes.TrimLeft(text[from:at], "'.=*"))
		to = at + 1 + len(bytes.TrimRight(text[at+1:to], ".-"))
		if from < at && to > at+1 {
			spans = append(spans, Range{int64(from), int64(to - from)})
		}
	}
	return spans
}

func isLocalOctet(c byte) bool {
	return c >= 0x80 || isDomainOctet(c) || strings.IndexByte("!#$%&'*+/=?^_`{|}~", c) >= 0
}

func isDomainOctet(c byte) bool {
	return c >= 0x80 || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
