package arc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gomail/mailauth/dkim"
	"gomail/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// records is a Resolver: a name leads to its TXT record; "!" fails.
type records map[string]string

func (r records) LookupTXT(ctx context.Context, name string) ([]string, error) {
	text, ok := r[name]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case text == "!":
		return nil, &net.DNSError{Err: "SERVFAIL", Name: name, IsTemporary: true}
	}
	return []string{text}, nil
}

// world has the keys of the servers that seal: lists.example by RSA,
// ed.example by Ed25519.
var world = sync.OnceValue(func() (w struct {
	keys records
	rsa  *rsa.PrivateKey
	ed   ed25519.PrivateKey
}) {
	w.rsa, _ = rsa.GenerateKey(nil, 2048)
	w.ed = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, 32))
	pkix, _ := x509.MarshalPKIXPublicKey(w.rsa.Public())
	w.keys = records{
		"s._domainkey.lists.example": dkim.Record("rsa", pkix),
		"s._domainkey.ed.example":    dkim.Record("ed25519", w.ed.Public().(ed25519.PublicKey)),
		"s._domainkey.down.example":  "!",
	}
	return w
})

const plain = "From: Anna <anna@example.com>\r\nTo: list@lists.example\r\nSubject: Hello\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n" +
	"Message-ID: <1@example.com>\r\n\r\nHello  list,\r\n\r\nAnna \r\n\r\n"

func split(t testing.TB, raw []byte) (message.Header, []byte) {
	t.Helper()
	section, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	header, err := message.ParseHeader(append(slices.Clone(section), "\r\n"...))
	if err != nil {
		t.Fatal(err)
	}
	return header, body
}

func verify(t testing.TB, raw []byte, keys records) Result {
	t.Helper()
	header, body := split(t, raw)
	v := NewVerifier(t.Context(), header, Options{Resolver: keys})
	signatures := dkim.NewVerifier(t.Context(), header, dkim.Options{Resolver: keys, Also: v.MessageSignatures()})
	signatures.Write(body)
	_, also := signatures.Results(t.Context())
	return v.Result(t.Context(), also)
}

// seal has a domain add a set, after what it found out about the chain.
func seal(t testing.TB, raw []byte, domain string) []byte {
	t.Helper()
	fields, err := trySeal(t, raw, domain, verify(t, raw, world().keys))
	if err != nil {
		t.Fatal(err)
	}
	return append(fields, raw...)
}

func trySeal(t testing.TB, raw []byte, domain string, result Result) ([]byte, error) {
	header, body := split(t, raw)
	hash := dkim.NewBodyHash(dkim.Relaxed)
	hash.Write(body)
	var key crypto.Signer = world().rsa
	if domain == "ed.example" {
		key = world().ed
	}
	instance, _ := result.Next()
	results := fmt.Appendf(nil, "ARC-Authentication-Results: i=%d; mx.%s;\r\n\tarc=%s;\r\n\tspf=pass smtp.mailfrom=anna@example.com;\r\n\tdmarc=pass header.from=example.com\r\n", instance, domain, result.Status)
	opts := dkim.SignOptions{Domain: domain, Selector: "s", Signer: key, Time: time.Unix(1_790_000_000, 0)}
	return Seal(opts, result, results, header, hash.Sum())
}

// chainOf returns the plain message with one set per domain.
func chainOf(t testing.TB, domains ...string) []byte {
	raw := []byte(plain)
	for _, domain := range domains {
		raw = seal(t, raw, domain)
	}
	return raw
}

func TestSealedVerifies(t *testing.T) {
	if r := verify(t, []byte(plain), world().keys); r.Status != None || r.next != 1 {
		t.Errorf("without a chain: %+v", r)
	}
	raw := chainOf(t, "lists.example", "ed.example", "lists.example")
	r := verify(t, raw, world().keys)
	if newest, _ := r.Newest(); r.Status != Pass || r.OldestPass != 0 || len(r.Sets) != 3 || newest.Domain != "lists.example" || r.Sets[1].Domain != "ed.example" || r.Sets[0].Selector != "s" {
		t.Errorf("%+v", r)
	}
	if want := "mx.lists.example;\tarc=none;\tspf=pass smtp.mailfrom=anna@example.com;\tdmarc=pass header.from=example.com"; r.Sets[0].Results != want {
		t.Errorf("%q", r.Sets[0].Results)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d octets: %q", len(line), line)
		}
	}
	// What is not signed may change: a trace field, and folding.
	for _, change := range [][2]string{{"ARC-Seal: i=3", "Received: from x\r\nARC-Seal: i=3"}, {"Subject: Hello", "SUBJECT:\r\n\tHello "}, {"ARC-Seal: i=1;", "ARC-Seal:  i=1; "}} {
		if r := verify(t, bytes.Replace(raw, []byte(change[0]), []byte(change[1]), 1), world().keys); r.Status != Pass {
			t.Errorf("%q: %+v", change, r)
		}
	}
}

// TestOldestPass: a list changes the subject, and seals what it sends; the
// message signatures before it fail and do not matter.
func TestOldestPass(t *testing.T) {
	raw := chainOf(t, "lists.example", "ed.example")
	raw = bytes.Replace(raw, []byte("Subject: Hello"), []byte("Subject: [list] Hello"), 1)
	if r := verify(t, raw, world().keys); r.Status != Fail {
		t.Fatalf("a subject that nobody sealed: %+v", r)
	}
	before := verify(t, chainOf(t, "lists.example", "ed.example"), world().keys)
	fields, err := trySeal(t, raw, "lists.example", before)
	if err != nil {
		t.Fatal(err)
	}
	raw = append(fields, raw...)
	if r := verify(t, raw, world().keys); r.Status != Pass || r.OldestPass != 3 {
		t.Errorf("%+v", r)
	}
	if r := verify(t, seal(t, raw, "ed.example"), world().keys); r.Status != Pass || r.OldestPass != 3 {
		t.Errorf("sealed once more: %+v", r)
	}
}

// TestRules goes through RFC 8617 section 5.2 and what sections 4.1 and 4.2
// forbid: each change makes the chain fail, for this reason.
func TestRules(t *testing.T) {
	for _, c := range []struct{ what, old, new, reason string }{
		{"a set without its results", "ARC-Authentication-Results: i=2;", "X-Results: i=2;", "not complete"},
		{"a set without its message signature", "ARC-Message-Signature: i=1;", "X-Signature: i=1;", "not complete"},
		{"a set without its seal", "ARC-Seal: i=1;", "X-Seal: i=1;", "not complete"},
		{"a gap in the instances", "i=2;", "i=4;", "not complete"},
		{"a seal twice", "ARC-Seal: i=2;", "ARC-Seal: i=2; a=x; b=y; cv=pass\r\nARC-Seal: i=2;", "twice"},
		{"results twice", "ARC-Authentication-Results: i=2;", "ARC-Authentication-Results: i=2; x\r\nARC-Authentication-Results: i=2;", "twice"},
		{"a message signature twice", "ARC-Message-Signature: i=2;", "ARC-Message-Signature: i=2; x=1\r\nARC-Message-Signature: i=2;", "twice"},
		{"results without an instance", "ARC-Authentication-Results: i=1;", "ARC-Authentication-Results:", "no instance"},
		{"results whose instance is not first", "ARC-Authentication-Results: i=1; mx.lists.example", "ARC-Authentication-Results: mx.lists.example; i=1", "no instance"},
		{"instance 0", "ARC-Seal: i=1;", "ARC-Seal: i=0;", "no instance"},
		{"instance 51", "ARC-Seal: i=1;", "ARC-Seal: i=51;", "no instance"},
		{"a negative instance", "ARC-Seal: i=1;", "ARC-Seal: i=-1;", "no instance"},
		{"no number", "ARC-Message-Signature: i=1;", "ARC-Message-Signature: i=a;", "no instance"},
		{"cv=pass in the first", "cv=none", "cv=pass", "does not say cv=none"},
		{"cv=none in the second", "cv=pass", "cv=none", "does not say cv=pass"},
		{"cv unknown", "cv=pass", "cv=maybe", "does not say cv=pass"},
		{"cv missing", "cv=none;", "", "does not say cv=none"},
		{"cv=fail in the newest", "cv=pass", "cv=fail", "says that the chain failed"},
		{"cv=fail in an older one", "cv=none", "cv=fail", "does not say cv=none"},
		{"a seal with h=", "ARC-Seal: i=2;", "ARC-Seal: i=2; h=from;", "h= tag"},
		{"a message signature over a seal", "h=From:", "h=From:ARC-Seal:", "covers a seal"},
		{"a seal that is no tag list", "ARC-Seal: i=1;", "ARC-Seal: i=1; garbage;", "no tag"},
		{"a tag twice", "ARC-Message-Signature: i=1;", "ARC-Message-Signature: i=1; i=1;", "twice"},
		{"another algorithm", "ARC-Seal: i=2; a=ed25519-sha256", "ARC-Seal: i=2; a=rsa-sha1", "SHA-1"},
		{"a seal without d=", "ARC-Seal: i=1; a=rsa-sha256; d=lists.example;", "ARC-Seal: i=1; a=rsa-sha256;", "seal of the ARC chain is not valid"},
		{"a seal of somebody else", "ARC-Seal: i=1; a=rsa-sha256; d=lists.example;", "ARC-Seal: i=1; a=rsa-sha256; d=nobody.example;", "seal of the ARC chain is not valid"},
		{"results changed in the newest set", "i=2; mx.ed.example", "i=2; mx.eve.example", "seal of the ARC chain is not valid: the signature does not match"},
		{"results changed in the oldest set", "i=1; mx.lists.example", "i=1; mx.eve.example", "seal of the ARC chain is not valid: the signature does not match"},
		{"the body", "Hello  list", "Hello, list", "newest message signature of the ARC chain is not valid: the body"},
		{"the header", "Subject: Hello", "Subject: Yo", "newest message signature of the ARC chain is not valid: the signature"},
		{"a second From", "From: Anna", "From: Eve <eve@example.com>\r\nFrom: Anna", "newest message signature"},
		{"a part of the body only", "ARC-Message-Signature: i=2;", "ARC-Message-Signature: i=2; l=1;", "newest message signature"},
	} {
		raw := chainOf(t, "lists.example", "ed.example")
		changed := bytes.Replace(raw, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(raw, changed) {
			t.Fatalf("%s: nothing changed in %s", c.what, raw)
		}
		if c.what == "a gap in the instances" {
			changed = bytes.ReplaceAll(raw, []byte(c.old), []byte(c.new))
		}
		if r := verify(t, changed, world().keys); r.Status != Fail || !strings.Contains(r.Reason, c.reason) || r.Temporary {
			t.Errorf("%s: %+v; want %q", c.what, r, c.reason)
		}
	}
}

// TestRemovedSet: taking sets off the top leaves a chain that verifies, as
// nothing can say that there was more; taking them out below does not.
func TestRemovedSet(t *testing.T) {
	one, three := chainOf(t, "lists.example"), chainOf(t, "lists.example", "ed.example", "lists.example")
	if r := verify(t, three[len(three)-len(one):], world().keys); r.Status != Pass || len(r.Sets) != 1 {
		t.Errorf("%+v", r)
	}
	below := three[:len(three)-len(one)]
	if r := verify(t, append(slices.Clone(below), plain...), world().keys); r.Status != Fail {
		t.Errorf("%+v", r)
	}
}

func TestDNSFailure(t *testing.T) {
	keys := records{"s._domainkey.lists.example": "!"}
	r := verify(t, chainOf(t, "lists.example"), keys)
	if _, ok := r.Next(); r.Status != Fail || !r.Temporary || ok {
		t.Errorf("%+v", r)
	}
}

// TestFailedChain: whoever finds a chain broken seals that, and nobody adds to
// it any more.
func TestFailedChain(t *testing.T) {
	broken := bytes.Replace(chainOf(t, "lists.example", "ed.example"), []byte("Hello  list"), []byte("Changed"), 1)
	raw := seal(t, broken, "lists.example")
	if !bytes.HasPrefix(raw, []byte("ARC-Seal: i=3; a=rsa-sha256; d=lists.example; s=s; t=1790000000; cv=fail;")) {
		t.Fatalf("%.200s", raw)
	}
	// The seal signs its own set only, so it verifies alone.
	header, _ := split(t, raw)
	c, _ := readChain(header)
	if r := dkim.VerifySeal(t.Context(), dkim.Options{Resolver: world().keys}, c.sets[2].sealTags, c.sealed(nil, 2)); r.Status != dkim.Pass {
		t.Errorf("%+v", r)
	}
	r := verify(t, raw, world().keys)
	if _, ok := r.Next(); r.Status != Fail || ok {
		t.Errorf("%+v", r)
	}
	if _, err := trySeal(t, raw, "ed.example", r); err == nil {
		t.Error("a failed chain was extended")
	}
}

// TestFiftySets: a chain ends after fifty, and more fields than that are no
// work.
func TestFiftySets(t *testing.T) {
	raw := []byte(plain)
	for range MaxSets {
		raw = seal(t, raw, "ed.example")
	}
	r := verify(t, raw, world().keys)
	if _, ok := r.Next(); r.Status != Pass || len(r.Sets) != MaxSets || ok {
		t.Errorf("%s, %d sets", r.Status, len(r.Sets))
	}
	many := append(bytes.Repeat([]byte("ARC-Seal: i=7; a=rsa-sha256; cv=pass; d=lists.example; s=s; b=eA==\r\n"), 900), plain...)
	if r := verify(t, many, nil); r.Status != Fail || r.Reason != "the ARC chain has a field twice" {
		t.Errorf("%+v", r)
	}
}

func TestVerificationEndsWithItsContext(t *testing.T) {
	header, _ := split(t, chainOf(t, "lists.example"))
	v := NewVerifier(t.Context(), header, Options{Resolver: stuck{}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := v.Result(ctx, []dkim.Result{{Status: dkim.Pass}}); r.Status != Fail || !r.Temporary {
		t.Errorf("%+v", r)
	}
	NewVerifier(t.Context(), header, Options{Resolver: stuck{}}).Close()
}

type stuck struct{}

func (stuck) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// FuzzVerify changes sealed messages. What still passes has the sets, the
// subject and the body that were sealed.
func FuzzVerify(f *testing.F) {
	raw := chainOf(f, "lists.example", "ed.example")
	f.Add(raw)
	f.Add([]byte("ARC-Seal: i=1\r\nARC-Message-Signature: i=1; h=From\r\nARC-Authentication-Results: i=1;\r\n\r\n"))
	want := verify(f, raw, world().keys)
	f.Fuzz(func(t *testing.T, data []byte) {
		section, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
		header, err := message.ParseHeader(append(slices.Clone(section), "\r\n"...))
		if err != nil {
			return
		}
		r := verify(t, data, world().keys)
		if r.Status == Pass && (!slices.Equal(relaxed(r.Sets), relaxed(want.Sets)[:len(r.Sets)]) || header.Get("Subject") != "Hello" || !bytes.Contains(body, []byte("Hello"))) {
			t.Fatalf("%q passes: %+v", data, r)
		}
		if instance, ok := r.Next(); ok && (instance < 1 || instance > MaxSets) {
			t.Fatalf("%q: the next set would be %d", data, instance)
		}
	})
}

// relaxed takes white space out, which is not sealed.
func relaxed(sets []Set) []Set {
	sets = slices.Clone(sets)
	for i := range sets {
		sets[i].Results = strings.Join(strings.Fields(sets[i].Results), "")
	}
	return sets
}
