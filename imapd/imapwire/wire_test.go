package imapwire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gomail/imapd/imapwire"
)

// peer is a decoder over fixed input that counts the continuations it sends.
type peer struct {
	imapwire.Decoder
	in        imapwire.Input
	blocks    imapwire.Blocks
	continued int
}

func newPeer(input io.Reader) *peer {
	p := &peer{}
	p.in = imapwire.Input{Source: input, Wait: func(bool) error { return nil }, Blocks: &p.blocks}
	p.Decoder = imapwire.Decoder{In: &p.in, Continue: func() { p.continued++ }, Limits: imapwire.Limits{Command: 1000, Literal: 100, Discard: 5000}}
	return p
}

func TestDecoder(t *testing.T) {
	p := newPeer(iotest.OneByteReader(strings.NewReader("a1 Fetch 1,3:* (body.peek[] \"a \\\"b\\\\\" {3}\r\nx\ny NIL) \\Seen\r\n" + "a2 NOOP  \n")))
	if err := p.Begin(); err != nil {
		t.Fatal(err)
	}
	if tag, word := p.Tag(), (p.Space2().Word()); tag != "a1" || word != "FETCH" {
		t.Errorf("%q %q", tag, word)
	}
	p.Space()
	if set := p.Set(); len(set.Spans) != 2 || set.Spans[1] != (imapwire.Span{First: 3, Last: 0}) {
		t.Errorf("%+v", set)
	}
	p.Space()
	var items []string
	p.List(func() {
		switch {
		case p.Peek() == 'b':
			items = append(items, p.Word())
			p.Expect('[')
			p.Expect(']')
		default:
			s, _ := p.NString()
			items = append(items, s)
		}
	})
	p.Space()
	flag := p.Flag()
	if err := p.End(); err != nil || strings.Join(items, "|") != `BODY.PEEK|a "b\|`+"x\ny|" || flag != `\Seen` || p.continued != 1 {
		t.Errorf("%q %q %v, %d continuations", items, flag, err, p.continued)
	}
	if err := p.Begin(); err != nil || p.Tag() != "a2" {
		t.Errorf("second command: %v", err)
	}
	p.Space()
	if p.Word() != "NOOP" || p.End() != nil {
		t.Error("spaces at the end of a line", p.Err())
	}
	if err := p.Begin(); err != io.EOF {
		t.Error(err)
	}
}

// Space2 is Space, to be chained.
func (p *peer) Space2() *peer { p.Space(); return p }

// TestSkip finds the next command behind all that can stand in a bad one.
func TestSkip(t *testing.T) {
	for _, bad := range []string{
		"a1 junk\r\n",
		"a1 junk {3+}\r\nabc\r\n",
		"a1 junk {3+}\r\nabc more {4+}\r\n\r\n\r\n end\r\n",
		"a1 {100000}\r\n",
		"a1 {200+}\r\n" + strings.Repeat("x", 200) + " {2+}\r\nyy\r\n",
		"a1 " + strings.Repeat("x", 3000) + "\r\n",
		"a1 " + strings.Repeat("x", 3000) + " {3+}\r\nabc\r\n",
		"a1 \"not ended\r\n",
		"a1 \x00\r\n",
	} {
		p := newPeer(strings.NewReader(bad + "next command\r\n"))
		if p.Begin() == nil {
			p.Tag()
			p.Space()
			p.Astring()
			p.Space()
			p.Fail("bad")
		}
		if err := p.Skip(); err != nil {
			t.Errorf("%.40q: %v", bad, err)
		}
		if err := p.Begin(); err != nil || p.Tag() != "next" {
			t.Errorf("%.40q: the next command is %v", bad, err)
		}
	}
}

func TestHopelessInput(t *testing.T) {
	var fatal *imapwire.FatalError
	p := newPeer(strings.NewReader("a1 {6000+}\r\n" + strings.Repeat("x", 6000)))
	p.Begin()
	p.Tag()
	p.Space()
	_ = p.String()
	if !errors.As(p.Err(), &fatal) {
		t.Errorf("a literal too large to be passed over: %v", p.Err())
	}
	p = newPeer(strings.NewReader(strings.Repeat("x", 3<<20)))
	if err := p.Begin(); !errors.As(err, &fatal) {
		t.Errorf("a line that does not end: %v", err)
	}
}

func TestNestingIsBounded(t *testing.T) {
	p := newPeer(strings.NewReader(strings.Repeat("(", 500) + "\r\n"))
	p.Begin()
	var list func()
	list = func() { p.List(list) }
	list()
	var syntax *imapwire.SyntaxError
	if !errors.As(p.End(), &syntax) {
		t.Error(p.Err())
	}
}

func TestStreamedLiteral(t *testing.T) {
	p := newPeer(strings.NewReader("APPEND ~{5+}\r\na\x00b\r\n tail\r\n"))
	p.Begin()
	p.Atom()
	p.Space()
	lit := p.Literal()
	content, err := io.ReadAll(p.Accept(lit))
	if err != nil || string(content) != "a\x00b\r\n" || !lit.Binary || lit.Sync {
		t.Errorf("%q %v %+v", content, err, lit)
	}
	p.Resume()
	p.Space()
	if p.Atom() != "tail" || p.End() != nil {
		t.Error(p.Err())
	}
}

func TestSets(t *testing.T) {
	for _, c := range []struct {
		in      string
		largest uint32
		want    string
	}{
		{"1", 9, "1"}, {"3:1,2", 9, "1:3"}, {"1,2,3,7,9:8", 20, "1:3,7:9"}, {"*", 5, "5"}, {"7:*", 5, "5:7"}, {"*:2", 4, "2:4"}, {"*", 0, ""},
		{"4294967295,1:4294967294", 9, "1:4294967295"},
	} {
		set, ok := imapwire.ParseSet(c.in)
		if !ok {
			t.Errorf("%s is a set", c.in)
		}
		var text []string
		for _, s := range set.Resolve(c.largest) {
			if s.First == s.Last {
				text = append(text, imapwire.FormatSet([]uint32{s.First}))
			} else {
				text = append(text, imapwire.FormatSet([]uint32{s.First})+":"+imapwire.FormatSet([]uint32{s.Last}))
			}
		}
		if got := strings.Join(text, ","); got != c.want {
			t.Errorf("%s: %s, not %s", c.in, got, c.want)
		}
	}
	for _, bad := range []string{"", "0", "1,", "a", "1:2:3", "-1", "+1", "4294967296", "1 2"} {
		if set, ok := imapwire.ParseSet(bad); ok {
			t.Errorf("%q is no set, got %v", bad, set)
		}
	}
	if got := imapwire.FormatSet([]int{1, 2, 3, 5, 7, 8}); got != "1:3,5,7:8" {
		t.Error(got)
	}
}

func TestUTF7(t *testing.T) {
	for _, c := range []struct{ utf8, utf7 string }{
		{"INBOX", "INBOX"}, {"Tom & Ann", "Tom &- Ann"}, {"Entwürfe", "Entw&APw-rfe"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, {"😀", "&2D3eAA-"}, {"", ""},
	} {
		if got := imapwire.EncodeUTF7(c.utf8); got != c.utf7 {
			t.Errorf("%s: %s", c.utf8, got)
		}
		if got, ok := imapwire.DecodeUTF7(c.utf7); !ok || got != c.utf8 {
			t.Errorf("%s: %s %v", c.utf7, got, ok)
		}
	}
	for _, bad := range []string{"&", "&AP", "&A-", "&AGE-", "&2D0-", "a\xff"} {
		if got, ok := imapwire.DecodeUTF7(bad); ok {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// write returns what f writes.
func write(utf8 bool, f func(*imapwire.Output)) string {
	var b bytes.Buffer
	o := imapwire.Output{Target: &b, Ready: func() error { return nil }, Blocks: &imapwire.Blocks{}, UTF8: utf8}
	f(&o)
	o.Flush()
	return b.String()
}

func TestStrings(t *testing.T) {
	for _, c := range []struct {
		in, plain, utf8 string
	}{
		{"", `""`, `""`}, {`a "b\`, `"a \"b\\"`, `"a \"b\\"`}, {"ü", "{2}\r\nü", `"ü"`}, {"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"}, {"a\x00", "{1}\r\na", "{1}\r\na"},
		{"\xff", "{1}\r\n\xff", "{1}\r\n\xff"},
	} {
		if got := write(false, func(o *imapwire.Output) { o.String(c.in) }); got != c.plain {
			t.Errorf("%q: %q", c.in, got)
		}
		if got := write(true, func(o *imapwire.Output) { o.String(c.in) }); got != c.utf8 {
			t.Errorf("%q in UTF-8: %q", c.in, got)
		}
	}
	if got := write(false, func(o *imapwire.Output) {
		o.Mailbox("nil")
		o.Text(" ")
		o.Mailbox("a b")
		o.Text(" ")
		o.Mailbox("ü")
	}); got != `"nil" "a b" &APw-` {
		t.Error(got)
	}
}

func TestLargeOutput(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	got := write(false, func(o *imapwire.Output) {
		o.Text("a ")
		o.Text(long)
		o.CopyLiteral(strings.NewReader(long), int64(len(long)), false)
		o.Raw([]byte(long))
	})
	if got != "a "+long+"{100000}\r\n"+long+long {
		t.Errorf("%d octets", len(got))
	}
}

// writes counts how often it is written to.
type writes struct{ sizes []int }

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

// A long response goes out in few writes, each of full records of TLS, and a
// short one in one.
func TestLongOutputIsWrittenInLargeBlocks(t *testing.T) {
	var w writes
	o := imapwire.Output{Target: &w, Ready: func() error { return nil }, Blocks: &imapwire.Blocks{}}
	for range 100 {
		o.CopyLiteral(strings.NewReader(strings.Repeat("x", 4000)), 4000, false)
	}
	o.Flush()
	if len(w.sizes) > 13 || w.sizes[0]%(16<<10) != 0 {
		t.Errorf("400 KB were written in pieces of %v", w.sizes)
	}
	w.sizes = nil
	o.Text("short")
	if o.Flush(); len(w.sizes) != 1 || w.sizes[0] != 5 {
		t.Errorf("5 octets were written in pieces of %v", w.sizes)
	}
}

func TestShortLiteralIsAnError(t *testing.T) {
	o := imapwire.Output{Target: io.Discard, Ready: func() error { return nil }, Blocks: &imapwire.Blocks{}}
	o.CopyLiteral(strings.NewReader("abc"), 5, false)
	if err := o.Flush(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func FuzzUTF7(f *testing.F) {
	f.Add("Entw&APw-rfe")
	f.Add("Entwürfe & mehr")
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := imapwire.DecodeUTF7(s); ok {
			if again, ok := imapwire.DecodeUTF7(imapwire.EncodeUTF7(name)); !ok || again != name {
				t.Fatalf("%q came back as %q", name, again)
			}
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add("1,3:*,7:2", uint32(9))
	f.Fuzz(func(t *testing.T, s string, largest uint32) {
		set, ok := imapwire.ParseSet(s)
		if !ok {
			return
		}
		last := uint64(0)
		for i, p := range set.Resolve(largest) {
			if p.First == 0 || p.First > p.Last || i > 0 && uint64(p.First) <= last+1 {
				t.Fatalf("%q with %d: %v", s, largest, set.Resolve(largest))
			}
			last = uint64(p.Last)
		}
	})
}

// FuzzString writes a string and reads it back.
func FuzzString(f *testing.F) {
	f.Add("a \"b\\ \r\n ü", true)
	f.Fuzz(func(t *testing.T, s string, utf8 bool) {
		wire := write(utf8, func(o *imapwire.Output) { o.String(s) })
		p := newPeer(strings.NewReader(wire + "\r\n"))
		p.Limits = imapwire.Limits{Command: 1 << 20, Literal: 1 << 20}
		if err := p.Begin(); err != nil {
			t.Fatal(err)
		}
		if got := p.String(); got != strings.ReplaceAll(s, "\x00", "") || p.End() != nil {
			t.Fatalf("%q as %q came back as %q, %v", s, wire, got, p.Err())
		}
	})
}

// FuzzDecoder reads anything: it must come to an end, and the limits hold.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("a1 FETCH 1:* (BODY[] {3}\r\nabc \"x\" ~{2+}\r\n\x00\x01)\r\na2 NOOP\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := decodeAll(t, bytes.NewReader(raw))
		if pieces := decodeAll(t, iotest.OneByteReader(bytes.NewReader(raw))); pieces != whole {
			t.Fatalf("in pieces %q, whole %q", pieces, whole)
		}
	})
}

// decodeAll reads every command as a tag and a list of whatever follows.
func decodeAll(t *testing.T, r io.Reader) string {
	var log strings.Builder
	p := newPeer(r)
	for range 1000 {
		err := p.Begin()
		if err == nil {
			log.WriteString(p.Tag())
			for p.TrySpace() {
				log.WriteString("|" + readAny(p))
			}
			err = p.End()
		}
		log.WriteString("\n")
		var big *imapwire.TooBigError
		var syntax *imapwire.SyntaxError
		if err != nil && !errors.As(err, &big) && !errors.As(err, &syntax) {
			break
		}
		if p.Skip() != nil {
			break
		}
	}
	if log.Len() > 1<<20 {
		t.Fatal("more was kept than the limits allow")
	}
	return log.String()
}

func readAny(p *peer) string {
	switch c := p.Peek(); {
	case c == '(':
		var items []string
		p.List(func() { items = append(items, readAny(p)) })
		return "(" + strings.Join(items, " ") + ")"
	case c == '\\':
		return p.Flag()
	case c >= '0' && c <= '9':
		return imapwire.FormatSet([]int{len(p.Set().Spans)})
	case c == '[':
		p.Expect('[')
		return p.Word()
	}
	return p.Astring()
}
