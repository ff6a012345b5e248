package imapd

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// streamContains looks for folded text in a stream of UTF-8, block by block.
// White space of any kind and length counts as one space, as lines are broken
// anywhere. size is about what the stream holds.
func streamContains(r io.Reader, size int64, needle string) (bool, error) {
	m := textMatcher{needle: []byte(strings.Join(strings.Fields(needle), " "))}
	if len(m.needle) == 0 {
		return true, nil
	}
	block := make([]byte, min(max(size, 64), 32<<10))
	for {
		n, err := io.ReadFull(r, block)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if m.add(block[:n], last) {
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

// textMatcher folds text as it comes and looks for the needle.
type textMatcher struct {
	needle []byte
	text   []byte // folded; the end of what was searched stays at its start
	cut    []byte // the beginning of a rune whose rest is to come
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
	text := slices.Grow(m.text, len(block))
	space := len(text) > 0 && text[len(text)-1] == ' '
	for i, c := range block {
		f := foldedASCII[c]
		switch {
		case f == 0:
			m.text = text
			return i
		case f == ' ' && space:
			continue
		}
		space = f == ' '
		text = append(text, f)
	}
	m.text = text
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
