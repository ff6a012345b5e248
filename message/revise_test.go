package message

import (
	"strings"
	"testing"
)

// Fields change by their number among those of their name.
func TestHeaderChanges(t *testing.T) {
	h, err := ParseHeader([]byte("A: 1\r\nB: 2\r\na: 3\r\n\tfolded\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := NewField("X", "new")
	for _, test := range []struct {
		name string
		got  Header
		want string
	}{
		{"first", h.Insert(0, x), "X: new|A: 1|B: 2|a: 3\tfolded|"},
		{"second", h.Insert(1, x), "A: 1|X: new|B: 2|a: 3\tfolded|"},
		{"beyond", h.Insert(99, x), "A: 1|B: 2|a: 3\tfolded|X: new|"},
		{"replaced", h.Replace("A", 2, &x), "A: 1|B: 2|X: new|"},
		{"removed", h.Replace("a", 1, nil), "B: 2|a: 3\tfolded|"},
		{"not there", h.Replace("A", 3, &x), "A: 1|B: 2|a: 3\tfolded|X: new|"},
		{"nothing to remove", h.Replace("C", 1, nil), "A: 1|B: 2|a: 3\tfolded|"},
	} {
		got := strings.NewReplacer("\r\n\t", "\t", "\r\n", "|").Replace(string(test.got.Bytes()))
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if string(h.Bytes()) != "A: 1\r\nB: 2\r\na: 3\r\n\tfolded\r\n" {
		t.Errorf("the header itself changed: %q", h.Bytes())
	}
}

// A field that others made is one field, whatever is in it.
func FuzzNewField(f *testing.F) {
	for _, s := range []string{"value", " a\n\tb", "x\nBcc: y", "x\r\n\r\nbody", "\x00", "", "\n", "a\rb", " \n \n "} {
		f.Add("Name", s)
	}
	f.Add("Bad name", "x")
	f.Add("X:Y", "x")
	f.Fuzz(func(t *testing.T, name, value string) {
		field, ok := NewField(name, value)
		if !ok {
			return
		}
		h, err := ParseHeader(append([]byte("A: 1\r\n"), append(field.Raw, "B: 2\r\n\r\nbody"...)...))
		if len(field.Raw) > MaxHeaderBytes-100 {
			return
		}
		if err != nil || len(h) != 3 || h[1].Name != name || !h[2].Is("B") {
			t.Errorf("%q: %q gives %q: %v", name, value, field.Raw, err)
		}
	})
}
