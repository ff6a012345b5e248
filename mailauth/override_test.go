package mailauth

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gomail/mailauth/arc"
	"gomail/mailauth/dkim"
)

// passedOn is the good sender's message as a mailing list at lists.example
// passes it on: the subject changed, sealed with these results.
func passedOn(t *testing.T, results string) mail {
	t.Helper()
	raw := bytes.Replace(signedMessage(t, plain), []byte("Subject: "), []byte("Subject: [list] "), 1)
	header, body := split(t, raw)
	hash := dkim.NewBodyHash(dkim.Relaxed)
	hash.Write(body)
	opts := dkim.SignOptions{Domain: "lists.example", Selector: "s", Signer: sender().ed}
	v := arc.NewVerifier(t.Context(), header, arc.Options{})
	fields, err := arc.Seal(opts, v.Result(t.Context(), nil), fmt.Appendf(nil, "ARC-Authentication-Results: i=1; mx.lists.example; %s\r\n", results), header, hash.Sum())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Join(sender().zone["TXT mail._domainkey.example.com"], "")
	return mail{raw: append(fields, raw...), client: "198.51.100.1", zone: with(map[string]string{"TXT s._domainkey.lists.example": key}), sealers: []string{"lists.example"}}
}

func TestTrustedSealers(t *testing.T) {
	change := func(m mail, change func(*mail)) mail {
		change(&m)
		return m
	}
	good := passedOn(t, "spf=pass smtp.remote-ip=\"2001:db8::1\"; dmarc=pass header.from=example.com")
	for _, c := range []struct {
		what string
		mail mail
		let  bool
	}{
		{"trusted", good, true},
		{"no author named", passedOn(t, "spf=fail (no); dmarc = pass"), true},
		{"not trusted", change(good, func(m *mail) { m.sealers = nil }), false},
		{"another is trusted", change(good, func(m *mail) { m.sealers = []string{"example"} }), false},
		{"DMARC failed there too", passedOn(t, "dmarc=fail header.from=example.com"), false},
		{"another author", passedOn(t, "dmarc=pass header.from=example.org"), false},
		{"nothing about DMARC", passedOn(t, "spf=pass"), false},
		{"quoted away", passedOn(t, "spf=fail reason=\"; dmarc=pass\""), false},
		{"in a comment", passedOn(t, "spf=fail (; dmarc=pass)"), false},
		{"a comment that does not end", passedOn(t, "dmarc=pass (header.from=example.com"), false},
		{"a failure first", passedOn(t, "dmarc=fail; dmarc=pass"), false},
		{"changed since", change(good, func(m *mail) { m.raw = append(m.raw, "spam"...) }), false},
	} {
		r := c.mail.check(t)
		action, _ := r.Action()
		if let := action == ActionNone; let != c.let || let != (r.Override.Type == "local_policy") || r.DMARC.Status != "fail" {
			t.Errorf("%s: %s, %s, %+v", c.what, r.Summary(), action, r.Override)
		}
	}
	r := good.check(t)
	if want := "arc=pass as[1].d=lists.example as[1].s=s remote-ip[1]=2001:db8::1"; r.Override.Comment != want {
		t.Errorf("%q", r.Override.Comment)
	}
	if want := "iprev=permerror spf=fail dkim=fail,fail dmarc=fail arc=pass override=local_policy"; r.Summary() != want {
		t.Errorf("%q", r.Summary())
	}
	field := string(r.AuthenticationResults("mx.example.net"))
	if !strings.Contains(field, "arc=pass header.oldest-pass=0 smtp.remote-ip=198.51.100.1\r\n") || !strings.Contains(field, "(let through by a trusted ARC chain)") {
		t.Errorf("%s", field)
	}
	if aar := string(r.ARCResults("mx.example.net", 2)); !strings.HasPrefix(aar, "ARC-Authentication-Results: i=2; mx.example.net;\r\n\tiprev=") {
		t.Errorf("%s", aar)
	}
}

// TestReadResults: what RFC 8601 section 2.2 allows, and its appendix B.
func TestReadResults(t *testing.T) {
	for text, want := range map[string]string{
		"example.org 1; none":                             "example.org []",
		"example.com; spf=pass smtp.mailfrom=example.net": "example.com [spf pass smtp.mailfrom=example.net]",
		"example.com; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net":                                                                                                                 "example.com [auth pass smtp.auth=sender@example.net][spf pass smtp.mailfrom=example.net]",
		"foo.example.net; dkim/1 = (wait for it) fail policy.expired (this surprised me) = 1362471462":                                                                                                                       "foo.example.net [dkim fail policy.expired=1362471462]",
		"x; DMARC=Pass header.from=\"a b\"@example.com reason=\"a;b\\\"c\";":                                                                                                                                                 "x [dmarc pass header.from=a b@example.com reason=a;b\"c]",
		"foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462": "foo.example.net [dkim fail policy.expired=1362471462]",
		"x; dkim":           "",
		"x; dkim=":          "",
		"x; =pass":          "",
		"x; none; spf=pass": "",
		"x; dkim=\"":        "",
		"":                  "",
	} {
		id, results, ok := readResults(text)
		got := ""
		if ok {
			got = id + " "
			for _, m := range results {
				got += "[" + m.method + " " + m.result
				for _, name := range []string{"smtp.mailfrom", "smtp.auth", "header.from", "policy.expired", "reason"} {
					if value, ok := m.properties[name]; ok {
						got += " " + name + "=" + value
					}
				}
				got += "]"
			}
			if len(results) == 0 {
				got += "[]"
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzReadResults: nobody's text is read twice, and what is read can be
// written and read again.
func FuzzReadResults(f *testing.F) {
	f.Add("mx.example.net; dmarc=pass (c) header.from=example.com; spf=fail reason=\"x;y\"")
	f.Fuzz(func(t *testing.T, text string) {
		_, results, ok := readResults(text)
		if !ok {
			return
		}
		out := newField("x")
		for _, m := range results {
			out.raw("; " + m.method + "=" + value(m.result))
		}
		if len(results) == 0 {
			return
		}
		_, again, ok := readResults(string(out.buf))
		if !ok || len(again) != len(results) {
			t.Fatalf("%q, written as %q, is read as %+v", text, out.buf, again)
		}
	})
}
