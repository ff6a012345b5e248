package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gomail"
	"gomail/accounts"
)

// NewTOTP is what an authenticator app is set up with.
type NewTOTP struct {
	Secret string `json:"secret" doc:"to type where there is no camera"`
	URL    string `json:"url" doc:"otpauth:"`
	QR     string `json:"qr" doc:"the URL as a picture, in a data: URL"`
}

// Code is a code of an authenticator app.
type Code struct {
	Code string `json:"code"`
}

// Password is the present password, where a session alone is not enough.
type Password struct {
	Password string `json:"password"`
}

// RecoveryCodes are new recovery codes. They are shown this once.
type RecoveryCodes struct {
	Codes []string `json:"codes" doc:"empty: there are some already"`
}

// PasskeyOptions are what the browser makes a passkey from.
type PasskeyOptions struct {
	Options any `json:"options" doc:"for PublicKeyCredential.parseCreationOptionsFromJSON"`
}

// NewPasskey is a passkey that the browser has made.
type NewPasskey struct {
	Name       string          `json:"name"`
	Credential json.RawMessage `json:"credential" doc:"what PublicKeyCredential.toJSON gives"`
}

// PasswordChange is one by the account's owner.
type PasswordChange struct {
	Present  string `json:"present"`
	Password string `json:"password" doc:"8 characters at least"`
}

// registerOneself registers what only the owner of an account does.
func (a *API) registerOneself(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "change-password", http.MethodPost, "/me/password", "Change your password; your other sessions end"),
		func(ctx context.Context, in *struct{ Body PasswordChange }) (*struct{}, error) {
			return nil, a.asOneself(ctx, func(me gomail.Account, p Principal) error {
				return a.config.Accounts.ChangePassword(ctx, me, in.Body.Present, in.Body.Password, p.Session, p.Remote)
			})
		})
	huma.Register(h, scoped(ofAnyone, "begin-totp", http.MethodPost, "/me/totp", "Begin to set up an authenticator app"),
		func(ctx context.Context, _ *struct{}) (*one[NewTOTP], error) {
			var made accounts.NewTOTP
			err := a.asOneself(ctx, func(me gomail.Account, _ Principal) (err error) {
				made, err = a.config.Accounts.BeginTOTP(ctx, me)
				return err
			})
			if err != nil {
				return nil, err
			}
			return &one[NewTOTP]{NewTOTP(made)}, nil
		})
	huma.Register(h, scoped(ofAnyone, "confirm-totp", http.MethodPost, "/me/totp/confirm", "Turn the second factor on with a first code"),
		func(ctx context.Context, in *struct{ Body Code }) (*one[RecoveryCodes], error) {
			return a.withCodes(ctx, func(me gomail.Account, _ Principal) ([]string, error) {
				return a.config.Accounts.ConfirmTOTP(ctx, me, in.Body.Code)
			})
		})
	huma.Register(h, scoped(ofAnyone, "remove-totp", http.MethodPost, "/me/totp/remove", "Remove the authenticator app"),
		func(ctx context.Context, in *struct{ Body Password }) (*struct{}, error) {
			return nil, a.confirmed(ctx, in.Body, func(me gomail.Account) error { return a.config.Accounts.RemoveTOTP(ctx, me.ID) })
		})
	huma.Register(h, scoped(ofAnyone, "make-recovery-codes", http.MethodPost, "/me/recovery-codes", "Replace the recovery codes"),
		func(ctx context.Context, in *struct{ Body Password }) (*one[RecoveryCodes], error) {
			return a.withCodes(ctx, func(me gomail.Account, p Principal) ([]string, error) {
				if err := a.config.Accounts.Confirm(ctx, me, in.Body.Password, p.Remote); err != nil {
					return nil, err
				}
				return a.config.Accounts.NewRecoveryCodes(ctx, me.ID)
			})
		})
	a.registerPasskeys(h)
}

func (a *API) registerPasskeys(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "begin-passkey", http.MethodPost, "/me/passkeys/begin", "Begin to make a passkey"),
		func(ctx context.Context, _ *struct{}) (*one[PasskeyOptions], error) {
			var options any
			err := a.asOneself(ctx, func(me gomail.Account, p Principal) (err error) {
				options, err = a.config.Accounts.BeginPasskey(ctx, me, p.Host)
				return err
			})
			if err != nil {
				return nil, err
			}
			return &one[PasskeyOptions]{PasskeyOptions{options}}, nil
		})
	huma.Register(h, scoped(ofAnyone, "add-passkey", http.MethodPost, "/me/passkeys", "Keep a passkey that the browser has made"),
		func(ctx context.Context, in *struct{ Body NewPasskey }) (*one[RecoveryCodes], error) {
			return a.withCodes(ctx, func(me gomail.Account, p Principal) ([]string, error) {
				return a.config.Accounts.AddPasskey(ctx, me, p.Host, in.Body.Name, in.Body.Credential)
			})
		})
	huma.Register(h, scoped(ofAnyone, "remove-passkey", http.MethodPost, "/me/passkeys/{id}/remove", "Remove a passkey"),
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body Password
		}) (*struct{}, error) {
			return nil, a.confirmed(ctx, in.Body, func(me gomail.Account) error { return a.config.Accounts.RemovePasskey(ctx, me.ID, in.ID) })
		})
}

// asOneself does something for whoever is signed in. Over the socket nobody is.
func (a *API) asOneself(ctx context.Context, do func(gomail.Account, Principal) error) error {
	p := principal(ctx)
	if p.Account == 0 {
		return problem(gomail.Errorf(gomail.Invalid, "this is for somebody who is signed in on the web"))
	}
	me, err := a.config.Accounts.Get(ctx, p.Account)
	if err == nil {
		err = do(me, p)
	}
	return problem(err)
}

// confirmed does something once the password was given again.
func (a *API) confirmed(ctx context.Context, given Password, do func(gomail.Account) error) error {
	return a.asOneself(ctx, func(me gomail.Account, p Principal) error {
		if err := a.config.Accounts.Confirm(ctx, me, given.Password, p.Remote); err != nil {
			return err
		}
		return do(me)
	})
}

// withCodes does something that may make recovery codes.
func (a *API) withCodes(ctx context.Context, do func(gomail.Account, Principal) ([]string, error)) (*one[RecoveryCodes], error) {
	var codes []string
	err := a.asOneself(ctx, func(me gomail.Account, p Principal) (err error) {
		codes, err = do(me, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &one[RecoveryCodes]{RecoveryCodes{append([]string{}, codes...)}}, nil
}
