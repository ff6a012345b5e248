package mxsend

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func read(s string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(s), maxReplyLine))
}

func TestReadReply(t *testing.T) {
	tests := []struct {
		in       string
		code     int
		enhanced string
		text     string
	}{
		{"250 ok\r\n", 250, "2.0.0", "ok"},
		{"250\r\n", 250, "2.0.0", ""},
		{"250-\r\n250 \r\n", 250, "2.0.0", ""},
		{"550 5.1.1 no such user\r\n", 550, "5.1.1", "no such user"},
		{"550-5.7.26 a\r\n550-5.7.26 b\r\n550 5.7.26 c\r\n", 550, "5.7.26", "a b c"},
		{"550 4.1.1 of another class\r\n", 550, "5.0.0", "4.1.1 of another class"},
		{"450 4.1000.1 too long\r\n", 450, "4.0.0", "4.1000.1 too long"},
		{"421 1.2.3.4 is listed\r\n", 421, "4.0.0", "1.2.3.4 is listed"},
	}
	for _, test := range tests {
		r, err := read(test.in)
		if err != nil || r.code != test.code || r.enhanced != test.enhanced || r.text != test.text {
			t.Errorf("%q: %+v, %v", test.in, r, err)
		}
	}
}

func TestReadReplyMalformed(t *testing.T) {
	for _, in := range []string{
		"25 ok\r\n", "250ok\r\n", "250 ok\n", "150 ok\r\n", "650 ok\r\n", "250-a\r\n550 b\r\n", "\r\n", "ok\r\n", "2\r\n",
		strings.Repeat("250-x\r\n", maxReplyLines+1), "250 " + strings.Repeat("x", maxReplyLine) + "\r\n",
	} {
		if r, err := read(in); !errors.Is(err, errMalformed) {
			t.Errorf("%q: %+v, %v", clip(in, 40), r, err)
		}
	}
}

// FuzzReply checks that whatever is read as a reply means the same when it is
// written again, and that its text is fit for logs.
func FuzzReply(f *testing.F) {
	f.Add("250-2.0.0 a\r\n250 2.0.0 b\r\n")
	f.Add("550 5.1.1\r\n")
	f.Add("421 \x00\xff\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := read(in)
		if err != nil {
			return
		}
		if r.code < 200 || r.code > 599 || len(r.lines) > maxReplyLines || len(r.text) > maxReplyText {
			t.Fatalf("%q: %+v", in, r)
		}
		if cleanText(r.text) != r.text || cleanText(r.enhanced) != r.enhanced || r.enhanced[0] != in[0] {
			t.Fatalf("%q: text %q, enhanced %q", in, r.text, r.enhanced)
		}
		again, err := read(fmt.Sprintf("%d %s %s\r\n", r.code, r.enhanced, r.text))
		if err != nil || again.code != r.code || again.enhanced != r.enhanced || again.text != r.text {
			if _, rest := cutEnhanced(r.text, r.code); rest == r.text {
				t.Fatalf("%q: %+v, then %+v, %v", in, r, again, err)
			}
		}
	})
}

func FuzzExtensions(f *testing.F) {
	f.Add("x\nSIZE 10\nLIMITS RCPTMAX=1 MAILMAX=2\nAUTH PLAIN")
	f.Fuzz(func(t *testing.T, s string) {
		e := parseExtensions(strings.Split(s, "\n"))
		if e.rcptMax < 0 || e.mailMax < 0 {
			t.Fatalf("%q: %+v", s, e)
		}
	})
}
