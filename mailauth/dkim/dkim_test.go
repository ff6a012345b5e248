package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
	"gomail/message"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// testKeys are made once: an RSA key takes a while.
var testKeys = sync.OnceValue(func() struct {
	ed  ed25519.PrivateKey
	rsa *rsa.PrivateKey
} {
	r, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		panic(err)
	}
	return struct {
		ed  ed25519.PrivateKey
		rsa *rsa.PrivateKey
	}{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), r}
})

func publicBytes(signer crypto.Signer) []byte {
	if public, ok := signer.Public().(ed25519.PublicKey); ok {
		return public
	}
	pkix, _ := x509.MarshalPKIXPublicKey(signer.Public())
	return pkix
}

// signed returns raw with a signature by each key, and the records of both.
func signed(t testing.TB, raw []byte, opts SignOptions) ([]byte, records) {
	t.Helper()
	header, body := split(t, raw)
	hash := NewBodyHash(Relaxed)
	hash.Write(body)
	sum := hash.Sum()
	keys := records{}
	out := raw
	for selector, signer := range map[string]crypto.Signer{"mail": testKeys().ed, "mail-rsa": testKeys().rsa} {
		opts.Domain, opts.Selector, opts.Signer = "example.com", selector, signer
		field, err := Sign(opts, header, sum)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(field), crlf) {
			if len(line) > 78 {
				t.Errorf("a line of %d octets: %q", len(line), line)
			}
		}
		out = append(field, out...)
		kind := "rsa"
		if selector == "mail" {
			kind = "ed25519"
		}
		keys[selector+"._domainkey.example.com"] = []string{Record(kind, publicBytes(signer))}
	}
	return out, keys
}

const plain = "Received: from x\r\nFrom: Anna <anna@example.com>\r\nTo: b@example.net,\r\n  c@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"\r\nHallo  Welt\t\r\n\r\n.dot\r\n  \r\n\r\n"

func TestSignedVerifies(t *testing.T) {
	raw, keys := signed(t, []byte(plain), SignOptions{Time: time.Unix(1_800_000_000, 0), Expiration: time.Unix(1_800_600_000, 0)})
	opts := Options{Resolver: keys, Clock: at(1_800_000_100)}
	expect := func(what string, raw []byte, status Status) {
		t.Helper()
		results := verify(t, raw, opts)
		if len(results) != 2 {
			t.Fatalf("%s: %d results", what, len(results))
		}
		for _, r := range results {
			if r.Status != status {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
	expect("as signed", raw, Pass)
	expect("another Received above", append([]byte("Received: from y\r\n"), raw...), Pass)
	add := func(field string) []byte { return append([]byte(field+crlf), raw...) }
	for _, field := range []string{"From: Eve <eve@example.com>", "Subject: x", "To: x@example.org", "Reply-To: x@example.org", "Cc: x@example.org", "Date: x", "Message-ID: <2@x>"} {
		expect("added "+field, add(field), Fail)
	}
	expect("added a field that is not signed", add("X-Spam: no"), Pass)
	expect("Content-Type changed", bytes.Replace(raw, []byte("text/plain"), []byte("text/html"), 1), Fail)
	opts.Clock = at(1_800_600_001)
	expect("expired", raw, Fail)
	opts.Clock, opts.MinRSABits = at(1_800_000_100), 3072
	for _, r := range verify(t, raw, opts) {
		if want := map[string]Status{"mail": Pass, "mail-rsa": Policy}[r.Selector]; r.Status != want {
			t.Errorf("short key: %+v", r)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	header, _ := split(t, []byte(plain))
	sum := NewBodyHash(Relaxed).Sum()
	good := SignOptions{Domain: "example.com", Selector: "mail", Signer: testKeys().ed}
	for what, change := range map[string]func(*SignOptions){
		"domain":   func(o *SignOptions) { o.Domain = "ex ample.com" },
		"upper":    func(o *SignOptions) { o.Domain = "Example.com" },
		"selector": func(o *SignOptions) { o.Selector = "a;b" },
		"no key":   func(o *SignOptions) { o.Signer = nil },
	} {
		opts := good
		change(&opts)
		if _, err := Sign(opts, header, sum); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := Sign(good, header.Without(func(f message.Field) bool { return f.Is("From") }), sum); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("without From: %v", err)
	}
	if _, err := Sign(good, header, sum[:5]); err == nil {
		t.Error("short body hash: no error")
	}
}

// resign makes an Ed25519 signature with the given tags, which stand before
// bh= and b=.
func resign(t *testing.T, tags, headerAndBody string) []byte {
	t.Helper()
	header, body := split(t, []byte(headerAndBody))
	sig, _ := parseSignature(tags+"; bh=x; b=x", formDKIM)
	c := sig.body
	hash := NewBodyHash(c)
	hash.Write(body)
	names := sig.fields
	if names == nil {
		list, _ := ParseTags(tags)
		names = splitList(list.Get("h"))
	}
	field := "DKIM-Signature: " + tags + "; bh=" + b64(hash.Sum()) + "; b="
	data := indexFields(header).appendSigned(nil, names, sig.header, -1)
	data = bytes.TrimSuffix(AppendField(data, []byte(field), sig.header), []byte(crlf))
	value, err := sign(testKeys().ed, Ed25519SHA256, digest(data))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(field + b64(value) + crlf + headerAndBody)
}

func digest(data []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(data)
	return h.Sum(nil)
}

// TestVerdicts goes through what signatures and key records can be.
func TestVerdicts(t *testing.T) {
	const message = "From: a@example.com\r\nSubject: x\r\n\r\nbody\r\nmore\r\n"
	const base = "v=1; a=ed25519-sha256; d=example.com; s=mail; h=From:Subject"
	key := Record("ed25519", publicBytes(testKeys().ed))
	p := key[strings.Index(key, "p="):]
	weak, err := rsa.GenerateKey(nil, 1024)
	if err != nil {
		t.Fatal(err)
	}
	rsaRecord := Record("rsa", publicBytes(weak))
	for _, c := range []struct {
		what, tags string
		keys       []string
		status     Status
		reason     string
	}{
		{"plain", base, []string{key}, Pass, ""},
		{"relaxed header", base + "; c=relaxed", []string{key}, Pass, ""},
		{"mixed", base + "; c=simple/relaxed", []string{key}, Pass, ""},
		{"space around tags", " v = 1 ;a=ed25519-sha256;\r\n\td = example.com ; s=mail; h=From :\r\n Subject", []string{key}, Pass, ""},
		{"empty c", base + "; c=", []string{key}, PermError, "canonicalization"},
		{"unknown tag", base + "; zz=1", []string{key}, Pass, ""},
		{"i in subdomain", base + "; i=a@sub.example.com", []string{key}, Pass, ""},
		{"i elsewhere", base + "; i=a@example.org", []string{key}, PermError, "i="},
		{"i is a suffix only", base + "; i=a@badexample.com", []string{key}, PermError, "i="},
		{"t=s", base + "; i=a@sub.example.com", []string{"v=DKIM1; k=ed25519; t=y:s; " + p}, PermError, "subdomains"},
		{"t=s, same domain", base + "; i=a@example.com", []string{"v=DKIM1; k=ed25519; t=s; " + p}, Pass, ""},
		{"l covers all", base + "; l=12", []string{key}, Pass, ""},
		{"l covers less", base + "; l=6", []string{key}, Policy, "beginning"},
		{"l=0", base + "; l=0", []string{key}, Policy, "beginning"},
		{"l covers more", base + "; l=13", []string{key}, PermError, "more than"},
		{"l is no number", base + "; l=-1", []string{key}, PermError, "l="},
		{"no From", "v=1; a=ed25519-sha256; d=example.com; s=mail; h=Subject", []string{key}, PermError, "From"},
		{"h without From in any case", "v=1; a=ed25519-sha256; d=example.com; s=mail; h=fRoM:Subject", []string{key}, Pass, ""},
		{"U-labels in d= and i= (RFC 8616)", "v=1; a=ed25519-sha256; d=EXAMPLE.com; s=mail; h=From:Subject; i=jürgen@bücher.example.com", []string{key}, Pass, ""},
		{"version", "v=2" + base[3:], []string{key}, PermError, "version"},
		{"twice", base + "; s=mail", []string{key}, PermError, "twice"},
		{"x before t", base + "; t=1800000000; x=1700000000", []string{key}, PermError, "expires"},
		{"expired", base + "; t=1700000000; x=1800000000", []string{key}, Fail, "expired"},
		{"not expired", base + "; x=99999999999999999999999999", []string{key}, Pass, ""},
		{"q", base + "; q=dns/txt:foo", []string{key}, Pass, ""},
		{"q unknown", base + "; q=foo", []string{key}, PermError, "DNS"},
		{"selector with injection", "v=1; a=ed25519-sha256; d=example.com; s=a b; h=From", []string{key}, PermError, "s="},
		{"missing key", base, nil, PermError, "not in the DNS"},
		{"DNS fails", base, []string{"!"}, TempError, "fetched"},
		{"revoked", base, []string{"v=DKIM1; k=ed25519; p="}, PermError, "revoked"},
		{"testing", base, []string{"v=DKIM1; k=ed25519; t=y; " + p}, Pass, ""},
		{"other type", base, []string{rsaRecord}, PermError, "another type"},
		{"other hash", base, []string{"v=DKIM1; k=ed25519; h=sha1; " + p}, PermError, "SHA-256"},
		{"hashes", base, []string{"v=DKIM1; k=ed25519; h=sha1 : sha256; " + p}, Pass, ""},
		{"other service", base, []string{"v=DKIM1; k=ed25519; s=tls; " + p}, PermError, "e-mail"},
		{"service", base, []string{"v=DKIM1; k=ed25519; s=email:tls; n=note; " + p}, Pass, ""},
		{"key version not first", base, []string{"k=ed25519; v=DKIM1; " + p}, PermError, "begin"},
		{"key without version", base, []string{"k=ed25519; " + p}, Pass, ""},
		{"key not base64", base, []string{"v=DKIM1; k=ed25519; p=???"}, PermError, "base64"},
		{"key too short", base, []string{"v=DKIM1; k=ed25519; p=AAAA"}, PermError, "long"},
		{"no p", base, []string{"v=DKIM1; k=ed25519"}, PermError, "p="},
		{"wrong key", base, []string{Record("ed25519", bytes.Repeat([]byte{1}, 32))}, Fail, "match"},
		{"second record", base, []string{"v=spf1 -all", key}, Pass, ""},
		{"sha1", "v=1; a=rsa-sha1; d=example.com; s=mail; h=From", []string{rsaRecord}, PermError, "SHA-1"},
		{"a unknown", "v=1; a=rot13; d=example.com; s=mail; h=From", []string{key}, PermError, "algorithm"},
	} {
		results := verify(t, resign(t, c.tags, message), Options{Resolver: records{"mail._domainkey.example.com": c.keys}, Clock: at(1_800_000_001)})
		if len(results) != 1 || results[0].Status != c.status || !strings.Contains(results[0].Reason, c.reason) {
			t.Errorf("%s: %+v; want %s (%s)", c.what, results, c.status, c.reason)
		}
	}
	for _, c := range []struct{ field, reason string }{
		{"DKIM-Signature: \r\n", "no v="}, {"DKIM-Signature: garbage\r\n", "no tag"}, {"dkim-signature: v=1; a=rsa-sha256; b=x; bh=@@; d=a.example; h=from; s=s\r\n", "base64"},
		{"DKIM-Signature: v=1; b=" + strings.Repeat("x", 20_000) + "\r\n", "longer"},
	} {
		if r := verify(t, []byte(c.field+message), Options{Resolver: records{}}); len(r) != 1 || r[0].Status != PermError || !strings.Contains(r[0].Reason, c.reason) {
			t.Errorf("%.40q: %+v", c.field, r)
		}
	}
}

func TestShortRSAKeyIsRefused(t *testing.T) {
	// A 512-bit key, made outside: Go does not make such keys any more.
	const p = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANDiE2+Xi/WnO+s120NiiJhNyIButVu6zxqlVzz0wy2j4kQVUC4ZRZD80IY+4wIiX2YxKBZKGnd2TtPkcJ/ljkUCAwEAAQ=="
	raw := "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=From; bh=eA==; b=eA==\r\nFrom: a@example.com\r\n\r\nx\r\n"
	r := verify(t, []byte(raw), Options{Resolver: records{"s._domainkey.example.com": {"v=DKIM1; p=" + p}}})
	if len(r) != 1 || r[0].Status != Policy || r[0].KeyBits != 512 {
		t.Errorf("%+v", r)
	}
}

// TestSignaturesAreLimited: of a header full of signatures eight are looked
// at, and no key beyond theirs is asked for.
func TestSignaturesAreLimited(t *testing.T) {
	raw := resign(t, "v=1; a=ed25519-sha256; d=example.com; s=mail; h=From", "From: a@example.com\r\n\r\nx\r\n")
	end := bytes.Index(raw, []byte("From: "))
	many := append(bytes.Repeat(raw[:end], message.MaxHeaderFields-1), raw[end:]...)
	resolver := &counting{records: records{"mail._domainkey.example.com": {Record("ed25519", publicBytes(testKeys().ed))}}}
	results := verify(t, many, Options{Resolver: resolver})
	if len(results) != 9 || results[7].Status != Pass || results[8].Status != Policy {
		t.Errorf("%d results: %+v", len(results), results)
	}
	if n := resolver.asked.Load(); n != 8 {
		t.Errorf("%d keys were asked for", n)
	}
}

// counting counts look-ups.
type counting struct {
	records
	asked atomic.Int64
}

func (c *counting) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.asked.Add(1)
	return c.records.LookupTXT(ctx, name)
}

// TestInternationalSelector: U-labels in s= are looked up as A-labels (RFC
// 8616 section 5).
func TestInternationalSelector(t *testing.T) {
	raw := resign(t, "v=1; a=ed25519-sha256; d=bücher.example; s=schlüssel; h=From", "From: a@example.com\r\n\r\nx\r\n")
	keys := records{"xn--schlssel-95a._domainkey.xn--bcher-kva.example": {Record("ed25519", publicBytes(testKeys().ed))}}
	if r := verify(t, raw, Options{Resolver: keys}); len(r) != 1 || r[0].Status != Pass || r[0].Domain != "xn--bcher-kva.example" {
		t.Errorf("%+v", r)
	}
}

func TestResultsDoNotWaitLongerThanTheirContext(t *testing.T) {
	header, _ := split(t, resign(t, "v=1; a=ed25519-sha256; d=example.com; s=mail; h=From", "From: a@example.com\r\n\r\nx\r\n"))
	v := NewVerifier(t.Context(), header, Options{Resolver: stuck{}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, _ := v.Results(ctx); len(r) != 1 || r[0].Status != TempError {
		t.Errorf("%+v", r)
	}
	NewVerifier(t.Context(), header, Options{Resolver: stuck{}}).Close()
}

type stuck struct{}

func (stuck) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func FuzzTagList(f *testing.F) {
	f.Add("v=1; a=rsa-sha256; h=From : To;\r\n\tb=abc def=;")
	f.Fuzz(func(t *testing.T, s string) {
		tags, err := ParseTags(s)
		if err != nil {
			return
		}
		var parts []string
		for _, tag := range tags {
			parts = append(parts, tag.name+"="+tag.value)
		}
		again, err := ParseTags(strings.Join(parts, ";"))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(tags) {
			t.Fatalf("%q: %v, then %v (%v)", s, tags, again, err)
		}
		ParseKey(s)
		sig, err := parseSignature(s, formDKIM)
		if err == nil && (sig.domain == "" || !validSelector(sig.selector) || len(sig.fields) == 0) {
			t.Fatalf("%q was taken for a signature: %+v", s, sig)
		}
		if strings.ContainsAny(sig.prefix+sig.domain+sig.selector, "\r\n;()\" ") {
			t.Fatalf("%q: %+v could break a header", s, sig)
		}
	})
}

func first(signatures, _ []Result) []Result { return signatures }

// FuzzVerify changes signed messages. Whatever still passes must have the
// same signed content.
func FuzzVerify(f *testing.F) {
	raw, keys := signed(f, []byte(plain), SignOptions{})
	f.Add(raw)
	f.Add([]byte("DKIM-Signature: v=1; b=;b=x; d=example.com\r\n x\r\n\r\n"))
	wantHeader, wantBody := split(f, []byte(plain))
	f.Fuzz(func(t *testing.T, data []byte) {
		section, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
		header, err := message.ParseHeader(append(section, crlf...))
		if err != nil {
			return
		}
		v := NewVerifier(t.Context(), header, Options{Resolver: keys})
		cut := len(body) / 2
		v.Write(body[:cut])
		v.Write(body[cut:])
		for _, r := range first(v.Results(t.Context())) {
			if r.Status != Pass {
				continue
			}
			got, want := AppendField(nil, []byte("Subject: "+header.Get("Subject")), Relaxed), AppendField(nil, []byte("Subject: "+wantHeader.Get("Subject")), Relaxed)
			hash, wantHash := NewBodyHash(Relaxed), NewBodyHash(Relaxed)
			hash.Write(body)
			wantHash.Write(wantBody)
			if !bytes.Equal(got, want) || !bytes.Equal(hash.Sum(), wantHash.Sum()) {
				t.Fatalf("%q passes", data)
			}
		}
	})
}

func BenchmarkSignEd25519(b *testing.B) { benchmarkSign(b, testKeys().ed) }
func BenchmarkSignRSA(b *testing.B)     { benchmarkSign(b, testKeys().rsa) }

func benchmarkSign(b *testing.B, signer crypto.Signer) {
	header, body := split(b, []byte(plain+strings.Repeat("A line of text that is of usual length, more or less.\r\n", 75)))
	b.ReportAllocs()
	for b.Loop() {
		hash := NewBodyHash(Relaxed)
		hash.Write(body)
		if _, err := Sign(SignOptions{Domain: "example.com", Selector: "mail", Signer: signer}, header, hash.Sum()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBodyHash(b *testing.B) {
	body := []byte(strings.Repeat("A line of text that is of usual length, more or less.\r\n", 20_000))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		hash := NewBodyHash(Relaxed)
		hash.Write(body)
		hash.Sum()
	}
}
