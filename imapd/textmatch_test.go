package imapd

import (
	"strings"
	"testing"
	"testing/iotest"
)

func TestStreamContains(t *testing.T) {
	text := strings.Repeat("x", 32<<10-5) + "Schöne  Grüße\r\n\tÜBERALL " + strings.Repeat("y ", 40<<10) + "das Ende"
	for needle, want := range map[string]bool{
		"schöne grüße": true, "grüße überall": true, "ende": true, "xschöne": true, "grüßeüberall": false, "schön e": false, "das  ende": true, "": true, "nichts": false,
	} {
		for _, size := range []int64{0, 100, 1 << 20} {
			got, err := streamContains(iotest.HalfReader(strings.NewReader(text)), size, fold(needle))
			if err != nil || got != want {
				t.Errorf("%q in blocks of %d: %v %v", needle, size, got, err)
			}
		}
	}
}

func FuzzStreamContains(f *testing.F) {
	f.Add("Schöne Grüße \xff", "grüße")
	f.Fuzz(func(t *testing.T, text, needle string) {
		small, _ := streamContains(strings.NewReader(text), 0, fold(needle))
		large, _ := streamContains(strings.NewReader(text), 1<<20, fold(needle))
		if small != large {
			t.Fatalf("%q in %q: %v in small blocks, %v in one", needle, text, small, large)
		}
	})
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
