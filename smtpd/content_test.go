package smtpd

import (
	"bytes"
	"gomail/internal/serve"
	"io"
	"strings"
	"testing"
)

// reference is the content of a DATA stream by the letter of RFC 5321 section
// 4.5.2, without any thought of speed.
func reference(stream []byte) (content, rest []byte, ended, flawed bool) {
	raw := stream
	if bytes.HasPrefix(stream, []byte(".\r\n")) {
		return nil, stream[3:], true, false
	}
	if i := bytes.Index(stream, []byte("\r\n.\r\n")); i >= 0 {
		raw, rest, ended = stream[:i+2], stream[i+5:], true
	}
	lines := strings.Split(string(raw), "\r\n")
	for i, line := range lines {
		flawed = flawed || strings.ContainsAny(line, "\r\n\x00")
		lines[i] = strings.TrimPrefix(line, ".")
	}
	return []byte(strings.Join(lines, "\r\n")), rest, ended, flawed
}

// unstuffAll runs the fast way over a stream that arrives in blocks.
func unstuffAll(stream []byte, block, dst int) (out, rest []byte, ended bool, f flaw) {
	var c content
	p := make([]byte, dst)
	for len(stream) > 0 {
		src := stream[:min(block, len(stream))]
		for len(src) > 0 {
			n, used, end := c.unstuff(p, src)
			out = append(out, p[:n]...)
			src, stream = src[used:], stream[used:]
			if end {
				return out, stream, true, c.flaw
			}
		}
	}
	return out, nil, false, c.flaw
}

func FuzzUnstuff(f *testing.F) {
	for _, s := range []string{
		"", ".\r\n", "a\r\n.\r\nQUIT\r\n", "..a\r\n.b\r\n...\r\n.\r\n", "a\n.\nb\r\n.\r\n", "a\r.\r\r\n.\r\n",
		".\r\r\n.\r\n", ".\r.\r\n.\r\n", "a\x00\r\n.\r\n", "\r\n.\r\n", "\r\r\n\n.\r\n\r\n.\r\n", ".", "a\r\n.", "a\r\n.\r",
	} {
		f.Add([]byte(s), uint8(3), uint8(2))
	}
	f.Fuzz(func(t *testing.T, stream []byte, block, dst uint8) {
		want, wantRest, wantEnd, flawed := reference(stream)
		got, rest, end, fl := unstuffAll(stream, int(block)+1, int(dst)+1)
		if end != wantEnd || end && !bytes.Equal(rest, wantRest) {
			t.Fatalf("%q ends: %t, rest %q; want %t, %q", stream, end, rest, wantEnd, wantRest)
		}
		if end && (fl != "") != flawed {
			t.Fatalf("%q: flaw %q, want flawed=%t", stream, fl, flawed)
		}
		if end && !flawed && !bytes.Equal(got, want) {
			t.Fatalf("%q: content %q, want %q", stream, got, want)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("a\r\nb\r\n"), uint8(2))
	f.Add([]byte("a\r\r\n\nb\x00"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, block uint8) {
		var c content
		for rest := b; len(rest) > 0; {
			n := min(int(block)+1, len(rest))
			c.check(rest[:n])
			rest = rest[n:]
		}
		plain := bytes.ReplaceAll(b, []byte("\r\n"), nil)
		// A CR at the very end may yet be followed by its LF.
		pending := bytes.HasSuffix(b, []byte("\r"))
		if pending {
			plain = bytes.ReplaceAll(b[:len(b)-1], []byte("\r\n"), nil)
		}
		if want := bytes.ContainsAny(plain, "\r\n\x00"); (c.flaw != "") != want {
			t.Fatalf("%q: flaw %q, want flawed=%t", b, c.flaw, want)
		}
		if pending != (c.pos == afterCR) {
			t.Fatalf("%q ends at %d", b, c.pos)
		}
	})
}

func BenchmarkUnstuff(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	message := []byte(strings.Repeat(line, 1<<20/len(line)) + ".\r\n")
	out := make([]byte, 32<<10)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		var c content
		src := message
		for end := false; !end; {
			var used int
			_, used, end = c.unstuff(out, src)
			src = src[used:]
		}
	}
}

func BenchmarkDataReader(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	message := []byte(strings.Repeat(line, 1<<20/len(line)) + ".\r\n")
	s := New(Config{Hostname: "mx.example.com"}, nil)
	out := make([]byte, 32<<10)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		c := newConn(s, new(serve.Seat), &memoryConn{})
		c.in.src = bytes.NewReader(message)
		c.in.more = c.moreContent
		r := &dataReader{arrival: arrival{c: c}}
		for {
			if _, err := r.Read(out); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		c.in.release()
	}
}
