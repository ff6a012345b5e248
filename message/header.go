package message

import (
	"bytes"
	"strings"

	"gomail"
)

// Limits on the header of one message. A header within them is indexed whole.
const (
	MaxHeaderBytes  = 256 << 10
	MaxHeaderFields = 1000
)

// Field is one header field as it stands in the message.
type Field struct {
	Name string // as written, without white space before the colon
	Raw  []byte // the whole field: name, colon, folded value, final line break
}

// Header is a message's header fields, top to bottom.
type Header []Field

// ParseHeader reads raw, the header section with or without its final empty
// line. Lines that are no field (an mbox From_ line, garbage) are kept as
// fields with an empty Name, so that joining all Raw gives the section back.
// A section over MaxHeaderBytes is a TooLarge error, one over MaxHeaderFields
// a TooMany error.
func ParseHeader(raw []byte) (Header, error) {
	if len(raw) > MaxHeaderBytes {
		return nil, gomail.Errorf(gomail.TooLarge, "the message header is larger than %d KiB", MaxHeaderBytes>>10)
	}
	header := make(Header, 0, 16)
	for len(raw) > 0 {
		end := fieldEnd(raw)
		field := raw[:end]
		raw = raw[end:]
		if len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		if len(header) == MaxHeaderFields {
			return nil, gomail.Errorf(gomail.TooMany, "the message header has more than %d fields", MaxHeaderFields)
		}
		header = append(header, Field{Name: fieldName(field), Raw: field})
	}
	return header, nil
}

// fieldEnd returns the length of the field at the start of raw: its line and
// the continuation lines that begin with white space.
func fieldEnd(raw []byte) int {
	end := 0
	for {
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			return len(raw)
		}
		blank := len(bytes.TrimRight(raw[end:end+i], "\r")) == 0
		end += i + 1
		if blank || end == len(raw) || raw[end] != ' ' && raw[end] != '\t' {
			return end
		}
	}
}

// fieldName returns what stands before the colon, or nothing when that is no
// field name (RFC 5322 section 3.6.8: printable ASCII).
func fieldName(field []byte) string { return string(nameOf(field)) }

// nameOf is fieldName without a copy.
func nameOf(field []byte) []byte {
	colon := bytes.IndexByte(field, ':')
	if colon <= 0 {
		return nil
	}
	name := bytes.TrimRight(field[:colon], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil
		}
	}
	return name
}

// Is reports whether the field has this name, in any case.
func (f Field) Is(name string) bool { return strings.EqualFold(f.Name, name) }

// Value returns the field's value unfolded (RFC 5322 section 2.2.3) and
// without white space around it.
func (f Field) Value() string {
	_, value, _ := bytes.Cut(f.Raw, []byte{':'})
	if bytes.IndexByte(value, '\n') >= 0 {
		value = bytes.ReplaceAll(bytes.ReplaceAll(value, []byte("\r"), nil), []byte("\n"), nil)
	}
	return strings.Trim(string(value), " \t\r")
}

// Get returns the value of the first field of that name, empty when there is
// none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if f.Is(name) {
			return f.Value()
		}
	}
	return ""
}

// Values returns the values of all fields of that name, top to bottom.
func (h Header) Values(name string) []string {
	var values []string
	for _, f := range h {
		if f.Is(name) {
			values = append(values, f.Value())
		}
	}
	return values
}

// Count returns how many fields of that name there are.
func (h Header) Count(name string) int {
	n := 0
	for _, f := range h {
		if f.Is(name) {
			n++
		}
	}
	return n
}

// Without returns the header without the fields for which drop is true.
func (h Header) Without(drop func(Field) bool) Header {
	kept := make(Header, 0, len(h))
	for _, f := range h {
		if !drop(f) {
			kept = append(kept, f)
		}
	}
	return kept
}

// Bytes returns the section: every field and no final empty line.
func (h Header) Bytes() []byte {
	var b bytes.Buffer
	for _, f := range h {
		b.Write(f.Raw)
	}
	return b.Bytes()
}
