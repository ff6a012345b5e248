package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"

	"gomail"
)

// Tokens knows whose a bearer token is (RFC 6750): the authority that issues
// them, or who can ask it.
type Tokens interface {
	// Owner returns the address of whoever a token is for. A *TokenError says
	// that it is no good; Unavailable that nobody can tell at the moment.
	Owner(ctx context.Context, token string) (gomail.Address, error)

	// Hints are for clients that need a token: the scope that it needs (may be
	// empty), and where the authority describes itself.
	Hints() (scope, configuration string)
}

// TokenError says why a token is not taken.
type TokenError struct {
	Code    string // of RFC 6750 section 3.1: "invalid_token" or "insufficient_scope"
	Genuine bool   // the authority has issued it: whoever brings it does not guess
	Reason  string // for the log
}

// Error gives the reason.
func (e *TokenError) Error() string { return e.Reason }

// MaxToken is how long a token may be, in octets.
const MaxToken = 8192

// OffersTokens reports whether tokens are taken.
func (s *Service) OffersTokens() bool { return s.tokens != nil }

// ByToken returns the account that a bearer token is for. try has no password;
// its name, unless it is empty, has to be the account's. Errors as of
// Authenticate; a *TokenError within says more.
func (s *Service) ByToken(ctx context.Context, try Attempt, token string) (gomail.Account, error) {
	if s.tokens == nil {
		return gomail.Account{}, gomail.Errorf(gomail.Invalid, "sign-in by token is not configured here")
	}
	stranger := "token from " + try.Remote.String() // not the account's name: a bad token tells nothing of whose it would be
	if err := s.guard.check(0, stranger, try.Remote); err != nil {
		s.logAttempt(try, gomail.Account{}, "throttled")
		return gomail.Account{}, err
	}
	account, err := s.tokenAccount(ctx, try, token)
	if err != nil {
		return gomail.Account{}, s.refuseToken(try, stranger, err)
	}
	return account, s.admit(ctx, try, account, nil)
}

// tokenAccount finds the account of a token.
func (s *Service) tokenAccount(ctx context.Context, try Attempt, token string) (gomail.Account, error) {
	if token == "" || len(token) > MaxToken {
		return gomail.Account{}, &TokenError{Code: "invalid_token", Genuine: token == "", Reason: "there is no token, or none of this length"}
	}
	address, err := s.tokens.Owner(ctx, token)
	if err != nil {
		return gomail.Account{}, err
	}
	account, _, err := s.lookup(ctx, address.String())
	if err != nil {
		return gomail.Account{}, err
	}
	if account.ID == 0 {
		return gomail.Account{}, &TokenError{Code: "invalid_token", Genuine: true, Reason: "the token is for " + address.String() + ", which is no account here"}
	}
	if try.Username == "" {
		return account, nil
	}
	named, _, err := s.lookup(ctx, try.Username)
	if err == nil && named.ID != account.ID {
		err = &TokenError{Code: "invalid_token", Genuine: true, Reason: "the token is for another than the name that was given"}
	}
	return account, err
}

// refuseToken notes a failure, and counts it when somebody may be guessing.
func (s *Service) refuseToken(try Attempt, stranger string, err error) error {
	var bad *TokenError
	if !errors.As(err, &bad) {
		return err
	}
	if !bad.Genuine {
		s.guard.failed(0, stranger, try.Remote)
	}
	s.log.Warn("sign-in", slog.String("outcome", "refused"), slog.String("protocol", try.Protocol), slog.String("remote", try.Remote.String()), slog.String("token", bad.Reason))
	return gomail.Errorf(gomail.Unauthenticated, "the token was not accepted: %w", bad)
}

// The mechanisms that take tokens.
const (
	OAuthBearer = "OAUTHBEARER" // RFC 7628
	XOAuth2     = "XOAUTH2"     // as Google and Microsoft describe it
)

// BearerExchange is one sign-in by a token: the client's one message, and where
// it fails what it has to know, and an empty response to that (RFC 7628 section
// 3.2.3).
type BearerExchange struct {
	service   *Service
	mechanism string
	try       Attempt

	account gomail.Account
	failure error // to be told after the client has answered
	over    bool
}

// BeginBearer returns a sign-in by one of the mechanisms.
func (s *Service) BeginBearer(mechanism string, remote netip.Addr, protocol string) *BearerExchange {
	return &BearerExchange{service: s, mechanism: mechanism, try: Attempt{Remote: remote, Protocol: protocol}}
}

// Account is who has signed in, once Step says that it is done.
func (e *BearerExchange) Account() gomail.Account { return e.account }

// Step takes the client's next message and returns the server's answer, or
// done. An error ends the exchange: Invalid when the message is out of form,
// else as ByToken.
func (e *BearerExchange) Step(ctx context.Context, message string) (answer string, done bool, err error) {
	switch {
	case e.failure != nil:
		err, e.failure, e.over = e.failure, nil, true
		return "", false, err
	case e.over:
		return "", false, errBearerMessage
	}
	e.over = true
	name, token, err := readBearer(e.mechanism, message)
	if err != nil {
		return "", false, err
	}
	e.try.Username = name
	e.account, err = e.service.ByToken(ctx, e.try, token)
	var bad *TokenError
	switch {
	case err == nil:
		return "", true, nil
	case errors.As(err, &bad):
		e.failure = err
		return e.challenge(bad.Code), false, nil
	}
	return "", false, err
}

// challenge tells the client what kind of token is wanted: RFC 7628 section
// 3.2.2, and for XOAUTH2 in Google's form.
func (e *BearerExchange) challenge(code string) string {
	scope, configuration := e.service.tokens.Hints()
	told := map[string]string{}
	if scope != "" {
		told["scope"] = scope
	}
	if e.mechanism == XOAuth2 {
		told["status"], told["schemes"] = map[string]string{"invalid_token": "401", "insufficient_scope": "403"}[code], "bearer"
	} else {
		told["status"], told["openid-configuration"] = code, configuration
	}
	text, err := json.Marshal(told)
	if err != nil { // strings have no reason to fail
		panic(err)
	}
	return string(text)
}
