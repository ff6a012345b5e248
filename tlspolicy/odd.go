package tlspolicy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"gomail"
)

// list is a JSON array, or a single value in its place, or null.
type list[T any] []T

// UnmarshalJSON reads either.
func (l *list[T]) UnmarshalJSON(octets []byte) error {
	*l = nil
	octets = bytes.TrimSpace(octets)
	if bytes.Equal(octets, []byte("null")) {
		return nil
	}
	if len(octets) > 0 && octets[0] == '[' {
		return json.Unmarshal(octets, (*[]T)(l))
	}
	var one T
	if err := json.Unmarshal(octets, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}

// text is a string, or another scalar in its place, cut to maxText octets of
// printable characters.
type text string

// UnmarshalJSON reads a scalar.
func (t *text) UnmarshalJSON(octets []byte) error {
	if isPlain(octets) {
		*t = text(strings.TrimSpace(string(octets[1 : len(octets)-1])))
		return nil
	}
	s := strings.TrimSpace(string(octets))
	switch {
	case s == "null":
		*t = ""
		return nil
	case strings.HasPrefix(s, "{") || strings.HasPrefix(s, "["):
		return gomail.Errorf(gomail.Invalid, "a text was expected instead of %.20q", s)
	case strings.HasPrefix(s, `"`):
		if err := json.Unmarshal(octets, &s); err != nil {
			return err
		}
	}
	*t = text(cleanText(s))
	return nil
}

// isPlain reports whether a value is a short string of printable ASCII without
// escapes, as nearly all are: a large report has 100,000 of them.
func isPlain(octets []byte) bool {
	n := len(octets)
	if n < 2 || n > maxText || octets[0] != '"' || octets[n-1] != '"' {
		return false
	}
	for _, c := range octets[1 : n-1] {
		if c < ' ' || c > '~' || c == '\\' || c == '"' {
			return false
		}
	}
	return true
}

// cleanText keeps what can be shown in a line, line ends apart: some put a
// whole policy into one text.
func cleanText(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return ' '
		}
		return r
	}, s))
}

// count is a number of sessions, also as a text.
type count int

// UnmarshalJSON reads a whole number between 0 and maxSessions.
func (c *count) UnmarshalJSON(octets []byte) error {
	s := strings.Trim(strings.TrimSpace(string(octets)), `"`)
	if s == "null" || s == "" {
		*c = 0
		return nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n <= maxSessions) || n != float64(int(n)) {
		return gomail.Errorf(gomail.Invalid, "%.40q is no count of sessions", s)
	}
	*c = count(n)
	return nil
}
