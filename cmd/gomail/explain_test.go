package main

import (
	"testing"

	"gomail"
)

// What people give is looked for as the trail has it.
func TestSought(t *testing.T) {
	for what, want := range map[string]string{
		"3-1793437200000000": `"queueid":1793437200000000,`,
		"<1@example.org>":    "1@example.org",
		"Anna@Example.com":   "Anna@Example.com",
		"rkbt5piijbq0vu28":   "rkbt5piijbq0vu28",
		"a&b@example.com":    `a\u0026b@example.com`,
	} {
		if got, err := sought(what); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q is looked for as %q, %v", what, got, err)
		}
	}
	for _, bad := range []string{"", "ab", "two words", `a"b@example.com`} {
		if _, err := sought(bad); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
