package message_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gomail/message"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func indexOf(raw []byte) *message.Index {
	var x message.Indexer
	x.Write(raw)
	return x.Finish()
}

// golden compares got with a file, or rewrites the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

// describe renders an index for people: the wire forms, then each part with
// its number and its content.
func describe(x *message.Index, raw []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ENVELOPE %q\n", x.Envelope.AppendEnvelope(nil))
	fmt.Fprintf(&b, "BODYSTRUCTURE %q\n", x.Root.AppendStructure(nil, true))
	fmt.Fprintf(&b, "date %v references %q\n", x.Date, x.References)
	x.Root.Walk(func(number []int, p *message.Part) bool {
		fmt.Fprintf(&b, "%v %s/%s header %v body %v lines %d name %q\n", number, p.Type, p.Subtype, p.Header, p.Body, p.Lines, p.Filename())
		fmt.Fprintf(&b, "   %q\n", raw[p.Body.Offset:p.Body.End()])
		return true
	})
	return b.String()
}

func TestIndexGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/index/*.eml")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".eml")+".golden", describe(indexOf(raw), raw))
			checkIndex(t, raw)
		})
	}
}

// checkIndex holds for any input: the pieces in which it comes do not matter,
// every range lies within its parent, and the stored form gives it all back.
func checkIndex(t *testing.T, raw []byte) {
	t.Helper()
	x := indexOf(raw)
	for _, size := range []int{1, 2, 7, 600} {
		var y message.Indexer
		for rest := raw; len(rest) > 0; {
			n := min(size, len(rest))
			y.Write(rest[:n])
			rest = rest[n:]
		}
		if z := y.Finish(); !reflect.DeepEqual(x, z) {
			t.Fatalf("pieces of %d octets:\n%s\nwhole:\n%s", size, describe(z, raw), describe(x, raw))
		}
	}
	if x.Size != int64(len(raw)) || x.Root.Body.End() != x.Size {
		t.Fatalf("size %d, root ends at %d, of %d octets", x.Size, x.Root.Body.End(), len(raw))
	}
	checkRanges(t, x.Root)
	checkStored(t, x)
	checkFields(t, x, raw)
	checkHeaderText(t, x, raw)
}

// checkFields holds what the index says of header fields against the message,
// with and without fields of the account's own before it.
func checkFields(t *testing.T, x *message.Index, raw []byte) {
	t.Helper()
	const prefix = "Return-Path: <a@example.com>\r\nReceived: from b\r\n by c\r\nSubject: own\r\nX-Own: d\r\n"
	stored, own := x.Marshal(), message.OwnFields([]byte(prefix))
	for _, names := range [][]string{{"From", "subject", "DATE"}, {"References", "Content-Type", "X-Priority"}, {"To", "Cc", "Message-Id", "In-Reply-To", "Reply-To"}, {"Received"}, {"X-Other", "Subject"}, {""}} {
		asked := message.NewFields(names)
		if got, ok := asked.Of(stored, nil, false); ok {
			if want := message.FilterHeader(raw[:x.Root.Header.Length], names, false); !bytes.Equal(got, want) {
				t.Fatalf("%q: %q, in the message %q", names, got, want)
			}
		}
		if got, ok := asked.Of(stored, own, true); ok {
			if want := message.FilterHeader([]byte(prefix+string(raw[:x.Root.Header.Length])), names, false); !bytes.Equal(got, want) {
				t.Fatalf("%q below others: %q, in the message %q", names, got, want)
			}
		}
	}
}

// checkHeaderText holds the header as searches see it against its fields.
func checkHeaderText(t *testing.T, x *message.Index, raw []byte) {
	t.Helper()
	header, err := x.ReadHeader(bytes.NewReader(raw), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := "before"
	for _, f := range header {
		want += strings.ToLower(f.SearchText()) + "\n"
	}
	if got, err := x.ReadHeaderText([]byte("before"), make([]byte, 100), bytes.NewReader(raw), 0); err != nil || string(got) != want {
		t.Fatalf("header text %q %v, want %q", got, err, want)
	}
}

func checkRanges(t *testing.T, p *message.Part) {
	t.Helper()
	if p.Body.Offset != p.Header.End() || p.Header.Length < 0 || p.Body.Length < 0 {
		t.Fatalf("header %v, body %v", p.Header, p.Body)
	}
	for _, child := range p.Children {
		if child.Header.Offset < p.Body.Offset || child.Body.Length > 0 && child.Body.End() > p.Body.End() {
			t.Fatalf("part %v %v is not within %v", child.Header, child.Body, p.Body)
		}
		checkRanges(t, child)
	}
}

func checkStored(t *testing.T, x *message.Index) {
	t.Helper()
	stored := x.Marshal()
	y, err := message.UnmarshalIndex(stored)
	if err != nil {
		t.Fatalf("%v: %q", err, stored)
	}
	if !x.Date.Equal(y.Date) {
		t.Fatalf("date %v came back as %v", x.Date, y.Date)
	}
	y.Date = x.Date
	if !reflect.DeepEqual(x, y) {
		t.Fatalf("stored: %+v\nindex: %+v\n%q", y, x, stored)
	}
	if message.SizeOf(stored) != x.Size || message.HeaderLengthOf(stored) != x.Root.Header.Length {
		t.Fatal("sizes in the stored form differ")
	}
	if got := message.EnvelopeOf(stored); !bytes.Equal(got, x.Envelope.AppendEnvelope(nil)) {
		t.Fatalf("EnvelopeOf: %q", got)
	}
	if subject, once, ok := message.SubjectOf(stored); string(subject) != y.Envelope.Subject || once != x.SubjectOnce || !ok {
		t.Fatalf("SubjectOf: %q %v %v", subject, once, ok)
	}
	if r, err := message.UnmarshalRanges(stored); err != nil || r.Size != x.Size || r.Root.Header != x.Root.Header || r.Root.Body != x.Root.Body {
		t.Fatalf("UnmarshalRanges: %+v %v", r, err)
	}
	for _, extended := range []bool{true, false} {
		if got := message.StructureOf(stored, extended); !bytes.Equal(got, x.Root.AppendStructure(nil, extended)) {
			t.Fatalf("StructureOf: %q", got)
		}
	}
}

func FuzzIndexer(f *testing.F) {
	files, _ := filepath.Glob("testdata/index/*.eml")
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkIndex(t, raw) })
}

func FuzzUnmarshalIndex(f *testing.F) {
	files, _ := filepath.Glob("testdata/index/*.eml")
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		f.Add(indexOf(raw).Marshal())
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		message.EnvelopeOf(stored)
		message.StructureOf(stored, false)
		message.NewFields([]string{"From", "X-Other"}).Of(stored, nil, false)
		x, err := message.UnmarshalIndex(stored)
		if err != nil {
			return
		}
		if _, err := message.UnmarshalIndex(x.Marshal()); err != nil {
			t.Fatalf("%v after a round trip", err)
		}
	})
}

func TestDepthAndPartLimits(t *testing.T) {
	var deep strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	checkIndex(t, []byte(deep.String()))
	depth := 0
	for p := indexOf([]byte(deep.String())).Root; len(p.Children) > 0; p = p.Children[0] {
		depth++
	}
	if depth != message.MaxDepth {
		t.Errorf("depth %d", depth)
	}
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 6000)
	x := indexOf([]byte(many))
	if n := len(x.Root.Children); n != message.MaxParts-1 {
		t.Errorf("%d parts", n)
	}
	messages := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000)
	checkIndex(t, []byte(messages))
}

func TestHeaderLimits(t *testing.T) {
	raw := "Subject: first\r\n" + strings.Repeat("X: y\r\n", 60000) + "From: late@example.com\r\n\r\nbody"
	x := indexOf([]byte(raw))
	if x.Envelope.Subject != "first" || x.Envelope.From != nil {
		t.Errorf("envelope %+v", x.Envelope)
	}
	if x.Root.Body.Length != 4 {
		t.Errorf("body %v", x.Root.Body)
	}
	long := "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\nbody"
	if x = indexOf([]byte(long)); len(x.Envelope.Subject) > message.MaxHeaderBytes || x.Root.Body.Length != 4 {
		t.Errorf("subject of %d octets, body %v", len(x.Envelope.Subject), x.Root.Body)
	}
}

func TestFind(t *testing.T) {
	raw, err := os.ReadFile("testdata/index/forwarded.eml")
	if err != nil {
		t.Fatal(err)
	}
	x := indexOf(raw)
	prefix := "Return-Path: <a@example.com>\r\n"
	shifted := prefix + string(raw)
	for _, c := range []struct {
		path  []int
		what  message.Specifier
		begin string
		end   string
	}{
		{nil, message.Whole, "Return-Path", "--b--\r\n"},
		{nil, message.HeaderOf, "Return-Path", "\"b\"\r\n\r\n"},
		{nil, message.TextOf, "--b\r\n", "--b--\r\n"},
		{[]int{1}, message.Whole, "see below", "see below"},
		{[]int{1}, message.MIMEOf, "Content-Type: text/plain", "\r\n\r\n"},
		{[]int{2}, message.Whole, "From: \"Eve\"", "--c--"},
		{[]int{2}, message.HeaderOf, "From: \"Eve\"", "=c\r\n\r\n"},
		{[]int{2}, message.TextOf, "--c\r\n", "--c--"},
		{[]int{2, 1}, message.Whole, "iVBOR", "w0K"},
		{[]int{2, 2}, message.Whole, "text", "text"},
	} {
		r, ok := x.Find(c.path, c.what, int64(len(prefix)))
		if !ok {
			t.Errorf("%v %v: not found", c.path, c.what)
			continue
		}
		if got := shifted[r.Offset:r.End()]; !strings.HasPrefix(got, c.begin) || !strings.HasSuffix(got, c.end) {
			t.Errorf("%v %v: %q", c.path, c.what, got)
		}
	}
	for _, path := range [][]int{{0}, {3}, {1, 1}, {2, 3}, {2, 1, 1}} {
		if _, ok := x.Find(path, message.Whole, 0); ok {
			t.Errorf("%v was found", path)
		}
	}
	if _, ok := x.Find([]int{1}, message.HeaderOf, 0); ok {
		t.Error("1.HEADER of a text part was found")
	}
}

func TestFindSinglePart(t *testing.T) {
	raw := "Subject: x\r\n\r\nbody"
	x := indexOf([]byte(raw))
	if r, ok := x.Find([]int{1}, message.Whole, 5); !ok || r != (message.Range{Offset: 19, Length: 4}) {
		t.Errorf("1: %v %v", r, ok)
	}
	if r, ok := x.Find([]int{1}, message.MIMEOf, 5); !ok || r != (message.Range{Offset: 0, Length: 19}) {
		t.Errorf("1.MIME: %v %v", r, ok)
	}
	if _, ok := x.Find([]int{1, 1}, message.Whole, 0); ok {
		t.Error("1.1 was found")
	}
}

func TestFilterHeader(t *testing.T) {
	raw := []byte("A: 1\r\nB: 2\r\n folded\r\na: 3\r\n\r\n")
	if got := string(message.FilterHeader(raw, []string{"A"}, false)); got != "A: 1\r\na: 3\r\n\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(message.FilterHeader(raw, []string{"A"}, true)); got != "B: 2\r\n folded\r\n\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(message.FilterHeader(raw, []string{"C"}, false)); got != "\r\n" {
		t.Errorf("%q", got)
	}
}

// usual is a message of 4 KB as people send them.
func usual() []byte {
	head := "Received: from mx.example.net (mx.example.net [192.0.2.1]) by mail.example.com\r\n with ESMTPS id abc; Tue, 1 Apr 2025 10:20:30 +0200\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=s1;\r\n h=from:to:subject:date; bh=" + strings.Repeat("A", 44) + ";\r\n b=" + strings.Repeat("B", 344) + "\r\n" +
		"Date: Tue, 1 Apr 2025 10:20:30 +0200\r\nFrom: Anna Example <anna@example.net>\r\nTo: Bob Example <bob@example.com>\r\nSubject: About the plans for next week\r\n" +
		"Message-ID: <20250401102030.123456@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_boundary_42\"\r\n\r\n"
	body := strings.Repeat("This is a line of text as it is found in a usual message.\r\n", 20)
	return []byte(head + "--=_boundary_42\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body +
		"--=_boundary_42\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + body + "--=_boundary_42--\r\n")
}

func TestUsualMessageIsSmall(t *testing.T) {
	if n := len(indexOf(usual()).Marshal()); n > 1024 {
		t.Errorf("the stored index has %d octets", n)
	}
}

// What mail programs ask for of a usual message is answered from its index, in
// all spellings, and without much room.
func TestUsualFieldsAreInTheIndex(t *testing.T) {
	raw := string(usual())
	for _, change := range [][2]string{
		{"", ""},
		{"From: Anna Example <anna@example.net>", "From: \"Example, Anna\" <anna@example.net>"},
		{"To: Bob Example <bob@example.com>", "To: bob@example.com, Bob <bob@example.com>"},
		{"To: Bob", "TO:   Bob"},
		{"Subject: ", "Subject: folded\r\n\t"},
		{"Message-ID: ", "References: <a@b>\r\n <c@d>\r\nMessage-ID: "},
		{"Message-ID: ", "In-Reply-To: <a@b>\r\nReferences: <a@b> <c@d>\r\nX-Priority: 3\r\nMessage-ID: "},
	} {
		changed := []byte(strings.Replace(raw, change[0], change[1], 1))
		x := indexOf(changed)
		checkFields(t, x, changed)
		names := strings.Fields("From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To List-Post")
		if _, ok := message.NewFields(names).Of(x.Marshal(), nil, false); !ok || len(x.Fields) > 200 {
			t.Errorf("%q: %v, %d octets: %q", change[1], ok, len(x.Fields), x.Fields)
		}
	}
	if x := indexOf(usual()); len(x.Fields) > 80 {
		t.Errorf("the fields take %d octets: %q", len(x.Fields), x.Fields)
	}
}

// What is not kept is read: fields of other names, and long ones.
func TestFieldsThatAreElsewhere(t *testing.T) {
	long := strings.Repeat("<a@example.com>,\r\n ", 50)
	stored := indexOf([]byte("X-Other: x\r\nTo: " + long + "<b@example.com>\r\nDKIM-Signature: x\r\nSubject: y\r\n\r\n")).Marshal()
	for names, want := range map[string]bool{"Subject": true, "Subject,From": true, "To": false, "X-Else": false, "DKIM-Signature": false, "Received": true} {
		if _, ok := message.NewFields(strings.Split(names, ",")).Of(stored, nil, false); ok != want {
			t.Errorf("%s: %v", names, ok)
		}
	}
	if _, ok := message.NewFields([]string{"Received"}).Of(stored, []byte{}, true); ok {
		t.Error("whether the account's own fields have a Received is not known")
	}
	if own := message.OwnFields([]byte("Received: x")); own != nil {
		t.Errorf("an unfinished field became %q", own)
	}
}

func BenchmarkIndexAndMarshal4KB(b *testing.B) {
	raw := usual()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		indexOf(raw).Marshal()
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	stored := indexOf(usual()).Marshal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := message.UnmarshalIndex(stored); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvelopeOf(b *testing.B) {
	stored := indexOf(usual()).Marshal()
	b.ReportAllocs()
	for b.Loop() {
		message.EnvelopeOf(stored)
		message.StructureOf(stored, true)
	}
}

func BenchmarkIndexAttachment(b *testing.B) {
	raw := append(usual(), bytes.Repeat([]byte(strings.Repeat("A", 76)+"\r\n"), 100_000)...)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		indexOf(raw)
	}
}

func TestIndexDate(t *testing.T) {
	x := indexOf([]byte("Date: Tue, 1 Apr 2025 10:20:30 +0200\r\n\r\n"))
	if want := time.Date(2025, 4, 1, 8, 20, 30, 0, time.UTC); !x.Date.Equal(want) {
		t.Errorf("date %v", x.Date)
	}
}
