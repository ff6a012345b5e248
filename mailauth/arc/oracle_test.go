package arc

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// judged are messages with the verdict that everybody has to come to.
func judged(t *testing.T) map[string]struct {
	raw  []byte
	want Status
} {
	good := chainOf(t, "lists.example", "lists.example", "lists.example")
	listed := bytes.Replace(chainOf(t, "lists.example"), []byte("Subject: Hello"), []byte("Subject: [list] Hello"), 1)
	fields, err := trySeal(t, listed, "lists.example", verify(t, chainOf(t, "lists.example"), world().keys))
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	type judgement = struct {
		raw  []byte
		want Status
	}
	return map[string]judgement{
		"no chain":          {[]byte(plain), None},
		"three sets":        {good, Pass},
		"changed by a list": {append(fields, listed...), Pass},
		"changed since":     {listed, Fail},
		"body changed":      {change("Anna \r\n", "Eve\r\n"), Fail},
		"results changed":   {change("i=1; mx.lists", "i=1; mx.other"), Fail},
		"set missing":       {change("ARC-Seal: i=2", "X-Seal: i=2"), Fail},
		"cv=none above":     {change("cv=pass", "cv=none"), Fail},
		"fields folded":     {change("Subject: Hello", "SUBJECT:\r\n\tHello"), Pass},
	}
}

// dkimpyVerdicts prints dkimpy's verdict on each message of a JSON object on
// standard input, with its keys instead of the DNS.
const dkimpyVerdicts = `
import dkim, json, sys
data = json.load(sys.stdin)
def dnsfunc(name, timeout=5):
    text = data["keys"].get(name.decode().rstrip("."))
    return text.encode() if text else None
out = {}
for name, raw in data["messages"].items():
    try: cv = dkim.arc_verify(raw.encode(), dnsfunc=dnsfunc)[0]
    except Exception: cv = None
    out[name] = cv.decode() if cv else "fail"
json.dump(out, sys.stdout)
`

// perlVerdicts does the same by Mail::DKIM.
const perlVerdicts = `
use strict; use warnings; use JSON::PP; use Mail::DKIM::ARC::Verifier; use Mail::DKIM::DNS;
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
    my $arc = Mail::DKIM::ARC::Verifier->new();
    $arc->PRINT($data->{messages}{$name}); $arc->CLOSE;
    $out{$name} = $arc->result;
}
print encode_json(\%out);
`

// TestOthersAgree has dkimpy and Mail::DKIM judge what was sealed here, and
// what was changed afterwards.
func TestOthersAgree(t *testing.T) {
	messages, want := map[string]string{}, map[string]string{}
	for name, m := range judged(t) {
		messages[name], want[name] = string(m.raw), string(m.want)
		if r := verify(t, m.raw, world().keys); r.Status != m.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for judge, got := range judgeAll(t, world().keys, messages) {
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: %s says %s, want %s", name, judge, got[name], want[name])
			}
		}
	}
}

// judgeAll has dkimpy and Mail::DKIM judge messages.
func judgeAll(t *testing.T, keys records, messages map[string]string) map[string]map[string]string {
	t.Helper()
	input, _ := json.Marshal(map[string]any{"keys": keys, "messages": messages})
	verdicts := map[string]map[string]string{}
	for judge, argv := range map[string][]string{"dkimpy": {"/usr/bin/python3", "-c", dkimpyVerdicts}, "Mail::DKIM": {"perl", "-e", perlVerdicts}} {
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.Stdin = bytes.NewReader(input)
		out, err := cmd.Output()
		var got map[string]string
		if err != nil || json.Unmarshal(out, &got) != nil || len(got) != len(messages) {
			t.Fatalf("%s: %v %s (make test installs what this needs)", judge, err, out)
		}
		verdicts[judge] = got
	}
	return verdicts
}

// dkimpySeals seals the message on standard input, which bears
// Authentication-Results of mx.lists.example, with the key in its argument.
const dkimpySeals = `
import dkim, sys
raw, key = sys.stdin.buffer.read(), open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(b"".join(dkim.arc_sign(raw, b"s", b"lists.example", key, b"mx.lists.example")) + raw)
`

// TestWeVerifyDkimpy has dkimpy seal a message first, after us, and before us.
func TestWeVerifyDkimpy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(world().rsa)})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := func(raw []byte, arc string) []byte {
		cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", dkimpySeals, path)
		cmd.Stdin = strings.NewReader("Authentication-Results: mx.lists.example; spf=pass smtp.mailfrom=a@example.com; arc=" + arc + "\r\n" + string(raw))
		out, err := cmd.Output()
		if err != nil || !bytes.Contains(out, []byte("ARC-Seal")) {
			t.Fatalf("%v %s", err, out)
		}
		return out
	}
	first := theirs([]byte(plain), "none")
	for name, raw := range map[string][]byte{
		"first": first, "first, then we": seal(t, first, "ed.example"), "after us": theirs(chainOf(t, "ed.example"), "pass"),
	} {
		if r := verify(t, raw, world().keys); r.Status != Pass || r.OldestPass != 0 {
			t.Errorf("%s: %+v\n%s", name, r, raw)
		}
	}
}
