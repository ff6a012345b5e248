package reports

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"gomail"
	"gomail/message"
)

// Mailer sends messages that the server itself makes.
type Mailer interface {
	// Submit signs a message as the domain of from and queues it for one
	// recipient, with the null reverse-path: nobody is to answer a report, and
	// a bounce of one is of use to nobody.
	Submit(ctx context.Context, from, to gomail.Address, message []byte) error
}

// Mail is a report on its way to who asked for it: a text for people, and the
// report in one attachment.
type Mail struct {
	From, To gomail.Address
	Subject  string
	Fields   [][2]string // further header fields, name and value
	Date     time.Time
	Text     string // lines end with \n

	// ReportType makes it a multipart/report (RFC 6522) of that type:
	// "tlsrpt". Empty: a multipart/mixed.
	ReportType  string
	Parts       []MailPart // after the text
	ContentType string     // of the attachment: "application/tlsrpt+gzip"
	FileName    string     // letters, digits and !._-
	Attachment  []byte     // nil: there is none
}

// MailPart is a part in plain text.
type MailPart struct {
	ContentType string // "message/feedback-report"
	Text        string // ASCII lines that end with CRLF
}

// Render renders the message with CRLF lines.
func (m Mail) Render() []byte {
	var random [32]byte
	rand.Read(random[:])
	boundary := fmt.Sprintf("%x", random[16:])
	var b bytes.Buffer
	field := func(name, value string) { b.WriteString(message.FoldField(name, value)) }
	field("From", "<"+m.From.String()+">")
	field("To", "<"+m.To.String()+">")
	field("Subject", m.Subject)
	field("Date", message.FormatDate(m.Date))
	field("Message-ID", message.NewMessageID([16]byte(random[:16]), m.From.Domain))
	field("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	for _, f := range m.Fields {
		field(f[0], f[1])
	}
	field("MIME-Version", "1.0")
	field("Content-Type", m.contentType(boundary))
	b.WriteString("\r\n--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(strings.ReplaceAll(m.Text, "\n", "\r\n") + "\r\n")
	for _, p := range m.Parts {
		b.WriteString("--" + boundary + "\r\n")
		field("Content-Type", p.ContentType)
		b.WriteString("\r\n" + p.Text + "\r\n")
	}
	if m.Attachment != nil {
		b.WriteString("--" + boundary + "\r\n")
		field("Content-Type", m.ContentType)
		field("Content-Transfer-Encoding", "base64")
		field("Content-Disposition", `attachment; filename="`+m.FileName+`"`)
		b.WriteString("\r\n")
		writeBase64(&b, m.Attachment)
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

func (m Mail) contentType(boundary string) string {
	if m.ReportType == "" {
		return `multipart/mixed; boundary="` + boundary + `"`
	}
	return "multipart/report; report-type=" + m.ReportType + `; boundary="` + boundary + `"`
}

// writeBase64 writes in lines of 76, RFC 2045 section 6.8.
func writeBase64(b *bytes.Buffer, octets []byte) {
	const line = 57
	for len(octets) > 0 {
		n := min(line, len(octets))
		b.WriteString(base64.StdEncoding.EncodeToString(octets[:n]) + "\r\n")
		octets = octets[n:]
	}
}
