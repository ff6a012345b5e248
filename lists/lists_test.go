package lists

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/message"
)

func parse(t testing.TB, s string) gomail.Address {
	t.Helper()
	a, err := gomail.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A token is for one member of one list, for one purpose, in any case.
func TestTokens(t *testing.T) {
	ours := Tokens{Secret: []byte("secret")}
	token := ours.Make(ForUnsubscribe, 7, 4_000_000_000)
	for what, c := range map[string]struct {
		tokens  Tokens
		purpose Purpose
		list    int64
		text    string
		ok      bool
	}{
		"as made":         {ours, ForUnsubscribe, 7, token, true},
		"in capitals":     {ours, ForUnsubscribe, 7, strings.ToUpper(token), true},
		"another list":    {ours, ForUnsubscribe, 8, token, false},
		"another purpose": {ours, ForBounce, 7, token, false},
		"another server":  {Tokens{Secret: []byte("another")}, ForUnsubscribe, 7, token, false},
		"another member":  {ours, ForUnsubscribe, 7, "0" + token[1:], false},
		"cut":             {ours, ForUnsubscribe, 7, token[:19], false},
		"longer":          {ours, ForUnsubscribe, 7, token + "0", false},
		"spare bits":      {ours, ForUnsubscribe, 7, token[:19] + "1", false},
		"empty":           {ours, ForUnsubscribe, 7, "", false},
	} {
		member, err := c.tokens.Read(c.purpose, c.list, c.text)
		if (err == nil) != c.ok || c.ok && member != 4_000_000_000 || !c.ok && gomail.KindOf(err) != gomail.NotFound {
			t.Errorf("%s: %d, %v", what, member, err)
		}
	}
}

// FuzzTokens: what was made is read, and nothing else.
func FuzzTokens(f *testing.F) {
	f.Add(int64(1), uint32(1), "00000005k3o1m0a2u7p0")
	f.Fuzz(func(t *testing.T, list int64, member uint32, text string) {
		tokens := Tokens{Secret: []byte("secret")}
		made := tokens.Make(ForBounce, list, int64(member))
		if got, err := tokens.Read(ForBounce, list, made); err != nil || got != int64(member) || len(made) != tokenLength {
			t.Fatalf("%q: %d, %v", made, got, err)
		}
		if got, err := tokens.Read(ForBounce, list, text); err == nil && !strings.EqualFold(text, tokens.Make(ForBounce, list, got)) {
			t.Fatalf("%q was taken for member %d", text, got)
		}
	})
}

// Every address with a token fits into a local part.
func TestLongestName(t *testing.T) {
	l, err := List{Address: gomail.Address{Local: strings.Repeat("a", MaxLocal), Domain: "example.com"}}.complete()
	if err != nil || l.Post != Members {
		t.Fatal(l, err)
	}
	s := New(Config{Tokens: Tokens{Secret: []byte("secret")}})
	for _, text := range []string{s.ReturnPath(l, 1).String(), l.Address.Local + "+" + unsubscribeTag + s.config.Tokens.Make(ForUnsubscribe, 1, 1) + "@example.com"} {
		if a := parse(t, text); len(a.Local) > gomail.MaxLocalPart {
			t.Errorf("%s has a local part of %d octets", a, len(a.Local))
		}
	}
}

func TestNames(t *testing.T) {
	for text, ok := range map[string]bool{
		"dev": true, "Dev": true, "a.b-c_d": true, "a..b": false, ".a": false, "a-": false, "a+b": false, "é": false, "postmaster": false, "abuse": false, strings.Repeat("a", MaxLocal+1): false,
	} {
		if _, err := (List{Address: gomail.Address{Local: text, Domain: "example.com"}}).complete(); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	at := parse(t, "dev@example.com")
	for what, l := range map[string]List{
		"no such posting": {Post: "all"}, "nobody may post": {Post: Named}, "its own owner": {Owner: at}, "a line break": {Name: "a\r\nBcc: x"}, "too small": {MaxSize: -1},
		"too many": {Posters: make([]gomail.Address, MaxPosters+1)},
	} {
		l.Address = at
		if _, err := l.complete(); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

// Bounces count while they follow each other within a month.
func TestBounced(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	m := Member{Status: Active}
	for _, c := range []struct{ day, bounces int }{{0, 1}, {29, 2}, {60, 1}, {70, 2}} {
		if m = m.Bounced(day(c.day), "x"); m.Bounces != c.bounces || m.Status != Active {
			t.Errorf("day %d: %+v", c.day, m)
		}
	}
	if m = m.Bounced(day(71), "x"); m.Status != Bouncing || m.Since != day(71) {
		t.Errorf("%+v", m)
	}
	if m = m.become(Active, day(80)); m.Bounces != 0 || !m.LastBounce.IsZero() {
		t.Errorf("%+v", m)
	}
	if m = (Member{Status: Unsubscribed, Bounces: 2, LastBounce: day(0)}).Bounced(day(1), "x"); m.Status != Unsubscribed {
		t.Errorf("who has left is %s", m.Status)
	}
}

// Names and addresses that others write cannot end a field or an address.
func TestFieldsAreSafe(t *testing.T) {
	l := List{Address: parse(t, "dev@example.com"), Name: `Ö, "x" <a@b>`, Post: Named, Owner: gomail.Address{Local: `a b?&"`, Domain: "example.com"}}
	s := New(Config{Tokens: Tokens{Secret: []byte("secret")}})
	text := s.Fields(l, 1)
	header, err := message.ParseHeader(text)
	if err != nil || len(header) != 4 || !bytes.Equal(header.Bytes(), text) {
		t.Fatalf("%v\n%s", err, text)
	}
	if id := header.Get("List-Id"); !strings.HasPrefix(id, "=?utf-8?") || !strings.HasSuffix(id, "?= <dev.example.com>") || strings.ContainsAny(id[:len(id)-19], `<>",`) {
		t.Errorf("List-Id: %s", id)
	}
	if header.Get("List-Post") != "NO" || header.Get("List-Owner") != "<mailto:%22a%20b%3F%26%5C%22%22@example.com>" || strings.Contains(string(text), "https:") || header.Count("List-Unsubscribe-Post") != 0 {
		t.Errorf("%s", text)
	}
	evil := message.Header{{Name: "From", Raw: []byte("From: =?utf-8?q?a=0D=0ABcc:_x=22?= <x@example.org>\r\n")}, {Name: "Subject", Raw: []byte("Subject: s\r\n")}, {Name: "List-Id", Raw: []byte("List-Id: <other.example.org>\r\n")}}
	out := l.Header(evil, true)
	again, err := message.ParseHeader(out.Bytes())
	if err != nil || len(again) != 4 || again.Get("List-Id") != "" || again.Get("Bcc") != "" {
		t.Errorf("%v\n%s", err, out.Bytes())
	}
	authors, err := message.Authors(again)
	if err != nil || len(authors) != 1 || authors[0] != l.Address || again.Get("Reply-To") != again.Get("Author") {
		t.Errorf("%v, %v\n%s", authors, err, out.Bytes())
	}
}
