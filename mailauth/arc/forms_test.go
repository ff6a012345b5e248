package arc

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"gomail/mailauth/dkim"
	"gomail/message"
)

// form is how one server writes a set: the tags of its message signature and
// of its seal, to which the hash of the body and the signatures are added.
type form struct {
	signature, seal string
	key             *rsa.PrivateKey // nil: that of lists.example
	space           string          // within the base64 of the signatures
}

// The forms that everybody writes.
const (
	usualSignature = "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example; s=s; t=1790000000; h=From:To:Subject:Date:Message-ID; bh=HASH; b="
	usualSeal      = "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=lists.example; s=s; t=1790000000; b="
)

// sealed writes the plain message with a set of this form.
func (f form) sealed(t *testing.T) []byte {
	t.Helper()
	if f.key == nil {
		f.key = world().rsa
	}
	header, body := split(t, []byte(plain))
	ofHeader, ofBody := canonicalizations(f.signature)
	hash := dkim.NewBodyHash(ofBody)
	hash.Write(body)
	signature := strings.Replace(f.signature, "HASH", base64.StdEncoding.EncodeToString(hash.Sum()), 1)
	results := "ARC-Authentication-Results: i=1; mx.lists.example; spf=pass smtp.mailfrom=anna@example.com\r\n"
	signature = f.sign(t, signature, append(signedFields(header, signature, ofHeader), lastField(signature, ofHeader)...))
	above := dkim.AppendField(nil, []byte(results), dkim.Relaxed)
	above = dkim.AppendField(above, []byte(signature), dkim.Relaxed)
	seal := f.sign(t, f.seal, append(above, lastField(f.seal, dkim.Relaxed)...))
	return append([]byte(seal+signature+results), plain...)
}

// sign completes a field whose b= is empty.
func (f form) sign(t *testing.T, field string, data []byte) string {
	t.Helper()
	sum := sha256.Sum256(data)
	value, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(value)
	at := strings.LastIndex(field, "b=") + 2
	return field[:at] + text[:20] + f.space + text[20:] + field[at:] + "\r\n"
}

func canonicalizations(signature string) (header, body dkim.Canonicalization) {
	_, c, ok := strings.Cut(signature, " c=")
	c, _, _ = strings.Cut(c, ";")
	first, second, _ := strings.Cut(c, "/")
	if !ok || first == "" {
		first = "simple"
	}
	if second == "" {
		second = "simple"
	}
	return dkim.Canonicalization(strings.TrimSpace(first)), dkim.Canonicalization(strings.TrimSpace(second))
}

// signedFields are the fields that h= names, each of which is there once.
func signedFields(header message.Header, signature string, c dkim.Canonicalization) []byte {
	_, names, _ := strings.Cut(signature, "h=")
	names, _, _ = strings.Cut(names, ";")
	var data []byte
	for name := range strings.SplitSeq(names, ":") {
		for _, field := range header {
			if field.Is(strings.TrimSpace(name)) {
				data = dkim.AppendField(data, field.Raw, c)
			}
		}
	}
	return data
}

// lastField is the field itself as it is signed, without CRLF at its end.
func lastField(field string, c dkim.Canonicalization) []byte {
	return bytes.TrimSuffix(dkim.AppendField(nil, []byte(field+"\r\n"), c), []byte("\r\n"))
}

// TestForms goes through the ways in which the tags of a set can be written,
// right and wrong, each properly signed, and has others judge them too.
func TestForms(t *testing.T) {
	key := func(bits int) (*rsa.PrivateKey, string) {
		t.Setenv("GODEBUG", "rsa1024min=0")
		k, err := rsa.GenerateKey(nil, bits)
		if err != nil {
			t.Fatal(err)
		}
		pkix, _ := x509.MarshalPKIXPublicKey(k.Public())
		return k, dkim.Record("rsa", pkix)
	}
	short, shortRecord := key(512)
	medium, mediumRecord := key(1024)
	keys := records{"s._domainkey.short.example": shortRecord, "s._domainkey.medium.example": mediumRecord, "s._domainkey.revoked.example": "v=DKIM1; p="}
	for name, text := range world().keys {
		if text != "!" {
			keys[name] = text
		}
	}
	signature := func(old, new string) form {
		return form{signature: replaced(t, usualSignature, old, new), seal: usualSeal}
	}
	seal := func(old, new string) form {
		return form{signature: usualSignature, seal: replaced(t, usualSeal, old, new)}
	}
	of := func(f form, domain string, k *rsa.PrivateKey) form {
		f.signature, f.seal = strings.ReplaceAll(f.signature, "lists.example", domain), strings.ReplaceAll(f.seal, "lists.example", domain)
		f.key = k
		return f
	}
	usual := form{signature: usualSignature, seal: usualSeal}
	forms := map[string]struct {
		form
		want   Status
		differ string // who says otherwise
	}{
		"usual":                             {usual, Pass, ""},
		"base64 in pieces":                  {form{usualSignature, usualSeal, nil, "\r\n  "}, Pass, ""},
		"signature: simple header":          {signature("c=relaxed/relaxed", "c=simple/relaxed"), Pass, ""},
		"signature: simple body":            {signature("c=relaxed/relaxed", "c=relaxed/simple"), Pass, ""},
		"signature: both simple":            {signature("c=relaxed/relaxed", "c=simple/simple"), Pass, ""},
		"signature: c= of the header only":  {signature("c=relaxed/relaxed", "c=relaxed"), Pass, ""},
		"signature: no c=":                  {signature(" c=relaxed/relaxed;", ""), Pass, "dkimpy"},
		"signature: c= unknown":             {signature("c=relaxed/relaxed", "c=relaxed/loose"), Fail, ""},
		"signature: no t=":                  {signature(" t=1790000000;", ""), Pass, ""},
		"signature: t= is no number":        {signature("t=1790000000", "t=yesterday"), Fail, "Mail::DKIM"},
		"signature: names in other cases":   {signature("h=From:To:Subject", "h=FROM:to:sUBJECT"), Pass, ""},
		"signature: names with spaces":      {signature("h=From:To:Subject", "h=From : To :\r\n\tSubject"), Pass, ""},
		"signature: no From":                {signature("h=From:To", "h=To"), Fail, "dkimpy Mail::DKIM"},
		"signature: no h=":                  {signature(" h=From:To:Subject:Date:Message-ID;", ""), Fail, "Mail::DKIM"},
		"signature: h= empty":               {signature("h=From:To:Subject:Date:Message-ID", "h="), Fail, "dkimpy Mail::DKIM"},
		"signature: the seal is signed":     {signature("h=From", "h=ARC-Seal:From"), Fail, ""},
		"signature: no d=":                  {signature(" d=lists.example;", ""), Fail, ""},
		"signature: d= empty":               {signature("d=lists.example", "d="), Fail, ""},
		"signature: no s=":                  {signature(" s=s;", ""), Fail, ""},
		"signature: no bh=":                 {signature(" bh=HASH;", ""), Fail, ""},
		"signature: bh= is another":         {signature("bh=HASH", "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="), Fail, ""},
		"signature: no a=":                  {signature(" a=rsa-sha256;", ""), Fail, ""},
		"signature: a= unknown":             {signature("a=rsa-sha256", "a=rsa-sha3"), Fail, ""},
		"signature: SHA-1":                  {signature("a=rsa-sha256", "a=rsa-sha1"), Fail, ""},
		"signature: a selector without key": {signature("s=s", "s=none"), Fail, ""},
		"signature: an unknown tag":         {signature("t=1790000000", "w=catparty; t=1790000000"), Pass, ""},
		"signature: spaces about":           {signature("; d=lists.example;", " ;\td = lists.example\r\n ;"), Pass, ""},
		"signature: a tag twice":            {signature("d=lists.example", "d=lists.example; d=lists.example"), Fail, ""},
		"signature: a tag without value":    {signature("d=lists.example", "garbage; d=lists.example"), Fail, ""},
		"signature: tags in capitals":       {signature("d=lists.example", "D=lists.example"), Fail, ""},
		"signature: semicolon at the end":   {signature("b=", "b=;"), Pass, ""},
		"signature: domain in capitals":     {signature("d=lists.example", "d=LISTS.example"), Pass, "dkimpy"},
		"signature: instance with a zero":   {signature("i=1", "i=01"), Pass, ""},
		"seal: cv= in capitals":             {seal("cv=none", "cv=None"), Pass, "dkimpy Mail::DKIM"},
		"seal: no cv=":                      {seal(" cv=none;", ""), Fail, ""},
		"seal: cv= empty":                   {seal("cv=none", "cv="), Fail, ""},
		"seal: no d=":                       {seal(" d=lists.example;", ""), Fail, ""},
		"seal: no s=":                       {seal(" s=s;", ""), Fail, ""},
		"seal: no a=":                       {seal(" a=rsa-sha256;", ""), Fail, ""},
		"seal: a= unknown":                  {seal("a=rsa-sha256", "a=rsa-sha3"), Fail, ""},
		"seal: SHA-1":                       {seal("a=rsa-sha256", "a=rsa-sha1"), Fail, ""},
		"seal: h=":                          {seal("cv=none", "cv=none; h=From"), Fail, "Mail::DKIM"},
		"seal: no t=":                       {seal(" t=1790000000;", ""), Pass, ""},
		"seal: t= is no number":             {seal("t=1790000000", "t=yesterday"), Pass, "dkimpy"},
		"seal: an unknown tag":              {seal("t=1790000000", "w=catparty; t=1790000000"), Pass, ""},
		"seal: a tag twice":                 {seal("cv=none", "cv=none; cv=none"), Fail, ""},
		"seal: a tag without value":         {seal("cv=none", "cv=none; garbage"), Fail, ""},
		"seal: semicolon at the end":        {seal("b=", "b=;"), Pass, ""},
		"seal: spaces about":                {seal("; cv=none;", " ;\tcv = none\r\n ;"), Pass, ""},
		"seal: field name in lower case":    {seal("ARC-Seal", "arc-seal"), Pass, ""},
		"seal: a selector without key":      {seal("s=s", "s=none"), Fail, ""},
		"a key of 512 bits":                 {of(usual, "short.example", short), Fail, "Mail::DKIM"},
		"a key of 1024 bits":                {of(usual, "medium.example", medium), Pass, ""},
		"a revoked key":                     {of(usual, "revoked.example", nil), Fail, ""},
		"another key":                       {of(usual, "medium.example", nil), Fail, ""},
	}
	messages := map[string]string{}
	for name, f := range forms {
		raw := f.sealed(t)
		messages[name] = string(raw)
		if r := verify(t, raw, keys); r.Status != f.want {
			t.Errorf("%s: %s (%s), want %s", name, r.Status, r.Reason, f.want)
		}
	}
	for judge, got := range judgeAll(t, keys, messages) {
		for name, f := range forms {
			if got[name] == "invalid" { // so Mail::DKIM calls a chain without its key
				got[name] = "fail"
			}
			if (got[name] == string(f.want)) == strings.Contains(f.differ, judge) {
				t.Errorf("%s: %s says %s, want %s", name, judge, got[name], f.want)
			}
		}
	}
}

func replaced(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in %s", old, text)
	}
	return strings.Replace(text, old, new, 1)
}
