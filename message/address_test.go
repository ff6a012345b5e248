package message_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gomail/message"
)

func TestParseAddressList(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`anna@example.com`, `||anna|example.com`},
		{`Anna Example <anna@example.com>`, `|Anna Example|anna|example.com`},
		{`"Example, Anna \"A\"" <anna@example.com>`, `|Example, Anna "A"|anna|example.com`},
		{`anna@example.com (Anna (the first))`, `|Anna (the first)|anna|example.com`},
		{`a@x, b@y`, `||a|x;||b|y`},
		{`a@x b@y`, `||a|x;||b|y`},
		{`<a@x> <b@y>`, `||a|x;||b|y`},
		{`a@x <b@y>`, `|a@x|b|y`},
		{`a@x Smith <b@y>`, `|a@x Smith|b|y`},
		{`"a@x" <b@y>`, `|a@x|b|y`},
		{`=?utf-8?q?a=40x?= <b@y>`, `|=?utf-8?q?a=40x?=|b|y`},
		{`Friends: a@x, Bob <b@y>;, c@z`, `1|Friends||;||a|x;|Bob|b|y;2|||;||c|z`},
		{`undisclosed-recipients:;`, `1|undisclosed-recipients||;2|||`},
		{`Open: a@x`, `1|Open||;||a|x;2|||`},
		{`<@relay1,@relay2:joe@where.test>`, `||joe|where.test`},
		{`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, `|Pete|pete|silly.test`},
		{`Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>`, `|Mary Smith|mary|x.test;||jdoe|example.org;|Who?|one|y.test`},
		{`  john . doe @ example . com `, `||john.doe|example.com`},
		{`"john doe"@example.com`, `||john doe|example.com`},
		{`a@[192.0.2.1]`, `||a|[192.0.2.1]`},
		{`root`, `||root|`},
		{`<>`, ``},
		{`Anna <>`, `|Anna||`},
		{`<a@x`, `||a|x`},
		{`,,;`, ``},
		{`a@b@c`, `||a@b|c`},
		{`John Q. Public <jqp@x>`, `|John Q. Public|jqp|x`},
		{`jürgen@münchen.example`, `||jürgen|münchen.example`},
	} {
		var got []string
		for _, a := range message.ParseAddressList(c.in) {
			mark := ""
			if a.Group != message.GroupNone {
				mark = fmt.Sprint(a.Group)
			}
			got = append(got, mark+"|"+a.Name+"|"+a.Local+"|"+a.Domain)
		}
		if s := strings.Join(got, ";"); s != c.want {
			t.Errorf("%s: %s, not %s", c.in, s, c.want)
		}
	}
}

func header(t *testing.T, s string) message.Header {
	t.Helper()
	h, err := message.ParseHeader([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestFromDomains(t *testing.T) {
	for _, c := range []struct {
		from string
		want []string
	}{
		{"From: a@Example.COM\r\n", []string{"example.com"}},
		{"From: \"ceo@good.example\" <x@evil.example>\r\n", []string{"evil.example"}},
		{"From: ceo@good.example <x@evil.example>\r\n", []string{"evil.example"}},
		{"From: (ceo@good.example) x@evil.example\r\n", []string{"evil.example"}},
		{"From: a@good.example, b@evil.example\r\n", []string{"good.example", "evil.example"}},
		{"From: a@good.example b@evil.example\r\n", []string{"good.example", "evil.example"}},
		{"From: a@good.example\r\nFrom: b@evil.example\r\n", []string{"good.example", "evil.example"}},
		{"From: All: a@one.example, b@two.example;\r\n", []string{"one.example", "two.example"}},
		{"From: =?utf-8?q?a=40good.example?= <b@evil.example>\r\n", []string{"evil.example"}},
		{"From: a@bücher.example\r\n", []string{"xn--bcher-kva.example"}},
		{"From: <a@good.example\r\n >, <b@evil.example>\r\n", []string{"good.example", "evil.example"}},
		{"From: nobody\r\n", nil},
		{"To: a@x.example\r\n", nil},
	} {
		if got := message.FromDomains(header(t, c.from)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %q", c.from, got)
		}
	}
}

func TestAuthors(t *testing.T) {
	for _, bad := range []string{
		"To: a@x.example\r\n", "From: \r\n", "From: nobody\r\n", "From: a@x.example\r\nFrom: b@x.example\r\n",
		"From: a@x.example, b\r\n", "From: None:;\r\n", "From: a@-x-\r\n",
	} {
		if got, err := message.Authors(header(t, bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	got, err := message.Authors(header(t, "From: \"A B\"@x.example, Anna <c@Y.example>\r\n"))
	if err != nil || len(got) != 2 || got[0].Local != "A B" || got[1].Domain != "y.example" {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzParseAddressList(f *testing.F) {
	f.Add(`"Example, Anna" <anna@example.com>, G: a@x, (c) <@r:b@y>;`)
	f.Fuzz(func(t *testing.T, s string) {
		depth := 0
		for _, a := range message.ParseAddressList(s) {
			switch a.Group {
			case message.GroupStart:
				depth++
			case message.GroupEnd:
				depth--
			default:
				a.Address()
			}
			if depth < 0 || depth > 1 {
				t.Fatal("groups are not in pairs")
			}
		}
		if depth != 0 {
			t.Fatal("a group does not end")
		}
	})
}
