package message

import (
	"strings"
	"unicode/utf8"
)

// BaseSubject returns what a subject (encoded words kept) is compared by when
// messages are sorted and threaded, RFC 5256 section 2.1, and whether it says
// that the message is a reply or was forwarded.
func BaseSubject(subject string) (base string, reply bool) {
	s := oneSpaced(DecodeWords(subject))
	for {
		if before, ok := cutSuffixFold(s, "(fwd)"); ok { // step 2
			s, reply = strings.TrimRight(before, " "), true
			continue
		}
		if stripped, ok := withoutLeader(s); ok { // steps 3 to 5
			s, reply = stripped.rest, reply || stripped.reply
			continue
		}
		inner, ok := forwarded(s) // step 6
		if !ok {
			return s, reply
		}
		s, reply = inner, true
	}
}

// oneSpaced makes one space of each stretch of white space, and none of that
// around s. Most subjects are that way.
func oneSpaced(s string) string {
	space := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= utf8.RuneSelf || c == ' ' && space {
			return strings.Join(strings.Fields(s), " ")
		}
		space = c == ' '
	}
	return strings.TrimSuffix(s, " ")
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// leader is what stands before a base subject.
type leader struct {
	rest  string
	reply bool
}

// withoutLeader takes "Re:" and "Fwd:" off with the "[list]" before them, or, where
// none follows, what stands in brackets; the last of it stays when it is all
// that there is. It takes all at once: a subject may have thousands.
func withoutLeader(s string) (leader, bool) {
	rest, before := s, s // before: with the last blob
	for {
		if after, ok := refwd(rest); ok {
			return leader{after, true}, true
		}
		after, ok := blob(rest)
		if !ok {
			break
		}
		rest, before = after, rest
	}
	if rest == "" {
		rest = before
	}
	return leader{rest, false}, rest != s
}

// blob takes a "[...] " off the beginning.
func blob(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}

// refwd takes "Re:", "Re[2]:", "Fw:" or "Fwd:" off.
func refwd(s string) (rest string, ok bool) {
	for _, word := range []string{"re", "fwd", "fw"} {
		if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
			continue
		}
		after := strings.TrimLeft(s[len(word):], " ")
		if inner, ok := blob(after); ok {
			after = inner
		}
		if after, ok := strings.CutPrefix(after, ":"); ok {
			return strings.TrimLeft(after, " "), true
		}
	}
	return s, false
}

// forwarded takes "[fwd: ... ]" off.
func forwarded(s string) (string, bool) {
	const start = "[fwd:"
	if len(s) < len(start)+1 || !strings.EqualFold(s[:len(start)], start) || s[len(s)-1] != ']' {
		return s, false
	}
	return strings.TrimSpace(s[len(start) : len(s)-1]), true
}
