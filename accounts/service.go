package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"gomail"
	"gomail/internal/seal"
)

// Config is what the service needs.
type Config struct {
	Store    Store
	Logger   *slog.Logger
	Clock    func() time.Time // nil: time.Now
	Cost     Cost             // zero: DefaultCost
	Parallel int              // password checks at once; 0: 2

	PerNetwork int // sign-ins that may wait from one network; 0: 16

	Sealer     *seal.Sealer // nil: no SCRAM and no authenticator apps, whose secrets are kept sealed
	SaltSecret []byte       // with a Sealer: from which SCRAM's salts are made; it must stay the same
	Tokens     Tokens       // nil: no sign-in by bearer tokens
	Site       string       // the server, as authenticator apps and passkeys call it
}

// Service manages accounts and lets people and programs sign in.
type Service struct {
	store  Store
	log    *slog.Logger
	clock  func() time.Time
	hasher *hasher
	guard  *guard

	sealer     *seal.Sealer
	saltSecret []byte
	tokens     Tokens
	site       string
	passkeys   *challenges

	key      [32]byte // of this process, for verified
	mu       sync.Mutex
	verified map[[32]byte]time.Time // passwords found right, until when
}

// verifiedLife is how long a right password is remembered. Changing the
// password changes its hash and thereby ends it at once.
const (
	verifiedLife = 10 * time.Minute
	maxVerified  = 100_000
)

// New returns the service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Cost == (Cost{}) {
		c.Cost = DefaultCost
	}
	if c.Parallel == 0 {
		c.Parallel = 2
	}
	s := &Service{
		store: c.Store, log: c.Logger, clock: c.Clock, hasher: newHasher(c.Cost, c.Parallel, c.PerNetwork),
		guard: newGuard(c.Clock), verified: map[[32]byte]time.Time{},
		sealer: c.Sealer, saltSecret: c.SaltSecret, tokens: c.Tokens, site: c.Site, passkeys: newChallenges(c.Clock),
	}
	rand.Read(s.key[:])
	return s
}

// Attempt is one try to sign in.
type Attempt struct {
	Username string // the account's address; an alias of it will do
	Password string
	Remote   netip.Addr // where it comes from
	Protocol string     // "imap", "pop3", "submission", "web"
	Agent    string     // the browser, as it names itself
}

// Authenticate returns the account whose name and password these are.
// Unauthenticated says no more than that; Throttled that it has to wait;
// Disabled, only after a right password, that the account is switched off.
// Programs may give an app password, and where the account has a second factor
// they have to: the main password alone opens it no longer.
func (s *Service) Authenticate(ctx context.Context, try Attempt) (gomail.Account, error) {
	account, app, err := s.check(ctx, try)
	if err == nil {
		err = s.admit(ctx, try, account, app)
	}
	if err != nil {
		return gomail.Account{}, err
	}
	return account, nil
}

// check is Authenticate without its consequences. app is nil when it was the
// main password.
func (s *Service) check(ctx context.Context, try Attempt) (gomail.Account, *AppPassword, error) {
	account, hash, err := s.lookup(ctx, try.Username)
	if err != nil {
		return gomail.Account{}, nil, err
	}
	var c Credentials
	name := try.Username
	if account.ID != 0 {
		name = account.Address.String()
		if c, err = s.store.Credentials(ctx, account.ID); err != nil {
			return gomail.Account{}, nil, err
		}
	}
	// 128 random bits are not guessed: an app password needs no slow hash and
	// no allowance.
	if app := s.appPassword(c, try.Password, try.Protocol); app != nil {
		return account, app, nil
	}
	if try.Protocol != webProtocol && c.SecondFactor() {
		hash = "" // costs the same and is never right: it must not be found out here
	}
	right := s.remembered(hash, try.Password)
	if !right {
		if err := s.guard.check(account.ID, name, try.Remote); err != nil {
			s.logAttempt(try, account, "throttled")
			return gomail.Account{}, nil, err
		}
		if right, err = s.verify(ctx, s.guard.rank(account.ID, try.Remote), hash, try.Password); err != nil {
			return gomail.Account{}, nil, err
		}
	}
	if !right {
		s.guard.failed(account.ID, name, try.Remote)
		s.logAttempt(try, account, "refused")
		return gomail.Account{}, nil, errWrong
	}
	s.learnKeys(ctx, account, hash, try.Password, c.SCRAM)
	return account, nil, nil
}

var errWrong = gomail.Errorf(gomail.Unauthenticated, "the name or the password is wrong")

// admit is what follows a right credential.
func (s *Service) admit(ctx context.Context, try Attempt, account gomail.Account, app *AppPassword) error {
	s.guard.succeeded(account.ID, account.Address.String(), try.Remote)
	if account.Disabled {
		s.logAttempt(try, account, "disabled")
		return gomail.Errorf(gomail.Disabled, "the account is switched off: ask your administrator")
	}
	s.noteUse(ctx, account, app, try)
	s.logAttempt(try, account, "ok")
	return nil
}

// lookup returns the account of a name. An unknown name gives no account, no
// hash and no error: it must look like a wrong password.
func (s *Service) lookup(ctx context.Context, username string) (gomail.Account, string, error) {
	address, err := gomail.ParseAddress(username)
	if err != nil {
		return gomail.Account{}, "", nil
	}
	account, hash, err := s.store.AccountByAddress(ctx, address.Canonical())
	if gomail.KindOf(err) == gomail.NotFound {
		return gomail.Account{}, "", nil
	}
	return account, hash, err
}

// verify is the hasher's; what is right is remembered for a while.
func (s *Service) verify(ctx context.Context, r rank, hash, password string) (bool, error) {
	if len(password) > MaxPassword {
		password = password[:MaxPassword] + "\x00" // never right, and no more work than any other
	}
	right, err := s.hasher.verify(ctx, r, password, hash)
	if !right {
		return false, err
	}
	s.remember(hash, password)
	return true, nil
}

// remember keeps for a while that a password is right.
func (s *Service) remember(hash, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.verified) >= maxVerified {
		clear(s.verified)
	}
	s.verified[s.fingerprint(hash, password)] = s.clock().Add(verifiedLife)
}

// remembered reports whether the password was found right for the hash a
// short while ago.
func (s *Service) remembered(hash, password string) bool {
	id := s.fingerprint(hash, password)
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.verified[id]
	return ok && hash != "" && s.clock().Before(until)
}

// fingerprint stands for a password and its hash in memory; only this process
// could make it again.
func (s *Service) fingerprint(hash, password string) (id [32]byte) {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(hash))
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	mac.Sum(id[:0])
	return id
}

func (s *Service) logAttempt(try Attempt, account gomail.Account, outcome string) {
	level := slog.LevelInfo
	if outcome != "ok" {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "sign-in", slog.String("outcome", outcome), slog.String("protocol", try.Protocol),
		slog.String("remote", try.Remote.String()), slog.String("account", account.Address.String()))
}

// NewAccount is what an account is made from.
type NewAccount struct {
	Address  gomail.Address
	Name     string
	Role     gomail.Role // empty: user
	Password string      // in the clear; 8 characters at least
	QuotaMax int64       // bytes, 0: unlimited

	QuotaMessagesMax int64 // 0: unlimited
}

// Add makes an account with the standard mailboxes.
func (s *Service) Add(ctx context.Context, n NewAccount) (gomail.Account, error) {
	if n.Role == "" {
		n.Role = gomail.RoleUser
	}
	if err := checkLocal(n.Address); err != nil {
		return gomail.Account{}, err
	}
	if n.QuotaMax < 0 || n.QuotaMessagesMax < 0 {
		return gomail.Account{}, errNegativeQuota
	}
	hash, err := s.hasher.hash(ctx, n.Password)
	if err != nil {
		return gomail.Account{}, err
	}
	account := gomail.Account{Address: n.Address.Canonical(), Name: n.Name, Role: n.Role, QuotaMax: n.QuotaMax, QuotaMessagesMax: n.QuotaMessagesMax, Created: s.clock()}
	if account, err = s.store.AddAccount(ctx, account, hash); err != nil {
		return account, err
	}
	s.learnKeys(ctx, account, hash, n.Password, SCRAM{})
	return account, nil
}

var errNegativeQuota = gomail.Errorf(gomail.Invalid, "the quota cannot be negative; 0 means unlimited")

// checkLocal refuses local parts that would be ambiguous among our own
// addresses: the plus sign separates a tag, and quoted forms only serve to
// hide something.
func checkLocal(a gomail.Address) error {
	if a.IsNull() {
		return gomail.Errorf(gomail.Invalid, "the address is empty")
	}
	for _, r := range a.Local {
		if r == '+' || r == '"' || r == '%' || r == '!' || r == '/' || r <= ' ' || r == '@' {
			return gomail.Errorf(gomail.Invalid, "the address %s cannot be an account: its local part holds %q", a, r)
		}
	}
	return nil
}

// Get returns an account by its id.
func (s *Service) Get(ctx context.Context, id gomail.AccountID) (gomail.Account, error) {
	return s.store.Account(ctx, id)
}

// Find returns the account that an address, main or alias, belongs to.
func (s *Service) Find(ctx context.Context, address gomail.Address) (gomail.Account, error) {
	account, _, err := s.store.AccountByAddress(ctx, address.Canonical())
	return account, err
}

// List returns all accounts in the order of their addresses.
func (s *Service) List(ctx context.Context) ([]gomail.Account, error) { return s.store.Accounts(ctx) }

// Update writes an account's name, role, quota and whether it is disabled. An
// account that is switched off loses its sessions.
func (s *Service) Update(ctx context.Context, account gomail.Account) error {
	if account.QuotaMax < 0 || account.QuotaMessagesMax < 0 {
		return errNegativeQuota
	}
	if err := s.store.UpdateAccount(ctx, account); err != nil {
		return err
	}
	if account.Disabled {
		return s.store.RemoveSessions(ctx, account.ID)
	}
	return nil
}

// SetPassword gives an account another password and ends its sessions.
func (s *Service) SetPassword(ctx context.Context, id gomail.AccountID, password string) error {
	if err := s.writePassword(ctx, id, password); err != nil {
		return err
	}
	return s.store.RemoveSessions(ctx, id)
}

func (s *Service) writePassword(ctx context.Context, id gomail.AccountID, password string) error {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, id, hash); err != nil {
		return err
	}
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return err
	}
	c, err := s.store.Credentials(ctx, id)
	if err != nil {
		return err
	}
	s.learnKeys(ctx, account, hash, password, c.SCRAM)
	return nil
}

// Remove removes an account with its mail.
func (s *Service) Remove(ctx context.Context, id gomail.AccountID) error {
	return s.store.RemoveAccount(ctx, id)
}
