package tokens

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gomail"
)

// How long an answer of the issuer holds, and how many are kept. What it has
// revoked is taken so long.
const (
	answerLife  = time.Minute
	mostAnswers = 10_000
)

// introspect asks the issuer about a token, RFC 7662.
func (v *Verifier) introspect(ctx context.Context, token string) (gomail.Address, error) {
	id := sha256.Sum256([]byte(token))
	answer, known := v.asked.get(id)
	if !known {
		var err error
		if answer, err = v.ask(ctx, token); err != nil {
			return gomail.Address{}, gomail.Errorf(gomail.Unavailable, "the issuer of tokens cannot be asked about one: %w", err)
		}
		v.asked.put(id, answer)
	}
	var c claims
	var active struct {
		Active bool `json:"active"`
	}
	if json.Unmarshal(answer, &active) != nil || !active.Active {
		return gomail.Address{}, forged("the issuer does not know the token, or has revoked it")
	}
	if json.Unmarshal(answer, &c.registered) != nil || json.Unmarshal(answer, &c.all) != nil {
		return gomail.Address{}, stale("what the issuer says of the token cannot be read")
	}
	if c.registered.Issuer != "" && c.registered.Issuer != v.config.Issuer {
		return gomail.Address{}, stale("the token is of another issuer")
	}
	return v.judge(c)
}

func (v *Verifier) ask(ctx context.Context, token string) (answer json.RawMessage, err error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, v.config.IntrospectionURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 section 2.3.1 wants both encoded as in forms.
	q.SetBasicAuth(url.QueryEscape(v.config.ClientID), url.QueryEscape(v.config.ClientSecret))
	err = doJSON(v.config.Client, q, &answer)
	return answer, err
}

// answers are what the issuer said of tokens a moment ago, by their hash.
type answers struct {
	clock func() time.Time
	mu    sync.Mutex
	all   map[[sha256.Size]byte]answered
}

type answered struct {
	text  json.RawMessage
	until time.Time
}

func newAnswers(clock func() time.Time) *answers {
	return &answers{clock: clock, all: map[[sha256.Size]byte]answered{}}
}

func (a *answers) get(id [sha256.Size]byte) (json.RawMessage, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.all[id]
	return known.text, ok && a.clock().Before(known.until)
}

func (a *answers) put(id [sha256.Size]byte, text json.RawMessage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.all) >= mostAnswers {
		clear(a.all)
	}
	a.all[id] = answered{text, a.clock().Add(answerLife)}
}
