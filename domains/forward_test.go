package domains_test

import (
	"slices"
	"strings"
	"testing"

	"gomail"
	"gomail/domains"
)

// TestResolve: where mail goes when aliases lead outside, to accounts, and to
// both.
func TestResolve(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"example.com", "all.example.com", "off.example.com", "parked.example.com"} {
		f.must(f.Add(t.Context(), name, domains.AddOptions{Algorithm: domains.Ed25519}))
	}
	admin := f.account("root@example.com", gomail.RoleAdmin)
	f.account("anna@example.com", gomail.RoleUser)
	gone := f.account("gone@example.com", gomail.RoleUser)
	for _, a := range [][2]string{
		{"Team@example.com", "One@far.test"}, {"team@example.com", "two@far.test"}, {"both@example.com", "anna@example.com"}, {"both@example.com", "x@far.test"},
		{"abuse@example.com", "desk@far.test"}, {"half@example.com", "gone@example.com"}, {"half@example.com", "y@far.test"},
		{"team@all.example.com", "z@far.test"}, {"team@off.example.com", "z@far.test"}, {"team@parked.example.com", "z@far.test"},
	} {
		if err := f.AddAlias(t.Context(), parse(t, a[0]), parse(t, a[1])); err != nil {
			t.Fatal(a, err)
		}
	}
	gone.Disabled = true
	if err := f.store.UpdateAccount(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	f.change("all.example.com", func(d *gomail.Domain) { d.Settings.CatchAll = "anna@example.com" })
	f.change("off.example.com", func(d *gomail.Domain) { d.Disabled = true })
	f.change("parked.example.com", func(d *gomail.Domain) { d.Settings.Parked = true })
	for _, c := range []struct {
		to, account, outside string
		kind                 gomail.Kind
	}{
		{to: "team@example.com", outside: "One@far.test two@far.test"},
		{to: "TEAM+tag@example.com", outside: "One@far.test two@far.test"},
		{to: "both@example.com", account: "anna@example.com", outside: "x@far.test"},
		{to: "both+tag@example.com", account: "anna@example.com", outside: "x@far.test"},
		{to: "abuse@example.com", outside: "desk@far.test"},
		{to: "postmaster@example.com", account: admin.Address.String()},
		{to: "half@example.com", outside: "y@far.test"},
		{to: "team@all.example.com", outside: "z@far.test"},
		{to: "other@all.example.com", account: "anna@example.com"},
		{to: "team@off.example.com", kind: gomail.Disabled},
		{to: "team@parked.example.com", kind: gomail.NotFound},
		{to: "nobody@example.com", kind: gomail.NotFound},
		{to: "team@elsewhere.test", kind: gomail.RelayDenied},
		{to: "SRS0=AAAAAA=AA=far.test=x@elsewhere.test", kind: gomail.RelayDenied},
		{to: "SRS0=AAAAAA=AA=far.test=x@example.com", kind: gomail.NotFound},
	} {
		d, err := f.Resolve(t.Context(), parse(t, c.to))
		var outside []string
		for _, a := range d.Outside {
			outside = append(outside, a.String())
		}
		slices.Sort(outside)
		if gomail.KindOf(err) != c.kind || strings.Join(outside, " ") != c.outside || d.Account.Address.String() != c.account {
			t.Errorf("%s leads to %q and %q, %v", c.to, d.Account.Address, outside, err)
		}
	}
	if err := f.MaySend(t.Context(), admin.ID, parse(t, "team@example.com")); gomail.KindOf(err) != gomail.Forbidden {
		t.Errorf("somebody may send as an alias that is nobody's here: %v", err)
	}
}

func TestAliasesThatCannotBe(t *testing.T) {
	f := newFixture(t)
	f.must(f.Add(t.Context(), "example.com", domains.AddOptions{Algorithm: domains.Ed25519}))
	f.account("anna@example.com", gomail.RoleUser)
	for _, c := range []struct {
		address, target string
		kind            gomail.Kind
	}{
		{"anna@example.com", "x@far.test", gomail.Exists},
		{"a+b@example.com", "x@far.test", gomail.Invalid},
		{"SRS0=x@example.com", "x@far.test", gomail.Invalid},
		{"a@example.com", "x@[192.0.2.1]", gomail.Invalid},
		{"a@elsewhere.test", "x@far.test", gomail.NotFound},
		{"a@example.com", "nobody@example.com", gomail.NotFound},
	} {
		if err := f.AddAlias(t.Context(), parse(t, c.address), parse(t, c.target)); gomail.KindOf(err) != c.kind {
			t.Errorf("%s to %s: %v", c.address, c.target, err)
		}
	}
	if err := f.AddAlias(t.Context(), parse(t, "a@example.com"), parse(t, "x@far.test")); err != nil {
		t.Fatal(err)
	}
	if err := f.AddAlias(t.Context(), parse(t, "a@example.com"), parse(t, "x@far.test")); gomail.KindOf(err) != gomail.Exists {
		t.Errorf("twice: %v", err)
	}
	if err := f.RemoveAlias(t.Context(), parse(t, "A@example.com"), parse(t, "y@far.test")); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("another target: %v", err)
	}
	if err := f.RemoveAlias(t.Context(), parse(t, "A@example.com"), parse(t, "x@far.test")); err != nil {
		t.Error(err)
	}
	if _, err := f.Resolve(t.Context(), parse(t, "a@example.com")); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("removed: %v", err)
	}
}
