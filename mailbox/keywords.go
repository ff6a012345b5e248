package mailbox

import (
	"slices"
	"strings"

	"gomail"
)

// Limits on keywords.
const (
	MaxKeywords      = 64  // on one message
	MaxKeywordLength = 100 // octets
)

// cleanKeywords sorts keywords, drops repetitions and refuses what is no
// IMAP atom. Keywords compare without regard to case (RFC 9051 section
// 2.3.2); the spelling that comes first is kept.
func cleanKeywords(words []string) ([]string, error) {
	if len(words) > MaxKeywords {
		return nil, gomail.Errorf(gomail.TooMany, "a message carries at most %d keywords", MaxKeywords)
	}
	clean := make([]string, 0, len(words))
	for _, w := range words {
		if !validKeyword(w) {
			return nil, gomail.Errorf(gomail.Invalid, "%q is not a keyword: use up to %d letters, digits and signs other than ( ) { %% * \" \\ ]", w, MaxKeywordLength)
		}
		if !slices.ContainsFunc(clean, func(c string) bool { return strings.EqualFold(c, w) }) {
			clean = append(clean, w)
		}
	}
	slices.Sort(clean)
	return clean, nil
}

func validKeyword(w string) bool {
	if w == "" || len(w) > MaxKeywordLength {
		return false
	}
	for i := 0; i < len(w); i++ {
		if w[i] <= ' ' || w[i] >= 0x7f || strings.IndexByte(`(){%*"\]`, w[i]) >= 0 {
			return false
		}
	}
	return true
}

// Apply returns the flags and keywords of e after the change.
func (c FlagChange) Apply(e Entry) (gomail.Flags, string) {
	flags, keywords := c.apply(e)
	if c.KeepKeywords {
		keywords = e.Keywords
	}
	return flags&^c.Protected | e.Flags&c.Protected, keywords
}

func (c FlagChange) apply(e Entry) (gomail.Flags, string) {
	have := strings.Fields(e.Keywords)
	switch c.Op {
	case AddFlags:
		return e.Flags | c.Flags, joinKeywords(have, c.Keywords)
	case RemoveFlags:
		kept := slices.DeleteFunc(have, func(h string) bool { return containsFold(c.Keywords, h) })
		return e.Flags &^ c.Flags, strings.Join(kept, " ")
	default:
		return c.Flags, joinKeywords(nil, c.Keywords)
	}
}

func joinKeywords(have, more []string) string {
	for _, w := range more {
		if !containsFold(have, w) && len(have) < MaxKeywords {
			have = append(have, w)
		}
	}
	slices.Sort(have)
	return strings.Join(have, " ")
}

func containsFold(words []string, w string) bool {
	return slices.ContainsFunc(words, func(x string) bool { return strings.EqualFold(x, w) })
}
