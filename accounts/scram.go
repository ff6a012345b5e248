package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"

	"github.com/xdg-go/scram"

	"gomail"
)

// scramIterations is the cost of SCRAM's keys, which the client pays at each
// sign-in and the server once per password. RFC 7677 section 4 wants 4096 at
// least. Unknown names are told the same number, so a change of it would tell
// old accounts from names that do not exist.
const scramIterations = 10_000

// keySize is StoredKey and ServerKey, one after the other.
const scramKeys = 2 * sha256.Size

// OffersSCRAM reports whether SCRAM can be offered: its keys are kept sealed.
func (s *Service) OffersSCRAM() bool { return s.sealer != nil }

// saltOf returns the salt of a name. It is made from the name and a secret of
// the server, so that names which do not exist have a stable one too, and an
// account keeps the one that its name had before.
func (s *Service) saltOf(name string) []byte {
	mac := hmac.New(sha256.New, s.saltSecret)
	mac.Write([]byte("salt of SCRAM\x00" + strings.ToLower(name)))
	return mac.Sum(nil)[:16]
}

// shared returns what all passwords of an account share for SCRAM.
func (s *Service) shared(account gomail.Account, x SCRAM) SCRAM {
	if len(x.Salt) == 0 {
		x = SCRAM{Salt: s.saltOf(account.Address.String()), Iterations: scramIterations}
	}
	return x
}

// sealKeys returns the sealed SCRAM keys of a password. A password that
// SASLprep (RFC 4013) does not take has none: it works without SCRAM.
func (s *Service) sealKeys(password string, x SCRAM, place string) ([]byte, error) {
	if s.sealer == nil {
		return []byte{}, nil
	}
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		return []byte{}, nil
	}
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(x.Salt), Iters: x.Iterations})
	if err != nil {
		return nil, fmt.Errorf("make the keys of SCRAM: %w", err)
	}
	return s.sealer.Seal(append(append([]byte{}, keys.StoredKey...), keys.ServerKey...), place), nil
}

func mainPlace(account gomail.AccountID) string { return fmt.Sprintf("scram/%d/keys", account) }

func appPlace(account gomail.AccountID, id string) string {
	return fmt.Sprintf("app_password/%d/%s/keys", account, id)
}

// learnKeys gives an account's main password its SCRAM keys. An account whose
// password was set before there were any gets them when it signs in with it.
// That they cannot be written keeps nobody out.
func (s *Service) learnKeys(ctx context.Context, account gomail.Account, hash, password string, x SCRAM) {
	if s.sealer == nil || len(x.Keys) > 0 {
		return
	}
	x = s.shared(account, x)
	keys, err := s.sealKeys(password, x, mainPlace(account.ID))
	if err == nil && len(keys) > 0 {
		x.Keys = keys
		err = s.store.SetSCRAM(ctx, account.ID, hash, x)
	}
	if err != nil && gomail.KindOf(err) != gomail.NotFound {
		s.log.Warn("the keys of SCRAM were not written", slog.String("account", account.Address.String()), slog.Any("error", err))
	}
}

// candidate is a password that a proof may be of.
type candidate struct {
	keys []byte
	app  *AppPassword // nil: the main one
}

// fewestCandidates is how many a proof is tried against at least, so that an
// account with some takes no longer than a name without any.
const fewestCandidates = 8

// candidates returns the passwords that open an account over a protocol.
func (s *Service) candidates(account gomail.Account, c Credentials, protocol string) (all []candidate) {
	add := func(sealed []byte, place string, app *AppPassword) {
		if len(sealed) == 0 {
			return
		}
		keys, err := s.sealer.Open(sealed, place)
		if err != nil || len(keys) != scramKeys {
			s.log.Error("the keys of SCRAM cannot be read", slog.String("account", account.Address.String()), slog.Any("error", err))
			return
		}
		all = append(all, candidate{keys, app})
	}
	if !c.SecondFactor() {
		add(c.SCRAM.Keys, mainPlace(account.ID), nil)
	}
	for i, app := range c.Apps {
		if app.opens(protocol, s.clock()) {
			add(app.Keys, appPlace(account.ID, app.ID), &c.Apps[i])
		}
	}
	for len(all) < fewestCandidates {
		all = append(all, candidate{keys: nobodysKeys()})
	}
	return all
}

// nobodysKeys are keys that no password has.
func nobodysKeys() []byte {
	keys := make([]byte, scramKeys)
	rand.Read(keys)
	return keys
}
