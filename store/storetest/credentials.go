package storetest

import (
	"time"

	"gomail"
	"gomail/accounts"
)

// testCredentials keeps the ways to sign in beside the password.
func testCredentials(f *fixture) {
	id, _ := f.account("anna")
	other, _ := f.account("bert")
	x := accounts.SCRAM{Salt: []byte("salt"), Iterations: 4096, Keys: []byte("keys")}
	f.kind(f.store.SetSCRAM(f.ctx, id, "not the hash", x), gomail.NotFound)
	f.ok(f.store.SetSCRAM(f.ctx, id, "hash", x))
	at := time.Unix(100, 0).UTC()
	app := accounts.AppPassword{ID: "a", Name: "reader", SHA256: []byte{1}, Keys: []byte{2}, Protocols: []string{"imap", "smtp"}, Created: at}
	f.ok(f.store.AddAppPassword(f.ctx, id, accounts.SCRAM{Salt: []byte("another")}, app, 2))
	app.ID, app.Expires = "b", at.Add(time.Hour)
	f.ok(f.store.AddAppPassword(f.ctx, id, x, app, 2))
	app.ID = "c"
	f.kind(f.store.AddAppPassword(f.ctx, id, x, app, 2), gomail.TooMany)
	f.kind(f.store.AddAppPassword(f.ctx, 0, x, app, 2), gomail.NotFound)
	f.ok(f.store.AppPasswordUsed(f.ctx, id, "b", at, "192.0.2.1", "imap"))
	c, err := f.store.Credentials(f.ctx, id)
	f.ok(err)
	if string(c.SCRAM.Salt) != "salt" || string(c.SCRAM.Keys) != "keys" || len(c.Apps) != 2 || !c.Apps[0].Expires.IsZero() || !c.Apps[0].Used.IsZero() ||
		!c.Apps[1].Expires.Equal(app.Expires) || !c.Apps[1].Used.Equal(at) || c.Apps[1].UsedFrom != "192.0.2.1" || len(c.Apps[1].Protocols) != 2 {
		f.Errorf("kept is %+v", c)
	}
	f.ok(f.store.SetPassword(f.ctx, id, "another hash"))
	c, err = f.store.Credentials(f.ctx, id)
	f.ok(err)
	if len(c.SCRAM.Keys) != 0 || string(c.SCRAM.Salt) != "salt" {
		f.Errorf("after another password: %+v", c.SCRAM)
	}
	f.ok(f.store.RemoveAppPassword(f.ctx, id, "a"))
	f.kind(f.store.RemoveAppPassword(f.ctx, id, "a"), gomail.NotFound)

	f.testFactors(id, at)
	if c, err := f.store.Credentials(f.ctx, other); err != nil || len(c.Apps) > 0 || c.SecondFactor() || c.Recovery > 0 {
		f.Errorf("another account has %+v, %v", c, err)
	}
	f.ok(f.store.RemoveAccount(f.ctx, id))
	if c, err := f.store.Credentials(f.ctx, id); err != nil || len(c.Apps) > 0 || len(c.SCRAM.Salt) > 0 {
		f.Errorf("a removed account has %+v, %v", c, err)
	}
}

// testFactors keeps second factors: a code of each step once, each recovery
// code once, and no recovery codes for nothing.
func (f *fixture) testFactors(id gomail.AccountID, at time.Time) {
	f.ok(f.store.SetTOTP(f.ctx, id, accounts.TOTP{Secret: []byte("first")}))
	f.ok(f.store.SetTOTP(f.ctx, id, accounts.TOTP{Secret: []byte("second")}))
	f.ok(f.store.UseTOTP(f.ctx, id, 7))
	f.kind(f.store.UseTOTP(f.ctx, id, 7), gomail.NotFound)
	f.kind(f.store.UseTOTP(f.ctx, id, 6), gomail.NotFound)
	f.kind(f.store.SetTOTP(f.ctx, id, accounts.TOTP{Secret: []byte("third")}), gomail.Exists)
	key := accounts.Passkey{ID: "k", Name: "laptop", Credential: []byte("{}"), Created: at}
	f.ok(f.store.AddPasskey(f.ctx, id, key, 2))
	f.kind(f.store.AddPasskey(f.ctx, id, key, 2), gomail.Exists)
	f.ok(f.store.PasskeyUsed(f.ctx, id, accounts.Passkey{ID: "k", Credential: []byte("{1}"), Used: at, UsedFrom: "192.0.2.1"}))
	f.kind(f.store.PasskeyUsed(f.ctx, id, accounts.Passkey{ID: "l"}), gomail.NotFound)
	f.ok(f.store.SetRecoveryCodes(f.ctx, id, [][]byte{{1}, {2}}))
	f.ok(f.store.UseRecoveryCode(f.ctx, id, []byte{1}))
	f.kind(f.store.UseRecoveryCode(f.ctx, id, []byte{1}), gomail.NotFound)
	c, err := f.store.Credentials(f.ctx, id)
	f.ok(err)
	if string(c.TOTP.Secret) != "second" || !c.TOTP.Confirmed || c.TOTP.Step != 7 || c.Recovery != 1 ||
		len(c.Passkeys) != 1 || c.Passkeys[0].Name != "laptop" || string(c.Passkeys[0].Credential) != "{1}" || !c.Passkeys[0].Used.Equal(at) {
		f.Errorf("kept is %+v", c)
	}
	f.ok(f.store.RemoveTOTP(f.ctx, id))
	f.kind(f.store.RemoveTOTP(f.ctx, id), gomail.NotFound)
	if c, err = f.store.Credentials(f.ctx, id); err != nil || c.Recovery != 1 {
		f.Errorf("beside a passkey are left %d codes, %v", c.Recovery, err)
	}
	f.ok(f.store.RemovePasskey(f.ctx, id, "k"))
	if c, err = f.store.Credentials(f.ctx, id); err != nil || c.Recovery != 0 || c.SecondFactor() {
		f.Errorf("beside nothing is left %+v, %v", c, err)
	}
}
