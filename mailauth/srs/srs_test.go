package srs

import (
	"strings"
	"testing"
	"time"

	"gomail"
)

func rewriter(day int) Rewriter {
	return Rewriter{Secret: []byte("secret"), Clock: func() time.Time { return time.Unix(1_790_000_000, 0).AddDate(0, 0, day) }}
}

func TestThereAndBack(t *testing.T) {
	long := gomail.Address{Local: "bounces+1234567-89ab-anna=example.org", Domain: "em1234.newsletters.example.net"}
	for _, sender := range []gomail.Address{
		{Local: "anna", Domain: "example.org"}, {Local: "A.B+c", Domain: "example.org"}, {Local: "a=b=c", Domain: "example.org"}, {Local: "a b", Domain: "example.org"},
		{Local: "jürgen", Domain: "xn--bcher-kva.example"}, long, {Local: "x", Domain: "[192.0.2.1]"}, {Local: "SRS1=x", Domain: "example.org"},
	} {
		there := rewriter(0).Rewrite(sender, "example.com")
		if len(there.Address.Local) > gomail.MaxLocalPart || there.Address.Domain != "example.com" || !Is(there.Address.Local) {
			t.Errorf("%s is rewritten as %s", sender, there.Address)
		}
		back, err := rewriter(21).Reverse(there.Address)
		if err != nil || back.Token != there.Token || back.Token == "" && back.Address != sender {
			t.Errorf("%s comes back as %+v, %v", there.Address, back, err)
		}
	}
	if r := rewriter(0).Rewrite(gomail.Address{}, "example.com"); r != (Rewritten{}) {
		t.Errorf("the null sender became %+v", r)
	}
	a, b := rewriter(0).Rewrite(long, "example.com"), rewriter(5).Rewrite(long, "example.org")
	if a.Token == "" || a.Token != b.Token {
		t.Errorf("one sender is kept under %q and %q", a.Token, b.Token)
	}
}

// TestChain: a second server that forwards sends bounces to the first one, a
// third one too.
func TestChain(t *testing.T) {
	first := rewriter(0).Rewrite(gomail.Address{Local: "anna", Domain: "a.example"}, "b.example")
	second := Rewriter{Secret: []byte("another"), Clock: rewriter(0).Clock}.Rewrite(first.Address, "c.example")
	third := Rewriter{Secret: []byte("third"), Clock: rewriter(0).Clock}.Rewrite(second.Address, "d.example")
	for _, r := range []struct {
		address gomail.Address
		secret  string
	}{{second.Address, "another"}, {third.Address, "third"}} {
		back, err := Rewriter{Secret: []byte(r.secret), Clock: rewriter(400).Clock}.Reverse(r.address)
		if err != nil || back.Address != first.Address {
			t.Errorf("%s leads to %+v, %v; want %s", r.address, back, err, first.Address)
		}
	}
	if !strings.HasPrefix(third.Address.Local, "SRS1=") || !strings.Contains(third.Address.Local, "=b.example==") {
		t.Errorf("%s", third.Address)
	}
}

func TestForgedAndExpired(t *testing.T) {
	good := rewriter(0).Rewrite(gomail.Address{Local: "anna", Domain: "example.org"}, "example.com").Address
	for what, c := range map[string]struct {
		local, domain string
		day           int
		ok            bool
	}{
		"as made":           {good.Local, "example.com", 0, true},
		"in lower case":     {strings.ToLower(good.Local), "EXAMPLE.com", 0, true},
		"after 21 days":     {good.Local, "example.com", 21, true},
		"after 22 days":     {good.Local, "example.com", 22, false},
		"a clock behind":    {good.Local, "example.com", -1, true},
		"long before":       {good.Local, "example.com", -2, false},
		"after the cycle":   {good.Local, "example.com", 1024 - 30, false},
		"another domain":    {good.Local, "example.net", 0, false},
		"another recipient": {strings.Replace(good.Local, "=anna", "=eve", 1), "example.com", 0, false},
		"another day":       {strings.Replace(good.Local, rewriter(0).today(), rewriter(1).today(), 1), "example.com", 0, false},
		"no hash":           {"SRS0==AA=example.org=anna", "example.com", 0, false},
		"nothing":           {"SRS0=", "example.com", 0, false},
		"no fields":         {"SRS0=x", "example.com", 0, false},
		"second, forged":    {"SRS1=AAAAAA=example.org==x", "example.com", 0, false},
		"not rewritten":     {"anna", "example.com", 0, false},
	} {
		_, err := rewriter(c.day).Reverse(gomail.Address{Local: c.local, Domain: c.domain})
		if (err == nil) != c.ok || !c.ok && gomail.KindOf(err) != gomail.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// FuzzReverse: whatever is rewritten comes back, and nothing else does.
func FuzzReverse(f *testing.F) {
	f.Add("anna", "SRS0=ABCDEF=AA=example.org=anna")
	f.Fuzz(func(t *testing.T, local, forged string) {
		r := rewriter(0)
		sender := gomail.Address{Local: local, Domain: "example.org"}
		there := r.Rewrite(sender, "example.com")
		back, err := r.Reverse(there.Address)
		if local != "" && !hasPrefix(local, "SRS1") && !hasPrefix(local, "SRS0") && (err != nil || back.Token == "" && back.Address != sender) {
			t.Fatalf("%q: %s, %+v, %v", local, there.Address, back, err)
		}
		if _, err := r.Reverse(gomail.Address{Local: forged, Domain: "example.com"}); err == nil && !strings.EqualFold(forged, there.Address.Local) {
			t.Fatalf("%q was taken", forged)
		}
	})
}
