package aggregate

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"gomail"
)

// token is what the scanner has come to.
type token uint8

const (
	tokenEnd   token = iota // of the document
	tokenOpen               // <name>
	tokenClose              // </name>
	tokenText               // between tags, entities replaced
)

// Limits of a document.
const (
	maxDepth = 32   // elements within elements
	maxText  = 1024 // octets of an element's text that are kept
)

// scanner reads the part of XML that reports are written in, from front to
// back: elements, text, CDATA. It passes over attributes, comments and
// processing instructions, and refuses document types.
type scanner struct {
	rest  []byte
	name  []byte // of the tag, without a namespace prefix
	text  []byte
	space []byte // where texts with entities are put together
	empty bool   // the tag that was opened last closes itself
}

func newScanner(document []byte) *scanner {
	return &scanner{rest: bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))}
}

// next goes on to the next token.
func (s *scanner) next() (token, error) {
	if s.empty {
		s.empty = false
		return tokenClose, nil
	}
	for len(s.rest) > 0 {
		if s.rest[0] != '<' {
			return tokenText, s.chars()
		}
		switch {
		case bytes.HasPrefix(s.rest, []byte("<?")):
			if err := s.pass("<?", "?>"); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(s.rest, []byte("<!--")):
			if err := s.pass("<!--", "-->"); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(s.rest, []byte("<![CDATA[")):
			start := s.rest[len("<![CDATA["):]
			if err := s.pass("<![CDATA[", "]]>"); err != nil {
				return 0, err
			}
			s.text = start[:len(start)-len(s.rest)-len("]]>")]
			return tokenText, nil
		case bytes.HasPrefix(s.rest, []byte("<!")):
			return 0, invalid("it has a document type, which reports have not")
		default:
			return s.tag()
		}
	}
	return tokenEnd, nil
}

// pass goes beyond what begins with open and ends with end.
func (s *scanner) pass(open, end string) error {
	at := bytes.Index(s.rest[len(open):], []byte(end))
	if at < 0 {
		return invalid("it ends within " + open)
	}
	s.rest = s.rest[len(open)+at+len(end):]
	return nil
}

// tag reads a tag up to its end. Attributes are passed over; what they quote
// may hold a >.
func (s *scanner) tag() (token, error) {
	at := 1
	kind := tokenOpen
	if at < len(s.rest) && s.rest[at] == '/' {
		kind, at = tokenClose, at+1
	}
	start := at
	for at < len(s.rest) && isName(s.rest[at]) {
		at++
	}
	s.name = s.rest[start:at]
	if colon := bytes.LastIndexByte(s.name, ':'); colon >= 0 {
		s.name = s.name[colon+1:]
	}
	if len(s.name) == 0 {
		return 0, invalid("it has a < that begins no tag")
	}
	var quote byte
	for ; at < len(s.rest); at++ {
		switch c := s.rest[at]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return 0, invalid("it has a tag within a tag")
		case c == '>':
			s.empty = kind == tokenOpen && s.rest[at-1] == '/'
			s.rest = s.rest[at+1:]
			return kind, nil
		}
	}
	return 0, invalid("it ends within a tag")
}

func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':' || c >= utf8.RuneSelf
}

// chars reads text up to the next tag.
func (s *scanner) chars() error {
	end := bytes.IndexByte(s.rest, '<')
	if end < 0 {
		end = len(s.rest)
	}
	s.text, s.rest = s.rest[:end], s.rest[end:]
	if bytes.IndexByte(s.text, '&') < 0 {
		return nil
	}
	s.space = replaceEntities(s.space[:0], s.text[:min(len(s.text), 4*maxText)])
	s.text = s.space
	return nil
}

// replaceEntities appends text with its entities and character references
// replaced. What is none stays as it is.
func replaceEntities(dst, text []byte) []byte {
	for len(text) > 0 {
		at := bytes.IndexByte(text, '&')
		if at < 0 {
			return append(dst, text...)
		}
		dst, text = append(dst, text[:at]...), text[at:]
		end := bytes.IndexByte(text[:min(len(text), 12)], ';')
		r, ok := rune(0), false
		if end > 1 {
			r, ok = entity(string(text[1:end]))
		}
		if !ok {
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		dst, text = utf8.AppendRune(dst, r), text[end+1:]
	}
	return dst
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return rune(n), err == nil && n > 0 && utf8.ValidRune(rune(n))
}

func invalid(why string) error {
	return gomail.Errorf(gomail.Invalid, "the report cannot be read: %s", why)
}
