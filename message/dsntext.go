package message

import (
	"bytes"
	"mime/quotedprintable"
	"strings"
	"time"
)

// subjectOf names a notification in a few words.
func subjectOf(action DSNAction) string {
	switch action {
	case DSNDelayed:
		return "Not delivered yet: your message is delayed"
	case DSNDelivered:
		return "Delivered: your message has arrived"
	case DSNRelayed:
		return "Passed on: your message has left for its destination"
	case DSNExpanded:
		return "Delivered: your message has reached a list"
	}
	return "Not delivered: your message could not be sent"
}

// writeText renders the part for people: what happened, to whom, why, and
// what they can do.
func (d *DSN) writeText(b *bytes.Buffer) {
	var text strings.Builder
	line := func(s string) { text.WriteString(wrap(s)) }
	line("This is the mail server " + d.ReportingMTA + ".")
	line("")
	line(opening(d.mainAction()) + d.about())
	for _, r := range d.Recipients {
		line("")
		text.WriteString("  " + statusText(r.Final.String(), true) + "\r\n")
		line(r.reason())
		if r.DiagnosticCode != "" {
			line(r.quote())
		}
		if advice := r.advice(); advice != "" {
			line(advice)
		}
	}
	line("")
	line("The technical details and " + d.attached() + " are attached.")
	body := text.String()
	if isASCII(body) {
		b.WriteString("Content-Type: text/plain; charset=us-ascii\r\n\r\n" + body)
		return
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(b)
	w.Write([]byte(body)) // neither fails: it writes to memory
	w.Close()
}

func (d *DSN) attached() string {
	switch {
	case len(d.Original) == 0:
		return "the state of each recipient"
	case d.OriginalFull:
		return "your message"
	}
	return "the header of your message"
}

// about identifies the original for the person who sent it.
func (d *DSN) about() string {
	var about string
	if d.Subject != "" {
		about = " Its subject was: " + statusText(cutText(DecodeWords(d.Subject), 200), true)
	}
	if !d.Arrival.IsZero() {
		about += " (sent " + readable(d.Arrival) + ")"
	}
	return about
}

func readable(t time.Time) string { return t.Format("2 January 2006, 15:04 -0700") }

func opening(action DSNAction) string {
	switch action {
	case DSNDelayed:
		return "Your message has not been delivered yet. You need not do anything: the server keeps trying."
	case DSNDelivered:
		return "Your message was delivered, as you asked to be told."
	case DSNRelayed:
		return "Your message was handed to the next server, which does not report back when it arrives."
	case DSNExpanded:
		return "Your message was delivered to an address that passes it on to others."
	}
	return "Your message could not be delivered to the following address and will not be tried again."
}

// reason says in one sentence what happened to one recipient.
func (r *DSNRecipient) reason() string {
	switch r.Action {
	case DSNDelayed:
		if r.WillRetryUntil.IsZero() {
			return "It could not be delivered so far."
		}
		return "It could not be delivered so far. The server will keep trying until " + readable(r.WillRetryUntil) + " and tell you if it gives up."
	case DSNDelivered:
		return "It was put into the mailbox."
	case DSNRelayed:
		return "It was accepted by " + statusText(r.RemoteMTA, false) + "."
	case DSNExpanded:
		return "It was passed on to the members."
	}
	return statusReason(r.Status)
}

// statusReason puts a status code of RFC 3463 into words.
func statusReason(status string) string {
	for _, known := range statusWords {
		if strings.HasSuffix(status, known.suffix) && len(status) == len(known.suffix)+1 {
			return known.reason
		}
	}
	switch {
	case strings.Contains(status, ".7."):
		return "The receiving server refused it for a reason of its own policy."
	case strings.Contains(status, ".1."):
		return "There is something wrong with the address."
	case strings.Contains(status, ".4."):
		return "The receiving server could not be reached."
	}
	return "The receiving server did not accept it."
}

// statusWords are the codes that people meet.
var statusWords = []struct{ suffix, reason, advice string }{
	{".1.1", "There is no such mailbox.", "Please check the spelling of the address, or ask the person for the right one in another way."},
	{".1.2", "The part after the @ is not a domain that receives mail.", "Please check the spelling of the address after the @."},
	{".1.10", "The domain says that it does not receive any mail.", "Please check the spelling of the address after the @."},
	{".2.1", "The mailbox is switched off.", "Please reach the person in another way."},
	{".2.2", "The mailbox is full.", "Please try again later, or tell the person in another way that the mailbox is full."},
	{".2.3", "The message is larger than the mailbox accepts.", "Please send a smaller message, for instance with a link in place of the attachment."},
	{".3.4", "The message is larger than the receiving server accepts.", "Please send a smaller message, for instance with a link in place of the attachment."},
	{".4.1", "The receiving server did not answer.", "Please send the message again later; if it happens again, tell the person in another way."},
	{".4.4", "The receiving server could not be found.", "Please check the spelling of the address after the @."},
	{".4.6", "The message went round in circles between servers.", "Please tell the administrator of the receiving domain."},
	{".4.7", "It could not be delivered in the time allowed.", "Please send the message again later, or reach the person in another way."},
	{".6.7", "The receiving server does not take addresses outside ASCII.", "Please ask the person for an address in plain letters."},
	{".7.1", "The receiving server refused the message.", "The text above says why, if the server gave a reason. Please reach the person in another way."},
}

// advice says what the sender can do about a failure.
func (r *DSNRecipient) advice() string {
	if r.Action != DSNFailed {
		return ""
	}
	for _, known := range statusWords {
		if strings.HasSuffix(r.Status, known.suffix) && len(r.Status) == len(known.suffix)+1 {
			return known.advice
		}
	}
	return "If the reason is not clear to you, please show this message to the administrator of your mail server."
}

// quote gives the server's own words.
func (r *DSNRecipient) quote() string {
	who := "This server"
	if r.RemoteMTA != "" {
		who = "The server " + statusText(r.RemoteMTA, false)
	}
	return who + " said: " + statusText(r.DiagnosticCode, true)
}

// wrap breaks a paragraph into lines of CRLF. A line that would look like a
// boundary cannot come about: paragraphs begin with our own words.
func wrap(paragraph string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(paragraph) {
		if len(word) > 500 {
			word = cutText(word, 500)
		}
		switch {
		case i == 0:
		case column+1+len(word) > 76:
			b.WriteString("\r\n")
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteString("\r\n")
	return b.String()
}
