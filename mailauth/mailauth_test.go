package mailauth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/authres"
	"go.uber.org/goleak"

	"gomail"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
	"gomail/message"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is a Resolver: "TXT name", "PTR address", "A name" lead to values. The
// value "!" fails, "..." never answers.
type zone map[string][]string

func (z zone) find(ctx context.Context, key string) ([]string, error) {
	values := z[key]
	switch {
	case len(values) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: key, IsNotFound: true}
	case values[0] == "!":
		return nil, &net.DNSError{Err: "SERVFAIL", Name: key, IsTemporary: true}
	case values[0] == "...":
		<-ctx.Done()
		return nil, &net.DNSError{Err: "time-out", Name: key, IsTimeout: true, IsTemporary: true}
	}
	return values, nil
}

func (z zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return z.find(ctx, "TXT "+name)
}
func (z zone) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	hosts, err := z.find(ctx, "MX "+name)
	var mxs []*net.MX
	for _, host := range hosts {
		mxs = append(mxs, &net.MX{Host: host})
	}
	return mxs, err
}
func (z zone) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	texts, err := z.find(ctx, "A "+strings.TrimSuffix(name, "."))
	var addrs []net.IPAddr
	for _, text := range texts {
		addrs = append(addrs, net.IPAddr{IP: net.ParseIP(text)})
	}
	return addrs, err
}
func (z zone) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return z.find(ctx, "PTR "+addr)
}

// sender is a domain that does everything right, with both keys.
var sender = sync.OnceValue(func() (s struct {
	zone zone
	ed   ed25519.PrivateKey
	rsa  *rsa.PrivateKey
}) {
	s.ed = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	s.rsa, _ = rsa.GenerateKey(nil, 2048)
	pkix, _ := x509.MarshalPKIXPublicKey(s.rsa.Public())
	s.zone = zone{
		"PTR 192.0.2.1":      {"mail.example.com."},
		"A mail.example.com": {"192.0.2.1"},
		"MX example.com":     {"mail.example.com."},
		"TXT example.com":    {"v=spf1 mx -all"}, "TXT mail.example.com": {"v=spf1 a -all"},
		"TXT _dmarc.example.com":              {"v=DMARC1; p=reject"},
		"TXT mail._domainkey.example.com":     {dkim.Record("ed25519", s.ed.Public().(ed25519.PublicKey))},
		"TXT mail-rsa._domainkey.example.com": {dkim.Record("rsa", pkix)},
	}
	return s
})

// with returns the sender's zone with some entries changed.
func with(changes map[string]string) zone {
	z := zone{}
	for key, values := range sender().zone {
		z[key] = values
	}
	for key, value := range changes {
		if z[key] = []string{value}; value == "" {
			delete(z, key)
		}
	}
	return z
}

const now = 1_700_000_000

// signedMessage has both signatures.
func signedMessage(t testing.TB, raw string) []byte {
	t.Helper()
	header, body := split(t, []byte(raw))
	hash := dkim.NewBodyHash(dkim.Relaxed)
	hash.Write(body)
	opts := dkim.SignOptions{Domain: "example.com", Time: time.Unix(now, 0)}
	opts.Selector, opts.Signer = "mail", sender().ed
	sum := hash.Sum()
	first, err := dkim.Sign(opts, header, sum)
	if err != nil {
		t.Fatal(err)
	}
	opts.Selector, opts.Signer = "mail-rsa", sender().rsa
	second, err := dkim.Sign(opts, header, sum)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(first, second...), raw...)
}

func split(t testing.TB, raw []byte) (message.Header, []byte) {
	t.Helper()
	section, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	header, err := message.ParseHeader(append(bytes.Clone(section), "\r\n"...))
	if err != nil {
		t.Fatal(err)
	}
	return header, body
}

// mail is one message on its way in; the zero values are the good sender's.
type mail struct {
	client, helo string
	from         *gomail.Address
	raw          []byte
	zone         zone
	sealers      []string // that are trusted
}

const plain = "From: Anna <anna@example.com>\r\nTo: b@example.net\r\nSubject: x\r\nMessage-ID: <1@example.com>\r\n\r\nHello.\r\n"

// complete fills in what the good sender's message has.
func (m mail) complete() mail {
	if m.client == "" {
		m.client = "192.0.2.1"
	}
	if m.helo == "" {
		m.helo = "mail.example.com"
	}
	if m.from == nil {
		m.from = &gomail.Address{Local: "anna", Domain: "example.com"}
	}
	if m.zone == nil {
		m.zone = sender().zone
	}
	return m
}

func (m mail) check(t testing.TB) Result {
	t.Helper()
	m = m.complete()
	checker := New(Config{Resolver: m.zone, Hostname: "mx.example.net", TrustedSealers: m.sealers, Clock: func() time.Time { return time.Unix(now+60, 0) }})
	conn := checker.Connect(t.Context(), netip.MustParseAddr(m.client))
	defer conn.Close()
	k := conn.Begin(m.helo, *m.from)
	header, body := split(t, m.raw)
	k.Header(header)
	k.Write(body)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	if !stuck(m.zone) {
		ctx, cancel = context.WithCancel(t.Context())
	}
	defer cancel()
	return k.Finish(ctx)
}

func stuck(z zone) bool {
	for _, values := range z {
		if values[0] == "..." {
			return true
		}
	}
	return false
}

// judgement is a message and what is to be found out about it.
type judgement struct {
	what   string
	mail   mail
	want   string // Summary
	action Action
}

func judgements(t testing.TB) []judgement {
	good := signedMessage(t, plain)
	other := &gomail.Address{Local: "x", Domain: "example.org"}
	return []judgement{
		{"all right", mail{raw: good}, "iprev=pass spf=pass dkim=pass,pass dmarc=pass", ActionNone},
		{"unsigned, but from the right client", mail{raw: []byte(plain)}, "iprev=pass spf=pass dmarc=pass", ActionNone},
		{"forwarded", mail{raw: good, client: "198.51.100.1", helo: "fwd.example.org", from: other}, "iprev=permerror spf=none dkim=pass,pass dmarc=pass", ActionNone},
		{"forged", mail{raw: []byte(plain), client: "198.51.100.1"}, "iprev=permerror spf=fail dmarc=fail", ActionReject},
		{"forged, with a sender of its own", mail{raw: []byte(plain), client: "198.51.100.1", from: other, zone: with(map[string]string{"TXT example.org": "v=spf1 ip4:198.51.100.1 -all"})}, "iprev=permerror spf=pass dmarc=fail", ActionReject},
		{"changed on the way", mail{raw: bytes.Replace(good, []byte("Hello"), []byte("Yo"), 1), client: "198.51.100.1"}, "iprev=permerror spf=fail dkim=fail,fail dmarc=fail", ActionReject},
		{"quarantine", mail{raw: []byte(plain), client: "198.51.100.1", zone: with(map[string]string{"TXT _dmarc.example.com": "v=DMARC1; p=quarantine"})}, "iprev=permerror spf=fail dmarc=fail", ActionQuarantine},
		{"p=none", mail{raw: []byte(plain), client: "198.51.100.1", zone: with(map[string]string{"TXT _dmarc.example.com": "v=DMARC1; p=none"})}, "iprev=permerror spf=fail dmarc=fail", ActionNone},
		{"no policy", mail{raw: []byte(plain), client: "198.51.100.1", zone: with(map[string]string{"TXT _dmarc.example.com": ""})}, "iprev=permerror spf=fail dmarc=none", ActionNone},
		{"policy not to be had", mail{raw: []byte(plain), client: "198.51.100.1", zone: with(map[string]string{"TXT _dmarc.example.com": "!"})}, "iprev=permerror spf=fail dmarc=temperror", ActionNone},
		{"SPF not to be had", mail{raw: []byte(plain), zone: with(map[string]string{"TXT example.com": "!"})}, "iprev=pass spf=temperror dmarc=temperror", ActionNone},
		{"keys not to be had", mail{raw: good, client: "198.51.100.1", zone: with(map[string]string{"TXT mail._domainkey.example.com": "!", "TXT mail-rsa._domainkey.example.com": "!"})}, "iprev=permerror spf=fail dkim=temperror,temperror dmarc=temperror", ActionNone},
		{"DNS silent", mail{raw: good, zone: with(map[string]string{"TXT mail._domainkey.example.com": "...", "TXT mail-rsa._domainkey.example.com": "...", "TXT example.com": "...", "PTR 192.0.2.1": "..."})}, "iprev=temperror spf=temperror dkim=temperror,temperror dmarc=temperror", ActionNone},
		{"bounce", mail{raw: []byte(strings.Replace(plain, "anna@", "mailer-daemon@mail.", 1)), from: &gomail.Address{}}, "iprev=pass spf=pass dmarc=pass", ActionNone},
		{"name leads elsewhere", mail{raw: good, zone: with(map[string]string{"A mail.example.com": "192.0.2.99"})}, "iprev=fail spf=fail dkim=pass,pass dmarc=pass", ActionNone},
		{"no From", mail{raw: []byte("Subject: x\r\n\r\nx")}, "iprev=pass spf=pass dmarc=permerror", ActionNone},
		{"two From", mail{raw: []byte("From: eve@example.org\r\n" + plain)}, "iprev=pass spf=pass dmarc=permerror", ActionReject},
		{"IPv4 in IPv6", mail{raw: good, client: "::ffff:192.0.2.1"}, "iprev=pass spf=pass dkim=pass,pass dmarc=pass", ActionNone},
		{"loopback", mail{raw: good, client: "127.0.0.1"}, "iprev=permerror spf=fail dkim=pass,pass dmarc=pass", ActionNone},
	}
}

func TestCheck(t *testing.T) {
	for _, c := range judgements(t) {
		r := c.mail.check(t)
		action, reason := r.Action()
		if r.Summary() != c.want || action != c.action || (reason == "") != (action == ActionNone) {
			t.Errorf("%s: %s, %s (%s); want %s, %s", c.what, r.Summary(), action, reason, c.want, c.action)
		}
		parses(t, r)
	}
}

// parses reads the fields with another implementation.
func parses(t *testing.T, r Result) {
	t.Helper()
	field := r.AuthenticationResults("mx.example.net")
	h, err := message.ParseHeader(append(field, r.ReceivedSPF()...))
	if err != nil || len(h) != 2 {
		t.Fatalf("%v, %d fields: %s", err, len(h), field)
	}
	id, results, err := authres.Parse(h[0].Value())
	if err != nil || id != "mx.example.net" || len(results) < 3 {
		t.Errorf("%q: %s, %d results, %v", h[0].Value(), id, len(results), err)
	}
	if !IsForgedAuthResults(h[0], "mx.example.net") {
		t.Errorf("our own field is not recognized: %s", field)
	}
}

// TestFields compares the rendered fields with golden files.
func TestFields(t *testing.T) {
	ipv6 := Result{
		Receiver: "mx.example.net", IPRev: IPRev{Status: Fail, Addr: netip.MustParseAddr("2001:db8::1")},
		SPF:   spf.Result{Status: spf.SoftFail, Identity: spf.MailFrom, Domain: "exämple.com", Sender: gomail.Address{Local: "a \"b\"\r\nX: y", Domain: "example.com"}, Client: netip.MustParseAddr("2001:db8::1"), Helo: "evil)\r\nX-Injected: 1", Reason: "why"},
		DKIM:  []dkim.Result{{Status: dkim.Fail, Domain: "example.com", Selector: "s", Identity: "a;b@example.com", Algorithm: dkim.RSASHA256, Prefix: "ab/cd+==", Testing: true, Reason: "the body has been changed"}},
		DMARC: dmarc.Result{Status: dmarc.StatusTempError, Author: "example.com", Reason: "no answer"},
	}
	for name, r := range map[string]Result{
		"pass":   mail{raw: signedMessage(t, plain)}.check(t),
		"forged": mail{raw: []byte(plain), client: "198.51.100.1"}.check(t),
		"bounce": mail{raw: []byte(plain), from: &gomail.Address{}}.check(t),
		"odd":    ipv6,
	} {
		if name == "pass" { // the RSA key is another in every run, and its signature is quoted or not
			r.DKIM[1].Prefix = "RSAVALUE"
		}
		got := append(r.AuthenticationResults("mx.example.net"), r.ReceivedSPF()...)
		got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
		path := filepath.Join("testdata", "fields-"+name+".golden")
		if *update {
			os.MkdirAll("testdata", 0o755)
			os.WriteFile(path, got, 0o644)
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	if got := string(Result{}.AuthenticationResults("mx")); got != "Authentication-Results: mx; none\r\n" || Result.ReceivedSPF(Result{}) != nil || (Result{}).Summary() != "" {
		t.Errorf("nothing checked: %q", got)
	}
}

func TestForgedResults(t *testing.T) {
	const ours = "mx.bücher.example"
	for text, want := range map[string]bool{
		"mx.xn--bcher-kva.example; spf=pass":                        true,
		" MX.XN--Bcher-KVA.example. 1; spf=pass":                    true,
		"mx.bücher.example; none":                                   true,
		"mx.BÜCHER.example; none":                                   true,
		"(a (nested\\) ) comment)\r\n mx.bücher.example (c)\r\n\t;": true,
		"\"mx.bücher.example\"; none":                               true,
		"mx . bücher(c).example; none":                              true,
		"\"m\\x\".bücher.example":                                   true,
		"mx.bücher.example":                                         true,
		"mx.bücher.example/1; none":                                 false,
		"mx2.bücher.example; spf=pass":                              false,
		"example.org; spf=pass smtp.helo=mx.bücher.example":         false,
		"(mx.bücher.example) example.org; none":                     false,
		"(mx.bücher.example; spf=pass":                              true, // cannot be read, and holds our name
		"(example.org; spf=pass":                                    false,
		"":                                                          false,
	} {
		h, err := message.ParseHeader([]byte("Authentication-Results :" + text + "\r\n"))
		if err != nil || len(h) != 1 {
			t.Fatal(err)
		}
		if got := IsForgedAuthResults(h[0], ours); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, name := range []string{"ARC-Authentication-Results", "X-Authentication-Results", "Received-SPF"} {
		if IsForgedAuthResults(message.Field{Name: name, Raw: []byte(name + ": mx.example; none\r\n")}, "mx.example") {
			t.Errorf("%s is not Authentication-Results", name)
		}
	}
}

func TestConnectionServesSeveralMessages(t *testing.T) {
	checker := New(Config{Resolver: sender().zone, Clock: func() time.Time { return time.Unix(now, 0) }})
	conn := checker.Connect(t.Context(), netip.MustParseAddr("192.0.2.1"))
	defer conn.Close()
	for i := range 3 {
		k := conn.Begin("mail.example.com", gomail.Address{Local: "a", Domain: "example.com"})
		header, body := split(t, signedMessage(t, plain))
		k.Header(header)
		k.Write(body)
		if r := k.Finish(t.Context()); r.DMARC.Status != dmarc.StatusPass {
			t.Errorf("message %d: %s", i, r.Summary())
		}
	}
	// Checks that are given up in every state leave nothing behind.
	conn.Begin("x", gomail.Address{}).Close()
	k := conn.Begin("x", gomail.Address{})
	header, _ := split(t, signedMessage(t, plain))
	k.Header(header)
	k.Close()
}

func TestCloseEndsForgottenChecks(t *testing.T) {
	z := with(map[string]string{"PTR 192.0.2.1": "...", "TXT example.com": "...", "TXT mail._domainkey.example.com": "...", "TXT _dmarc.example.com": "..."})
	conn := New(Config{Resolver: z}).Connect(t.Context(), netip.MustParseAddr("192.0.2.1"))
	k := conn.Begin("mail.example.com", gomail.Address{Local: "a", Domain: "example.com"})
	header, _ := split(t, signedMessage(t, plain))
	k.Header(header)
	conn.Close() // goleak would find what is left
}

// FuzzFields puts strangers' texts into every place of the fields.
func FuzzFields(f *testing.F) {
	f.Add("a b", "evil\r\nX: y", "mail.example.com", "x;y@z", "\"\\")
	f.Fuzz(func(t *testing.T, local, domain, helo, identity, prefix string) {
		r := Result{
			Receiver: "mx.example.net", IPRev: IPRev{Status: Pass, Addr: netip.MustParseAddr("192.0.2.1"), Name: domain},
			SPF:   spf.Result{Status: spf.Pass, Identity: spf.MailFrom, Sender: gomail.Address{Local: local, Domain: domain}, Client: netip.MustParseAddr("192.0.2.1"), Helo: helo, Reason: identity},
			DKIM:  []dkim.Result{{Status: dkim.Pass, Domain: domain, Selector: local, Identity: identity, Prefix: prefix, Testing: true}},
			DMARC: dmarc.Result{Status: dmarc.StatusFail, Author: domain, Domain: helo, Published: dmarc.Reject, Reason: prefix},
		}
		for _, raw := range [][]byte{r.AuthenticationResults("mx.example.net"), r.ReceivedSPF()} {
			h, err := message.ParseHeader(raw)
			if err != nil || len(h) != 1 || h[0].Name == "" {
				t.Fatalf("%q is not one field: %v", raw, err)
			}
			for line := range bytes.SplitSeq(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n")) {
				if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
					t.Fatalf("a bad line in %q", raw)
				}
			}
		}
		h, _ := message.ParseHeader(r.AuthenticationResults("mx.example.net"))
		if got := resultsOutsideQuotes(h[0].Value()); got != 5 {
			t.Fatalf("%d results instead of iprev, spf, dkim, dmarc in %q", got-1, h[0].Value())
		}
		IsForgedAuthResults(message.Field{Name: "Authentication-Results", Raw: []byte("Authentication-Results:" + local)}, "mx.example.net")
		if id, results, ok := readResults(h[0].Value()); !ok || id != "mx.example.net" || len(results) != 4 || results[3].method != "dmarc" {
			t.Fatalf("%q is read as %s %+v", h[0].Value(), id, results)
		}
	})
}

// FuzzForged reads strangers' fields: whatever follows our name or stands in a
// comment before it, the claim is seen.
func FuzzForged(f *testing.F) {
	const ours = "mx.example.net"
	f.Add("spf=pass smtp.mailfrom=a@example.com", "a comment")
	f.Add("\"", "\\")
	f.Fuzz(func(t *testing.T, rest, comment string) {
		field := func(value string) message.Field {
			return message.Field{Name: "Authentication-Results", Raw: []byte("Authentication-Results:" + value)}
		}
		IsForgedAuthResults(field(rest), ours)
		comment = strings.NewReplacer("(", "", ")", "", "\\", "").Replace(comment)
		for _, claim := range []string{ours + ";", "\"MX.example.net\" ;", "(" + comment + ")" + ours + " 1;", ours + ".(" + comment + ");"} {
			if !IsForgedAuthResults(field(claim+rest), ours) {
				t.Fatalf("%q is not seen", claim+rest)
			}
		}
		if id, ok := readAuthservID(rest); ok && strings.ContainsAny(id, ";") && !strings.Contains(rest, "\"") {
			t.Fatalf("%q was read as the name of %q", id, rest)
		}
	})
}

// resultsOutsideQuotes counts the parts between semicolons as a parser of RFC
// 8601 sees them.
func resultsOutsideQuotes(text string) int {
	n := 1
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			_, length := readQuoted(text[i:])
			i += max(length, 1)
		case '(':
			i += max(commentLength(text[i:]), 1)
		case ';':
			n++
			i++
		default:
			i++
		}
	}
	return n
}

// BenchmarkVerify authenticates a 4 KB message with an Ed25519 and an RSA
// signature whose sender's SPF record takes five look-ups, all answers from the
// DNS at hand.
func BenchmarkVerify(b *testing.B) {
	raw := signedMessage(b, plain+strings.Repeat("A line of text that is of usual length, more or less.\r\n", 75))
	header, body := split(b, raw)
	dns := with(map[string]string{
		"TXT example.com": "v=spf1 a:out.example.net include:_spf.example.net mx ~all", "A out.example.net": "198.51.100.7",
		"TXT _spf.example.net": "v=spf1 include:_a.example.net include:_b.example.net -all",
		"TXT _a.example.net":   "v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 -all", "TXT _b.example.net": "v=spf1 ip4:198.51.100.0/28 ~all",
	})
	checker := New(Config{Resolver: dns, Clock: func() time.Time { return time.Unix(now, 0) }})
	conn := checker.Connect(b.Context(), netip.MustParseAddr("192.0.2.1"))
	defer conn.Close()
	b.ReportAllocs()
	for b.Loop() {
		k := conn.Begin("mail.example.com", gomail.Address{Local: "anna", Domain: "example.com"})
		k.Header(header)
		k.Write(body)
		r := k.Finish(b.Context())
		if r.Summary() != "iprev=pass spf=pass dkim=pass,pass dmarc=pass" {
			b.Fatal(fmt.Sprint(r))
		}
		r.AuthenticationResults("mx.example.net")
	}
}
