package dkim

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// The messages that every implementation has to agree on.
func oracleMessages() map[string]string {
	return map[string]string{
		"plain":        plain,
		"empty body":   "From: a@example.com\r\nSubject: x\r\n\r\n",
		"blank body":   "From: a@example.com\r\nTo: b@example.net\r\n\r\n\r\n \t\r\n\r\n",
		"no last CRLF": "From: a@example.com\r\nTo: b@example.net\r\n\r\nlast line",
		"folded":       "FROM:a@example.com\r\nsubject:  a \r\n\t b\r\n  c\t\r\nTo:\r\n b@example.net\r\n\r\nx  y\t z \r\n\r\nend\r\n\r\n\r\n",
		"two of a kind": "From: a@example.com\r\nList-Id: <a.example.com>\r\nReferences: <1@x>\r\nReferences: <2@x>\r\nTo: b@example.net\r\n" +
			"\r\nx\r\n",
		"long": "From: a@example.com\r\nSubject: " + strings.Repeat("word ", 15) + "\r\n\r\n" + strings.Repeat("0123456789 \r\n", 2000),
	}
}

// TestGoMsgauthAgrees signs with this package and verifies with emersion's,
// and the other way round.
func TestGoMsgauthAgrees(t *testing.T) {
	for name, raw := range oracleMessages() {
		ours, keys := signed(t, []byte(raw), SignOptions{Time: time.Unix(1_800_000_000, 0)})
		lookup := func(domain string) ([]string, error) { return keys.LookupTXT(t.Context(), domain) }
		verified, err := dkim.VerifyWithOptions(bytes.NewReader(ours), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(verified) != 2 {
			t.Fatalf("%s: %d signatures, %v", name, len(verified), err)
		}
		for _, v := range verified {
			if v.Err != nil {
				t.Errorf("%s: ours does not verify there: %v", name, v.Err)
			}
		}
		for _, c := range []struct{ header, body dkim.Canonicalization }{
			{"simple", "simple"}, {"relaxed", "simple"}, {"simple", "relaxed"}, {"relaxed", "relaxed"},
		} {
			for selector, signer := range map[string]crypto.Signer{"mail": testKeys().ed, "mail-rsa": testKeys().rsa} {
				var theirs bytes.Buffer
				err := dkim.Sign(&theirs, strings.NewReader(raw), &dkim.SignOptions{Domain: "example.com", Selector: selector, Signer: signer, HeaderCanonicalization: c.header, BodyCanonicalization: c.body})
				if err != nil {
					t.Fatal(err)
				}
				if r := verify(t, theirs.Bytes(), Options{Resolver: keys}); len(r) != 1 || r[0].Status != Pass {
					t.Errorf("%s, %s/%s: theirs does not verify here: %+v", name, c.header, c.body, r)
				}
			}
		}
	}
}

// needTool fails where a program of the test environment is missing; `make
// test` installs it.
func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // not in every PATH
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is not installed: run make test, which installs what the tests need", name)
		}
	}
	return path
}

// dkimpyScript verifies every signature of the message on standard input,
// with the key records of its first argument instead of the DNS.
const dkimpyScript = `
import dkim, json, sys
keys = json.loads(sys.argv[1])
raw = sys.stdin.buffer.read()
def dnsfunc(name, timeout=5):
    return keys[name.decode().rstrip(".")].encode()
for i in range(raw.split(b"\r\n\r\n")[0].count(b"DKIM-Signature:")):
    print("pass" if dkim.DKIM(raw).verify(i, dnsfunc=dnsfunc) else "fail")
`

func TestDkimpyVerifiesOurs(t *testing.T) {
	needTool(t, "dkimverify")
	for name, raw := range oracleMessages() {
		ours, keys := signed(t, []byte(raw), SignOptions{Time: time.Unix(1_700_000_000, 0)})
		texts := map[string]string{}
		for name, records := range keys {
			texts[name] = records[0]
		}
		arg, _ := json.Marshal(texts)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", dkimpyScript, string(arg))
		cmd.Stdin = bytes.NewReader(ours)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "pass\npass\n" {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

func writeRSAKey(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rsa.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testKeys().rsa)})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenDKIMVerifiesOurs runs OpenDKIM's filter in its test mode, with the
// key records in a file instead of the DNS.
func TestOpenDKIMVerifiesOurs(t *testing.T) {
	opendkim := needTool(t, "opendkim")
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, raw := range oracleMessages() {
		if name == "no last CRLF" {
			continue // its test mode loses a last line without an end
		}
		ours, keys := signed(t, []byte(raw), SignOptions{Time: time.Unix(1_700_000_000, 0)})
		var list strings.Builder
		for name, records := range keys {
			list.WriteString(name + " " + records[0] + "\n")
		}
		config := write("conf", []byte("Mode v\nSyslog no\nTestPublicKeys "+write("keys", []byte(list.String()))+"\n"))
		out, err := exec.CommandContext(t.Context(), opendkim, "-t", write("message", ours), "-x", config, "-v").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "succeeded") || strings.Contains(string(out), "failed") {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

// TestWeVerifyOpenDKIM has OpenDKIM's filter sign in its test mode, which
// prints the field that it would insert.
func TestWeVerifyOpenDKIM(t *testing.T) {
	opendkim := needTool(t, "opendkim")
	keys := records{"s._domainkey.example.com": {Record("rsa", publicBytes(testKeys().rsa))}}
	for _, canonicalization := range []string{"simple/simple", "relaxed/simple", "simple/relaxed", "relaxed/relaxed"} {
		for _, name := range []string{"plain", "folded", "long", "two of a kind", "blank body"} {
			if name == "folded" && strings.HasPrefix(canonicalization, "simple/") {
				continue // a milter sees a space after every colon, whatever the message has
			}
			dir := t.TempDir()
			config := "Mode s\nSyslog no\nDomain example.com\nSelector s\nRequireSafeKeys no\nSignatureAlgorithm rsa-sha256\n" +
				"Canonicalization " + canonicalization + "\nKeyFile " + writeRSAKey(t) + "\n"
			raw := oracleMessages()[name]
			os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o600)
			os.WriteFile(filepath.Join(dir, "message"), []byte(raw), 0o600)
			out, err := exec.CommandContext(t.Context(), opendkim, "-t", filepath.Join(dir, "message"), "-x", filepath.Join(dir, "conf"), "-v", "-v", "-v").CombinedOutput()
			_, value, ok := strings.Cut(string(out), "hvalue='")
			value, _, ended := strings.Cut(value, "'\n")
			if err != nil || !ok || !ended {
				t.Fatalf("%s: %v %s", name, err, out)
			}
			field := "DKIM-Signature: " + strings.ReplaceAll(value, "\n", "\r\n") + "\r\n"
			if r := verify(t, []byte(field+raw), Options{Resolver: keys}); len(r) != 1 || r[0].Status != Pass {
				t.Errorf("%s, %s: %+v\n%q", name, canonicalization, r, field)
			}
		}
	}
}

// TestWeVerifyDkimpy has dkimpy sign.
func TestWeVerifyDkimpy(t *testing.T) {
	key := writeRSAKey(t)
	keys := records{"s._domainkey.example.com": {Record("rsa", publicBytes(testKeys().rsa))}}
	commands := map[string][]string{
		"dkimpy relaxed/simple":  {needTool(t, "dkimsign"), "s", "example.com", key},
		"dkimpy simple/relaxed":  {needTool(t, "dkimsign"), "--hcanon", "simple", "--bcanon", "relaxed", "s", "example.com", key},
		"dkimpy relaxed/relaxed": {needTool(t, "dkimsign"), "--bcanon", "relaxed", "--identity", "x@sub.example.com", "s", "example.com", key},
	}
	for signer, args := range commands {
		for _, name := range []string{"plain", "folded", "long", "two of a kind"} {
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Stdin = strings.NewReader(oracleMessages()[name])
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s, %s: %v", signer, name, err)
			}
			if r := verify(t, out, Options{Resolver: keys}); len(r) != 1 || r[0].Status != Pass {
				t.Errorf("%s, %s: %+v\n%.600q", signer, name, r, out)
			}
		}
	}
}
