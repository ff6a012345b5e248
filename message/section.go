package message

import (
	"bytes"
	"strings"
)

// Specifier is what of a part an IMAP section names, RFC 9051 section 6.4.5.
type Specifier uint8

// The specifiers. HEADER.FIELDS is HeaderOf filtered by FilterHeader.
const (
	Whole    Specifier = iota // BODY[] and BODY[1.2]
	HeaderOf                  // BODY[HEADER] and BODY[1.2.HEADER]: of a message
	TextOf                    // BODY[TEXT] and BODY[1.2.TEXT]: of a message
	MIMEOf                    // BODY[1.2.MIME]: of a part
)

// Find returns where in a message a section lies; false when there is no such
// section.
//
// shift is the length of the fields that GoMail puts before a stored message
// when it is read (Return-Path, Received and so on): they belong to the
// message's own header, and everything after it moves by that many octets. It
// is 0 for the message as it was indexed.
func (x *Index) Find(path []int, what Specifier, shift int64) (Range, bool) {
	if len(path) == 0 {
		return x.findRoot(what, shift)
	}
	part, ok := x.Part(path)
	if !ok {
		return Range{}, false
	}
	found := part.Body
	switch what {
	case MIMEOf:
		found = part.Header
	case HeaderOf, TextOf:
		if !part.IsMessage() {
			return Range{}, false
		}
		if found = part.Children[0].Body; what == HeaderOf {
			found = part.Children[0].Header
		}
	}
	if part == x.Root { // section 1 of a message without parts
		if what == MIMEOf {
			return Range{Length: part.Header.Length + shift}, true
		}
	}
	found.Offset += shift
	return found, true
}

func (x *Index) findRoot(what Specifier, shift int64) (Range, bool) {
	switch what {
	case Whole:
		return Range{Length: x.Size + shift}, true
	case HeaderOf:
		return Range{Length: x.Root.Header.Length + shift}, true
	case TextOf:
		return Range{Offset: x.Root.Body.Offset + shift, Length: x.Root.Body.Length}, true
	}
	return Range{}, false
}

// Part returns the part of a number such as 1.2, RFC 9051 section 6.4.5.1: a
// message that is no multipart has the one part 1, and the parts of a message
// within a part are counted below that part's number.
func (x *Index) Part(path []int) (*Part, bool) {
	part, isMessage := x.Root, true
	for _, n := range path {
		if part.IsMessage() && !isMessage {
			part, isMessage = part.Children[0], true
		}
		switch {
		case part.IsMultipart():
			if n < 1 || n > len(part.Children) {
				return nil, false
			}
			part = part.Children[n-1]
		case !isMessage || n != 1:
			return nil, false
		}
		isMessage = false
	}
	return part, true
}

// FilterHeader returns the fields of a header section that have one of the
// names, or with not those that have none, and the empty line after them:
// HEADER.FIELDS and HEADER.FIELDS.NOT.
func FilterHeader(raw []byte, names []string, not bool) []byte {
	out := make([]byte, 0, min(len(raw), 1024)+2)
	for len(raw) > 0 {
		end := fieldEnd(raw)
		field := raw[:end]
		raw = raw[end:]
		if len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		if nameIn(field, names) != not {
			out = append(out, field...)
		}
	}
	if n := len(out); n > 0 && out[n-1] != '\n' {
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...)
}

func nameIn(field []byte, names []string) bool {
	colon := bytes.IndexByte(field, ':')
	if colon < 0 {
		return false
	}
	name := bytes.TrimRight(field[:colon], " \t")
	for _, n := range names {
		if len(n) == len(name) && strings.EqualFold(n, string(name)) {
			return true
		}
	}
	return false
}
