package textindex

import (
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Gram is three letters that follow each other, mixed into gramBits bits. Two
// different ones may share a value: a message that was found has to be read
// anyway.
type Gram uint32

const (
	gramBits = 20
	grams    = 1 << gramBits

	// Any is the gram of messages of which nothing is known: they may contain
	// everything.
	Any Gram = grams
)

// Text collects the grams of one message. The zero value is ready; it holds
// 128 KB once used, so one is kept for many messages.
type Text struct {
	seen []uint64 // a bit for each gram
	list []Gram
	last [2]rune // the letters before the next one
	n    int     // how many of them there are
	cut  []byte  // the beginning of a rune whose rest is to come
	read []byte
}

// Reset forgets the message.
func (t *Text) Reset() {
	for _, g := range t.list {
		t.seen[g>>6] = 0
	}
	t.list = t.list[:0]
}

// Grams returns the message's grams, each once, in no order. They are valid
// until Reset.
func (t *Text) Grams() []Gram { return t.list }

// Read adds a text of the message in UTF-8. Letters of two texts do not
// follow each other.
func (t *Text) Read(r io.Reader) error {
	t.begin()
	if t.read == nil {
		t.read = make([]byte, 32<<10)
	}
	for {
		n, err := io.ReadFull(r, t.read)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		t.block(t.read[:n], last)
		if last {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Add adds a text of the message in UTF-8.
func (t *Text) Add(text string) {
	t.begin()
	t.block([]byte(text), true)
}

func (t *Text) begin() {
	if t.seen == nil {
		t.seen = make([]uint64, grams/64)
	}
	t.n, t.cut = 0, t.cut[:0]
}

// block adds the next stretch of a text.
func (t *Text) block(block []byte, last bool) {
	if len(t.cut) > 0 {
		block = append(t.cut, block...)
		t.cut = nil
	}
	for len(block) > 0 {
		if c := block[0]; c < utf8.RuneSelf {
			if f := plainASCII[c]; f != 0 {
				t.letter(f)
			}
			block = block[1:]
			continue
		}
		if !last && !utf8.FullRune(block) {
			t.cut = append([]byte(nil), block...)
			return
		}
		r, size := utf8.DecodeRune(block)
		block = block[size:]
		Fold(r, t.letter)
	}
}

// letter adds a letter. White space of any length is one.
func (t *Text) letter(r rune) {
	if r == ' ' && t.n > 0 && t.last[1] == ' ' {
		return
	}
	if t.n == 2 {
		t.add(gramOf(t.last[0], t.last[1], r))
	} else {
		t.n++
	}
	t.last[0], t.last[1] = t.last[1], r
}

func (t *Text) add(g Gram) {
	if word, bit := g>>6, uint64(1)<<(g&63); t.seen[word]&bit == 0 {
		t.seen[word] |= bit
		t.list = append(t.list, g)
	}
}

func gramOf(a, b, c rune) Gram {
	h := uint32(a)*0x9E3779B1 + uint32(b)*0x85EBCA77 + uint32(c)*0xC2B2AE3D
	h ^= h >> 15
	return Gram(h * 0x2C1B3C6D >> (32 - gramBits))
}

// Fold calls yield for what becomes of a rune: lower case without accents,
// every white space the same. It looks at no other rune, so that a part of a
// text becomes a part of what becomes of the text.
func Fold(r rune, yield func(rune)) {
	switch {
	case unicode.IsSpace(r):
		yield(' ')
		return
	case unicode.Is(unicode.Mn, r):
		return
	}
	r = unicode.ToLower(r)
	var buf [utf8.UTFMax]byte
	parts := norm.NFD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	if parts == nil {
		yield(r)
		return
	}
	for len(parts) > 0 {
		p, size := utf8.DecodeRune(parts)
		parts = parts[size:]
		if !unicode.Is(unicode.Mn, p) {
			yield(p)
		}
	}
}

// plainASCII holds what becomes of an octet of ASCII; 0: nothing.
var plainASCII = func() (table [utf8.RuneSelf]rune) {
	for c := range table {
		Fold(rune(c), func(r rune) { table[c] = r })
	}
	return table
}()

// Plain returns a text as the index sees it: lower case, without accents,
// white space as one space.
func Plain(text string) string {
	var out []byte
	for _, r := range text {
		Fold(r, func(r rune) {
			if r != ' ' || len(out) > 0 && out[len(out)-1] != ' ' {
				out = utf8.AppendRune(out, r)
			}
		})
	}
	if n := len(out); n > 0 && out[n-1] == ' ' {
		out = out[:n-1]
	}
	return string(out)
}
