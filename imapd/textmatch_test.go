package imapd

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

func TestStreamContains(t *testing.T) {
	text := strings.Repeat("x", 32<<10-5) + "Schöne  Grüße\r\n\tÜBERALL " + strings.Repeat("y ", 40<<10) + "das Ende"
	for needle, want := range map[string]bool{
		"schöne grüße": true, "grüße überall": true, "ende": true, "xschöne": true, "grüßeüberall": false, "schön e": false, "das  ende": true, "": true, "nichts": false,
	} {
		for _, size := range []int{64, 100, 1 << 20} {
			got, err := containsIn(size, iotest.HalfReader(strings.NewReader(text)), fold(needle))
			if err != nil || got != want {
				t.Errorf("%q in blocks of %d: %v %v", needle, size, got, err)
			}
		}
	}
}

// containsIn is streamContains in blocks of a size.
func containsIn(size int, r io.Reader, needle string) (bool, error) {
	m := textMatcher{block: make([]byte, size)}
	return m.find(r, needle)
}

// TestFoldASCIIIsFold holds the short cut against what it spares, rune by rune.
func TestFoldASCIIIsFold(t *testing.T) {
	slow := func(text string) string {
		var b strings.Builder
		space := false
		for _, r := range text {
			if !unicode.IsSpace(r) {
				b.WriteRune(unicode.ToLower(r))
			} else if !space {
				b.WriteByte(' ')
			}
			space = unicode.IsSpace(r)
		}
		return b.String()
	}
	random := rand.New(rand.NewPCG(1, 2))
	letters := []rune("aZ \t\r\n\v\f\x00\x7f~ÄßİK\u00a0\u2003\u0085\ufffd漢😀")
	for range 3000 {
		var text strings.Builder
		for range random.IntN(40) {
			text.WriteRune(letters[random.IntN(len(letters))])
		}
		m := textMatcher{}
		if m.fold([]byte(text.String()), true); string(m.text) != slow(text.String()) {
			t.Fatalf("%q folds to %q, want %q", text.String(), m.text, slow(text.String()))
		}
	}
}

func FuzzStreamContains(f *testing.F) {
	f.Add("Schöne Grüße \xff", "grüße")
	f.Add("Kind regardS\r\nKim", "regards")
	f.Fuzz(func(t *testing.T, text, needle string) {
		small, _ := containsIn(64, strings.NewReader(text), fold(needle))
		large, _ := containsIn(1<<20, strings.NewReader(text), fold(needle))
		if small != large {
			t.Fatalf("%q in %q: %v in small blocks, %v in one", needle, text, small, large)
		}
	})
}

// TestASCIITextIsFoldedText holds the short cut for words against folding the
// text.
func TestASCIITextIsFoldedText(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	draw := func(letters string, n int) []byte {
		text := make([]byte, n)
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return text
	}
	found := 0
	for range 20000 {
		text, word := draw("aAbBzZ1 \n\x7f", random.IntN(40)), draw("abz1\x7f", 1+random.IntN(4))
		m := textMatcher{needle: word}
		want := m.add(text, true)
		if got := newASCIIText(word).in(text); got != want {
			t.Fatalf("%q in %q: %v", word, text, got)
		}
		if want {
			found++
		}
	}
	if found == 0 || !isASCII([]byte("0123456789")) || isASCII([]byte("01234567é")) || isASCII([]byte("é1234567890")) || isWord([]byte("a b")) || isWord([]byte("é")) || !isWord([]byte("a-b")) {
		t.Errorf("found %d", found)
	}
}

func TestMatchPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false}, {"a*c", "a/b/c", true},
		{"%/%", "a/b", true}, {"*b", "a/b", true}, {"a%b*c", "axb/c", true}, {"", "", true}, {"", "a", false}, {"a", "", false}, {"**%%", "x", true},
	} {
		if got := matchPattern(c.pattern, c.path); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.path, got)
		}
	}
}

func TestLineEndings(t *testing.T) {
	in := "a\r\nb\nc\r\r\n\n\x00d\n"
	want := "a\r\nb\r\nc\r\r\n\r\n\x80d\r\n"
	for n := 1; n <= len(in); n++ {
		var b strings.Builder
		l := lineEndings{w: &b}
		for rest := in; rest != ""; {
			k := min(n, len(rest))
			l.Write([]byte(rest[:k]))
			rest = rest[k:]
		}
		if b.String() != want {
			t.Errorf("in pieces of %d: %q", n, b.String())
		}
	}
}
