package accounts_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/accounts"
	"gomail/store"
)

// cheap makes the tests quick; what it guards is tested all the same.
var cheap = accounts.Cost{MemoryKiB: 64, Passes: 1}

type fixture struct {
	*testing.T
	*accounts.Service
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if _, err := st.AddDomain(t.Context(), gomail.Domain{Name: "example.com"}, nil); err != nil {
		t.Fatal(err)
	}
	return fixture{t, accounts.New(accounts.Config{Store: st, Cost: cheap})}
}

func (f fixture) add(local, password string, role gomail.Role) gomail.Account {
	f.Helper()
	a, err := f.Add(context.Background(), accounts.NewAccount{Address: gomail.Address{Local: local, Domain: "example.com"}, Password: password, Role: role})
	if err != nil {
		f.Fatal(err)
	}
	return a
}

func (f fixture) try(name, password, from string) error {
	_, err := f.Authenticate(context.Background(), accounts.Attempt{Username: name, Password: password, Remote: netip.MustParseAddr(from), Protocol: "test"})
	return err
}

func (f fixture) kind(err error, want gomail.Kind, when string) {
	f.Helper()
	if err == nil || gomail.KindOf(err) != want {
		f.Errorf("%s: got %v (%v), want %v", when, err, gomail.KindOf(err), want)
	}
}

func TestSignIn(t *testing.T) {
	f := newFixture(t)
	a := f.add("anna", "a good password", "")
	if err := f.try("Anna@EXAMPLE.com", "a good password", "192.0.2.1"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	f.kind(f.try("anna@example.com", "a bad password", "192.0.2.1"), gomail.Unauthenticated, "a wrong password")
	f.kind(f.try("nobody@example.com", "a good password", "192.0.2.1"), gomail.Unauthenticated, "an unknown name")
	f.kind(f.try("no address", "a good password", "192.0.2.1"), gomail.Unauthenticated, "a name that is no address")
	f.kind(f.try("anna@example.com", strings.Repeat("x", 1<<20), "192.0.2.1"), gomail.Unauthenticated, "a huge password")
	if err := f.SetPassword(t.Context(), a.ID, "another password"); err != nil {
		t.Fatal(err)
	}
	f.kind(f.try("anna@example.com", "a good password", "192.0.2.1"), gomail.Unauthenticated, "the old password, which was remembered as right")
	a.Disabled = true
	if err := f.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	f.kind(f.try("anna@example.com", "another password", "192.0.2.1"), gomail.Disabled, "a disabled account")
	f.kind(f.try("anna@example.com", "wrong", "192.0.2.1"), gomail.Unauthenticated, "a wrong password of a disabled account")
}

func TestAddRefuses(t *testing.T) {
	f := newFixture(t)
	for _, n := range []accounts.NewAccount{
		{Address: gomail.Address{Local: "a", Domain: "example.com"}, Password: "short"},
		{Address: gomail.Address{Local: "a", Domain: "example.com"}, Password: strings.Repeat("x", 2000)},
		{Address: gomail.Address{Local: "a+b", Domain: "example.com"}, Password: "long enough"},
		{Address: gomail.Address{Local: "a%b", Domain: "example.com"}, Password: "long enough"},
		{Address: gomail.Address{Local: "a b", Domain: "example.com"}, Password: "long enough"},
		{Address: gomail.Address{}, Password: "long enough"},
		{Address: gomail.Address{Local: "a", Domain: "example.com"}, Password: "long enough", QuotaMax: -1},
	} {
		_, err := f.Add(t.Context(), n)
		f.kind(err, gomail.Invalid, fmt.Sprintf("%+v", n))
	}
	_, err := f.Add(t.Context(), accounts.NewAccount{Address: gomail.Address{Local: "a", Domain: "other.org"}, Password: "long enough"})
	f.kind(err, gomail.NotFound, "a domain that is not hosted")
}

// However many strangers guess, they get few guesses, and the owner gets in
// from where the owner has been before.
func TestGuessingIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.add("anna", "a good password", "")
		if err := f.try("anna@example.com", "a good password", "198.51.100.7"); err != nil {
			t.Fatal(err)
		}
		checked := 0
		for i := range 10_000 { // an hour of guessing from 50 networks
			err := f.try("anna@example.com", fmt.Sprint("guess ", i), fmt.Sprintf("203.0.%d.%d", i%50, i/50%250))
			if gomail.KindOf(err) == gomail.Unauthenticated {
				checked++
			}
			time.Sleep(360 * time.Millisecond)
		}
		if checked > 60 {
			t.Errorf("%d guesses were looked at in an hour", checked)
		}
		f.kind(f.try("anna@example.com", "a good password", "203.0.1.1"), gomail.Throttled, "from a network that guessed")
		if err := f.try("anna@example.com", "a good password", "198.51.100.8"); err != nil {
			t.Errorf("from a known place: %v", err)
		}
		for i := range 100 { // a telephone with the old password, at home
			f.try("anna@example.com", fmt.Sprint("old ", i), "198.51.100.9")
		}
		if err := f.try("anna@example.com", "a good password", "198.51.100.7"); err != nil {
			t.Errorf("beside a telephone with the old password: %v", err)
		}
		time.Sleep(25 * time.Hour)
		if err := f.try("anna@example.com", "a good password", "203.0.1.1"); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

func TestSuccessIsNeverThrottled(t *testing.T) {
	f := newFixture(t)
	f.add("anna", "a good password", "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := f.try("anna@example.com", "a good password", "192.0.2.1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.add("anna", "a good password", "")
		admin := f.add("root", "a good password", gomail.RoleAdmin)
		signIn := func(local string) (string, error) {
			entry, err := f.SignIn(t.Context(), accounts.Attempt{Username: local + "@example.com", Password: "a good password", Remote: netip.MustParseAddr("192.0.2.1")}, "admin")
			return entry.Token, err
		}
		_, err := signIn("anna")
		f.kind(err, gomail.Forbidden, "an ordinary account in the admin panel")
		token, err := signIn("root")
		if err != nil {
			t.Fatal(err)
		}
		if a, err := f.SignedIn(t.Context(), token, "admin"); err != nil || a.ID != admin.ID {
			t.Errorf("signed in as %+v, %v", a, err)
		}
		_, err = f.SignedIn(t.Context(), token, "mail")
		f.kind(err, gomail.Unauthenticated, "for another audience")
		_, err = f.SignedIn(t.Context(), token+"x", "admin")
		f.kind(err, gomail.Unauthenticated, "with another token")
		if err := f.SignOut(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		_, err = f.SignedIn(t.Context(), token, "admin")
		f.kind(err, gomail.Unauthenticated, "after signing out")

		if token, err = signIn("root"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(accounts.SessionLife)
		_, err = f.SignedIn(t.Context(), token, "admin")
		f.kind(err, gomail.Unauthenticated, "after its life")
		if token, err = signIn("root"); err != nil {
			t.Fatal(err)
		}
		if err := f.SetPassword(t.Context(), admin.ID, "another password"); err != nil {
			t.Fatal(err)
		}
		_, err = f.SignedIn(t.Context(), token, "admin")
		f.kind(err, gomail.Unauthenticated, "after the password changed")
	})
}
