package message

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"gomail"
)

// DSNAction is what happened to a recipient, RFC 3464 section 2.3.3.
type DSNAction string

// The actions.
const (
	DSNFailed    DSNAction = "failed"
	DSNDelayed   DSNAction = "delayed"
	DSNDelivered DSNAction = "delivered"
	DSNRelayed   DSNAction = "relayed"
	DSNExpanded  DSNAction = "expanded"
)

// DSN is a delivery status notification: a multipart/report (RFC 6522) of
// delivery-status type (RFC 3464), or its international form (RFC 6533) when
// an address or the original needs it.
type DSN struct {
	ReportingMTA string         // our host name
	From         string         // header address: `Mail Delivery System <postmaster@example.com>`; empty: MAILER-DAEMON at ReportingMTA
	To           gomail.Address // the sender of the original
	EnvelopeID   string         // ENVID as the client gave it, decoded; empty: none
	Arrival      time.Time      // when the original came in; zero: unknown
	Release      time.Time      // before which it was not to be delivered, RFC 4865; zero: at once
	DeliverBy    time.Time      // by which it was to be delivered, RFC 2852; zero: nothing said
	Recipients   []DSNRecipient // one at least
	Subject      string         // of the original, encoded words kept; shown in the text

	Original     []byte // the original message or its header section
	OriginalFull bool   // Original is the whole message (RET=FULL)

	Date      time.Time // of the notification itself
	MessageID string    // with angle brackets, see NewMessageID
	Boundary  string    // unguessable, up to 60 letters and digits
}

// DSNRecipient is what became of one recipient.
type DSNRecipient struct {
	Original       string         // ORCPT with its type: "rfc822;anna@example.com"; empty: none
	Final          gomail.Address // the address that was tried
	Action         DSNAction
	Status         string    // RFC 3463 code: "5.1.1"
	RemoteMTA      string    // who said it: host name; empty: we did
	DiagnosticCode string    // the remote's reply, or our sentence when RemoteMTA is empty
	LastAttempt    time.Time // zero: unknown
	WillRetryUntil time.Time // of delayed ones; zero: unknown
}

// BuildDSN renders the notification with CRLF lines. Everything that comes
// from outside is stripped of control characters, so that no field or part
// can be added by it.
func BuildDSN(d DSN) []byte {
	var b bytes.Buffer
	global := d.international()
	d.writeBoundary(&b, "")
	d.writeText(&b)
	d.writeBoundary(&b, "")
	d.writeStatus(&b, global)
	if len(d.Original) > 0 {
		d.writeBoundary(&b, "")
		d.writeOriginal(&b, global)
	}
	d.writeBoundary(&b, "--")
	var whole bytes.Buffer
	d.writeHeader(&whole, !isPlainASCII(b.Bytes()))
	whole.Write(b.Bytes())
	return whole.Bytes()
}

// international reports whether the forms of RFC 6533 are needed.
func (d *DSN) international() bool {
	for _, r := range d.Recipients {
		if !r.Final.IsASCII() || !isASCII(r.Original) {
			return true
		}
	}
	return !d.To.IsASCII()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (d *DSN) writeHeader(b *bytes.Buffer, eightBit bool) {
	from := d.From
	if from == "" {
		from = "Mail Delivery System <MAILER-DAEMON@" + d.ReportingMTA + ">"
	}
	b.WriteString(FoldField("From", from))
	b.WriteString(FoldField("To", "<"+d.To.String()+">"))
	b.WriteString(FoldField("Subject", subjectOf(d.mainAction())))
	b.WriteString(FoldField("Date", FormatDate(d.Date)))
	b.WriteString(FoldField("Message-ID", d.MessageID))
	b.WriteString(FoldField("Auto-Submitted", "auto-replied")) // RFC 3834 section 5
	if ids := ParseMessageIDs(d.originalMessageID()); len(ids) == 1 {
		b.WriteString(FoldField("In-Reply-To", "<"+ids[0]+">"))
		b.WriteString(FoldField("References", "<"+ids[0]+">"))
	}
	b.WriteString("MIME-Version: 1.0\r\n")
	b.WriteString("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" + d.Boundary + "\"\r\n")
	if eightBit {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
}

func (d *DSN) originalMessageID() string {
	header, err := ParseHeader(d.originalHeader())
	if err != nil {
		return ""
	}
	return header.Get("Message-ID")
}

// originalHeader returns the header section of the original.
func (d *DSN) originalHeader() []byte {
	if i := bytes.Index(d.Original, []byte("\r\n\r\n")); i >= 0 {
		return d.Original[:i+2]
	}
	return d.Original
}

func (d *DSN) writeBoundary(b *bytes.Buffer, end string) {
	b.WriteString("\r\n--" + d.Boundary + end + "\r\n")
}

// mainAction is the worst thing that happened, which names the notification.
func (d *DSN) mainAction() DSNAction {
	for _, action := range []DSNAction{DSNFailed, DSNDelayed, DSNDelivered, DSNRelayed, DSNExpanded} {
		for _, r := range d.Recipients {
			if r.Action == action {
				return action
			}
		}
	}
	return DSNFailed
}

// writeStatus renders the message/delivery-status part, RFC 3464 section 2.
func (d *DSN) writeStatus(b *bytes.Buffer, global bool) {
	if global {
		b.WriteString("Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	} else {
		b.WriteString("Content-Type: message/delivery-status\r\n\r\n")
	}
	b.WriteString(FoldField("Reporting-MTA", "dns; "+d.ReportingMTA))
	if d.EnvelopeID != "" {
		b.WriteString(FoldField("Original-Envelope-Id", statusText(d.EnvelopeID, false)))
	}
	if !d.Arrival.IsZero() {
		b.WriteString(FoldField("Arrival-Date", FormatDate(d.Arrival)))
	}
	if !d.Release.IsZero() {
		b.WriteString(FoldField("Future-Release-Request", "until; "+d.Release.UTC().Format(time.RFC3339)))
	}
	if !d.DeliverBy.IsZero() {
		b.WriteString(FoldField("Deliver-By-Date", FormatDate(d.DeliverBy)))
	}
	for _, r := range d.Recipients {
		b.WriteString("\r\n")
		r.writeStatus(b, global)
	}
}

func (r *DSNRecipient) writeStatus(b *bytes.Buffer, global bool) {
	if r.Original != "" {
		kind, address, _ := strings.Cut(r.Original, ";")
		b.WriteString(FoldField("Original-Recipient", statusText(kind, false)+"; "+statusText(address, global)))
	}
	kind := "rfc822"
	if !r.Final.IsASCII() {
		kind = "utf-8"
	}
	b.WriteString(FoldField("Final-Recipient", kind+"; "+statusText(r.Final.String(), global)))
	b.WriteString(FoldField("Action", string(r.Action)))
	b.WriteString(FoldField("Status", r.Status))
	if r.RemoteMTA != "" {
		b.WriteString(FoldField("Remote-MTA", "dns; "+statusText(r.RemoteMTA, false)))
	}
	if r.DiagnosticCode != "" {
		b.WriteString(FoldField("Diagnostic-Code", r.diagnosticType()+"; "+statusText(r.DiagnosticCode, global)))
	}
	if !r.LastAttempt.IsZero() {
		b.WriteString(FoldField("Last-Attempt-Date", FormatDate(r.LastAttempt)))
	}
	if r.Action == DSNDelayed && !r.WillRetryUntil.IsZero() {
		b.WriteString(FoldField("Will-Retry-Until", FormatDate(r.WillRetryUntil)))
	}
}

// diagnosticType is smtp for what a remote server said, RFC 3464 section
// 2.3.6, and ours otherwise.
func (r *DSNRecipient) diagnosticType() string {
	if r.RemoteMTA != "" {
		return "smtp"
	}
	return "x-gomail"
}

// maxStatusText keeps a value without spaces within a line (RFC 5322 section
// 2.1.1), and what a server has to say within reason.
const maxStatusText = 900

// statusText makes a value fit for a status field: control characters become
// spaces, and octets outside ASCII question marks unless the part is UTF-8.
func statusText(s string, global bool) string {
	if global {
		s = cutText(toUTF8(s), maxStatusText)
	} else if len(s) > maxStatusText {
		s = s[:maxStatusText]
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && !global {
			return '?'
		}
		return wordRune(r)
	}, s)
}

// writeOriginal returns the message or its header, RFC 3462 section 2.
func (d *DSN) writeOriginal(b *bytes.Buffer, global bool) {
	content := d.originalHeader()
	kind := "text/rfc822-headers"
	if global {
		kind = "message/global-headers"
	}
	if d.OriginalFull {
		content = d.Original
		if kind = "message/rfc822"; global {
			kind = "message/global"
		}
	}
	fmt.Fprintf(b, "Content-Type: %s\r\n", kind)
	if !isPlainASCII(content) {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
	b.Write(content)
}
