package dkim

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"gomail/message"
)

// records is a Resolver: a name maps to its TXT records; "!" fails.
type records map[string][]string

func (r records) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{Err: err.Error(), IsTemporary: true, UnwrapErr: err}
	}
	texts := r[name]
	if len(texts) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	if texts[0] == "!" {
		return nil, &net.DNSError{Err: "SERVFAIL", Name: name, IsTemporary: true}
	}
	return texts, nil
}

// split parses a message with CRLF line ends.
func split(t testing.TB, raw []byte) (message.Header, []byte) {
	t.Helper()
	section, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		t.Fatal("the message has no body")
	}
	header, err := message.ParseHeader(append(section, crlf...))
	if err != nil {
		t.Fatal(err)
	}
	return header, body
}

func verify(t testing.TB, raw []byte, opts Options) []Result {
	t.Helper()
	header, body := split(t, raw)
	v := NewVerifier(t.Context(), header, opts)
	v.Write(body)
	results, _ := v.Results(t.Context())
	return results
}

func at(unix int64) func() time.Time { return func() time.Time { return time.Unix(unix, 0) } }

func readMessage(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}

// rfcKeys are the keys of RFC 6376 appendix C and RFC 8463 appendix A.
func rfcKeys() records {
	return records{
		"brisbane._domainkey.example.com":          {"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"},
		"brisbane._domainkey.football.example.com": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		"test._domainkey.football.example.com":     {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
	}
}

func TestRFCExamples(t *testing.T) {
	for name, signatures := range map[string]int{"rfc6376-a.eml": 1, "rfc8463-a3.eml": 2} {
		raw := readMessage(t, name)
		if results := verify(t, raw, Options{Resolver: rfcKeys()}); len(results) != signatures {
			t.Errorf("%s: %d signatures are found", name, len(results))
		}
		for _, r := range verify(t, raw, Options{Resolver: rfcKeys()}) {
			if r.Status != Pass {
				t.Errorf("%s: %+v", name, r)
			}
		}
		changed := bytes.Replace(raw, []byte("hungry"), []byte("thirsty"), 1)
		for _, r := range verify(t, changed, Options{Resolver: rfcKeys()}) {
			if r.Status != Fail || r.Reason != "the body has been changed" {
				t.Errorf("%s, body changed: %+v", name, r)
			}
		}
		changed = bytes.Replace(raw, []byte("dinner"), []byte("lunch"), 1)
		for _, r := range verify(t, changed, Options{Resolver: rfcKeys()}) {
			if r.Status != Fail || r.Reason != "the signature does not match the header" {
				t.Errorf("%s, header changed: %+v", name, r)
			}
		}
	}
	// What a relay may do to a relaxed message.
	raw := readMessage(t, "rfc8463-a3.eml")
	folded := bytes.Replace(raw, []byte("Subject: Is dinner"), []byte("SUBJECT:   Is\r\n\tdinner"), 1)
	folded = append(bytes.Replace(folded, []byte("Hi."), []byte("Hi.  "), 1), "\r\n\r\n"...)
	for _, r := range verify(t, folded, Options{Resolver: rfcKeys()}) {
		if r.Status != Pass {
			t.Errorf("folded: %+v", r)
		}
	}
	results := verify(t, raw, Options{Resolver: rfcKeys()})
	if r := results[0]; len(results) != 2 || r.Domain != "football.example.com" || r.Selector != "brisbane" || r.Identity != "@football.example.com" ||
		r.Algorithm != Ed25519SHA256 || r.Prefix != "/gCrinpc" || results[1].KeyBits != 1024 {
		t.Errorf("%+v", results)
	}
}

// TestCanonicalBody holds the examples of RFC 6376 section 3.4.5 and the
// edges around them, cut at every place.
func TestCanonicalBody(t *testing.T) {
	const (
		empty   = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // of nothing
		newline = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=" // of CRLF
	)
	same := func(c Canonicalization, bodies ...string) {
		t.Helper()
		want := ""
		for _, body := range bodies {
			for cut := 0; cut <= len(body); cut++ {
				h := NewBodyHash(c)
				h.Write([]byte(body[:cut]))
				h.Write([]byte(body[cut:]))
				if sum := b64(h.Sum()); want == "" {
					want = sum
				} else if sum != want {
					t.Errorf("%s %q cut at %d: %s, want %s", c, body, cut, sum, want)
				}
			}
		}
	}
	same(Relaxed, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C\r\nD E", "\tC\t \r\nD   E \r\n \t\r\n")
	same(Simple, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C \r\nD \t E")
	same(Relaxed, "a \rb\r\n", "a\t \rb")
	same(Relaxed, "a\nb\r\n\r\n", "a\nb")
	if got := b64(NewBodyHash(Relaxed).Sum()); got != empty {
		t.Errorf("relaxed empty body: %s", got)
	}
	if got := b64(NewBodyHash(Simple).Sum()); got != newline {
		t.Errorf("simple empty body: %s", got)
	}
	same(Simple, "\r\n\r\n", "", "\r\n")
	same(Relaxed, " \r\n\t\r\n", "", "\r\n")
	long := strings.Repeat("word  ", 3000)
	same(Relaxed, strings.TrimSpace(strings.Repeat("word ", 3000)))
	h := NewBodyHash(Relaxed)
	h.Write([]byte(long))
	if h.Sum(); h.Size() != 15000+1 {
		t.Errorf("size %d", h.Size())
	}
}
