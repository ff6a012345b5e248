package mailauth

import (
	"strings"

	"gomail"
	"gomail/message"
)

// IsForgedAuthResults reports whether a field of an incoming message is an
// Authentication-Results field that claims to be ours (RFC 8601 section 5),
// whatever the spelling: comments before the name, quotes, other case, a
// trailing dot, an internationalized name. A field that cannot be read counts
// as forged when our name stands anywhere in it.
func IsForgedAuthResults(f message.Field, authservID string) bool {
	if !f.Is("Authentication-Results") {
		return false
	}
	text := f.Value()
	id, ok := readAuthservID(text)
	if !ok {
		return strings.Contains(strings.ToLower(text), strings.ToLower(authservID))
	}
	return canonicalID(id) == canonicalID(authservID)
}

// canonicalID folds the spellings of one name into one.
func canonicalID(id string) string {
	if domain, err := gomail.CanonicalDomain(id); err == nil {
		return domain
	}
	return strings.TrimSuffix(strings.ToLower(id), ".")
}

// readAuthservID reads the authserv-id: a token or a quoted string after
// optional comments. White space and comments within a name, which mail
// software of old allowed around dots, are passed over.
func readAuthservID(text string) (id string, ok bool) {
	var b strings.Builder
	ended := false // by white space or a comment; what follows is a version
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ';':
			return b.String(), b.Len() > 0
		case c == ' ' || c == '\t':
			i++
			ended = b.Len() > 0
		case c == '(':
			n := commentLength(text[i:])
			if n == 0 {
				return "", false
			}
			i += n
			ended = b.Len() > 0
		case ended && c != '.' && (!strings.HasSuffix(b.String(), ".") || isVersion(text[i:])):
			return b.String(), true
		case c == '"':
			word, n := readQuoted(text[i:])
			if n == 0 {
				return "", false
			}
			b.WriteString(word)
			i += n
			ended = false
		default:
			b.WriteByte(c)
			i++
			ended = false
		}
	}
	return b.String(), b.Len() > 0
}

// isVersion reports whether text begins with the version that may follow the
// authserv-id, rather than with the rest of a name.
func isVersion(text string) bool {
	rest := strings.TrimLeft(text, "0123456789")
	return len(rest) < len(text) && (rest == "" || strings.IndexByte(" \t;(", rest[0]) >= 0)
}

// commentLength returns the length of the comment at the start of text, 0
// when it does not end.
func commentLength(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// readQuoted returns the content of the quoted string at the start of text
// and its length, 0 when it does not end.
func readQuoted(text string) (word string, n int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), i + 1
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}
