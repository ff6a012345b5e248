package mxsend

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// Limits on a reply. RFC 5321 section 4.5.3.1.5 says 512 octets a line; some
// servers write more.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
	maxReplyText  = 1000 // of what is kept
)

// errMalformed is a reply that is none: the session is out of step.
var errMalformed = errors.New("the server's reply is malformed")

// reply is a server's reply, RFC 5321 section 4.2.
type reply struct {
	code     int
	enhanced string   // RFC 3463; made from the code when the server gave none
	text     string   // one printable line
	lines    []string // of the reply to EHLO: as they came, without codes
}

func (r reply) ok() bool        { return r.code/100 == 2 }
func (r reply) temporary() bool { return r.code/100 == 4 }

// readReply reads one reply. r's buffer must hold maxReplyLine octets.
func readReply(r *bufio.Reader) (reply, error) {
	var p reply
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxReplyLine {
			return reply{}, fmt.Errorf("%w: a line is longer than %d octets", errMalformed, maxReplyLine)
		}
		if err != nil {
			return reply{}, err
		}
		last, err := p.add(string(line))
		if err != nil || last {
			return p.finish(), err
		}
	}
	return reply{}, fmt.Errorf("%w: it has more than %d lines", errMalformed, maxReplyLines)
}

// add takes one line of the reply and reports whether it is the last.
func (p *reply) add(line string) (last bool, err error) {
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || len(text) < 3 {
		return false, fmt.Errorf("%w: %q", errMalformed, cleanText(clip(line, 80)))
	}
	code := 0
	for i := range 3 {
		if text[i] < '0' || text[i] > '9' {
			return false, fmt.Errorf("%w: %q", errMalformed, cleanText(clip(line, 80)))
		}
		code = code*10 + int(text[i]-'0')
	}
	if code < 200 || code > 599 || p.code != 0 && p.code != code {
		return false, fmt.Errorf("%w: %q", errMalformed, cleanText(clip(line, 80)))
	}
	p.code = code
	if len(text) == 3 {
		p.lines = append(p.lines, "")
		return true, nil
	}
	p.lines = append(p.lines, text[4:])
	switch text[3] {
	case ' ':
		return true, nil
	case '-':
		return false, nil
	}
	return false, fmt.Errorf("%w: %q", errMalformed, cleanText(clip(line, 80)))
}

// finish makes the enhanced code and the text from the lines.
func (p reply) finish() reply {
	var texts []string
	for _, line := range p.lines {
		code, rest := cutEnhanced(line, p.code)
		if p.enhanced == "" {
			p.enhanced = code
		}
		if rest = strings.TrimSpace(rest); rest != "" {
			texts = append(texts, rest)
		}
	}
	if p.enhanced == "" && p.code != 0 {
		p.enhanced = fmt.Sprintf("%d.0.0", p.code/100)
	}
	p.text = cleanText(clip(strings.Join(texts, " "), maxReplyText))
	return p
}

// cutEnhanced takes an enhanced code (RFC 2034 section 4) off a line, if it
// is of the same class as the reply's code.
func cutEnhanced(line string, code int) (enhanced, rest string) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != fmt.Sprint(code/100) {
		return "", line
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", line
		}
	}
	return word, rest
}

// cleanText makes foreign text fit to stand in logs and notifications: one
// line of printable ASCII.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f:
			return '?'
		}
		return r
	}, s)
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
