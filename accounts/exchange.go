package accounts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/xdg-go/scram"

	"gomail"
)

// Binding ties a sign-in to the TLS connection that it is made over, RFC 5056.
type Binding = scram.ChannelBinding

// Exchange is one SCRAM sign-in as the server sees it: the client's first
// message and its final one (RFC 5802 section 5), then an empty response to
// the server's. It costs no password hash.
type Exchange struct {
	service  *Service
	plus     bool // the mechanism is SCRAM-SHA-256-PLUS
	bindings []Binding
	remote   netip.Addr
	protocol string

	step     int
	username string
	account  gomail.Account // zero: there is none of the name
	tries    []attempt
}

// attempt is the conversation as it is if the client knows the candidate.
type attempt struct {
	candidate
	*scram.ServerConversation
}

// maxMessage bounds a message of the client in octets.
const maxMessage = 4096

// settleTime is what each step takes at least: finding an account in the store
// takes longer than not finding one.
const settleTime = 5 * time.Millisecond

// Begin returns a SCRAM sign-in. bindings are those of the connection; with
// any, SCRAM-SHA-256-PLUS is being offered.
func (s *Service) Begin(plus bool, bindings []Binding, remote netip.Addr, protocol string) *Exchange {
	return &Exchange{service: s, plus: plus, bindings: bindings, remote: remote, protocol: protocol}
}

// Account is who has signed in, once Step says that it is done.
func (e *Exchange) Account() gomail.Account { return e.account }

// errMessage is a message that is none of SCRAM.
var errMessage = gomail.Errorf(gomail.Invalid, "the response is not one of SCRAM-SHA-256")

// Step takes the client's next message and returns the server's answer, or
// done. An error ends the exchange: Invalid when the message is out of form,
// else as Authenticate.
func (e *Exchange) Step(ctx context.Context, message string) (answer string, done bool, err error) {
	e.step++
	if e.step == 3 {
		if message != "" {
			return "", false, errMessage
		}
		return "", true, nil
	}
	settled := time.NewTimer(settleTime)
	defer settled.Stop()
	switch {
	case len(message) > maxMessage || e.step > 3:
		err = errMessage
	case e.step == 1:
		answer, err = e.first(ctx, message)
	default:
		answer, err = e.final(ctx, message)
	}
	if err != nil {
		e.step = 3 // nothing follows
	}
	select {
	case <-settled.C:
	case <-ctx.Done():
	}
	return answer, false, err
}

// first reads the name and answers with the salt and a nonce.
func (e *Exchange) first(ctx context.Context, message string) (string, error) {
	binding, err := e.choose(message)
	if err != nil {
		return "", err
	}
	nonce := e.service.nonce()
	reader := e.conversation(binding, func(name string) (scram.StoredCredentials, error) {
		e.username = name
		return scram.StoredCredentials{}, errors.New("only the name is wanted")
	}, nonce)
	code, _ := reader.Step(message)
	switch {
	case code == scram.ErrServerDoesSupportChannelBinding:
		return "", gomail.Errorf(gomail.Unauthenticated, "the client was told that SCRAM-SHA-256-PLUS is not offered, and it is: something stands between")
	case e.username == "":
		return "", errMessage
	case reader.AuthzID() != "" && reader.AuthzID() != e.username:
		return "", gomail.Errorf(gomail.Unauthenticated, "nobody can sign in on behalf of another")
	}
	return e.open(ctx, binding, message, nonce)
}

// choose returns the binding that the client's first message is tied to.
// Whether it may be is the conversation's to say; what the mechanism wants,
// RFC 5802 section 6, is ours.
func (e *Exchange) choose(message string) (Binding, error) {
	flag, _, _ := strings.Cut(message, ",")
	kind, bound := strings.CutPrefix(flag, "p=")
	if bound != e.plus {
		return Binding{}, gomail.Errorf(gomail.Invalid, "SCRAM-SHA-256-PLUS is with a channel binding, SCRAM-SHA-256 without")
	}
	for _, b := range e.bindings {
		if !bound || string(b.Type) == kind {
			return b, nil
		}
	}
	if bound {
		return Binding{}, gomail.Errorf(gomail.Invalid, "this kind of channel binding is not offered")
	}
	return Binding{}, nil
}

func (e *Exchange) conversation(b Binding, find scram.CredentialLookup, nonce string) *scram.ServerConversation {
	server, err := scram.SHA256.NewServer(find)
	if err != nil { // it has no reason to fail
		panic(err)
	}
	server.WithNonceGenerator(func() string { return nonce })
	return server.NewConversationWithChannelBinding(b)
}

// open begins a conversation for each password that the account has, all with
// the same nonce and salt, so that the client sees one.
func (e *Exchange) open(ctx context.Context, b Binding, message, nonce string) (answer string, err error) {
	s := e.service
	account, c, err := s.exactly(ctx, e.username)
	if err != nil {
		return "", err
	}
	e.account = account
	x := SCRAM{Salt: s.saltOf(canonicalName(e.username)), Iterations: scramIterations}
	if account.ID != 0 {
		x = s.shared(account, c.SCRAM)
	}
	for _, candidate := range s.candidates(account, c, e.protocol) {
		keys := scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(x.Salt), Iters: x.Iterations},
			StoredKey:  candidate.keys[:scramKeys/2], ServerKey: candidate.keys[scramKeys/2:],
		}
		try := attempt{candidate, e.conversation(b, func(string) (scram.StoredCredentials, error) { return keys, nil }, nonce)}
		if answer, err = try.Step(message); err != nil {
			return "", errMessage
		}
		e.tries = append(e.tries, try)
	}
	return answer, nil
}

// canonicalName is how a name is written where it is an address.
func canonicalName(username string) string {
	address, err := gomail.ParseAddress(username)
	if err != nil {
		return username
	}
	return address.Canonical().String()
}

// exactly is lookup for the account's own address only. Were an alias to have
// the account's salt, the two names would give each other away.
func (s *Service) exactly(ctx context.Context, username string) (gomail.Account, Credentials, error) {
	account, _, err := s.lookup(ctx, username)
	if err != nil || account.ID == 0 || account.Address.String() != canonicalName(username) {
		return gomail.Account{}, Credentials{}, err
	}
	c, err := s.store.Credentials(ctx, account.ID)
	return account, c, err
}

// final tries the proof against each password. Every one is tried, so that
// the time does not tell which it was.
func (e *Exchange) final(ctx context.Context, message string) (string, error) {
	var right *attempt
	var answer string
	for i := range e.tries {
		if text, _ := e.tries[i].Step(message); e.tries[i].Valid() {
			right, answer = &e.tries[i], text
		} else if text == scram.ErrChannelBindingsDontMatch {
			return "", e.refuse(gomail.Errorf(gomail.Unauthenticated, "the channel binding is not this connection's: something stands between"))
		}
	}
	s := e.service
	if right == nil || right.app == nil && !s.remembered(string(right.keys), "") {
		if err := s.guard.check(e.account.ID, e.name(), e.remote); err != nil {
			s.logAttempt(e.attempt(), e.account, "throttled")
			return "", err
		}
	}
	if right == nil {
		return "", e.refuse(errWrong)
	}
	s.remember(string(right.keys), "")
	return answer, s.admit(ctx, e.attempt(), e.account, right.app)
}

// refuse counts a failure.
func (e *Exchange) refuse(err error) error {
	e.service.guard.failed(e.account.ID, e.name(), e.remote)
	e.service.logAttempt(e.attempt(), e.account, "refused")
	return err
}

func (e *Exchange) attempt() Attempt {
	return Attempt{Username: e.username, Remote: e.remote, Protocol: e.protocol}
}

// name is what failures are counted under.
func (e *Exchange) name() string {
	if e.account.ID != 0 {
		return e.account.Address.String()
	}
	return e.username
}

// nonce is the server's half of the nonce.
func (s *Service) nonce() string {
	raw := make([]byte, 24)
	rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}
