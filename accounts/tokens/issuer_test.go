package tokens_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gomail/accounts/tokens"
)

// issuer is a small authority: it describes itself, publishes keys, signs, and
// says what it knows of opaque tokens.
type issuer struct {
	*testing.T
	url string
	now time.Time

	mu      sync.Mutex
	keys    []jose.JSONWebKey // private ones
	hidden  []string          // keys that it does not publish yet
	away    bool
	asked   map[string]int // questions by path
	opaque  map[string]map[string]any
	claimed string // what it calls itself; empty: its URL
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{T: t, now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), asked: map[string]int{}, opaque: map[string]map[string]any{}}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// ServeHTTP answers as an issuer does.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.URL.Path]++
	if i.away {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		name := i.claimed
		if name == "" {
			name = i.url
		}
		json.NewEncoder(w).Encode(map[string]string{"issuer": name, "jwks_uri": i.url + "/keys"})
	case "/keys":
		json.NewEncoder(w).Encode(i.public())
	case "/introspect":
		if user, password, _ := r.BasicAuth(); user != "mail" || password != "client+secret" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		answer := i.opaque[r.PostFormValue("token")]
		if answer == nil {
			answer = map[string]any{"active": false}
		}
		json.NewEncoder(w).Encode(answer)
	case "/large":
		w.Write(make([]byte, 600<<10))
	case "/moved":
		http.Redirect(w, r, "/keys", http.StatusFound)
	}
}

func (i *issuer) public() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, key := range i.keys {
		hidden := false
		for _, id := range i.hidden {
			hidden = hidden || id == key.KeyID
		}
		if !hidden {
			set.Keys = append(set.Keys, key.Public())
		}
	}
	return set
}

// newKey makes a key for an algorithm.
func (i *issuer) newKey(id string, algorithm jose.SignatureAlgorithm) {
	i.Helper()
	var key any
	var err error
	switch algorithm {
	case jose.RS256, jose.PS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		i.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(algorithm), Use: "sig"})
}

// claims are those of a good token, changed.
func (i *issuer) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.url, "sub": "4711", "aud": "mail", "email": "anna@example.com", "email_verified": true, "scope": "openid mail",
		"iat": i.now.Unix(), "nbf": i.now.Unix(), "exp": i.now.Add(5 * time.Minute).Unix(),
	}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// sign makes a token by the last key, or by another one of its.
func (i *issuer) sign(changes map[string]any) string {
	i.Helper()
	i.mu.Lock()
	key := i.keys[len(i.keys)-1]
	i.mu.Unlock()
	return signWith(i.T, jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, i.claims(changes))
}

func signWith(t *testing.T, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (i *issuer) set(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

// verifier takes the issuer's tokens.
func (i *issuer) verifier(change func(*tokens.Config)) *tokens.Verifier {
	c := tokens.Config{Issuer: i.url, Audience: []string{"other", "mail"}, Scope: "mail", Clock: func() time.Time { return i.now }}
	if change != nil {
		change(&c)
	}
	return tokens.New(c)
}
