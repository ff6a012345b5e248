package message_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"gomail/message"
)

func TestDecodeWords(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
		{"=?UTF-8?B?R3LDvMOfZQ==?= you", "Grüße you"},
		{"=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"},
		{"=?iso-8859-1?q?a_b?= =?iso-8859-1?q?c?=", "a bc"},
		{"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"},
		{"=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"},
		{"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?utf-8*en?q?lang?=", "lang"},
		{"=?nonsense?q?a=FF?=", "a\uFFFD"},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=?utf-8?q?a=0D=0AX:_y?=", "a  X: y"},
		{"caf\xe9", "café"},
		{"=?", "=?"},
		{"=?=?utf-8?q?a?=", "=?a"},
	} {
		if got := message.DecodeWords(c.in); got != c.want {
			t.Errorf("%q: %q, not %q", c.in, got, c.want)
		}
	}
}

func FuzzDecodeWords(f *testing.F) {
	f.Add("=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=")
	f.Fuzz(func(t *testing.T, s string) {
		if got := message.DecodeWords(s); !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		encoded := message.EncodeWords(s)
		if strings.ContainsAny(encoded, "\r\n\x00") {
			t.Fatalf("%q can break a header", encoded)
		}
	})
}

func TestParams(t *testing.T) {
	value, params := message.ParseParamField(`Text/Plain (comment); Charset="us-ascii" (x); name=my file.txt; x; filename*0="a"; filename*1="b.txt"; title*=iso-8859-1'en'%A3%20rates`)
	if value != "text/plain" {
		t.Errorf("value %q", value)
	}
	for name, want := range map[string]string{"charset": "us-ascii", "name": "my file.txt", "filename": "ab.txt", "title": "£ rates", "x": ""} {
		if got := params.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	_, params = message.ParseParamField(`a; f*1*=%62; f*0*=utf-8''%C3%BC%61; g="=?utf-8?q?=C3=BC?="`)
	if got := params.Get("f"); got != "üab" {
		t.Errorf("f: %q", got)
	}
	if got := params.Get("g"); got != "ü" {
		t.Errorf("g: %q", got)
	}
}

func FuzzParamField(f *testing.F) {
	f.Add(`text/plain; charset="us-ascii"; a*0*=x'y'z; a*1=b`)
	f.Fuzz(func(t *testing.T, s string) {
		_, params := message.ParseParamField(s)
		for _, p := range params {
			if got := params.Get(p.Name); !utf8.ValidString(got) {
				t.Fatalf("%q is not UTF-8", got)
			}
		}
	})
}

func TestTransferReader(t *testing.T) {
	for _, c := range []struct{ encoding, in, want string }{
		{"base64", "SGVs\r\nbG8=\r\n", "Hello"},
		{"base64", "SGVsbG8", "Hello"},
		{"BASE64", "SGVsbG8=IHdvcmxk", "Hello world"},
		{"base64", "SG!Vs-bG8=", "Hello"},
		{"quoted-printable", "a=3Db=\r\nc  \r\nd=20\r\n", "a=bc\r\nd \r\n"},
		{"quoted-printable", "a= \t\r\nb=3d=XY=4=", "ab==XY=4"},
		{"quoted-printable", "trailing  ", "trailing"},
		{"7bit", "as=20is", "as=20is"},
		{"x-unknown", "as=20is", "as=20is"},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, func(r io.Reader) io.Reader { return r }, iotest.DataErrReader} {
			got, err := io.ReadAll(message.NewTransferReader(wrap(strings.NewReader(c.in)), c.encoding))
			if err != nil || string(got) != c.want {
				t.Errorf("%s %q: %q %v", c.encoding, c.in, got, err)
			}
		}
	}
}

// FuzzTransfer encodes by the standard library and decodes, and decodes
// garbage the same whatever the pieces.
func FuzzTransfer(f *testing.F) {
	f.Add([]byte("Gr\xfc\xdfe = \r\n \t\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		decode := func(r io.Reader, encoding string) string {
			got, err := io.ReadAll(message.NewTransferReader(r, encoding))
			if err != nil {
				t.Fatal(err)
			}
			return string(got)
		}
		if got := decode(strings.NewReader(base64.StdEncoding.EncodeToString(raw)), "base64"); got != string(raw) {
			t.Fatalf("base64: %q", got)
		}
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		w.Write(raw)
		w.Close()
		if got := decode(&b, "quoted-printable"); got != string(raw) {
			t.Fatalf("quoted-printable: %q of %q", got, raw)
		}
		for _, encoding := range []string{"base64", "quoted-printable"} {
			whole := decode(bytes.NewReader(raw), encoding)
			if pieces := decode(iotest.OneByteReader(bytes.NewReader(raw)), encoding); pieces != whole {
				t.Fatalf("%s: %q in pieces, %q whole", encoding, pieces, whole)
			}
		}
	})
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Tue, 1 Apr 2025 10:20:30 +0200 (CEST)", "2025-04-01T10:20:30+02:00"},
		{"1 Apr 2025 10:20 -0330", "2025-04-01T10:20:00-03:30"},
		{"Tue, 01 Apr 99 10:20:30 EST", "1999-04-01T10:20:30-05:00"},
		{"Tue Apr  1 10:20:30 2025", "2025-04-01T10:20:30Z"},
		{"1-Apr-2025 10:20:30 GMT", "2025-04-01T10:20:30Z"},
		{"Sat (weekend), 1 (first) Nov (c) 1997 09 : 55 : 06 -0600", "1997-11-01T00:00:00-06:00"},
		{"1 Apr 25", "2025-04-01T00:00:00Z"},
		{"nonsense", ""}, {"", ""}, {"99 Foo 2025", ""},
	} {
		got, ok := message.ParseDate(c.in)
		if s := got.Format(time.RFC3339); ok != (c.want != "") || ok && s != c.want {
			t.Errorf("%q: %s %v", c.in, s, ok)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("Tue, 1 Apr 2025 10:20:30 +0200 (CEST)")
	f.Fuzz(func(t *testing.T, s string) {
		parsed, ok := message.ParseDate(s)
		if !ok {
			return
		}
		again, ok := message.ParseDate(message.FormatDate(parsed))
		if parsed.Year() >= 1000 && parsed.Year() <= 9999 && (!ok || !again.Equal(parsed)) {
			t.Fatalf("%v became %v", parsed, again)
		}
	})
}

func TestParseMessageIDs(t *testing.T) {
	got := message.ParseMessageIDs("<a@x> text <b @y><a@x> <c <d@z> <>")
	if strings.Join(got, ",") != "a@x,b@y,d@z" {
		t.Errorf("%q", got)
	}
	var many strings.Builder
	for i := range 1000 {
		many.WriteString("<" + strings.Repeat("x", i%50+1) + string(rune('a'+i%26)) + "@x>")
	}
	if n := len(message.ParseMessageIDs(many.String())); n > 100 {
		t.Errorf("%d identifiers", n)
	}
}

func FuzzParseMessageIDs(f *testing.F) {
	f.Add("<a@x> <b@y>")
	f.Fuzz(func(t *testing.T, s string) {
		for _, id := range message.ParseMessageIDs(s) {
			if strings.ContainsAny(id, "<>\r\n\x00 ") {
				t.Fatalf("%q", id)
			}
		}
	})
}

func TestNewMessageID(t *testing.T) {
	if got := message.NewMessageID([16]byte{1, 2, 3}, "example.com"); got != "<aebagaaaaaaaaaaaaaaaaaaaaa@example.com>" {
		t.Error(got)
	}
}

func TestFoldField(t *testing.T) {
	got := message.FoldField("Subject", strings.Repeat("word ", 30)+"\r\nBcc: x")
	for _, line := range strings.SplitAfter(got, "\r\n") {
		if len(line) > 80 || strings.HasPrefix(line, "Bcc") {
			t.Errorf("%q", line)
		}
	}
	if h := header(t, got); len(h) != 1 {
		t.Errorf("%d fields", len(h))
	}
}

func TestPreview(t *testing.T) {
	plain := &message.Part{Type: "text", Subtype: "plain", Encoding: "quoted-printable", Params: message.Params{{Name: "charset", Value: "utf-8"}}}
	if got := plain.Preview(strings.NewReader("> quoted\r\nGr=C3=BC=C3=9Fe,\r\n\r\n  all"), 9); got != "Grüße, al" {
		t.Errorf("%q", got)
	}
	rich := &message.Part{Type: "text", Subtype: "html", Encoding: "7bit"}
	if got := rich.Preview(strings.NewReader("<html><head><title>x</title></head><style>p{}</style><p>Tom &amp; <b>Ann</b><!-- no -->"), 100); got != "Tom & Ann" {
		t.Errorf("%q", got)
	}
}

func TestTextPart(t *testing.T) {
	x := indexOf([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--"))
	if p, ok := x.TextPart(); !ok || p.Subtype != "html" {
		t.Errorf("%v %v", p, ok)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("A: b\r\n c\r\nFrom x\r\n\r\nbody"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := message.ParseHeader(raw)
		if err == nil && !bytes.HasPrefix(raw, h.Bytes()) {
			t.Fatalf("%q is not the beginning of %q", h.Bytes(), raw)
		}
		message.Authors(h)
		message.FromDomains(h)
		kept := message.FilterHeader(raw, []string{"a"}, false)
		if again := message.FilterHeader(kept, []string{"a"}, false); !bytes.Equal(kept, again) {
			t.Fatalf("%q filtered again is %q", kept, again)
		}
	})
}
