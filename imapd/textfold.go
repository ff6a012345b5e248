package imapd

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"gomail/message"
)

// isWord reports whether folded text is ASCII without white space, so that it
// can be looked for in ASCII that is not folded.
func isWord(needle []byte) bool {
	for _, c := range needle {
		if c >= utf8.RuneSelf || foldedASCII[c] == ' ' || foldedASCII[c] == 0 {
			return false
		}
	}
	return len(needle) > 0
}

func isASCII(text []byte) bool {
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&0x8080808080808080 != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// asciiText is folded text in ASCII that is looked for in ASCII that is not.
type asciiText struct {
	text []byte
	at   int // where its rarest letter stands
}

func newASCIIText(folded []byte) asciiText { return asciiText{folded, rarest(folded)} }

// in reports whether a text holds it when its case is folded. It goes from one
// place to the next at which the rarest letter stands.
func (a asciiText) in(text []byte) bool {
	small := a.text[a.at]
	return a.around(text, small) || 'a' <= small && small <= 'z' && a.around(text, small-'a'+'A')
}

// around looks around each place of the rarest letter, in either case.
func (a asciiText) around(text []byte, letter byte) bool {
	for from := a.at; from < len(text); {
		i := bytes.IndexByte(text[from:], letter)
		if i < 0 {
			return false
		}
		from += i + 1
		if start := from - 1 - a.at; len(text)-start >= len(a.text) && equalFolded(text[start:start+len(a.text)], a.text) {
			return true
		}
	}
	return false
}

func equalFolded(text, word []byte) bool {
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// commonLetters are letters by how often they stand in text, the most frequent
// first.
const commonLetters = "etaoinsrhldcumfpgwybvkxjqz"

// rarest returns the place of the letter in a word that text has least of.
func rarest(word []byte) (at int) {
	rank := -1
	for i, c := range word {
		r := bytes.IndexByte([]byte(commonLetters), c)
		if r < 0 {
			r = len(commonLetters)
		}
		if r > rank {
			at, rank = i, r
		}
	}
	return at
}

// subjectText is folded text that is looked for in subjects.
type subjectText struct {
	folded string
	ascii  asciiText
	plain  bool // it is ASCII
}

func newSubjectText(folded string) subjectText {
	s := subjectText{folded: folded, plain: folded != "" && isASCII([]byte(folded))}
	if s.plain {
		s.ascii = newASCIIText([]byte(folded))
	}
	return s
}

// in looks into a subject, whose encoded words are decoded and whose case is
// folded.
func (s *subjectText) in(subject []byte) bool {
	if s.plain && isASCII(subject) && !bytes.Contains(subject, []byte("=?")) {
		return s.ascii.in(subject)
	}
	return strings.Contains(fold(message.DecodeWords(string(subject))), s.folded)
}
