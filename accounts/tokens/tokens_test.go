package tokens_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gomail"
	"gomail/accounts"
	"gomail/accounts/tokens"
)

// verdict writes what comes of a token: the address, or the code with a + where
// the issuer is known to have issued it, or the kind of error.
func verdict(v *tokens.Verifier, t *testing.T, token string) string {
	t.Helper()
	address, err := v.Owner(t.Context(), token)
	var bad *accounts.TokenError
	switch {
	case err == nil:
		return address.String()
	case errors.As(err, &bad) && bad.Genuine:
		return bad.Code + " +"
	case errors.As(err, &bad):
		return bad.Code
	}
	return gomail.KindOf(err).String()
}

const refused, issued = "invalid_token", "invalid_token +"

func TestClaims(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.ES256)
	v := i.verifier(nil)
	at := func(d time.Duration) int64 { return i.now.Add(d).Unix() }
	for _, test := range []struct {
		what    string
		changes map[string]any
		want    string
	}{
		{"a good one", nil, "anna@example.com"},
		{"of several audiences", map[string]any{"aud": []string{"x", "other"}}, "anna@example.com"},
		{"without times but its end", map[string]any{"iat": nil, "nbf": nil}, "anna@example.com"},
		{"its end a moment ago, by clocks that differ", map[string]any{"exp": at(-30 * time.Second)}, "anna@example.com"},
		{"an address in capitals", map[string]any{"email": "Anna@EXAMPLE.com"}, "Anna@example.com"},
		{"verified as a string", map[string]any{"email_verified": "true"}, "anna@example.com"},
		{"nothing said of verified", map[string]any{"email_verified": nil}, "anna@example.com"},
		{"scopes in scp", map[string]any{"scope": nil, "scp": []string{"a", "mail"}}, "anna@example.com"},
		{"ended", map[string]any{"exp": at(-2 * time.Minute)}, issued},
		{"without an end", map[string]any{"exp": nil}, issued},
		{"not begun", map[string]any{"nbf": at(2 * time.Minute)}, issued},
		{"issued in future", map[string]any{"iat": at(2 * time.Minute)}, issued},
		{"for another", map[string]any{"aud": "calendar"}, issued},
		{"for nobody", map[string]any{"aud": nil}, issued},
		{"no scope", map[string]any{"scope": nil}, "insufficient_scope +"},
		{"another scope", map[string]any{"scope": "openid mailbox"}, "insufficient_scope +"},
		{"no address", map[string]any{"email": nil}, issued},
		{"a number for an address", map[string]any{"email": 7}, issued},
		{"no address's form", map[string]any{"email": "anna"}, issued},
		{"an address that is not verified", map[string]any{"email_verified": false}, issued},
		{"of another issuer", map[string]any{"iss": "https://evil.example"}, refused},
		{"an end that is no time", map[string]any{"exp": "soon"}, refused},
	} {
		if got := verdict(v, t, i.sign(test.changes)); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
	other := i.verifier(func(c *tokens.Config) { c.Claim, c.Scope = "preferred_username", "" })
	if got := verdict(other, t, i.sign(map[string]any{"preferred_username": "bob@example.com", "scope": nil, "email_verified": false})); got != "bob@example.com" {
		t.Errorf("by another claim: %s", got)
	}
	none := i.verifier(func(c *tokens.Config) { c.Audience = nil })
	if got := verdict(none, t, i.sign(map[string]any{"aud": nil})); got != issued {
		t.Errorf("without an audience that is ours: %s", got)
	}
}

func TestSignatures(t *testing.T) {
	i := newIssuer(t)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		i.newKey(string(algorithm), algorithm)
		if got := verdict(i.verifier(nil), t, i.sign(nil)); got != "anna@example.com" {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
	v := i.verifier(nil)
	good := i.sign(nil)
	parts := strings.Split(good, ".")
	stranger := newIssuer(t)
	stranger.newKey("EdDSA", jose.EdDSA) // a key of the same name
	secret := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for what, token := range map[string]string{
		"nothing": "", "no token": "abc", "a changed claim": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+i.url+`","email":"bob@example.com"}`)) + "." + parts[2],
		"no signature": parts[0] + "." + parts[1] + ".", "the algorithm none": none + "." + parts[1] + ".",
		"another's key": signWith(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: stranger.keys[0]}, i.claims(nil)),
		"a secret":      signWith(t, secret, i.claims(nil)),
		"an unknown key": signWith(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: stranger.keys[0].Key, KeyID: "never"}},
			i.claims(nil)),
		"another's token": stranger.sign(nil),
	} {
		if got := verdict(v, t, token); got != refused {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// New keys are found when the first token signed by one comes; the issuer is
// not asked more often than it has to be, and may be away for a day.
func TestKeysComeAndGo(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.ES256)
	v := i.verifier(nil)
	good := func(when, want string) {
		t.Helper()
		if got := verdict(v, t, i.sign(nil)); got != want {
			t.Errorf("%s: %s", when, got)
		}
	}
	for range 3 {
		good("at first", "anna@example.com")
	}
	if n := i.count("/keys"); n != 1 {
		t.Errorf("asked %d times for three tokens", n)
	}
	i.newKey("two", jose.ES256)
	good("a new key, a moment after the question", refused)
	i.now = i.now.Add(31 * time.Second)
	good("a new key", "anna@example.com")
	i.set(func() { i.away = true })
	i.now = i.now.Add(2 * time.Hour)
	good("while the issuer is away", "anna@example.com")
	before := i.count("/.well-known/openid-configuration")
	for range 5 {
		good("while the issuer is away", "anna@example.com")
	}
	if n := i.count("/.well-known/openid-configuration"); n != before {
		t.Errorf("asked %d times more within a moment", n-before)
	}
	i.now = i.now.Add(25 * time.Hour)
	good("after a day", "unavailable")
	good("a moment later", "unavailable")
	i.set(func() { i.away = false })
	i.now = i.now.Add(time.Minute)
	good("once it is back", "anna@example.com")
	i.set(func() { i.keys = i.keys[1:] })
	i.now = i.now.Add(2 * time.Hour)
	good("a key that is left", "anna@example.com")
}

// TestProbe tries an issuer as an administrator would.
func TestProbe(t *testing.T) {
	i := newIssuer(t)
	opaque := i.verifier(func(c *tokens.Config) {
		c.IntrospectionURL, c.ClientID, c.ClientSecret = i.url+"/introspect", "mail", "client secret"
	})
	probe := func(v *tokens.Verifier) string {
		found, err := v.Probe(t.Context())
		if err != nil {
			return err.Error()
		}
		return found
	}
	if got := probe(i.verifier(nil)); !strings.Contains(got, "publishes none") {
		t.Errorf("without keys: %s", got)
	}
	i.newKey("one", jose.ES256)
	if got := probe(i.verifier(nil)); got != "signs tokens with one key" {
		t.Errorf("with a key: %s", got)
	}
	if got := probe(opaque); got != "answers questions about tokens" {
		t.Errorf("one that is asked: %s", got)
	}
	i.set(func() { i.away = true })
	for _, v := range []*tokens.Verifier{i.verifier(nil), opaque} {
		if got := probe(v); !strings.Contains(got, "the issuer "+i.url+" cannot be asked") || !strings.Contains(got, "502 Bad Gateway") {
			t.Errorf("while it is away: %s", got)
		}
	}
}

// What an issuer says that is not as it has to be is not believed.
func TestIssuerIsOddlyMade(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.ES256)
	for what, v := range map[string]*tokens.Verifier{
		"too much":   i.verifier(func(c *tokens.Config) { c.KeysURL = i.url + "/large" }),
		"a redirect": i.verifier(func(c *tokens.Config) { c.KeysURL = i.url + "/moved" }),
		"nothing":    i.verifier(func(c *tokens.Config) { c.KeysURL = i.url + "/none" }),
		"no server":  i.verifier(func(c *tokens.Config) { c.KeysURL = "http://127.0.0.1:1/" }),
	} {
		if got := verdict(v, t, i.sign(nil)); got != "unavailable" {
			t.Errorf("%s: %s", what, got)
		}
	}
	i.claimed = "https://another.example"
	if got := verdict(i.verifier(nil), t, i.sign(nil)); got != "unavailable" {
		t.Errorf("another name: %s", got)
	}
	for url, ok := range map[string]bool{
		"https://id.example.com": true, "http://127.0.0.1:8080/realms/x": true, "http://[::1]/": true,
		"http://id.example.com": false, "id.example.com": false, "https://u:p@id.example.com": false, "ftp://127.0.0.1": false, "": false, "https://x/#y": false,
	} {
		if err := tokens.CheckURL(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestIntrospection(t *testing.T) {
	i := newIssuer(t)
	i.opaque["good"] = i.claims(map[string]any{"active": true})
	i.opaque["revoked"] = i.claims(map[string]any{"active": false})
	i.opaque["ended"] = i.claims(map[string]any{"active": true, "exp": i.now.Add(-time.Hour).Unix()})
	i.opaque["other"] = i.claims(map[string]any{"active": true, "aud": "calendar"})
	i.opaque["issuer"] = i.claims(map[string]any{"active": true, "iss": "https://evil.example"})
	i.opaque["odd"] = i.claims(map[string]any{"active": "yes"})
	ask := func(change func(*tokens.Config)) *tokens.Verifier {
		return i.verifier(func(c *tokens.Config) {
			c.IntrospectionURL, c.ClientID, c.ClientSecret = i.url+"/introspect", "mail", "client+secret"
			if change != nil {
				change(c)
			}
		})
	}
	// The secret is encoded as in forms before it is put into the header.
	v := ask(func(c *tokens.Config) { c.ClientSecret = "client secret" })
	for token, want := range map[string]string{"good": "anna@example.com", "revoked": refused, "ended": issued, "other": issued, "issuer": issued, "odd": refused, "unknown": refused} {
		if got := verdict(v, t, token); got != want {
			t.Errorf("%s: %s, want %s", token, got, want)
		}
	}
	before := i.count("/introspect")
	for range 3 {
		verdict(v, t, "good")
	}
	if n := i.count("/introspect"); n != before {
		t.Errorf("asked %d times more within a minute", n-before)
	}
	i.set(func() { i.opaque["good"] = nil })
	i.now = i.now.Add(61 * time.Second)
	if got := verdict(v, t, "good"); got != refused {
		t.Errorf("a minute after it was revoked: %s", got)
	}
	if got := verdict(ask(nil), t, "good"); got != "unavailable" {
		t.Errorf("with a wrong secret: %s", got)
	}
	free := ask(func(c *tokens.Config) { c.Audience, c.ClientSecret = nil, "client secret" })
	if got := verdict(free, t, "other"); got != "anna@example.com" {
		t.Errorf("where the issuer decides on the audience: %s", got)
	}
}

// Whatever a token is made of, it is refused or its owner is told.
func FuzzToken(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.AAAA")
	v := tokens.New(tokens.Config{Issuer: "https://id.example.com", Audience: []string{"mail"}, KeysURL: "http://127.0.0.1:1/"})
	f.Fuzz(func(t *testing.T, token string) {
		if address, err := v.Owner(t.Context(), token); err == nil {
			t.Errorf("%q is %s's", token, address)
		}
	})
}
