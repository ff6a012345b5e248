package mxsend

import (
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"gomail"
	"gomail/queue"
)

// mailCommand is MAIL with the parameters that the server knows.
func (a *attempt) mailCommand(c *client) string {
	e := a.task.Envelope
	var b strings.Builder
	b.WriteString("MAIL FROM:<" + e.From.String() + ">")
	if c.ext.sized {
		b.WriteString(" SIZE=" + strconv.FormatInt(a.content.Size(), 10))
	}
	if c.ext.eightBit && (e.EightBit || a.utf8) {
		b.WriteString(" BODY=8BITMIME")
	}
	if a.utf8 {
		b.WriteString(" SMTPUTF8")
	}
	if c.ext.dsn && (e.Return == "FULL" || e.Return == "HDRS") {
		b.WriteString(" RET=" + e.Return)
	}
	if c.ext.dsn && e.EnvelopeID != "" {
		b.WriteString(" ENVID=" + xtext(e.EnvelopeID))
	}
	if e.TLS == gomail.TLSRequired {
		b.WriteString(" REQUIRETLS")
	}
	if c.ext.deliverBy && !e.DeliverBy.Deadline.IsZero() {
		b.WriteString(" BY=" + strconv.FormatInt(secondsLeft(e.DeliverBy), 10) + ";" + e.DeliverBy.Mode())
	}
	b.WriteString("\r\n")
	return b.String()
}

// secondsLeft is what is left of the time for delivery, RFC 2852 section 4.1.4,
// within what its syntax knows.
func secondsLeft(by gomail.DeliverBy) int64 {
	left := int64(math.Floor(time.Until(by.Deadline).Seconds()))
	return max(-999_999_999, min(left, 999_999_999))
}

// rcptCommand is RCPT with DSN's parameters where the server knows them.
func rcptCommand(c *client, r gomail.Recipient, utf8 bool) string {
	var b strings.Builder
	b.WriteString("RCPT TO:<" + r.Address.String() + ">")
	if c.ext.dsn {
		if words := notifyWords(r.Notify); words != "" {
			b.WriteString(" NOTIFY=" + words)
		}
		if original := originalParam(r.Original, utf8); original != "" {
			b.WriteString(" ORCPT=" + original)
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

// originalParam is the value of ORCPT, or nothing when it cannot be passed on:
// an address beyond ASCII needs SMTPUTF8 (RFC 6533 section 3).
func originalParam(original string, utf8 bool) string {
	kind, address, ok := strings.Cut(original, ";")
	if !ok || kind == "" || address == "" || strings.ContainsAny(kind, " =+") || hasControl(original) {
		return ""
	}
	encoded := xtext(address)
	if strings.IndexFunc(address, func(r rune) bool { return r >= 0x80 }) >= 0 {
		if !utf8 || strings.ContainsAny(address, " +=\\") {
			return ""
		}
		encoded = address
	}
	return kind + ";" + encoded
}

func notifyWords(n gomail.Notify) string {
	if n&gomail.NotifyNever != 0 {
		return "NEVER"
	}
	var words []string
	for _, w := range []struct {
		bit  gomail.Notify
		word string
	}{{gomail.NotifySuccess, "SUCCESS"}, {gomail.NotifyFailure, "FAILURE"}, {gomail.NotifyDelay, "DELAY"}} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// xtext encodes a parameter's value, RFC 3461 section 4.
func xtext(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			b.WriteString("+" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// needsUTF8 reports whether a message can only go to servers with SMTPUTF8:
// an address is not ASCII, or the header is not. A sender may have asked for
// the extension without need (RFC 6531 section 3.4), and old servers shall not
// refuse its mail for that.
func needsUTF8(task queue.Task, content gomail.Content) (bool, error) {
	if !task.Envelope.From.IsASCII() {
		return true, nil
	}
	for _, r := range task.Rcpts {
		if !r.Address.IsASCII() {
			return true, nil
		}
	}
	if !task.Envelope.SMTPUTF8 {
		return false, nil
	}
	return headerIsUTF8(io.NewSectionReader(content, 0, content.Size()))
}

// headerIsUTF8 reports whether the header section holds octets over 127.
func headerIsUTF8(r io.Reader) (bool, error) {
	block := make([]byte, 4096)
	lineEmpty := true
	for {
		n, err := r.Read(block)
		for _, b := range block[:n] {
			switch {
			case b >= 0x80:
				return true, nil
			case b == '\n' && lineEmpty:
				return false, nil
			case b == '\n':
				lineEmpty = true
			case b != '\r':
				lineEmpty = false
			}
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
