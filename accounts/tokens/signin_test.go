package tokens_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gomail"
	"gomail/accounts"
	"gomail/store"
)

var here = netip.MustParseAddr("192.0.2.1")

// newAccounts returns a service that takes the issuer's tokens, with the
// accounts anna, of which an alias is, and bob, who is switched off; and its log.
func newAccounts(t *testing.T, i *issuer) (*accounts.Service, gomail.AccountID, *bytes.Buffer) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	s := accounts.New(accounts.Config{
		Store: st, Tokens: i.verifier(nil), Clock: func() time.Time { return i.now }, Cost: accounts.Cost{MemoryKiB: 64, Passes: 1},
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	var ids []gomail.AccountID
	for _, local := range []string{"anna", "bob"} {
		a, err := s.Add(t.Context(), accounts.NewAccount{Address: gomail.Address{Local: local, Domain: "example.com"}, Password: "a good password"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	if err := st.AddAlias(t.Context(), gomail.Address{Local: "sales", Domain: "example.com"}, ids[0]); err != nil {
		t.Fatal(err)
	}
	bob, err := s.Get(t.Context(), ids[1])
	if err == nil {
		bob.Disabled = true
		err = s.Update(t.Context(), bob)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, ids[0], log
}

// TestMechanisms signs in by the messages of RFC 7628 section 3.1 and of XOAUTH2,
// and by what is none.
func TestMechanisms(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.EdDSA)
	s, anna, log := newAccounts(t, i)
	good := i.sign(nil)
	for _, test := range []struct {
		mechanism, message string
		want               gomail.Kind // 0: signed in
	}{
		{accounts.OAuthBearer, "n,a=anna@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer TOKEN\x01\x01", 0},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer TOKEN\x01\x01", 0},
		{accounts.OAuthBearer, "y,a=sales@example.com,\x01auth=bearer  TOKEN\x01\x01", 0},
		{accounts.OAuthBearer, "n,a=anna=2Cx@example.com,\x01auth=Bearer TOKEN\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,a=bob@example.com,\x01auth=Bearer TOKEN\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,a=nobody@example.com,\x01auth=Bearer TOKEN\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,,\x01auth=\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,,\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer x.y.z\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,,\x01auth=Basic TOKEN\x01\x01", gomail.Invalid},
		{accounts.OAuthBearer, "n,a=anna=2x,\x01auth=Bearer TOKEN\x01\x01", gomail.Invalid},
		{accounts.OAuthBearer, "p=tls-exporter,,\x01auth=Bearer TOKEN\x01\x01", gomail.Invalid},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer TOKEN\x01", gomail.Invalid},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer TO KEN\x01\x01", gomail.Invalid},
		{accounts.OAuthBearer, "n,,\x01=x\x01\x01", gomail.Invalid},
		{accounts.OAuthBearer, "n,,auth=Bearer TOKEN", gomail.Invalid},
		{accounts.OAuthBearer, "", gomail.Invalid},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer " + strings.Repeat("x", 9000) + "\x01\x01", gomail.Unauthenticated},
		{accounts.OAuthBearer, "n,,\x01auth=Bearer " + strings.Repeat("x", 20_000) + "\x01\x01", gomail.Invalid},
		{accounts.XOAuth2, "user=anna@example.com\x01auth=Bearer TOKEN\x01\x01", 0},
		{accounts.XOAuth2, "user=bob@example.com\x01auth=Bearer TOKEN\x01\x01", gomail.Unauthenticated},
		{accounts.XOAuth2, "user=\x01auth=Bearer TOKEN\x01\x01", gomail.Invalid},
		{accounts.XOAuth2, "auth=Bearer TOKEN\x01\x01", gomail.Invalid},
	} {
		i.now = i.now.Add(time.Second)
		e := s.BeginBearer(test.mechanism, here, "imap")
		answer, done, err := e.Step(t.Context(), strings.ReplaceAll(test.message, "TOKEN", good))
		if answer != "" {
			answer, done, err = e.Step(t.Context(), "\x01")
		}
		if answer != "" || done != (test.want == 0) || test.want != 0 && gomail.KindOf(err) != test.want || done && (err != nil || e.Account().ID != anna) {
			t.Errorf("%s %.60q: %q, %v, %v", test.mechanism, test.message, answer, done, err)
		}
		if _, done, err := e.Step(t.Context(), "n,,\x01auth=Bearer "+good+"\x01\x01"); done || err == nil {
			t.Errorf("%.60q: it goes on after its end", test.message)
		}
	}
	if text := log.String(); strings.Contains(text, good) || strings.Contains(text, strings.Split(good, ".")[2]) || !strings.Contains(text, "outcome=ok") {
		t.Errorf("the log says\n%s", text)
	}
}

// TestChallenges holds what clients are told to RFC 7628 section 3.2.2.
func TestChallenges(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.EdDSA)
	s, _, _ := newAccounts(t, i)
	ended := i.sign(map[string]any{"exp": i.now.Add(-time.Hour).Unix()})
	scopeless := i.sign(map[string]any{"scope": "openid"})
	configuration := i.url + "/.well-known/openid-configuration"
	for _, test := range []struct {
		mechanism, token string
		want             map[string]string
	}{
		{accounts.OAuthBearer, ended, map[string]string{"status": "invalid_token", "scope": "mail", "openid-configuration": configuration}},
		{accounts.OAuthBearer, scopeless, map[string]string{"status": "insufficient_scope", "scope": "mail", "openid-configuration": configuration}},
		{accounts.XOAuth2, ended, map[string]string{"status": "401", "scope": "mail", "schemes": "bearer"}},
		{accounts.XOAuth2, scopeless, map[string]string{"status": "403", "scope": "mail", "schemes": "bearer"}},
	} {
		head := map[string]string{accounts.OAuthBearer: "n,,", accounts.XOAuth2: "user=anna@example.com"}[test.mechanism]
		answer, done, err := s.BeginBearer(test.mechanism, here, "imap").Step(t.Context(), head+"\x01auth=Bearer "+test.token+"\x01\x01")
		var got map[string]string
		if err != nil || done || json.Unmarshal([]byte(answer), &got) != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %v, %v", test.mechanism, answer, done, err)
		}
	}
}

// Accounts that may not be used, an issuer that is away, and guesses.
func TestByToken(t *testing.T) {
	i := newIssuer(t)
	i.newKey("one", jose.EdDSA)
	s, anna, _ := newAccounts(t, i)
	by := func(token, from string) error {
		_, err := s.ByToken(t.Context(), accounts.Attempt{Remote: netip.MustParseAddr(from), Protocol: "pop3"}, token)
		return err
	}
	kind := func(what string, err error, want gomail.Kind) {
		t.Helper()
		if err == nil || gomail.KindOf(err) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	i.set(func() { i.away = true })
	kind("while the issuer is away", by(i.sign(nil), "192.0.2.1"), gomail.Unavailable)
	i.set(func() { i.away = false })
	i.now = i.now.Add(time.Minute)
	account, err := s.ByToken(t.Context(), accounts.Attempt{Remote: here, Protocol: "pop3"}, i.sign(nil))
	if err != nil || account.ID != anna {
		t.Errorf("a good one: %v, %v", account, err)
	}
	kind("an account that is switched off", by(i.sign(map[string]any{"email": "bob@example.com"}), "192.0.2.1"), gomail.Disabled)
	kind("no account", by(i.sign(map[string]any{"email": "nobody@example.com"}), "192.0.2.1"), gomail.Unauthenticated)
	for range 100 {
		kind("an old one", by(i.sign(map[string]any{"exp": i.now.Add(-time.Hour).Unix()}), "192.0.2.1"), gomail.Unauthenticated)
	}
	for range 10 {
		kind("a guess", by("x.y.z", "198.51.100.1"), gomail.Unauthenticated)
	}
	kind("who has guessed too often", by(i.sign(nil), "198.51.100.1"), gomail.Throttled)
	if err := by(i.sign(nil), "192.0.2.1"); err != nil {
		t.Errorf("others: %v", err)
	}
	without := accounts.New(accounts.Config{})
	if _, err := without.ByToken(t.Context(), accounts.Attempt{}, "x"); gomail.KindOf(err) != gomail.Invalid || without.OffersTokens() {
		t.Errorf("where none are taken: %v", err)
	}
}

// FuzzBearer gives the exchanges any message. Nobody is signed in by a message
// without the token.
func FuzzBearer(f *testing.F) {
	f.Add("n,a=anna@example.com,\x01auth=Bearer x\x01\x01", true)
	f.Add("user=anna@example.com\x01auth=Bearer x\x01\x01", false)
	f.Add("n,,\x01\x01", true)
	s := accounts.New(accounts.Config{Tokens: (&issuer{url: "https://id.example.com"}).verifier(nil)})
	f.Fuzz(func(t *testing.T, message string, bearer bool) {
		mechanism := map[bool]string{true: accounts.OAuthBearer, false: accounts.XOAuth2}[bearer]
		e := s.BeginBearer(mechanism, netip.Addr{}, "imap")
		answer, done, err := e.Step(t.Context(), message)
		if done || (answer == "") == (err == nil) {
			t.Errorf("%q: %q, %v, %v", message, answer, done, err)
		}
		if answer != "" {
			if answer, done, err := e.Step(t.Context(), message); done || err == nil || answer != "" {
				t.Errorf("%q, and then: %q, %v, %v", message, answer, done, err)
			}
		}
	})
}
