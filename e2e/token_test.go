package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// startIssuer serves what an issuer of tokens publishes, and returns its name
// and how it signs a token for anna that lasts so long.
func startIssuer(t *testing.T) (url string, sign func(time.Duration) string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "2026", Algorithm: "ES256", Use: "sig"}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	publish := func(path string, what any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(what) })
	}
	publish("/realm/.well-known/openid-configuration", map[string]string{"issuer": server.URL + "/realm", "jwks_uri": server.URL + "/keys"})
	publish("/keys", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL + "/realm", func(lasts time.Duration) string {
		// As large as those of issuers that put everything they know into them.
		claims := map[string]any{
			"iss": server.URL + "/realm", "aud": "mail", "scope": "openid mail", "email": "anna@example.test",
			"exp": time.Now().Add(lasts).Unix(), "groups": strings.Repeat("group ", 400),
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}

// Python and curl sign in by tokens of an issuer, over IMAP and submission; a
// token that has expired opens nothing, and none is in the log.
func TestTokens(t *testing.T) {
	need(t, "/usr/bin/python3")
	need(t, "curl")
	issuer, sign := startIssuer(t)
	i := serve(t, serveDNS(t), "[oauth]\nissuer = \""+issuer+"\"\naudience = [\"mail\"]\nscope = \"mail\"\n")
	if out := mustRun(t, "", binary, "check-config", "--dir", i.dir); !strings.Contains(out, "The issuer "+issuer+" signs tokens with one key.") {
		t.Errorf("check-config says %s", out)
	}
	good, expired := sign(time.Hour), sign(-time.Hour)
	ca, host := filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"
	imaps, submissions := portOf(t, i.bound["imap.tls_listen"]), portOf(t, i.bound["submission.tls_listen"])
	out := mustRun(t, good+"\n"+expired+"\n", "/usr/bin/python3", "testdata/bearer.py", imaps, submissions, ca, host, i.anna.Address)
	if !strings.HasSuffix(out, "done\n") {
		t.Errorf("it said\n%s", out)
	}
	curl := func(token string, args ...string) result {
		t.Helper()
		return run(t, "From: anna@example.test\r\nTo: anna@example.test\r\nSubject: by curl\r\n\r\nx\r\n", "curl", append([]string{"-sS", "-v", "--cacert", ca,
			"--resolve", host + ":" + imaps + ":127.0.0.1", "--resolve", host + ":" + submissions + ":127.0.0.1", "--user", i.anna.Address, "--oauth2-bearer", token}, args...)...)
	}
	send := []string{"smtps://" + host + ":" + submissions, "--mail-from", i.anna.Address, "--mail-rcpt", i.anna.Address, "--upload-file", "-"}
	for _, mechanism := range []string{"OAUTHBEARER", "XOAUTH2"} {
		option := []string{"--login-options", "AUTH=" + mechanism}
		if r := curl(good, append(option, "imaps://"+host+":"+imaps+"/")...); r.code != 0 || !strings.Contains(r.stdout, `"/" INBOX`) || !strings.Contains(r.stderr, mechanism) {
			t.Errorf("curl by %s: %d\n%s\n%s", mechanism, r.code, r.stdout, r.stderr)
		}
		if r := curl(good, append(option, send...)...); r.code != 0 {
			t.Errorf("curl sends by %s: %d\n%s", mechanism, r.code, r.stderr)
		}
		if r := curl(expired, append(option, "imaps://"+host+":"+imaps+"/")...); r.code == 0 || !strings.Contains(r.stderr, "AUTHENTICATIONFAILED") {
			t.Errorf("curl by %s with an expired token: %d\n%s", mechanism, r.code, r.stderr)
		}
	}
	eventually(t, "the four messages", func() bool { return len(i.mailbox("INBOX")) == 4 })
	if log := i.stderr.String(); strings.Contains(log, strings.Split(good, ".")[2]) || strings.Contains(log, strings.Split(expired, ".")[2]) {
		t.Error("a token is in the log")
	}
}
