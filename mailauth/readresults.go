package mailauth

import "strings"

// methodResult is one result of an Authentication-Results field, RFC 8601
// section 2.2: "dmarc=pass header.from=example.com".
type methodResult struct {
	method     string            // lower case, without a version
	result     string            // lower case
	properties map[string]string // "header.from", lower case, to its value; reason too
}

// maxMethods bounds the results that are read of one field.
const maxMethods = 100

// readResults reads the value of an Authentication-Results field. It is false
// when the value does not keep to the grammar: then none of it is believed.
func readResults(text string) (id string, results []methodResult, ok bool) {
	id, ok = readAuthservID(text)
	if !ok {
		return "", nil, false
	}
	s := &resultScanner{rest: text}
	if !s.skipTo(';') {
		return "", nil, false
	}
	for s.rest != "" && len(results) < maxMethods {
		m, ok := s.method()
		switch {
		case !ok:
			return "", nil, false
		case m.method != "": // nothing behind the last semicolon is tolerated, and "none"
			results = append(results, m)
		}
	}
	return id, results, true
}

// resultScanner walks through a field's value.
type resultScanner struct{ rest string }

// skipTo goes behind the next c outside comments and quoted strings, or to the
// end. It is false when one of those does not end.
func (s *resultScanner) skipTo(c byte) bool {
	for s.rest != "" {
		n := 1
		switch s.rest[0] {
		case c:
			s.rest = s.rest[1:]
			return true
		case '(':
			n = commentLength(s.rest)
		case '"':
			_, n = readQuoted(s.rest)
		}
		if n == 0 {
			return false
		}
		s.rest = s.rest[n:]
	}
	return true
}

// space passes over white space and comments.
func (s *resultScanner) space() bool {
	for s.rest != "" {
		switch s.rest[0] {
		case ' ', '\t', '\r', '\n':
			s.rest = s.rest[1:]
		case '(':
			n := commentLength(s.rest)
			if n == 0 {
				return false
			}
			s.rest = s.rest[n:]
		default:
			return true
		}
	}
	return true
}

// method reads one result and its properties, up to the semicolon.
func (s *resultScanner) method() (m methodResult, ok bool) {
	for first := true; ; first = false {
		if !s.space() {
			return m, false
		}
		if s.rest == "" || s.rest[0] == ';' {
			s.rest = strings.TrimPrefix(s.rest, ";")
			return m, true
		}
		name, value, ok := s.pair()
		switch {
		case !ok && first && name == "none" && value == "":
			// "none": no method was applied. Nothing may follow.
			return m, s.space() && s.rest == ""
		case !ok:
			return m, false
		case first:
			m.method, _, _ = strings.Cut(name, "/")
			m.method, m.result = strings.Trim(m.method, " \t"), strings.ToLower(value)
			m.properties = map[string]string{}
		default:
			if _, twice := m.properties[name]; !twice {
				m.properties[name] = value
			}
		}
	}
}

// pair reads "name = value".
func (s *resultScanner) pair() (name, value string, ok bool) {
	name, ok = s.name()
	if !ok || name == "" || !strings.HasPrefix(s.rest, "=") {
		return name, "", false
	}
	s.rest = s.rest[1:]
	if !s.space() {
		return name, "", false
	}
	value, ok = s.value()
	return name, value, ok
}

// name reads the name of a method or a property. White space and comments may
// stand around its dot or slash.
func (s *resultScanner) name() (string, bool) {
	var b strings.Builder
	for {
		end := strings.IndexAny(s.rest, "= \t\r\n;(\"")
		if end < 0 {
			end = len(s.rest)
		}
		b.WriteString(strings.ToLower(s.rest[:end]))
		s.rest = s.rest[end:]
		if !s.space() {
			return "", false
		}
		goesOn := s.rest != "" && strings.IndexByte("./", s.rest[0]) >= 0 || end > 0 && strings.IndexByte("./", b.String()[b.Len()-1]) >= 0
		if !goesOn {
			return b.String(), true
		}
	}
}

// value reads a token, an address or a quoted string, which may begin an
// address.
func (s *resultScanner) value() (string, bool) {
	var b strings.Builder
	for s.rest != "" && strings.IndexByte(" \t\r\n;(", s.rest[0]) < 0 {
		if s.rest[0] != '"' {
			b.WriteByte(s.rest[0])
			s.rest = s.rest[1:]
			continue
		}
		word, n := readQuoted(s.rest)
		if n == 0 {
			return "", false
		}
		b.WriteString(word)
		s.rest = s.rest[n:]
	}
	return b.String(), b.Len() > 0
}
