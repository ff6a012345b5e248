package message

import (
	"sort"
	"strconv"
	"strings"
)

// Limits on the parameters of one field.
const (
	maxParams     = 64
	maxParamBytes = 8 << 10
)

// Param is a parameter of Content-Type or Content-Disposition (RFC 2045
// section 5.1). Continuations (RFC 2231 section 3) are joined already; an
// extended value keeps its charset and escapes and the * at the end of its
// name.
type Param struct {
	Name  string // lower case
	Value string // unquoted
}

// Params are the parameters of one field, in their order.
type Params []Param

// Get returns the value of a parameter, given in lower case, decoded to
// UTF-8: extended values (RFC 2231 section 4) and, as many senders do,
// encoded words.
func (p Params) Get(name string) string {
	for _, param := range p {
		if strings.HasSuffix(param.Name, "*") && param.Name[:len(param.Name)-1] == name {
			return decodeExtended(param.Value)
		}
	}
	for _, param := range p {
		if param.Name == name {
			return DecodeWords(param.Value)
		}
	}
	return ""
}

// decodeExtended decodes charset'language'percent-escaped.
func decodeExtended(value string) string {
	charset, rest, ok := strings.Cut(value, "'")
	if !ok {
		return toUTF8(value)
	}
	_, text, ok := strings.Cut(rest, "'")
	if !ok {
		return toUTF8(value)
	}
	if charset == "" {
		charset = "utf-8"
	}
	return strings.Map(wordRune, decodeCharset(charset, unpercent(text)))
}

func unpercent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

// ParseParamField reads a value such as `text/plain; charset="utf-8"`: what
// stands before the first semicolon, in lower case, and the parameters.
func ParseParamField(value string) (string, Params) {
	s := paramScanner{s: value}
	s.skip()
	first := strings.ToLower(s.until(";"))
	var params Params
	for s.i < len(s.s) && len(params) < maxParams {
		s.i++ // the semicolon
		if p, ok := s.param(); ok {
			params = append(params, p)
		}
		s.until(";")
	}
	return first, joinContinuations(params)
}

type paramScanner struct {
	s string
	i int
}

// skip passes over white space and comments.
func (s *paramScanner) skip() {
	for s.i < len(s.s) {
		switch s.s[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		case '(':
			p := addressParser{s: s.s, i: s.i}
			p.readComment()
			s.i = p.i
		default:
			return
		}
	}
}

// until reads up to one of the stops, a comment or the end, and passes over
// white space and comments that follow.
func (s *paramScanner) until(stops string) string {
	var text string
	for {
		start := s.i
		for s.i < len(s.s) && s.s[s.i] != '(' && strings.IndexByte(stops, s.s[s.i]) < 0 {
			s.i++
		}
		if text == "" {
			text = strings.Trim(s.s[start:s.i], " \t\r\n")
		}
		if s.i == len(s.s) || s.s[s.i] != '(' {
			return text
		}
		s.skip()
	}
}

// param reads name=value.
func (s *paramScanner) param() (Param, bool) {
	s.skip()
	name := strings.ToLower(s.until("=;"))
	if name == "" || s.i == len(s.s) || s.s[s.i] != '=' {
		return Param{}, false
	}
	s.i++
	s.skip()
	var value string
	if s.i < len(s.s) && s.s[s.i] == '"' {
		p := addressParser{s: s.s, i: s.i}
		value = p.readQuoted()
		s.i = p.i
	} else {
		value = s.bare()
	}
	if len(name) > 256 || len(value) > maxParamBytes {
		return Param{}, false
	}
	return Param{Name: name, Value: value}, true
}

// bare reads an unquoted value; spaces in it, as in name=my file.pdf, are
// what many senders write.
func (s *paramScanner) bare() string {
	start := s.i
	for s.i < len(s.s) && s.s[s.i] != ';' {
		s.i++
	}
	value := strings.Trim(s.s[start:s.i], " \t\r\n")
	if open := strings.IndexByte(value, '('); open > 0 && strings.HasSuffix(value, ")") && value[open-1] == ' ' {
		value = strings.TrimRight(value[:open], " \t")
	}
	return value
}

// section is a piece of a continued parameter.
type section struct {
	number   int
	extended bool
	value    string
}

// joinContinuations makes one parameter of name*0, name*1 and so on, RFC 2231
// sections 3 and 4.1.
func joinContinuations(params Params) Params {
	var out Params
	pieces := map[string][]section{}
	for _, p := range params {
		base, piece, ok := splitSection(p)
		if !ok {
			out = append(out, p)
			continue
		}
		if pieces[base] == nil {
			out = append(out, Param{Name: base + "*"}) // its place in the order
		}
		pieces[base] = append(pieces[base], piece)
	}
	if len(pieces) == 0 {
		return out
	}
	for i, p := range out {
		base := strings.TrimSuffix(p.Name, "*")
		if p.Value == "" && pieces[base] != nil {
			out[i] = joinSections(base, pieces[base])
		}
	}
	return out
}

func splitSection(p Param) (base string, piece section, ok bool) {
	name, extended := strings.CutSuffix(p.Name, "*")
	star := strings.LastIndexByte(name, '*')
	if star <= 0 {
		return "", section{}, false
	}
	n, err := strconv.Atoi(name[star+1:])
	if err != nil || n < 0 || n >= maxParams {
		return "", section{}, false
	}
	return name[:star], section{n, extended, p.Value}, true
}

func joinSections(base string, pieces []section) Param {
	sort.SliceStable(pieces, func(i, j int) bool { return pieces[i].number < pieces[j].number })
	extended := pieces[0].extended
	var b strings.Builder
	for i, piece := range pieces {
		if i > 0 && piece.number == pieces[i-1].number {
			continue
		}
		if extended && !piece.extended {
			b.WriteString(strings.ReplaceAll(piece.value, "%", "%25"))
			continue
		}
		b.WriteString(piece.value)
	}
	if extended {
		base += "*"
	}
	return Param{Name: base, Value: b.String()}
}

// isToken reports whether s is a token of RFC 2045 section 5.1.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
