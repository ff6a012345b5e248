package imapd

import (
	"gomail"
	"gomail/imapd/imapwire"
)

// matchPattern matches a path with a pattern of LIST: * stands for anything,
// % for anything within a level (RFC 9051 section 6.3.9). It follows all ways
// through the pattern at once, so its time is bounded by the product of the
// lengths.
func matchPattern(pattern, path string) bool {
	now := make([]bool, len(pattern)+1)
	next := make([]bool, len(pattern)+1)
	now[0] = true
	skipWildcards(pattern, now)
	for i := 0; i < len(path); i++ {
		clear(next)
		for p := 0; p < len(pattern); p++ {
			if !now[p] {
				continue
			}
			switch c := pattern[p]; {
			case c == '*', c == '%' && path[i] != gomail.MailboxSeparator:
				next[p] = true
			case c == path[i] && c != '%':
				next[p+1] = true
			}
		}
		skipWildcards(pattern, next)
		now, next = next, now
	}
	return now[len(pattern)]
}

// skipWildcards lets wildcards stand for nothing.
func skipWildcards(pattern string, at []bool) {
	for p := 0; p < len(pattern); p++ {
		if at[p] && (pattern[p] == '*' || pattern[p] == '%') {
			at[p+1] = true
		}
	}
}

func syntaxError(text string) error { return &imapwire.SyntaxError{Text: text} }
