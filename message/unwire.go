package message

import (
	"bytes"
	"strconv"
)

// wireReader reads back the ENVELOPE and BODYSTRUCTURE that this package
// renders: no other spellings, no fields left out. After the first fault
// everything reads as empty.
type wireReader struct {
	b     []byte
	bad   bool
	parts int
}

// done reports whether all was read, without a fault.
func (r *wireReader) done() bool { return !r.bad && len(r.b) == 0 }

func (r *wireReader) at(c byte) bool { return len(r.b) > 0 && r.b[0] == c }

// eat consumes exactly s.
func (r *wireReader) eat(s string) {
	if len(r.b) < len(s) || string(r.b[:len(s)]) != s {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[len(s):]
}

func (r *wireReader) isNil() bool {
	if len(r.b) >= 3 && string(r.b[:3]) == "NIL" {
		r.b = r.b[3:]
		return true
	}
	return false
}

func (r *wireReader) nstring() string { return string(r.noctets()) }

func (r *wireReader) string() string { return string(r.octets()) }

func (r *wireReader) noctets() []byte {
	if r.isNil() {
		return nil
	}
	return r.octets()
}

// octets reads a string where it stands; what was escaped is a copy.
func (r *wireReader) octets() []byte {
	if r.at('{') {
		return r.literal()
	}
	r.eat(`"`)
	for i := 0; i < len(r.b); i++ {
		switch r.b[i] {
		case '"':
			s := r.b[:i:i]
			r.b = r.b[i+1:]
			return s
		case '\\':
			return r.escaped(i)
		}
	}
	r.bad, r.b = true, nil
	return nil
}

// escaped reads the rest of a quoted string whose first backslash is at i.
func (r *wireReader) escaped(i int) []byte {
	out := append([]byte(nil), r.b[:i]...)
	for ; i < len(r.b); i++ {
		switch c := r.b[i]; {
		case c == '"':
			r.b = r.b[i+1:]
			return out
		case c == '\\' && i+1 < len(r.b):
			i++
			out = append(out, r.b[i])
		default:
			out = append(out, c)
		}
	}
	r.bad, r.b = true, nil
	return nil
}

func (r *wireReader) literal() []byte {
	r.eat("{")
	n := r.number()
	r.eat("}\r\n")
	if r.bad || n > int64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *wireReader) number() int64 {
	end := bytes.IndexFunc(r.b, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(r.b)
	}
	n, err := strconv.ParseInt(string(r.b[:end]), 10, 62)
	if err != nil {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[end:]
	return n
}

func (r *wireReader) envelope() *Envelope {
	e := &Envelope{}
	r.eat("(")
	e.Date = r.nstring()
	r.eat(" ")
	e.Subject = r.nstring()
	for _, list := range [...]*[]HeaderAddress{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc} {
		r.eat(" ")
		*list = r.addresses()
	}
	r.eat(" ")
	e.InReplyTo = r.nstring()
	r.eat(" ")
	e.MessageID = r.nstring()
	r.eat(")")
	return e
}

func (r *wireReader) addresses() []HeaderAddress {
	if r.isNil() {
		return nil
	}
	var list []HeaderAddress
	r.eat("(")
	for !r.bad && r.at('(') {
		list = append(list, r.address())
	}
	r.eat(")")
	return list
}

func (r *wireReader) address() HeaderAddress {
	var a HeaderAddress
	r.eat("(")
	a.Name = r.nstring()
	r.eat(" NIL ")
	if r.isNil() {
		r.eat(" NIL)")
		a.Group = GroupEnd
		return a
	}
	a.Local = r.string()
	r.eat(" ")
	if r.isNil() {
		a.Name, a.Local, a.Group = a.Local, "", GroupStart
	} else {
		a.Domain = r.string()
	}
	r.eat(")")
	return a
}

func (r *wireReader) part(depth int) *Part {
	p := &Part{}
	if r.parts++; depth > MaxDepth+1 || r.parts > 2*MaxParts {
		r.bad, r.b = true, nil
		return p
	}
	r.eat("(")
	if r.at('(') {
		r.multipart(p, depth)
	} else {
		r.single(p, depth)
	}
	r.extension(p)
	r.eat(")")
	return p
}

func (r *wireReader) multipart(p *Part, depth int) {
	p.Type, p.Encoding = "multipart", defaultEncoding
	for !r.bad && r.at('(') {
		p.Children = append(p.Children, r.part(depth+1))
	}
	r.eat(" ")
	p.Subtype = r.string()
	r.eat(" ")
	p.Params = r.params()
}

func (r *wireReader) single(p *Part, depth int) {
	p.Type = r.string()
	r.eat(" ")
	p.Subtype = r.string()
	r.eat(" ")
	p.Params = r.params()
	r.eat(" ")
	p.ID = r.nstring()
	r.eat(" ")
	p.Description = r.nstring()
	r.eat(" ")
	p.Encoding = r.string()
	r.eat(" ")
	p.Body.Length = r.number()
	if p.IsMessage() {
		r.eat(" ")
		p.Envelope = r.envelope()
		r.eat(" ")
		p.Children = []*Part{r.part(depth + 1)}
	}
	if p.IsMessage() || p.Type == "text" {
		r.eat(" ")
		p.Lines = r.number()
	}
	r.eat(" ")
	p.MD5 = r.nstring()
}

func (r *wireReader) extension(p *Part) {
	r.eat(" ")
	if !r.isNil() {
		r.eat("(")
		p.Disposition = r.string()
		r.eat(" ")
		p.DispositionParams = r.params()
		r.eat(")")
	}
	r.eat(" ")
	if r.at('(') {
		r.eat("(")
		for !r.bad && !r.at(')') {
			p.Language = append(p.Language, r.string())
			if !r.at(')') {
				r.eat(" ")
			}
		}
		r.eat(")")
	} else if tag := r.nstring(); tag != "" {
		p.Language = []string{tag}
	}
	r.eat(" ")
	p.Location = r.nstring()
}

func (r *wireReader) params() Params {
	if r.isNil() {
		return nil
	}
	var params Params
	r.eat("(")
	for !r.bad && !r.at(')') {
		name := r.string()
		r.eat(" ")
		params = append(params, Param{Name: name, Value: r.string()})
		if !r.at(')') {
			r.eat(" ")
		}
	}
	r.eat(")")
	return params
}
