package accounts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"gomail"
)

// SecondStep finishes a sign-in with a code of an authenticator app (RFC 6238)
// or a recovery code. token is the one of the first step.
func (s *Service) SecondStep(ctx context.Context, token, audience, code string, try Attempt) (Entry, error) {
	try.Protocol = webProtocol
	account, err := s.Awaiting(ctx, token, audience)
	if err != nil {
		return Entry{}, err
	}
	name := account.Address.String()
	if err := s.guard.checkSecond(name); err != nil {
		s.logAttempt(try, account, "throttled")
		return Entry{}, err
	}
	right, err := s.useCode(ctx, account.ID, code)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		s.guard.failedSecond(name)
		s.logAttempt(try, account, "wrong second factor")
		return Entry{}, gomail.Errorf(gomail.Unauthenticated, "the code is wrong, or was used before")
	}
	if err := s.admit(ctx, try, account, nil); err != nil {
		return Entry{}, err
	}
	if err := s.SignOut(ctx, token); err != nil {
		return Entry{}, err
	}
	return s.openSession(ctx, try, account, audience, SessionLife)
}

// Awaiting returns the account whose second factor is still to come.
func (s *Service) Awaiting(ctx context.Context, token, audience string) (gomail.Account, error) {
	account, err := s.SignedIn(ctx, token, audience+awaiting)
	if gomail.KindOf(err) == gomail.Unauthenticated {
		err = gomail.Errorf(gomail.Unauthenticated, "it took too long: begin again with the password")
	}
	return account, err
}

// useCode reports whether a code is right and uses it up.
func (s *Service) useCode(ctx context.Context, id gomail.AccountID, code string) (bool, error) {
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
	var err error
	if len(code) == totpDigits {
		err = s.useTOTP(ctx, id, code, true)
	} else {
		sum := sha256.Sum256([]byte(code))
		err = s.store.UseRecoveryCode(ctx, id, sum[:])
	}
	if kind := gomail.KindOf(err); kind == gomail.NotFound || kind == gomail.Forbidden {
		return false, nil
	}
	return err == nil, err
}

// What authenticator apps all know.
const (
	totpDigits = 6
	totpPeriod = 30 // seconds
)

func totpPlace(id gomail.AccountID) string { return fmt.Sprintf("totp/%d/secret", id) }

// useTOTP checks a code against the time, one step to either side (RFC 6238
// section 5.2), and uses its step up. confirmed: the TOTP must be so already.
// Forbidden when the code is wrong, NotFound when it was used before.
func (s *Service) useTOTP(ctx context.Context, id gomail.AccountID, code string, confirmed bool) error {
	c, err := s.store.Credentials(ctx, id)
	if err != nil {
		return err
	}
	if len(c.TOTP.Secret) == 0 || c.TOTP.Confirmed != confirmed || s.sealer == nil {
		return gomail.Errorf(gomail.Forbidden, "no authenticator app waits for a code")
	}
	secret, err := s.sealer.Open(c.TOTP.Secret, totpPlace(id))
	if err != nil {
		return err
	}
	now := s.clock().Unix() / totpPeriod
	for _, step := range []int64{now, now - 1, now + 1} {
		want, err := hotp.GenerateCode(string(secret), uint64(step))
		if err != nil {
			return gomail.Errorf(gomail.Corrupt, "the secret of the authenticator app is damaged: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return s.store.UseTOTP(ctx, id, step)
		}
	}
	return gomail.Errorf(gomail.Forbidden, "the code is wrong: is the telephone's clock right?")
}

// NewTOTP is what an authenticator app is set up with.
type NewTOTP struct {
	Secret string // base32
	URL    string // otpauth:
	QR     string // the URL as a picture, in a data: URL
}

// BeginTOTP makes a secret for an authenticator app. It guards nothing until
// ConfirmTOTP has seen a code of it.
func (s *Service) BeginTOTP(ctx context.Context, account gomail.Account) (NewTOTP, error) {
	if s.sealer == nil {
		return NewTOTP{}, gomail.Errorf(gomail.Unavailable, "the server has no key to keep the secret with")
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: s.site, AccountName: account.Address.String()})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("make a secret: %w", err)
	}
	picture, err := key.Image(240, 240)
	var text bytes.Buffer
	if err := errors.Join(err, png.Encode(&text, picture)); err != nil {
		return NewTOTP{}, fmt.Errorf("draw the QR code: %w", err)
	}
	sealed := s.sealer.Seal([]byte(key.Secret()), totpPlace(account.ID))
	return NewTOTP{key.Secret(), key.URL(), "data:image/png;base64," + base64.StdEncoding.EncodeToString(text.Bytes())},
		s.store.SetTOTP(ctx, account.ID, TOTP{Secret: sealed})
}

// ConfirmTOTP turns the second factor on, and returns recovery codes if the
// account had none.
func (s *Service) ConfirmTOTP(ctx context.Context, account gomail.Account, code string) ([]string, error) {
	name := account.Address.String()
	if err := s.guard.checkSecond(name); err != nil {
		return nil, err
	}
	err := s.useTOTP(ctx, account.ID, strings.ReplaceAll(code, " ", ""), false)
	if gomail.KindOf(err) == gomail.Forbidden {
		s.guard.failedSecond(name)
	}
	if err != nil {
		return nil, err
	}
	return s.firstCodes(ctx, account.ID)
}

// RemoveTOTP removes the authenticator app.
func (s *Service) RemoveTOTP(ctx context.Context, id gomail.AccountID) error {
	return s.store.RemoveTOTP(ctx, id)
}

// RemoveSecondFactors removes what an account's owner has lost.
func (s *Service) RemoveSecondFactors(ctx context.Context, id gomail.AccountID) error {
	return s.store.RemoveSecondFactors(ctx, id)
}

// recoveryCodes is how many there are at a time.
const recoveryCodes = 10

// firstCodes makes recovery codes unless there are some.
func (s *Service) firstCodes(ctx context.Context, id gomail.AccountID) ([]string, error) {
	c, err := s.store.Credentials(ctx, id)
	if err != nil || c.Recovery > 0 {
		return nil, err
	}
	return s.NewRecoveryCodes(ctx, id)
}

// NewRecoveryCodes replaces an account's recovery codes, of 80 random bits
// each. They are returned this once.
func (s *Service) NewRecoveryCodes(ctx context.Context, id gomail.AccountID) ([]string, error) {
	c, err := s.store.Credentials(ctx, id)
	if err == nil && !c.SecondFactor() {
		err = gomail.Errorf(gomail.Invalid, "recovery codes stand in for a second factor, and the account has none")
	}
	if err != nil {
		return nil, err
	}
	var shown []string
	var sums [][]byte
	for range recoveryCodes {
		code := randomSecret(10)
		sum := sha256.Sum256([]byte(code))
		shown, sums = append(shown, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:]), append(sums, sum[:])
	}
	return shown, s.store.SetRecoveryCodes(ctx, id, sums)
}

// expired reports whether a time has passed.
func expired(t, now time.Time) bool { return !now.Before(t) }
