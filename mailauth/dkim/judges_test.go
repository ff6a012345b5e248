package dkim

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The judges print the verdict on the one signature of each message of a JSON
// object on standard input, with its keys instead of the DNS.
const (
	dkimpyJudge = `
import dkim, json, sys
data = json.load(sys.stdin)
def dnsfunc(name, timeout=5):
    text = data["keys"].get(name.decode().rstrip("."))
    return text.encode() if text else None
out = {}
for name, raw in data["messages"].items():
    try: out[name] = dkim.DKIM(raw.encode()).verify(dnsfunc=dnsfunc)
    except dkim.DKIMException: out[name] = False
json.dump(out, sys.stdout)
`
	perlJudge = `
use strict; use warnings; use JSON::PP; use Mail::DKIM::Verifier; use Mail::DKIM::DNS;
local $/; my $data = decode_json(<STDIN>);
sub Record::type { 'TXT' }
sub Record::txtdata { $_[0]{text} }
no warnings 'redefine';
*Mail::DKIM::DNS::query_async = sub {
    my ($name, $type, %prms) = @_;
    my $text = $data->{keys}{$name};
    my $key = $prms{Callbacks}{Success}->($text ? bless({text => $text}, 'Record') : ());
    return sub { $key };
};
my %out;
for my $name (keys %{$data->{messages}}) {
    my $dkim = Mail::DKIM::Verifier->new();
    $dkim->PRINT($data->{messages}{$name}); $dkim->CLOSE;
    $out{$name} = $dkim->result eq 'pass' ? JSON::PP::true : JSON::PP::false;
}
print encode_json(\%out);
`
)

// stricter are the messages that others let pass and this package does not,
// each with the reason.
var stricter = map[string]string{
	"part of the body": "l= leaves room for anything behind it",
	"garbage":          "Mail::DKIM passes over what is no base64",
}

// TestJudgesAgree has dkimpy and Mail::DKIM judge messages of all kinds.
func TestJudgesAgree(t *testing.T) {
	messages, keys := judgedMessages(t)
	ours := map[string]bool{}
	records := records{}
	for name, text := range keys {
		records[name] = []string{text}
	}
	for name, raw := range messages {
		r := verify(t, []byte(raw), Options{Resolver: records})
		ours[name] = len(r) == 1 && r[0].Status == Pass
	}
	input, _ := json.Marshal(map[string]any{"keys": keys, "messages": messages})
	for _, judge := range [][]string{{"/usr/bin/python3", "-c", dkimpyJudge}, {"perl", "-e", perlJudge}} {
		cmd := exec.CommandContext(t.Context(), judge[0], judge[1:]...)
		cmd.Stdin = bytes.NewReader(input)
		out, err := cmd.Output()
		theirs := map[string]bool{}
		if err != nil || json.Unmarshal(out, &theirs) != nil || len(theirs) != len(messages) {
			t.Fatalf("%s: %v %s (make test installs what this needs)", judge[0], err, out)
		}
		for name, pass := range theirs {
			if pass != ours[name] && (ours[name] || stricter[name] == "") {
				t.Errorf("%s: %s says pass=%v, we say %v", name, judge[0], pass, ours[name])
			}
		}
	}
	for name, want := range map[string]bool{"as signed": true, "spaces": true, "part of the body": false, "all of the body": true, "expired": false, "revoked": false, "another From": false} {
		if ours[name] != want {
			t.Errorf("%s: pass=%v", name, ours[name])
		}
	}
}

func judgedMessages(t *testing.T) (messages, keys map[string]string) {
	t.Helper()
	const canonical = "Hallo Welt\r\n\r\n.dot\r\n" // the body of plain
	header, body := split(t, []byte(plain))
	hash := NewBodyHash(Relaxed)
	hash.Write(body)
	sum := hash.Sum()
	signWith := func(opts SignOptions) string {
		opts.Domain, opts.Signer = "example.com", testKeys().rsa
		if opts.Selector == "" {
			opts.Selector = "s"
		}
		field, err := Sign(opts, header, sum)
		if err != nil {
			t.Fatal(err)
		}
		return string(field) + plain
	}
	limited := func(length int) string {
		sum := digest([]byte(canonical[:length]))
		field := "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=From:Subject; l=" + strconv.Itoa(length) + "; bh=" + b64(sum) + "; b="
		data := indexFields(header).appendSigned(nil, []string{"From", "Subject"}, Relaxed, -1)
		data = bytes.TrimSuffix(AppendField(data, []byte(field), Relaxed), []byte(crlf))
		value, err := sign(testKeys().rsa, RSASHA256, digest(data))
		if err != nil {
			t.Fatal(err)
		}
		return field + b64(value) + crlf + plain
	}
	good := signWith(SignOptions{Time: time.Unix(1_700_000_000, 0)})
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the message", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	return map[string]string{
			"as signed":        good,
			"unsigned":         plain,
			"subject":          change("Subject: =?utf-8?q?Gr", "Subject: =?utf-8?q?Br"),
			"spaces":           change("Hallo  Welt\t", "Hallo Welt"),
			"body":             change("Hallo", "Hello"),
			"line added":       good + "more\r\n",
			"another From":     "From: Eve <eve@example.org>\r\n" + good,
			"another Received": "Received: from z\r\n" + good,
			"folded":           change("From: Anna", "from:\r\n Anna"),
			"expired":          signWith(SignOptions{Time: time.Unix(1_600_000_000, 0), Expiration: time.Unix(1_600_000_100, 0)}),
			"revoked":          signWith(SignOptions{Selector: "revoked"}),
			"no key":           signWith(SignOptions{Selector: "missing"}),
			"another key":      signWith(SignOptions{Selector: "other"}),
			"in test mode":     signWith(SignOptions{Selector: "testing"}),
			"not for mail":     signWith(SignOptions{Selector: "service"}),
			"part of the body": limited(8) + "more\r\n",
			"all of the body":  limited(len(canonical)),
			"sha1":             change("a=rsa-sha256", "a=rsa-sha1"),
			"version":          change("v=1", "v=2"),
			"garbage":          change("b=", "b=!"),
		}, map[string]string{
			"s._domainkey.example.com":       Record("rsa", publicBytes(testKeys().rsa)),
			"revoked._domainkey.example.com": "v=DKIM1; p=",
			"testing._domainkey.example.com": "v=DKIM1; t=y; p=" + b64(publicBytes(testKeys().rsa)),
			"service._domainkey.example.com": "v=DKIM1; s=other; p=" + b64(publicBytes(testKeys().rsa)),
			"other._domainkey.example.com":   otherKey,
		}
}

// otherKey is the RSA key of RFC 6376 appendix C.
const otherKey = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
