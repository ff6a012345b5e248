package message

import (
	"strings"
	"testing"
)

func TestBaseSubject(t *testing.T) {
	for subject, want := range map[string]struct {
		base  string
		reply bool
	}{
		"Hello":                             {"Hello", false},
		"":                                  {"", false},
		"Re: Hello":                         {"Hello", true},
		"RE:Hello":                          {"Hello", true},
		"re : \t Hello   there ":            {"Hello there", true},
		"Fwd: Re: fw: Hello":                {"Hello", true},
		"Re[2]: Hello":                      {"Hello", true},
		"Re [2] : Hello":                    {"Hello", true},
		"[list] Hello":                      {"Hello", false},
		"[list] [other] Re: Hello":          {"Hello", true},
		"Re: [list] Hello":                  {"Hello", true},
		"[list]":                            {"[list]", false},
		"[a] [b]":                           {"[b]", false},
		"Hello (fwd)":                       {"Hello", true},
		"Hello (FWD) (fwd)":                 {"Hello", true},
		"[Fwd: Hello]":                      {"Hello", true},
		"[fwd: Re: [list] Hello (fwd) ]":    {"Hello", true},
		"Regarding: Hello":                  {"Regarding: Hello", false},
		"Reply":                             {"Reply", false},
		"Re:":                               {"", true},
		"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=": {"Grüße", true},
		"[open Hello":                       {"[open Hello", false},
		"[a [b] Hello":                      {"[a [b] Hello", false},
		"[a][fwd: x]":                       {"x", true},
		"[a](fwd)":                          {"[a]", true},

		strings.Repeat("[a]", 20_000) + "x": {"x", false}, // takes seconds if each is looked at again for each
	} {
		if base, reply := BaseSubject(subject); base != want.base || reply != want.reply {
			t.Errorf("%q: %q, %v, want %q, %v", subject, base, reply, want.base, want.reply)
		}
	}
}

// FuzzBaseSubject: it ends, and its result is a base subject itself.
func FuzzBaseSubject(f *testing.F) {
	f.Add("Re: [a] Fwd: [fwd: x] (fwd)")
	f.Add("[[[[[[re[re[:")
	f.Fuzz(func(t *testing.T, subject string) {
		base, _ := BaseSubject(subject)
		if again, reply := BaseSubject(base); DecodeWords(base) == base && (again != base || reply) {
			t.Errorf("%q becomes %q, and that %q", subject, base, again)
		}
	})
}
