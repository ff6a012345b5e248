package accounts

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"gomail"
)

const (
	maxPasskeys   = 20
	challengeLife = 5 * time.Minute
	maxChallenges = 10_000
)

// challenges are the ceremonies (WebAuthn section 7) that have begun. Each is
// for one answer.
type challenges struct {
	clock func() time.Time
	mu    sync.Mutex
	open  map[string]ceremony
}

type ceremony struct {
	webauthn.SessionData
	account gomail.AccountID // who registers; 0: somebody signs in
	until   time.Time
}

func newChallenges(clock func() time.Time) *challenges {
	return &challenges{clock: clock, open: map[string]ceremony{}}
}

// begin keeps a ceremony. When there are too many, old ones go first, then
// all: who is in the middle of one begins again.
func (c *challenges) begin(x ceremony) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	if len(c.open) >= maxChallenges {
		for challenge, x := range c.open {
			if expired(x.until, now) {
				delete(c.open, challenge)
			}
		}
	}
	if len(c.open) >= maxChallenges {
		clear(c.open)
	}
	x.until = now.Add(challengeLife)
	c.open[x.Challenge] = x
}

// take ends the ceremony of a challenge.
func (c *challenges) take(challenge string, account gomail.AccountID) (ceremony, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.open[challenge]
	delete(c.open, challenge)
	if !ok || x.account != account || expired(x.until, c.clock()) {
		return ceremony{}, gomail.Errorf(gomail.Forbidden, "the browser took too long with the passkey: try again")
	}
	return x, nil
}

// passkeyOwner is an account as the library asks for it.
type passkeyOwner struct {
	account  gomail.Account
	passkeys []Passkey
}

// WebAuthnID is the user handle: the account's number, which tells nothing.
func (o passkeyOwner) WebAuthnID() []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(o.account.ID))
}

// WebAuthnName is what the browser lists the passkey under.
func (o passkeyOwner) WebAuthnName() string { return o.account.Address.String() }

// WebAuthnDisplayName is the owner's name.
func (o passkeyOwner) WebAuthnDisplayName() string {
	if o.account.Name == "" {
		return o.account.Address.String()
	}
	return o.account.Name
}

// WebAuthnCredentials are the passkeys that can be read.
func (o passkeyOwner) WebAuthnCredentials() (all []webauthn.Credential) {
	for _, p := range o.passkeys {
		var c webauthn.Credential
		if json.Unmarshal(p.Credential, &c) == nil {
			all = append(all, c)
		}
	}
	return all
}

// party returns the server as browsers see it: a passkey belongs to the name
// under which the site was opened. host is that name, with its port if it is
// another than 443.
func (s *Service) party(host string) (*webauthn.WebAuthn, error) {
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil, gomail.Errorf(gomail.Invalid, "passkeys belong to a name: open this site as https://%s", s.site)
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: name, RPDisplayName: "GoMail " + s.site, RPOrigins: []string{"https://" + host},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "passkeys do not work under the name %s: %w", name, err)
	}
	return w, nil
}

// BeginPasskey returns what navigator.credentials.create is called with.
func (s *Service) BeginPasskey(ctx context.Context, account gomail.Account, host string) (any, error) {
	party, err := s.party(host)
	if err != nil {
		return nil, err
	}
	c, err := s.store.Credentials(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	owner := passkeyOwner{account, c.Passkeys}
	var known []protocol.CredentialDescriptor
	for _, x := range owner.WebAuthnCredentials() {
		known = append(known, x.Descriptor())
	}
	options, session, err := party.BeginRegistration(owner, webauthn.WithExclusions(known))
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "a passkey cannot be made: %w", err)
	}
	s.passkeys.begin(ceremony{SessionData: *session, account: account.ID})
	return options.Response, nil
}

// AddPasskey keeps the passkey that a browser has made, and returns recovery
// codes if the account had none.
func (s *Service) AddPasskey(ctx context.Context, account gomail.Account, host, called string, response []byte) ([]string, error) {
	called, err := label(called, "the passkey")
	if err != nil {
		return nil, err
	}
	party, err := s.party(host)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "the browser's answer is none of a passkey: %w", err)
	}
	x, err := s.passkeys.take(parsed.Response.CollectedClientData.Challenge, account.ID)
	if err != nil {
		return nil, err
	}
	made, err := party.CreateCredential(passkeyOwner{account: account}, x.SessionData, parsed)
	if err != nil {
		return nil, gomail.Errorf(gomail.Forbidden, "the passkey was not accepted: %w", err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	p := Passkey{ID: passkeyID(made.ID), Name: called, Credential: text, Created: s.clock()}
	if err := s.store.AddPasskey(ctx, account.ID, p, maxPasskeys); err != nil {
		return nil, err
	}
	return s.firstCodes(ctx, account.ID)
}

func passkeyID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// RemovePasskey removes a passkey.
func (s *Service) RemovePasskey(ctx context.Context, id gomail.AccountID, passkey string) error {
	return s.store.RemovePasskey(ctx, id, passkey)
}

// AskPasskey returns what navigator.credentials.get is called with. It names
// no account: the browser knows which it has a passkey of.
func (s *Service) AskPasskey(host string) (any, error) {
	party, err := s.party(host)
	if err != nil {
		return nil, err
	}
	options, session, err := party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, gomail.Errorf(gomail.Invalid, "a passkey cannot be asked for: %w", err)
	}
	s.passkeys.begin(ceremony{SessionData: *session})
	return options.Response, nil
}

// errPasskey says no more than that.
var errPasskey = gomail.Errorf(gomail.Unauthenticated, "the passkey was not accepted")

// SignInWithPasskey opens a session with a passkey. It is both factors at
// once: something one has, unlocked by what one knows or is.
func (s *Service) SignInWithPasskey(ctx context.Context, host, audience string, response []byte, remote netip.Addr, agent string) (Entry, error) {
	try := Attempt{Remote: remote, Agent: agent, Protocol: webProtocol}
	if err := s.guard.check(0, "a passkey of "+remote.String(), remote); err != nil {
		return Entry{}, err
	}
	account, err := s.provePasskey(ctx, host, response, remote)
	if err != nil {
		if gomail.KindOf(err) == gomail.Unauthenticated {
			s.guard.failed(0, "a passkey of "+remote.String(), remote)
			s.logAttempt(try, account, "refused")
		}
		return Entry{}, err
	}
	if err := s.admit(ctx, try, account, nil); err != nil {
		return Entry{}, err
	}
	return s.openSession(ctx, try, account, audience, SessionLife)
}

// provePasskey returns the account of a passkey whose proof is right.
func (s *Service) provePasskey(ctx context.Context, host string, response []byte, remote netip.Addr) (gomail.Account, error) {
	party, err := s.party(host)
	if err != nil {
		return gomail.Account{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return gomail.Account{}, errPasskey
	}
	x, err := s.passkeys.take(parsed.Response.CollectedClientData.Challenge, 0)
	if err != nil {
		return gomail.Account{}, err
	}
	var owner passkeyOwner
	_, used, err := party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		owner, err = s.passkeyOwner(ctx, handle)
		return owner, err
	}, x.SessionData, parsed)
	if err != nil {
		return gomail.Account{}, errPasskey
	}
	text, err := json.Marshal(used)
	if err != nil {
		return gomail.Account{}, err
	}
	p := Passkey{ID: passkeyID(used.ID), Credential: text, Used: s.clock(), UsedFrom: remote.String()}
	return owner.account, s.store.PasskeyUsed(ctx, owner.account.ID, p)
}

// passkeyOwner returns the account of a user handle.
func (s *Service) passkeyOwner(ctx context.Context, handle []byte) (passkeyOwner, error) {
	if len(handle) != 8 {
		return passkeyOwner{}, errPasskey
	}
	account, err := s.store.Account(ctx, gomail.AccountID(binary.BigEndian.Uint64(handle)))
	if err != nil {
		return passkeyOwner{}, err
	}
	c, err := s.store.Credentials(ctx, account.ID)
	return passkeyOwner{account, c.Passkeys}, err
}
