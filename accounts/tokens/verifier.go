package tokens

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gomail"
	"gomail/accounts"
)

// Config says whose tokens are taken, and which.
type Config struct {
	Issuer   string   // as the tokens name it: "https://id.example.com/realms/mail"; required
	Audience []string // whom a token has to be for: one of these; required but for introspection
	Scope    string   // that it needs; empty: none
	Claim    string   // that holds the account's address; empty: "email"
	KeysURL  string   // of the issuer's keys; empty: where its configuration says

	IntrospectionURL string // tokens are not read, the issuer is asked here; empty: they are JWTs
	ClientID         string // by which we ask there
	ClientSecret     string

	Client *http.Client     // nil: one with time-outs that follows no redirects
	Clock  func() time.Time // nil: time.Now
}

// Verifier knows whose tokens are. It is safe for concurrent use.
type Verifier struct {
	config Config
	keys   *keys
	asked  *answers
}

// leeway is by how much clocks may differ.
const leeway = time.Minute

// algorithms are the signatures that are taken: those by which nobody can sign
// who can only verify.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// New returns a verifier. The issuer is first asked when a token comes.
func New(c Config) *Verifier {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Client == nil {
		c.Client = newClient()
	}
	if c.Claim == "" {
		c.Claim = "email"
	}
	return &Verifier{config: c, keys: newKeys(c), asked: newAnswers(c.Clock)}
}

// Hints implements accounts.Tokens.
func (v *Verifier) Hints() (scope, configuration string) {
	return v.config.Scope, configurationURL(v.config.Issuer)
}

// Probe tries what verifying a token takes, and says what it found: how many
// keys the issuer has, or that it answers questions.
func (v *Verifier) Probe(ctx context.Context) (found string, err error) {
	if v.config.IntrospectionURL != "" {
		if _, err := v.ask(ctx, "none"); err != nil {
			return "", gomail.Errorf(gomail.Unavailable, "the issuer %s cannot be asked about tokens: %w", v.config.Issuer, err)
		}
		return "answers questions about tokens", nil
	}
	known, err := v.keys.fetch(ctx)
	if err == nil && len(known) == 0 {
		err = errors.New("it publishes none that can be used")
	}
	if err != nil {
		return "", gomail.Errorf(gomail.Unavailable, "the issuer %s cannot be asked for its keys: %w", v.config.Issuer, err)
	}
	if len(known) == 1 {
		return "signs tokens with one key", nil
	}
	return fmt.Sprintf("signs tokens with %d keys", len(known)), nil
}

// Owner implements accounts.Tokens.
func (v *Verifier) Owner(ctx context.Context, token string) (gomail.Address, error) {
	if v.config.IntrospectionURL != "" {
		return v.introspect(ctx, token)
	}
	return v.read(ctx, token)
}

// forged refuses what the issuer may never have issued, stale what it has.
func forged(format string, args ...any) error {
	return &accounts.TokenError{Code: "invalid_token", Reason: fmt.Sprintf(format, args...)}
}

func stale(format string, args ...any) error {
	return &accounts.TokenError{Code: "invalid_token", Genuine: true, Reason: fmt.Sprintf(format, args...)}
}

// read verifies a JWT.
func (v *Verifier) read(ctx context.Context, token string) (gomail.Address, error) {
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return gomail.Address{}, forged("the token is no signed JWT of an algorithm that is taken")
	}
	var unverified jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil || unverified.Issuer != v.config.Issuer {
		return gomail.Address{}, forged("the token is not of the issuer %s", v.config.Issuer)
	}
	candidates, err := v.keys.find(ctx, parsed.Headers[0].KeyID)
	if err != nil {
		return gomail.Address{}, err
	}
	for _, key := range candidates {
		var c claims
		if parsed.Claims(key, &c.registered, &c.all) == nil {
			return v.judge(c)
		}
	}
	return gomail.Address{}, forged("the token's signature is not by a key of the issuer")
}

// claims are what a token says, by its signature or the issuer's word.
type claims struct {
	registered jwt.Claims
	all        map[string]any
}

// judge decides on a token that the issuer has issued.
func (v *Verifier) judge(c claims) (gomail.Address, error) {
	now := v.config.Clock()
	switch r := c.registered; {
	case r.Expiry == nil:
		return gomail.Address{}, stale("the token never expires")
	case now.After(r.Expiry.Time().Add(leeway)):
		return gomail.Address{}, stale("the token has expired")
	case r.NotBefore != nil && now.Add(leeway).Before(r.NotBefore.Time()), r.IssuedAt != nil && now.Add(leeway).Before(r.IssuedAt.Time()):
		return gomail.Address{}, stale("the token is not valid yet")
	case !v.forUs(r.Audience):
		return gomail.Address{}, stale("the token is for %s, and not for this server", strings.Join(r.Audience, ", "))
	case !v.hasScope(c.all):
		return gomail.Address{}, &accounts.TokenError{Code: "insufficient_scope", Genuine: true, Reason: "the token lacks the scope " + v.config.Scope}
	}
	return v.address(c.all)
}

// forUs reports whether an audience is ours. Who is asked about each token may
// leave it to the issuer.
func (v *Verifier) forUs(audience jwt.Audience) bool {
	if len(v.config.Audience) == 0 {
		return v.config.IntrospectionURL != ""
	}
	return slices.ContainsFunc(v.config.Audience, audience.Contains)
}

// hasScope looks where issuers write scopes: "scope" with spaces between them
// (RFC 8693 section 4.2), or "scp", or lists of either.
func (v *Verifier) hasScope(all map[string]any) bool {
	if v.config.Scope == "" {
		return true
	}
	for _, name := range []string{"scope", "scp"} {
		if slices.Contains(words(all[name]), v.config.Scope) {
			return true
		}
	}
	return false
}

func words(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return strings.Fields(value)
	case []any:
		for _, v := range value {
			if text, ok := v.(string); ok {
				all = append(all, text)
			}
		}
	}
	return all
}

// address reads the claim that names the account. An address that the issuer
// itself has not verified is nobody's.
func (v *Verifier) address(all map[string]any) (gomail.Address, error) {
	text, _ := all[v.config.Claim].(string)
	address, err := gomail.ParseAddress(text)
	if err != nil {
		return gomail.Address{}, stale("the token's claim %q holds no address", v.config.Claim)
	}
	if verified, told := all["email_verified"]; v.config.Claim == "email" && told && verified != true && verified != "true" {
		return gomail.Address{}, stale("the issuer has not verified the address %s", address)
	}
	return address, nil
}
