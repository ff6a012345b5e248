package imapd

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"gomail"
	"gomail/message"
)

// matchBlock is how much of a text is looked at at a time.
const matchBlock = 32 << 10

// matchers keep the memory of those who have looked for text: nearly every
// message is looked through once.
var matchers = sync.Pool{New: func() any { return &textMatcher{block: make([]byte, matchBlock)} }}

// streamContains looks for folded text in a stream of UTF-8, block by block.
// White space of any kind and length counts as one space, as lines are broken
// anywhere.
func streamContains(r io.Reader, needle string) (bool, error) {
	m := matchers.Get().(*textMatcher)
	defer matchers.Put(m)
	return m.find(r, needle)
}

// find looks for folded text in a stream.
func (m *textMatcher) find(r io.Reader, needle string) (bool, error) {
	m.needle, m.text, m.cut = []byte(strings.Join(strings.Fields(needle), " ")), m.text[:0], nil
	if len(m.needle) == 0 {
		return true, nil
	}
	for begun := false; ; begun = true {
		n, err := io.ReadFull(r, m.block)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if last && !begun && isWord(m.needle) && isASCII(m.block[:n]) {
			return newASCIIText(m.needle).in(m.block[:n]), nil
		}
		if m.add(m.block[:n], last) {
			return true, nil
		}
		if last {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// headerContains looks for folded text in the fields of a header.
func headerContains(x *message.Index, content gomail.Content, shift int64, needle string) (bool, error) {
	m := matchers.Get().(*textMatcher)
	defer matchers.Put(m)
	var err error
	if m.text, err = x.ReadHeaderText(m.text[:0], m.block, content, shift); err != nil || strings.Contains(needle, "\n") {
		return false, err
	}
	return bytes.Contains(m.text, []byte(needle)), nil
}

// textMatcher folds text as it comes and looks for the needle.
type textMatcher struct {
	needle []byte
	text   []byte // folded; the end of what was searched stays at its start
	cut    []byte // the beginning of a rune whose rest is to come
	block  []byte
}

// add takes a block and reports whether the needle was found.
func (m *textMatcher) add(block []byte, last bool) bool {
	if len(m.cut) > 0 {
		block = append(m.cut, block...)
	}
	rest := m.fold(block, last)
	m.cut = append(m.cut[:0:0], rest...)
	if bytes.Contains(m.text, m.needle) {
		return true
	}
	if keep := len(m.needle); len(m.text) > keep {
		m.text = append(m.text[:0], m.text[len(m.text)-keep:]...)
	}
	return false
}

// fold appends a block to the text and returns a rune at its end that is not
// complete.
func (m *textMatcher) fold(block []byte, last bool) (rest []byte) {
	for len(block) > 0 {
		if n := m.foldASCII(block); n > 0 {
			block = block[n:]
			continue
		}
		r, size := rune(block[0]), 1
		if r >= utf8.RuneSelf {
			if !last && !utf8.FullRune(block) {
				return block
			}
			r, size = utf8.DecodeRune(block)
		}
		block = block[size:]
		if unicode.IsSpace(r) {
			if n := len(m.text); n == 0 || m.text[n-1] != ' ' {
				m.text = append(m.text, ' ')
			}
			continue
		}
		m.text = utf8.AppendRune(m.text, unicode.ToLower(r))
	}
	return nil
}

// foldASCII appends the ASCII at the start of a block and returns its length.
// It does what fold does, several times as fast.
func (m *textMatcher) foldASCII(block []byte) int {
	n := len(m.text)
	text := slices.Grow(m.text, len(block))[:n+len(block)]
	space := n > 0 && text[n-1] == ' '
	for i, c := range block {
		f := foldedASCII[c]
		if f <= ' ' {
			if f == 0 {
				m.text = text[:n]
				return i
			}
			if f == ' ' && space {
				continue
			}
		}
		space = f == ' '
		text[n] = f
		n++
	}
	m.text = text[:n]
	return len(block)
}

// foldedASCII holds what becomes of an octet of ASCII; 0: fold has to look.
var foldedASCII = func() (table [256]byte) {
	for c := 1; c < utf8.RuneSelf; c++ {
		table[c] = byte(unicode.ToLower(rune(c)))
		if unicode.IsSpace(rune(c)) {
			table[c] = ' '
		}
	}
	return table
}()
