package dnspub

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestQuoteText(t *testing.T) {
	for _, test := range []struct {
		text string
		base int
		want string
	}{
		{"", decimal, `""`}, {`a"b\c`, decimal, `"a\"b\\c"`}, {"ü;", decimal, `"\195\188;"`}, {"ü;", octal, `"\303\274;"`},
		{strings.Repeat("x", 256), decimal, `"` + strings.Repeat("x", 255) + `" "x"`},
	} {
		if got := quoteText(test.text, test.base); got != test.want {
			t.Errorf("%q is written as %s, want %s", test.text, got, test.want)
		}
	}
}

func TestParseTextRefuses(t *testing.T) {
	for _, s := range []string{`"`, `"a`, `"a\`, `"\1"`, `"\999"`, `"a" b`, `"a"b"c"`} {
		if got, err := parseText(s, decimal); err == nil && s != `"a"b"c"` {
			t.Errorf("%s was read as %q", s, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, test := range []struct{ kind, a, b string }{
		{"A", "192.0.2.1", " 192.0.2.1"}, {"AAAA", "2001:DB8:0::1", "2001:db8::1"}, {"CNAME", "A.Example", "a.example."}, {"MX", "10  Mail.example.com", "10 mail.example.com."},
		{"SRV", "0 1 993 Mail.example.com", "0 1 993 mail.example.com."}, {"TLSA", "3 1 1 AB cd", "3 1 1 abcd"}, {"CAA", "0 Issue ca.example", `0 issue "ca.example"`}, {"MX", "0 .", "0 ."},
	} {
		if !sameValue(test.kind, test.a, test.b) {
			t.Errorf("%s: %q is %q, and %q is %q", test.kind, test.a, canonical(test.kind, test.a), test.b, canonical(test.kind, test.b))
		}
	}
	if sameValue("TXT", "Abc", "abc") || sameValue("MX", "10 a.", "20 a.") {
		t.Error("values that differ were taken for the same")
	}
}

// What is written is read again, by us and by another implementation.
func FuzzText(f *testing.F) {
	f.Add("v=DKIM1; p=" + strings.Repeat("A", 500))
	f.Add("\x00\xff\"\\\\099")
	f.Fuzz(func(t *testing.T, text string) {
		for _, base := range []int{decimal, octal} {
			if got, err := parseText(quoteText(text, base), base); err != nil || got != text {
				t.Fatalf("%q came back as %q, %v", text, got, err)
			}
		}
		if len(text) > 20000 {
			return
		}
		rr, err := dns.NewRR("x. 60 IN TXT " + quoteText(text, decimal))
		if err != nil {
			t.Fatalf("%q cannot be loaded: %v", text, err)
		}
		if got := dataOf(rr, "TXT"); got != text {
			t.Fatalf("%q was loaded as %q", text, got)
		}
	})
}

func FuzzParseText(f *testing.F) {
	f.Add(`"a" "b\"c\065"`)
	f.Add(`"\303\274"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, base := range []int{decimal, octal} {
			text, err := parseText(s, base)
			if err != nil || !strings.HasPrefix(s, `"`) {
				continue
			}
			if again, err := parseText(quoteText(text, base), base); err != nil || again != text {
				t.Errorf("%q is %q, and then %q, %v", s, text, again, err)
			}
		}
		unescapeName(s)
	})
}

func FuzzCanonical(f *testing.F) {
	for _, kind := range []string{"A", "AAAA", "CNAME", "MX", "SRV", "TLSA", "CAA", "TXT"} {
		f.Add(kind, "0 issue \"x\"")
	}
	f.Fuzz(func(t *testing.T, kind, value string) {
		if once := canonical(kind, value); canonical(kind, once) != once {
			t.Errorf("%s %q is %q, and then %q", kind, value, once, canonical(kind, once))
		}
	})
}
