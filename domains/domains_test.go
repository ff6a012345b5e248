package domains_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/internal/seal"
	"gomail/store"
)

type fixture struct {
	*testing.T
	*domains.Service
	store *store.Store
	dir   string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return fixture{t, domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com"}), st, dir}
}

func (f fixture) account(address string, role gomail.Role) gomail.Account {
	f.Helper()
	a, err := f.store.AddAccount(f.Context(), gomail.Account{Address: parse(f.T, address), Role: role, Created: time.Now()}, "x")
	if err != nil {
		f.Fatal(err)
	}
	return a
}

func (f fixture) must(_ gomail.Domain, err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func parse(t *testing.T, s string) gomail.Address {
	t.Helper()
	a, err := gomail.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEveryDomainHasKeysOfItsOwn(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "Example.com.", domains.AddOptions{}))
	f.must(f.Add(t.Context(), "example.org", domains.AddOptions{Algorithm: domains.RSA}))
	f.must(f.Add(t.Context(), "müller.example", domains.AddOptions{Algorithm: domains.Ed25519, Selector: "s1"}))
	want := map[string][]string{
		"example.com": {"mail ed25519", "mail-rsa rsa"}, "example.org": {"mail rsa"}, "xn--mller-kva.example": {"s1 ed25519"},
	}
	seen := map[string]bool{}
	for domain, keys := range want {
		signers, err := f.Signers(t.Context(), domain)
		if err != nil || len(signers) != len(keys) {
			t.Fatalf("%s has %d keys: %v", domain, len(signers), err)
		}
		for i, s := range signers {
			if got := s.Selector + " " + s.Algorithm; got != keys[i] {
				t.Errorf("%s has the key %q, want %q", domain, got, keys[i])
			}
			if seen[string(s.PublicKey)] {
				t.Errorf("%s shares a key", domain)
			}
			seen[string(s.PublicKey)] = true
			checkPair(t, s)
		}
	}
}

// checkPair signs with the private half and verifies with what is published.
func checkPair(t *testing.T, s domains.Signer) {
	t.Helper()
	digest := sha256.Sum256([]byte("x"))
	if s.Algorithm == domains.Ed25519 {
		sig, err := s.Private.Sign(rand.Reader, digest[:], crypto.Hash(0))
		if err != nil || !ed25519.Verify(s.PublicKey, digest[:], sig) {
			t.Errorf("%s: the halves do not match: %v", s.Selector, err)
		}
		return
	}
	public, err := x509.ParsePKIXPublicKey(s.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Private.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil || rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, digest[:], sig) != nil {
		t.Errorf("%s: the halves do not match: %v", s.Selector, err)
	}
	if bits := public.(*rsa.PublicKey).N.BitLen(); bits != 2048 {
		t.Errorf("%s has %d bits", s.Selector, bits)
	}
}

func TestFurtherKeysWait(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "example.com", domains.AddOptions{}))
	made, err := f.Generate(t.Context(), "example.com", "", "mail-202611")
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 2 || made[1].Selector != "mail-rsa-202611" || made[0].State != gomail.DKIMPending {
		t.Errorf("made %+v", made)
	}
	if signers, _ := f.Signers(t.Context(), "example.com"); len(signers) != 2 {
		t.Errorf("%d keys sign, before the new ones were seen in the DNS", len(signers))
	}
	if keys, _ := f.Keys(t.Context(), "example.com"); len(keys) != 4 {
		t.Errorf("%d keys", len(keys))
	}
	if _, err := f.Generate(t.Context(), "example.com", "", "mail"); gomail.KindOf(err) != gomail.Exists {
		t.Errorf("a selector in use: %v", err)
	}
}

// A copy of the database must not give the keys away.
func TestPrivateKeysAreSealed(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "example.com", domains.AddOptions{}))
	signers, err := f.Signers(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(f.dir, "gomail.db*"))
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range signers {
			der, _ := x509.MarshalPKCS8PrivateKey(s.Private)
			if bytes.Contains(text, der[len(der)-24:]) {
				t.Errorf("%s shows the private key %s", filepath.Base(path), s.Selector)
			}
		}
	}
	other, _ := seal.New(bytes.Repeat([]byte{2}, 32))
	wrong := domains.New(domains.Config{Store: f.store, Sealer: other})
	if _, err := wrong.Signers(t.Context(), "example.com"); gomail.KindOf(err) != gomail.Invalid {
		t.Errorf("with another secret key: %v", err)
	}
}

func TestRoute(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"example.com", "all.example.com", "off.example.com", "parked.example.com"} {
		f.must(f.Add(t.Context(), name, domains.AddOptions{Algorithm: domains.Ed25519}))
	}
	_, err := f.Route(t.Context(), parse(t, "postmaster@example.com"))
	if gomail.KindOf(err) != gomail.Unavailable {
		t.Errorf("postmaster without an administrator: %v", err)
	}
	admin := f.account("admin@example.com", gomail.RoleAdmin)
	anna := f.account("anna@example.com", gomail.RoleUser)
	gone := f.account("gone@example.com", gomail.RoleUser)
	gone.Disabled = true
	if err := f.store.UpdateAccount(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := f.AddAlias(t.Context(), parse(t, "Sales@example.com"), parse(t, "anna@example.com")); err != nil {
		t.Fatal(err)
	}
	f.change("all.example.com", func(d *gomail.Domain) { d.Settings.CatchAll = "anna@example.com" })
	f.change("off.example.com", func(d *gomail.Domain) { d.Disabled = true })
	f.change("parked.example.com", func(d *gomail.Domain) { d.Settings.Parked = true })

	for _, test := range []struct {
		to   string
		want gomail.AccountID
		kind gomail.Kind
	}{
		{to: "anna@example.com", want: anna.ID},
		{to: "ANNA@Example.COM", want: anna.ID},
		{to: "anna+shop@example.com", want: anna.ID},
		{to: "sales@example.com", want: anna.ID},
		{to: "sales+x@example.com", want: anna.ID},
		{to: "postmaster@example.com", want: admin.ID},
		{to: "Abuse@example.com", want: admin.ID},
		{to: "postmaster@mail.example.com", want: admin.ID},
		{to: "postmaster@all.example.com", want: admin.ID},
		{to: "whoever@all.example.com", want: anna.ID},
		{to: "nobody@example.com", kind: gomail.NotFound},
		{to: "+x@example.com", kind: gomail.NotFound},
		{to: "anna@mail.example.com", kind: gomail.RelayDenied},
		{to: "gone@example.com", kind: gomail.Disabled},
		{to: "x@off.example.com", kind: gomail.Disabled},
		{to: "x@parked.example.com", kind: gomail.NotFound},
		{to: "anna@other.org", kind: gomail.RelayDenied},
		{to: "anna%other.org@example.com", kind: gomail.NotFound},
		{to: `"anna@other.org"@example.com`, kind: gomail.NotFound},
		{to: `"anna"@example.com`, want: anna.ID},
		{to: "anna@[192.0.2.1]", kind: gomail.RelayDenied},
		{to: "anna@sub.example.com", kind: gomail.RelayDenied},
	} {
		got, err := f.Route(t.Context(), parse(t, test.to))
		if got.ID != test.want && err == nil || err != nil && gomail.KindOf(err) != test.kind || err == nil && test.want == 0 {
			t.Errorf("%s leads to %s, %v (%v)", test.to, got.Address, err, gomail.KindOf(err))
		}
	}
}

// A mail host that is a domain with mailboxes too is a domain first.
func TestRouteOfHostname(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "mail.example.com", domains.AddOptions{Algorithm: domains.Ed25519}))
	f.account("admin@mail.example.com", gomail.RoleAdmin)
	own := f.account("postmaster@mail.example.com", gomail.RoleUser)
	if got, err := f.Route(t.Context(), own.Address); err != nil || got.ID != own.ID {
		t.Errorf("postmaster is %s, %v", got.Address, err)
	}
}

func (f fixture) change(name string, change func(*gomail.Domain)) {
	f.Helper()
	d, err := f.Get(f.Context(), name)
	if err != nil {
		f.Fatal(err)
	}
	change(&d)
	if err := f.Update(f.Context(), d); err != nil {
		f.Fatal(err)
	}
}

func TestMaySend(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "example.com", domains.AddOptions{Algorithm: domains.Ed25519}))
	admin := f.account("admin@example.com", gomail.RoleAdmin)
	anna := f.account("anna@example.com", gomail.RoleUser)
	if err := f.AddAlias(t.Context(), parse(t, "sales@example.com"), anna.Address); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		who  gomail.AccountID
		as   string
		want bool
	}{
		{anna.ID, "anna@example.com", true}, {anna.ID, "anna+x@example.com", true}, {anna.ID, "sales@example.com", true},
		{anna.ID, "admin@example.com", false}, {anna.ID, "nobody@example.com", false}, {anna.ID, "anna@other.org", false},
		{anna.ID, "postmaster@example.com", false}, {admin.ID, "postmaster@example.com", true}, {admin.ID, "anna@example.com", false},
	} {
		err := f.Service.MaySend(t.Context(), test.who, parse(t, test.as))
		if (err == nil) != test.want || err != nil && gomail.KindOf(err) != gomail.Forbidden {
			t.Errorf("account %d as %s: %v", test.who, test.as, err)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "example.com", domains.AddOptions{Algorithm: domains.Ed25519}))
	for name, kind := range map[string]gomail.Kind{"example.com": gomail.Exists, "EXAMPLE.com.": gomail.Exists, "com": gomail.Invalid, "": gomail.Invalid, "a b.com": gomail.Invalid, "[192.0.2.1]": gomail.Invalid} {
		if _, err := f.Add(t.Context(), name, domains.AddOptions{}); gomail.KindOf(err) != kind {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, o := range []domains.AddOptions{{Algorithm: "dsa"}, {Selector: "a b"}, {Selector: "Mail"}, {Selector: "-"}} {
		if _, err := f.Add(t.Context(), "example.net", o); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
