package accounts_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/xdg-go/scram"

	"gomail"
	"gomail/accounts"
	"gomail/internal/seal"
	"gomail/store"
)

// newSealedFixture is newFixture with a secret key, on a store that it
// returns.
func newSealedFixture(t *testing.T) (fixture, *store.Store) {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	return sealedOver(t, st), st
}

func sealedOver(t *testing.T, st *store.Store) fixture {
	sealer, err := seal.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return fixture{t, accounts.New(accounts.Config{Store: st, Cost: cheap, Sealer: sealer, SaltSecret: []byte("salts"), Site: "mail.example.com"})}
}

var exporter = accounts.Binding{Type: scram.ChannelBindingTLSExporter, Data: []byte("this connection")}

// dialogue is a client that signs in by SCRAM, and what may come between.
type dialogue struct {
	name, password, protocol, from string
	binding                        accounts.Binding // of the client
	sees                           bool             // the client sees that PLUS is offered
	plus                           bool
	offered                        []accounts.Binding
	tamper                         func(step int, message string) string
}

// play returns the account that was signed in to.
func (f fixture) play(d dialogue) (gomail.Account, error) {
	f.Helper()
	client, err := scram.SHA256.NewClient(d.name, d.password, "")
	if err != nil {
		f.Fatal(err)
	}
	c := client.NewConversation()
	switch {
	case d.plus:
		c = client.NewConversationWithChannelBinding(d.binding)
	case d.sees:
		c = client.NewConversationAdvertisingChannelBinding()
	}
	if d.from == "" {
		d.from = "192.0.2.1"
	}
	if d.protocol == "" {
		d.protocol = "imap"
	}
	e := f.Begin(d.plus, d.offered, netip.MustParseAddr(d.from), d.protocol)
	answer := ""
	for step := 1; ; step++ {
		message := ""
		if step < 3 {
			if message, err = c.Step(answer); err != nil {
				f.Fatalf("the client gives up: %v", err)
			}
		} else if _, err := c.Step(answer); err != nil || !c.Valid() {
			f.Errorf("the server did not prove itself: %v", err)
		}
		if d.tamper != nil {
			message = d.tamper(step, message)
		}
		next, done, err := e.Step(f.Context(), message)
		if err != nil || done {
			return e.Account(), err
		}
		answer = next
	}
}

func TestSCRAM(t *testing.T) {
	f, _ := newSealedFixture(t)
	anna := f.add("anna", "a good pässword", "")
	right := dialogue{name: "anna@example.com", password: "a good pässword", offered: []accounts.Binding{exporter}}
	with := func(change func(*dialogue)) dialogue {
		d := right
		change(&d)
		return d
	}
	for name, d := range map[string]dialogue{
		"without binding":          right,
		"over an offer of nothing": with(func(d *dialogue) { d.offered, d.sees = nil, true }),
		"PLUS":                     with(func(d *dialogue) { d.plus, d.binding = true, exporter }),
		"as it is typed":           with(func(d *dialogue) { d.name = "Anna@EXAMPLE.com" }),
	} {
		if a, err := f.play(d); err != nil || a.ID != anna.ID {
			t.Errorf("%s: signed in as %+v, %v", name, a, err)
		}
	}
	for name, d := range map[string]dialogue{
		"a wrong password": with(func(d *dialogue) { d.password = "another" }),
		"an unknown name":  with(func(d *dialogue) { d.name = "nobody@example.com" }),
		"no address":       with(func(d *dialogue) { d.name = "nobody" }),
		"another channel": with(func(d *dialogue) {
			d.plus, d.binding = true, accounts.Binding{Type: exporter.Type, Data: []byte("another connection")}
		}),
		"a client that was not told of PLUS": with(func(d *dialogue) { d.sees = true }),
		"another nonce": with(func(d *dialogue) {
			d.tamper = func(step int, m string) string {
				if step == 2 {
					return strings.Replace(m, ",r=", ",r=x", 1)
				}
				return m
			}
		}),
		"another proof": with(func(d *dialogue) {
			d.tamper = func(step int, m string) string {
				if i := strings.Index(m, ",p="); i > 0 && step == 2 {
					return m[:i+3] + base64.StdEncoding.EncodeToString(make([]byte, 32))
				}
				return m
			}
		}),
	} {
		_, err := f.play(d)
		f.kind(err, gomail.Unauthenticated, name)
	}
	for name, d := range map[string]dialogue{
		"a kind of binding that is not offered": with(func(d *dialogue) {
			d.plus, d.binding = true, accounts.Binding{Type: scram.ChannelBindingTLSServerEndpoint, Data: []byte("x")}
		}),
		"PLUS without a binding": with(func(d *dialogue) {
			d.plus, d.binding = true, exporter
			d.tamper = func(step int, m string) string { return strings.Replace(m, "p=tls-exporter", "n", 1) }
		}),
		"more than SCRAM is": with(func(d *dialogue) {
			d.tamper = func(_ int, m string) string { return m + strings.Repeat(",x=y", 2000) }
		}),
		"something else": with(func(d *dialogue) { d.tamper = func(int, string) string { return "\x00anna\x00pw" } }),
		"words after the end": with(func(d *dialogue) {
			d.tamper = func(step int, m string) string { return m + strings.Repeat("x", step/3) }
		}),
	} {
		_, err := f.play(d)
		f.kind(err, gomail.Invalid, name)
	}
}

// What a name is told does not depend on whether there is an account, on how
// it signs in, and stays the same; an alias looks like a name of its own.
func TestSCRAMTellsNothing(t *testing.T) {
	f, st := newSealedFixture(t)
	told := func(name string) string {
		answer, _, err := f.Begin(false, nil, netip.MustParseAddr("192.0.2.1"), "imap").Step(t.Context(), "n,,n="+name+",r=fixed")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(answer, ",")
		return rest
	}
	before := told("anna@example.com")
	anna := f.add("anna", "a good password", "")
	if after := told("ANNA@example.com"); after != before {
		t.Errorf("before there was an account %q, now %q", before, after)
	}
	if _, _, err := f.AddAppPassword(t.Context(), anna.ID, accounts.NewAppPassword{Name: "telephone"}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetPassword(t.Context(), anna.ID, "another password"); err != nil {
		t.Fatal(err)
	}
	if after := told("anna@example.com"); after != before {
		t.Errorf("a new password changed it to %q", after)
	}
	if err := st.AddAlias(t.Context(), gomail.Address{Local: "sales", Domain: "example.com"}, anna.ID); err != nil {
		t.Fatal(err)
	}
	if told("sales@example.com") == before {
		t.Error("an alias has the salt of its account")
	}
}

// The keys of a password end with it, and an account whose password was set
// before there were keys gets them by signing in with it.
func TestSCRAMKeysFollowThePassword(t *testing.T) {
	f, st := newSealedFixture(t)
	anna := f.add("anna", "a good password", "")
	if err := f.SetPassword(t.Context(), anna.ID, "another password"); err != nil {
		t.Fatal(err)
	}
	_, err := f.play(dialogue{name: "anna@example.com", password: "a good password"})
	f.kind(err, gomail.Unauthenticated, "the old password")
	if _, err := f.play(dialogue{name: "anna@example.com", password: "another password"}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, hash, err := st.AccountByAddress(t.Context(), anna.Address)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.SetPassword(t.Context(), anna.ID, hash); err != nil { // as an old GoMail left it
		t.Fatal(err)
	}
	_, err = f.play(dialogue{name: "anna@example.com", password: "another password"})
	f.kind(err, gomail.Unauthenticated, "before the keys are there")
	if err := f.try("anna@example.com", "another password", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.play(dialogue{name: "anna@example.com", password: "another password"}); err != nil {
		t.Errorf("after a sign-in with the password: %v", err)
	}
}

// Guessing by SCRAM is slowed like any other, for names that do not exist too;
// who has just proved the password is not.
func TestSCRAMIsGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newSealedFixture(t)
		f.add("anna", "a good password", "")
		for _, name := range []string{"anna@example.com", "nobody@example.com"} {
			from := map[bool]string{true: "192.0.2.1", false: "198.51.100.1"}[name[0] == 'a']
			var err error
			for range 12 {
				_, err = f.play(dialogue{name: name, password: "guess", from: from})
			}
			f.kind(err, gomail.Throttled, name)
		}
		_, err := f.play(dialogue{name: "anna@example.com", password: "a good password"})
		f.kind(err, gomail.Throttled, "the right password from there")
		time.Sleep(time.Hour)
		if _, err := f.play(dialogue{name: "anna@example.com", password: "a good password"}); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

func TestAppPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, st := newSealedFixture(t)
		anna := f.add("anna", "a good password", "")
		make := func(n accounts.NewAppPassword) (string, string) {
			app, secret, err := f.AddAppPassword(t.Context(), anna.ID, n)
			if err != nil || len(secret) < 26 {
				t.Fatalf("%q, %v", secret, err)
			}
			return app.ID, secret
		}
		every, secret := make(accounts.NewAppPassword{Name: "everything"})
		_, reading := make(accounts.NewAppPassword{Name: "reader", Protocols: []string{"imap"}})
		_, brief := make(accounts.NewAppPassword{Name: "brief", Expires: time.Now().Add(time.Hour)})
		plain := func(password, protocol string) error {
			_, err := f.Authenticate(t.Context(), accounts.Attempt{Username: "anna@example.com", Password: password, Protocol: protocol, Remote: netip.MustParseAddr("192.0.2.7")})
			return err
		}
		bySCRAM := func(password, protocol string) error {
			_, err := f.play(dialogue{name: "anna@example.com", password: password, protocol: protocol, from: "192.0.2.7"})
			return err
		}
		for how, try := range map[string]func(password, protocol string) error{"PLAIN": plain, "SCRAM": bySCRAM} {
			for name, err := range map[string]error{
				"everything for IMAP": try(secret, "imap"), "everything for SMTP": try(secret, "submission"), "the reader for IMAP": try(reading, "imap"), "the brief one": try(brief, "imap"), "the reader for POP3": try(reading, "pop3"),
			} {
				if err != nil {
					t.Errorf("%s, %s: %v", how, name, err)
				}
			}
			f.kind(try(reading, "submission"), gomail.Unauthenticated, how+", the reader for SMTP")
		}
		f.kind(plain(secret, "web"), gomail.Unauthenticated, "an app password on the web")
		c, err := st.Credentials(t.Context(), anna.ID)
		if err != nil || len(c.Apps) != 3 || c.Apps[0].UsedFrom != "192.0.2.7" || c.Apps[0].Used.IsZero() {
			t.Errorf("of their use is known %+v, %v", c.Apps, err)
		}
		time.Sleep(time.Hour)
		f.kind(plain(brief, "imap"), gomail.Unauthenticated, "PLAIN, expired")
		f.kind(bySCRAM(brief, "imap"), gomail.Unauthenticated, "SCRAM, expired")
		if err := f.RemoveAppPassword(t.Context(), anna.ID, every); err != nil {
			t.Fatal(err)
		}
		f.kind(plain(secret, "imap"), gomail.Unauthenticated, "PLAIN, removed")
		f.kind(bySCRAM(secret, "imap"), gomail.Unauthenticated, "SCRAM, removed")
		f.kind(f.RemoveAppPassword(t.Context(), anna.ID, every), gomail.NotFound, "removing it again")
		for _, bad := range []accounts.NewAppPassword{{}, {Name: strings.Repeat("x", 101)}, {Name: "a\nb"}, {Name: "x", Protocols: []string{"gopher"}}, {Name: "x", Expires: time.Now()}} {
			_, _, err := f.AddAppPassword(t.Context(), anna.ID, bad)
			f.kind(err, gomail.Invalid, "an app password that makes no sense")
		}
		for {
			if _, _, err = f.AddAppPassword(t.Context(), anna.ID, accounts.NewAppPassword{Name: "one more"}); err != nil {
				break
			}
		}
		f.kind(err, gomail.TooMany, "more than there is room for")
	})
}

// With a second factor the main password opens the web alone, and only with a
// code; programs go on with app passwords.
func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newSealedFixture(t)
		root := f.add("root", "a good password", gomail.RoleAdmin)
		_, secret, err := f.AddAppPassword(t.Context(), root.ID, accounts.NewAppPassword{Name: "telephone"})
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.BeginTOTP(t.Context(), root)
		if err != nil || !strings.HasPrefix(n.URL, "otpauth://totp/mail.example.com:root@example.com?") || !strings.HasPrefix(n.QR, "data:image/png;base64,") {
			t.Fatalf("%+v, %v", n, err)
		}
		code := func() string {
			code, err := totp.GenerateCode(n.Secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		try := accounts.Attempt{Username: "root@example.com", Password: "a good password", Remote: netip.MustParseAddr("192.0.2.1"), Agent: "Browser/1"}
		signIn := func() accounts.Entry {
			t.Helper()
			entry, err := f.SignIn(t.Context(), try, "admin")
			if err != nil {
				t.Fatal(err)
			}
			return entry
		}
		if signIn().Second {
			t.Error("a secret without a first code is asked for already")
		}
		_, err = f.ConfirmTOTP(t.Context(), root, "000000")
		f.kind(err, gomail.Forbidden, "a wrong first code")
		codes, err := f.ConfirmTOTP(t.Context(), root, code())
		if err != nil || len(codes) != 10 {
			t.Fatalf("%v, %v", codes, err)
		}
		_, err = f.BeginTOTP(t.Context(), root)
		f.kind(err, gomail.Exists, "a second authenticator app")

		f.kind(f.try("root@example.com", "a good password", "192.0.2.1"), gomail.Unauthenticated, "the main password outside the web")
		_, err = f.play(dialogue{name: "root@example.com", password: "a good password"})
		f.kind(err, gomail.Unauthenticated, "the main password by SCRAM")
		if _, err := f.play(dialogue{name: "root@example.com", password: secret}); err != nil {
			t.Errorf("an app password: %v", err)
		}

		entry := signIn()
		if !entry.Second {
			t.Fatal("the password alone opens the web")
		}
		_, err = f.SignedIn(t.Context(), entry.Token, "admin")
		f.kind(err, gomail.Unauthenticated, "the token of the first step")
		_, err = f.SecondStep(t.Context(), entry.Token, "admin", code(), try)
		f.kind(err, gomail.Unauthenticated, "the code that confirmed it")
		time.Sleep(time.Minute)
		done, err := f.SecondStep(t.Context(), entry.Token, "admin", code(), try)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := f.SignedIn(t.Context(), done.Token, "admin"); err != nil || a.ID != root.ID {
			t.Errorf("%+v, %v", a, err)
		}
		_, err = f.SecondStep(t.Context(), entry.Token, "admin", codes[0], try)
		f.kind(err, gomail.Unauthenticated, "a first step that was used")
		if _, err := f.SecondStep(t.Context(), signIn().Token, "admin", strings.ToUpper(codes[0]), try); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		_, err = f.SecondStep(t.Context(), signIn().Token, "admin", codes[0], try)
		f.kind(err, gomail.Unauthenticated, "a recovery code again")
		late := signIn()
		time.Sleep(5 * time.Minute)
		_, err = f.SecondStep(t.Context(), late.Token, "admin", codes[1], try)
		f.kind(err, gomail.Unauthenticated, "a first step of long ago")
		for range 12 {
			_, err = f.SecondStep(t.Context(), signIn().Token, "admin", "000000", try)
		}
		f.kind(err, gomail.Throttled, "guessing codes from a known place")
		if err := f.RemoveSecondFactors(t.Context(), root.ID); err != nil {
			t.Fatal(err)
		}
		if signIn().Second {
			t.Error("the second factor is asked for after its removal")
		}
	})
}

// Sessions can be seen and ended, one or all others; changing the password
// ends the others too.
func TestSessionsOfOneself(t *testing.T) {
	f, _ := newSealedFixture(t)
	root := f.add("root", "a good password", gomail.RoleAdmin)
	tokens := []string{}
	for range 4 {
		entry, err := f.SignIn(t.Context(), accounts.Attempt{Username: "root@example.com", Password: "a good password", Remote: netip.MustParseAddr("192.0.2.1"), Agent: "Browser/1"}, "admin")
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, entry.Token)
	}
	alive := func() (n int) {
		for _, token := range tokens {
			if _, err := f.SignedIn(t.Context(), token, "admin"); err == nil {
				n++
			}
		}
		return n
	}
	all, err := f.Sessions(t.Context(), root.ID)
	if err != nil || len(all) != 4 || all[0].Agent != "Browser/1" || all[0].Remote != "192.0.2.1" {
		t.Errorf("%+v, %v", all, err)
	}
	mine := accounts.SessionID(tokens[0])
	if err := f.EndSession(t.Context(), root.ID, accounts.SessionID(tokens[1])); err != nil || alive() != 3 {
		t.Errorf("one was ended: %v, %d are left", err, alive())
	}
	f.kind(f.EndSession(t.Context(), root.ID, accounts.SessionID(tokens[1])), gomail.NotFound, "ending it again")
	f.kind(f.ChangePassword(t.Context(), root, "wrong", "another password", mine, netip.MustParseAddr("192.0.2.1")), gomail.Forbidden, "a change without the present password")
	if err := f.ChangePassword(t.Context(), root, "a good password", "another password", mine, netip.MustParseAddr("192.0.2.1")); err != nil || alive() != 1 {
		t.Errorf("the password was changed: %v, %d sessions are left", err, alive())
	}
	if _, err := f.SignedIn(t.Context(), tokens[0], "admin"); err != nil {
		t.Errorf("the session itself: %v", err)
	}
}
