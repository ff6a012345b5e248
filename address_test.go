package gomail

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Address
		out  string // String, in when empty
	}{
		{in: "anna@example.com", want: Address{"anna", "example.com"}},
		{in: "Anna+tag@EXAMPLE.com.", want: Address{"Anna+tag", "example.com"}, out: "Anna+tag@example.com"},
		{in: `"a b"@example.com`, want: Address{"a b", "example.com"}},
		{in: `"a\"b\\c"@example.com`, want: Address{`a"b\c`, "example.com"}},
		{in: `"plain"@example.com`, want: Address{"plain", "example.com"}, out: "plain@example.com"},
		{in: `"a@b"@example.com`, want: Address{"a@b", "example.com"}},
		{in: "jürgen@müller.example", want: Address{"jürgen", "xn--mller-kva.example"}, out: "jürgen@xn--mller-kva.example"},
		{in: "x@[192.0.2.1]", want: Address{"x", "[192.0.2.1]"}},
		{in: "x@[IPv6:2001:db8::1]", want: Address{"x", "[ipv6:2001:db8::1]"}, out: "x@[ipv6:2001:db8::1]"},
		{in: "x%other.org@example.com", want: Address{"x%other.org", "example.com"}},
	} {
		got, err := ParseAddress(test.in)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v", test.in, got, err)
		}
		if test.out == "" {
			test.out = test.in
		}
		if got.String() != test.out {
			t.Errorf("%s is written %s", test.in, got)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, in := range []string{
		"", "anna", "@example.com", "anna@", ".a@example.com", "a.@example.com", "a..b@example.com", "a b@example.com",
		"a@b@example.com", `"a@example.com`, `"a"b@example.com`, "a@exa mple.com", "a@-x.com", "a@x-.com", "a@.com", "a@x..com",
		"a@" + strings.Repeat("x", 64) + ".com", strings.Repeat("l", 65) + "@example.com", "a\x00@example.com", "a@ex\xffample.com",
		"\"a\r\nb\"@example.com", "a@[", "a@[]", "a@[a b]", "<a@example.com>", "@a,@b:c@d.org",
		strings.Repeat("l", 64) + "@" + strings.Repeat("x.", 100) + "com",
	} {
		if got, err := ParseAddress(in); KindOf(err) != Invalid {
			t.Errorf("%q was read as %+v (%v)", in, got, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add(`"a\"b"@example.com`)
	f.Add("jürgen@müller.example")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String(), "\r\n\x00") {
			t.Errorf("%q is written with a control character: %q", s, a)
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q was read as %+v, and that as %+v (%v)", s, a, again, err)
		}
	})
}
