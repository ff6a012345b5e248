package mxsend

import (
	"bytes"
	"strings"
	"testing"
)

// canonical is what the content means: every line end is CRLF.
func canonical(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// unstuff reads the form of DATA by the letter of RFC 5321 section 4.5.2.
func unstuff(t *testing.T, form string) string {
	var b strings.Builder
	for {
		line, rest, ok := strings.Cut(form, "\r\n")
		if !ok {
			t.Fatalf("%q does not end", form)
		}
		if line == "." {
			if rest != "" {
				t.Fatalf("%q ends before its end", form)
			}
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		form = rest
	}
}

func FuzzStuffer(f *testing.F) {
	for _, s := range []string{"", ".", "..\r\n.\r\n", "a\n.\nb", "a\r.\rb", "\r\r\n\n.", "\r\n.\r", "x\r\n.\r\n.y\n\r"} {
		f.Add(s, uint8(1))
	}
	f.Fuzz(func(t *testing.T, s string, block uint8) {
		var form stuffer
		var out []byte
		for rest := s; len(rest) > 0; {
			n := min(int(block)+1, len(rest))
			before := len(out)
			out = form.append(out, []byte(rest[:n]))
			if len(out)-before > 2*n+2 {
				t.Fatalf("%q grew by %d", rest[:n], len(out)-before)
			}
			rest = rest[n:]
		}
		out = form.finish(out)
		plain := bytes.ReplaceAll(out, []byte("\r\n"), nil)
		if bytes.ContainsAny(plain, "\r\n") {
			t.Fatalf("%q became %q, with a lone CR or LF", s, out)
		}
		if got := unstuff(t, string(out)); got != canonical(s) {
			t.Fatalf("%q became %q, which means %q", s, out, got)
		}
	})
}

func BenchmarkStuffer(b *testing.B) {
	src := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 32<<10/78))
	out := make([]byte, 0, 80<<10)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		var form stuffer
		out = form.append(out[:0], src)
	}
}
