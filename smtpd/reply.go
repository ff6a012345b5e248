package smtpd

import (
	"strconv"
	"strings"
)

// reply is an SMTP reply, RFC 5321 section 4.2. The zero reply is none: the
// command has been answered already.
type reply struct {
	code     int
	enhanced string   // RFC 3463, "2.1.0"; empty: the reply has none
	text     string   // one line's worth; long text is spread over several
	lines    []string // instead of text, each as it is

	fault bool // counts against Config.MaxErrors
	close bool // ends the session
}

// maxReplyText keeps reply lines within the 512 octets of RFC 5321 section
// 4.5.3.1.5.
const maxReplyText = 480

// append writes the reply to b in its form on the wire.
func (r reply) append(b []byte) []byte {
	lines := r.lines
	if lines == nil {
		lines = wrap(r.text)
	}
	for i, line := range lines {
		b = strconv.AppendInt(b, int64(r.code), 10)
		if i < len(lines)-1 {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if r.enhanced != "" {
			b = append(b, r.enhanced...)
			b = append(b, ' ')
		}
		b = appendClean(b, line)
		b = append(b, '\r', '\n')
	}
	return b
}

// appendClean appends text without what could end the line or show as
// something else: a reply is printable ASCII.
func appendClean(b []byte, text string) []byte {
	for _, c := range text {
		switch {
		case c == '\n' || c == '\r' || c == '\t':
			c = ' '
		case c < ' ' || c >= 0x7f:
			c = '?'
		}
		b = append(b, byte(c))
	}
	return b
}

// wrap parts text into lines of a reply, at spaces where there are some.
func wrap(text string) []string {
	var lines []string
	for len(text) > maxReplyText {
		cut := strings.LastIndexByte(text[:maxReplyText], ' ')
		if cut <= 0 {
			cut = maxReplyText
		}
		lines = append(lines, text[:cut])
		text = strings.TrimLeft(text[cut:], " ")
	}
	return append(lines, text)
}

// Replies that several commands give.
func badArgument(text string) reply {
	return reply{code: 501, enhanced: "5.5.4", text: text, fault: true}
}

func badSequence(text string) reply {
	return reply{code: 503, enhanced: "5.5.1", text: text, fault: true}
}

func notImplemented(text string) reply {
	return reply{code: 502, enhanced: "5.5.1", text: text, fault: true}
}
