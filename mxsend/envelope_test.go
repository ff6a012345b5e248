package mxsend

import "testing"

func TestOriginalParam(t *testing.T) {
	for _, test := range []struct {
		original string
		utf8     bool
		want     string
	}{
		{"rfc822;anna@example.org", false, "rfc822;anna@example.org"},
		{"rfc822;a+b=c d@example.org", false, "rfc822;a+2Bb+3Dc+20d@example.org"},
		{"utf-8;änna@example.org", true, "utf-8;änna@example.org"},
		{"utf-8;änna@example.org", false, ""},
		{"utf-8;ä+b@example.org", true, ""},
		{"rfc822;a\r\nDATA", false, ""},
		{"rfc822 NOTIFY=NEVER;a", false, ""},
		{"anna@example.org", false, ""},
		{"", false, ""},
	} {
		if got := originalParam(test.original, test.utf8); got != test.want {
			t.Errorf("%q: %q, want %q", test.original, got, test.want)
		}
	}
}

func TestHeaderNeedsUTF8(t *testing.T) {
	for content, want := range map[string]bool{
		"":                            false,
		"Subject: x\r\n\r\nbödy\r\n":  false,
		"Subject: ü\r\n\r\nbody\r\n":  true,
		"Subject: x\r\nX: y":          false,
		"Subject: x\n\nbödy\n":        false,
		"Subject: x\r\n \r\nX: ü\r\n": true,
	} {
		task := taskFor(t, "bob@example.com", "anna@example.net")
		task.Envelope.SMTPUTF8 = true
		if got, err := needsUTF8(task, contentOf(content)); got != want || err != nil {
			t.Errorf("%q: %t, %v", content, got, err)
		}
	}
}
