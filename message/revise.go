package message

import (
	"strings"

	"gomail"
)

// Revision is a message as a filter wants it before it is taken.
type Revision struct {
	Header      Header
	Body        []byte // instead of the message's, if ReplaceBody
	ReplaceBody bool

	Add, Remove []gomail.Address // recipients

	Quarantine string // why it shall be put aside; empty: it shall not
	Discard    bool   // it shall be taken and forgotten
}

// NewField makes a field of a name and a value that may be folded with any
// line ends. What could end the field is made harmless; false when the name is
// none.
func NewField(name, value string) (Field, bool) {
	if name == "" || fieldName([]byte(name+":")) != name {
		return Field{}, false
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(value), "\n")
	var b strings.Builder
	b.WriteString(name + ":")
	for i, line := range lines {
		if line = strings.TrimRight(line, " \t"); i > 0 && line == "" {
			continue // an empty line would end the header
		}
		if i > 0 {
			b.WriteString("\r\n")
		}
		if line == "" || line[0] != ' ' && line[0] != '\t' {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	b.WriteString("\r\n")
	return Field{Name: name, Raw: []byte(b.String())}, true
}

// Insert returns the header with a field before the one at a place; past the
// end: at the end.
func (h Header) Insert(place int, f Field) Header {
	place = max(0, min(place, len(h)))
	out := make(Header, 0, len(h)+1)
	return append(append(append(out, h[:place]...), f), h[place:]...)
}

// Replace returns the header with the nth field of a name, counted from 1,
// replaced; nil takes it away. Without that many fields of the name the new one
// goes to the end.
func (h Header) Replace(name string, n int, f *Field) Header {
	out := make(Header, 0, len(h)+1)
	found := false
	for _, field := range h {
		if field.Is(name) {
			n--
			if n == 0 {
				found = true
				if f != nil {
					out = append(out, *f)
				}
				continue
			}
		}
		out = append(out, field)
	}
	if !found && f != nil {
		out = append(out, *f)
	}
	return out
}
