package message

import (
	"strings"

	"gomail"
)

// HeaderAddress is one entry of an address field (RFC 5322 section 3.4): a
// mailbox, or the beginning or end of a group.
type HeaderAddress struct {
	Name   string // display name or group name, unquoted; encoded words are kept, see DecodeWords
	Local  string // local part, unquoted
	Domain string // as written: not canonical, empty when the sender left it out
	Group  GroupMark
}

// GroupMark tells the ends of a group from ordinary addresses.
type GroupMark uint8

// The marks. A group is a GroupStart with its Name, its members, a GroupEnd.
const (
	GroupNone GroupMark = iota
	GroupStart
	GroupEnd
)

// Address returns the mailbox in GoMail's own form; false when it is none,
// such as a group or something without a valid domain.
func (a HeaderAddress) Address() (gomail.Address, bool) {
	if a.Group != GroupNone || a.Local == "" || a.Domain == "" {
		return gomail.Address{}, false
	}
	parsed, err := gomail.ParseAddress(quoteLocal(a.Local) + "@" + a.Domain)
	return parsed, err == nil
}

// quoteLocal always quotes, so that ParseAddress takes the local part as it is.
func quoteLocal(local string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
}

// ParseAddressList reads the value of an address field. It never fails: it
// takes the current and the obsolete syntax (RFC 5322 sections 3.4 and 4.4),
// and of anything else what can be made out. Two addresses without a comma
// between them are both returned.
func ParseAddressList(value string) []HeaderAddress {
	p := addressParser{s: value}
	for p.i < len(p.s) {
		p.step()
	}
	p.flush()
	if p.inGroup {
		p.out = append(p.out, HeaderAddress{Group: GroupEnd})
	}
	return p.out
}

// addressWord is a token of an address that is not yet complete.
type addressWord struct {
	text   string
	kind   byte // 'a' atom, 'q' quoted string or domain literal, '@', '.'
	spaced bool // white space or a comment stood before it
}

type addressParser struct {
	s       string
	i       int
	out     []HeaderAddress
	words   []addressWord
	at      bool   // words holds an @
	comment string // the last comment, which names "anna@example.com (Anna)"
	spaced  bool
	inGroup bool
}

// step consumes one token.
func (p *addressParser) step() {
	switch c := p.s[p.i]; c {
	case ' ', '\t', '\r', '\n':
		p.i++
		p.spaced = true
	case '(':
		p.comment = p.readComment()
		p.spaced = true
	case ',':
		p.i++
		p.flush()
	case ';':
		p.i++
		p.flush()
		if p.inGroup {
			p.inGroup = false
			p.out = append(p.out, HeaderAddress{Group: GroupEnd})
		}
	case ':':
		p.i++
		p.startGroup()
	case '<':
		p.i++
		p.angle()
	case '"':
		p.push(addressWord{text: p.readQuoted(), kind: 'q'})
	case '[':
		p.push(addressWord{text: p.readLiteral(), kind: 'q'})
	case '@', '.':
		p.i++
		p.push(addressWord{text: string(c), kind: c})
	case '>', ')', ']', '\\':
		p.i++ // stray: an end without a beginning
		p.spaced = true
	default:
		p.push(addressWord{text: p.readAtom(), kind: 'a'})
	}
}

// push adds a token. A word after white space that follows a complete address
// begins the next one, as in "a@x b@y".
func (p *addressParser) push(w addressWord) {
	w.spaced = p.spaced
	p.spaced = false
	if p.at && w.spaced && w.kind != '.' && w.kind != '@' {
		if last := p.words[len(p.words)-1].kind; last != '.' && last != '@' && !p.beforeAngle() {
			p.flush()
		}
	}
	p.at = p.at || w.kind == '@'
	p.words = append(p.words, w)
}

// beforeAngle reports whether the text up to the next comma is a name before
// an angle address, as in "a@x Smith <b@y>". It looks a short way only, which
// keeps parsing linear.
func (p *addressParser) beforeAngle() bool {
	ahead := p.s[p.i:]
	if len(ahead) > 128 {
		ahead = ahead[:128]
	}
	i := strings.IndexAny(ahead, "<,;@(\"")
	return i >= 0 && ahead[i] == '<'
}

// flush ends the address at hand.
func (p *addressParser) flush() {
	words, comment := p.words, p.comment
	p.words, p.comment, p.at, p.spaced = p.words[:0], "", false, false
	if len(words) == 0 {
		return
	}
	name, local, domain := splitWords(words)
	if local == "" && domain == "" {
		return
	}
	if name == "" {
		name = comment
	}
	p.out = append(p.out, HeaderAddress{Name: name, Local: local, Domain: domain})
}

// splitWords makes an address of tokens: the domain is what follows the last
// @, the local part what joins it from the left, the name the rest.
func splitWords(words []addressWord) (name, local, domain string) {
	at := -1
	for i, w := range words {
		if w.kind == '@' {
			at = i
		}
	}
	if at < 0 {
		return "", join(words, false), ""
	}
	begin := at
	for begin > 0 && (begin == at || !words[begin].spaced || words[begin].kind == '.' || words[begin-1].kind == '.') {
		begin--
	}
	return join(words[:begin], true), join(words[begin:at], false), join(words[at+1:], false)
}

// join concatenates tokens, with a space where there was one when asked.
func join(words []addressWord, spaces bool) string {
	if len(words) == 1 {
		return words[0].text
	}
	var b strings.Builder
	for i, w := range words {
		if spaces && i > 0 && w.spaced {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// startGroup takes what stands before a colon as a group's name.
func (p *addressParser) startGroup() {
	name := join(p.words, true)
	p.words, p.comment, p.at, p.spaced = p.words[:0], "", false, false
	if p.inGroup {
		return // groups do not nest
	}
	p.inGroup = true
	p.out = append(p.out, HeaderAddress{Name: name, Group: GroupStart})
}

// angle reads an angle-addr after its "<": a source route (RFC 5322 section
// 4.4) is passed over.
func (p *addressParser) angle() {
	name := join(p.words, true)
	p.words, p.at, p.spaced = p.words[:0], false, false
	inner := addressParser{s: p.s, i: p.i}
	for inner.i < len(inner.s) && inner.s[inner.i] != '>' && inner.s[inner.i] != '<' {
		switch c := inner.s[inner.i]; c {
		case ':', ',', ';':
			inner.i++
			if c == ':' {
				inner.words, inner.at = inner.words[:0], false
			}
		default:
			inner.step()
		}
	}
	p.i = inner.i
	if p.i < len(p.s) && p.s[p.i] == '>' {
		p.i++
	}
	p.out = append(p.out, inner.out...)
	_, local, domain := splitWords(inner.words)
	if len(inner.words) == 0 {
		local, domain = "", ""
	}
	if name == "" {
		name = p.comment
	}
	p.comment = ""
	if local != "" || domain != "" || name != "" {
		p.out = append(p.out, HeaderAddress{Name: name, Local: local, Domain: domain})
	}
}

// readComment reads a comment with those nested in it and returns its text.
func (p *addressParser) readComment() string {
	start, depth := p.i+1, 0
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				text := p.s[start:p.i]
				p.i++
				return unescape(text)
			}
		}
	}
	p.i = len(p.s)
	return unescape(p.s[min(start, len(p.s)):])
}

// readQuoted reads a quoted-string and returns its content.
func (p *addressParser) readQuoted() string {
	start := p.i + 1
	for p.i++; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case '"':
			text := p.s[start:p.i]
			p.i++
			return unescape(text)
		}
	}
	p.i = len(p.s)
	return unescape(p.s[min(start, len(p.s)):])
}

// readLiteral reads a domain-literal and returns it with its brackets.
func (p *addressParser) readLiteral() string {
	end := strings.IndexByte(p.s[p.i:], ']')
	if end < 0 {
		end = len(p.s) - p.i - 1
	}
	text := p.s[p.i : p.i+end+1]
	p.i += end + 1
	return text
}

// readAtom reads up to the next special, white space or dot.
func (p *addressParser) readAtom() string {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n()<>[]:;@\\,.\"", p.s[p.i]) < 0 {
		p.i++
	}
	return p.s[start:p.i]
}

// unescape takes the backslashes of quoted-pairs away.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
