package accounts

import (
	"context"
	"time"

	"gomail"
)

// Credentials are the ways to sign in to an account beside its password.
type Credentials struct {
	SCRAM    SCRAM
	Apps     []AppPassword
	TOTP     TOTP
	Passkeys []Passkey
	Recovery int // codes left
}

// SecondFactor reports whether the password alone does not open the account.
func (c Credentials) SecondFactor() bool { return c.TOTP.Confirmed || len(c.Passkeys) > 0 }

// SCRAM is what an account's passwords share for SCRAM (RFC 5802 section 3),
// and the keys of the main one.
type SCRAM struct {
	Salt       []byte
	Iterations int
	Keys       []byte // sealed; empty: the password was set before there were any
}

// AppPassword is a password of an account for programs.
type AppPassword struct {
	ID        string
	Name      string
	SHA256    []byte   // of the password: its 128 random bits need no slow hash
	Keys      []byte   // of SCRAM, sealed
	Protocols []string // that it opens; empty: all that programs speak
	Created   time.Time
	Expires   time.Time // zero: never
	Used      time.Time // zero: never; to some minutes
	UsedFrom  string
	UsedBy    string // protocol
}

// TOTP is a shared secret for codes that change with the time (RFC 6238).
type TOTP struct {
	Secret    []byte // sealed; empty: none
	Confirmed bool   // by a first code
	Step      int64  // of the last code that was used
}

// Passkey is a WebAuthn credential.
type Passkey struct {
	ID         string // of the credential, base64url
	Name       string
	Credential []byte // public key and counters, JSON
	Created    time.Time
	Used       time.Time // zero: never
	UsedFrom   string
}

// CredentialStore keeps the ways to sign in. Each method is one transaction.
type CredentialStore interface {
	Credentials(ctx context.Context, account gomail.AccountID) (Credentials, error)

	// SetSCRAM writes the keys of the password whose hash is given. NotFound
	// when it is another by now.
	SetSCRAM(ctx context.Context, account gomail.AccountID, hash string, scram SCRAM) error

	// AddAppPassword adds one; TooMany when the account has limit of them.
	AddAppPassword(ctx context.Context, account gomail.AccountID, scram SCRAM, app AppPassword, limit int) error
	RemoveAppPassword(ctx context.Context, account gomail.AccountID, id string) error
	AppPasswordUsed(ctx context.Context, account gomail.AccountID, id string, at time.Time, from, protocol string) error

	// SetTOTP begins a TOTP, in the place of one that was not confirmed.
	// Exists when there is a confirmed one.
	SetTOTP(ctx context.Context, account gomail.AccountID, totp TOTP) error

	// UseTOTP notes that the code of a step was used and confirms the TOTP.
	// NotFound when one of that step or of a later one was used before.
	UseTOTP(ctx context.Context, account gomail.AccountID, step int64) error
	RemoveTOTP(ctx context.Context, account gomail.AccountID) error

	// SetRecoveryCodes replaces the codes; UseRecoveryCode removes one,
	// NotFound when it is none.
	SetRecoveryCodes(ctx context.Context, account gomail.AccountID, sha256 [][]byte) error
	UseRecoveryCode(ctx context.Context, account gomail.AccountID, sha256 []byte) error

	// AddPasskey adds one; Exists when it is there already, TooMany when the
	// account has limit of them.
	AddPasskey(ctx context.Context, account gomail.AccountID, passkey Passkey, limit int) error
	PasskeyUsed(ctx context.Context, account gomail.AccountID, passkey Passkey) error
	RemovePasskey(ctx context.Context, account gomail.AccountID, id string) error

	// RemoveSecondFactors removes TOTP, passkeys and recovery codes.
	RemoveSecondFactors(ctx context.Context, account gomail.AccountID) error

	// SessionsOf returns an account's sessions, the newest first.
	SessionsOf(ctx context.Context, account gomail.AccountID) ([]Session, error)
}
