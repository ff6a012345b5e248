package storetest

import (
	"fmt"
	"reflect"
	"time"

	"gomail"
	"gomail/accounts"
	"gomail/domains"
)

func testAccounts(f *fixture) {
	id, _ := f.account("anna")
	anna := gomail.Address{Local: "anna", Domain: "example.com"}
	a, hash, err := f.store.AccountByAddress(f.ctx, anna)
	f.ok(err)
	if a.ID != id || hash != "hash" || a.Address != anna {
		f.Errorf("found %+v with hash %q", a, hash)
	}
	_, err = f.store.AddAccount(f.ctx, gomail.Account{Address: anna}, "x")
	f.kind(err, gomail.Exists)
	_, err = f.store.AddAccount(f.ctx, gomail.Account{Address: gomail.Address{Local: "a", Domain: "other.org"}}, "x")
	f.kind(err, gomail.NotFound)

	boxes, err := f.store.Mailboxes(f.ctx, id)
	f.ok(err)
	roles := map[gomail.MailboxRole]string{}
	for _, m := range boxes {
		roles[m.Role] = m.Path
	}
	for _, want := range gomail.StandardMailboxes {
		if roles[want.Role] != want.Name {
			f.Errorf("the mailbox with the role %s is %q", want.Role, roles[want.Role])
		}
	}
	f.ok(f.store.SetPassword(f.ctx, id, "other"))
	a.Disabled, a.QuotaMax, a.Role = true, 500, gomail.RoleAdmin
	f.ok(f.store.UpdateAccount(f.ctx, a))
	again, hash, err := f.store.AccountByAddress(f.ctx, anna)
	f.ok(err)
	if hash != "other" || !again.Disabled || again.QuotaMax != 500 || again.Role != gomail.RoleAdmin {
		f.Errorf("after the update: %+v with hash %q", again, hash)
	}
	f.kind(f.store.SetPassword(f.ctx, id+1, "x"), gomail.NotFound)
	f.kind(f.store.SetPassword(f.ctx, 0, "x"), gomail.NotFound)

	f.fill(id, f.role(id, gomail.RoleInbox), 3)
	f.ok(f.store.RemoveAccount(f.ctx, id))
	_, err = f.store.Account(f.ctx, id)
	f.kind(err, gomail.NotFound)
	f.kind(f.store.RemoveAccount(f.ctx, id), gomail.NotFound)
	if second, _ := f.account("anna"); second == id {
		f.Error("a new account has the identity of a removed one")
	}
}

func testDomains(f *fixture) {
	_, err := f.store.AddDomain(f.ctx, gomail.Domain{Name: "example.com"}, nil)
	f.kind(err, gomail.Exists)
	key := domains.StoredKey{DKIMKey: gomail.DKIMKey{Domain: "example.org", Selector: "mail", Algorithm: "ed25519", PublicKey: []byte{1, 2}, State: gomail.DKIMActive, Created: time.Unix(1, 0).UTC(), Since: time.Unix(2, 0).UTC()}, PrivateSealed: []byte{3}}
	d := gomail.Domain{Name: "example.org", Created: time.Unix(5, 0).UTC()}
	d.Settings.DMARC.Policy = "quarantine"
	d.ID = f.must(f.store.AddDomain(f.ctx, d, []domains.StoredKey{key}))
	keys, err := f.store.Keys(f.ctx)
	f.ok(err)
	if len(keys) != 1 || !reflect.DeepEqual(keys[0], key) {
		f.Errorf("keys came back as %+v", keys)
	}
	f.kind(f.store.AddKeys(f.ctx, d.ID, []domains.StoredKey{key}), gomail.Exists)
	f.ok(f.store.SetKeyState(f.ctx, "example.org", "mail", gomail.DKIMRetiring, time.Unix(9, 0)))
	if keys, err = f.store.Keys(f.ctx); err != nil || keys[0].State != gomail.DKIMRetiring || keys[0].Since.Unix() != 9 {
		f.Errorf("after the change: %+v, %v", keys, err)
	}
	f.kind(f.store.SetKeyState(f.ctx, "example.org", "other", gomail.DKIMActive, time.Unix(9, 0)), gomail.NotFound)
	f.ok(f.store.RemoveKey(f.ctx, "example.org", "mail"))
	f.kind(f.store.RemoveKey(f.ctx, "example.org", "mail"), gomail.NotFound)
	d.Disabled = true
	f.ok(f.store.UpdateDomain(f.ctx, d))
	all, err := f.store.Domains(f.ctx)
	f.ok(err)
	if len(all) != 2 || !reflect.DeepEqual(all[1], d) {
		f.Errorf("domains came back as %+v", all)
	}

	anna, _ := f.account("anna")
	sales := gomail.Address{Local: "sales", Domain: "example.org"}
	f.ok(f.store.AddAlias(f.ctx, sales, anna))
	f.kind(f.store.AddAlias(f.ctx, sales, anna), gomail.Exists)
	f.kind(f.store.AddAlias(f.ctx, gomail.Address{Local: "a", Domain: "nowhere.net"}, anna), gomail.NotFound)
	owner, err := f.store.AccountOf(f.ctx, sales)
	f.ok(err)
	aliases, err := f.store.Aliases(f.ctx)
	f.ok(err)
	if owner.ID != anna || len(aliases) != 1 || aliases[0].Target != owner.Address || aliases[0].Address != sales {
		f.Errorf("the alias leads to %+v, listed as %+v", owner, aliases)
	}
	f.kind(f.store.RemoveDomain(f.ctx, f.domain), gomail.Exists)
	f.ok(f.store.RemoveAlias(f.ctx, sales, gomail.Address{}))
	f.kind(f.store.RemoveAlias(f.ctx, sales, gomail.Address{}), gomail.NotFound)
	f.ok(f.store.RemoveDomain(f.ctx, d.ID))
	f.kind(f.store.RemoveDomain(f.ctx, d.ID), gomail.NotFound)

	_, err = f.store.FirstAdmin(f.ctx)
	f.kind(err, gomail.NotFound)
	owner.Role = gomail.RoleAdmin
	f.ok(f.store.UpdateAccount(f.ctx, owner))
	admin, err := f.store.FirstAdmin(f.ctx)
	f.ok(err)
	if admin.ID != anna {
		f.Errorf("the first administrator is %+v", admin)
	}
}

// testForwards: an alias leads outside to as many as may be, and to an account
// besides, but an account's own address does not.
func testForwards(f *fixture) {
	anna, _ := f.account("anna")
	sales, none := gomail.Address{Local: "sales", Domain: "example.com"}, gomail.Address{}
	outside := func(i int) gomail.Address {
		return gomail.Address{Local: fmt.Sprintf("t%02d", i), Domain: "elsewhere.net"}
	}
	for i := range domains.MaxTargets {
		f.ok(f.store.AddForward(f.ctx, sales, outside(i)))
	}
	f.kind(f.store.AddForward(f.ctx, sales, outside(99)), gomail.TooMany)
	f.kind(f.store.AddForward(f.ctx, gomail.Address{Local: "anna", Domain: "example.com"}, outside(0)), gomail.Exists)
	f.kind(f.store.AddForward(f.ctx, gomail.Address{Local: "a", Domain: "nowhere.net"}, outside(0)), gomail.NotFound)
	_, err := f.store.AddAccount(f.ctx, gomail.Account{Address: sales}, "x")
	f.kind(err, gomail.Exists)
	f.ok(f.store.AddAlias(f.ctx, sales, anna))

	forwards, err := f.store.Forwards(f.ctx)
	f.ok(err)
	aliases, err := f.store.Aliases(f.ctx)
	f.ok(err)
	if len(forwards) != domains.MaxTargets || forwards[3] != (gomail.Alias{Address: sales, Target: outside(3)}) || len(aliases) != domains.MaxTargets+1 || aliases[0].Account != anna {
		f.Errorf("%d lead outside, of %d", len(forwards), len(aliases))
	}
	f.ok(f.store.RemoveAlias(f.ctx, sales, outside(3)))
	f.kind(f.store.RemoveAlias(f.ctx, sales, outside(3)), gomail.NotFound)
	f.ok(f.store.AddForward(f.ctx, sales, outside(98)))
	f.kind(f.store.AddForward(f.ctx, sales, outside(4)), gomail.TooMany)
	f.ok(f.store.RemoveAlias(f.ctx, sales, aliases[0].Target))
	_, err = f.store.AccountOf(f.ctx, sales)
	f.kind(err, gomail.NotFound)
	f.ok(f.store.RemoveAlias(f.ctx, sales, none))
	forwards, err = f.store.Forwards(f.ctx)
	f.ok(err)
	if len(forwards) != 0 {
		f.Errorf("%v are left", forwards)
	}
	_, err = f.store.ForwardedSender(f.ctx, "TOKEN")
	f.kind(err, gomail.NotFound)
}

// Whoever asks whom an address leads to after a change was acknowledged hears
// of that change, however often the address was asked about before.
func testAddressesAreFresh(f *fixture) {
	id, box := f.account("anna")
	address, alias := gomail.Address{Local: "anna", Domain: "example.com"}, gomail.Address{Local: "sales", Domain: "example.com"}
	leads := func(a gomail.Address) gomail.Account {
		f.Helper()
		account, err := f.store.AccountOf(f.ctx, a)
		f.ok(err)
		again, err := f.store.AccountOf(f.ctx, a)
		f.ok(err)
		if account.ID != id || account != again {
			f.Errorf("%s leads to %+v, then to %+v", a, account, again)
		}
		return account
	}
	missing := func(a gomail.Address) {
		f.Helper()
		_, err := f.store.AccountOf(f.ctx, a)
		f.kind(err, gomail.NotFound)
	}
	missing(alias)
	f.ok(f.store.AddAlias(f.ctx, alias, id))
	account := leads(alias)
	f.ok(f.store.RemoveAlias(f.ctx, alias, gomail.Address{}))
	missing(alias)
	account.Disabled, account.QuotaMax = true, 5000
	f.ok(f.store.UpdateAccount(f.ctx, account))
	if got := leads(address); !got.Disabled || got.QuotaMax != 5000 {
		f.Errorf("after the change: %+v", got)
	}
	f.fill(id, box, 3)
	snapshot, err := f.store.Account(f.ctx, id)
	f.ok(err)
	if got := leads(address); got.QuotaUsed == 0 || got.QuotaUsed != snapshot.QuotaUsed {
		f.Errorf("%d octets are used, the account says %d", snapshot.QuotaUsed, got.QuotaUsed)
	}
	f.ok(f.store.RemoveAccount(f.ctx, id))
	missing(address)
}

func testSessions(f *fixture) {
	id, _ := f.account("anna")
	s := accounts.Session{TokenSHA256: [32]byte{9}, Account: id, Audience: "admin", Created: time.Now().UTC().Truncate(time.Microsecond), Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), Remote: "192.0.2.1"}
	f.ok(f.store.AddSession(f.ctx, s))
	got, err := f.store.Session(f.ctx, s.TokenSHA256)
	f.ok(err)
	if got != s {
		f.Errorf("the session came back as %+v", got)
	}
	f.ok(f.store.RemoveSessions(f.ctx, id))
	_, err = f.store.Session(f.ctx, s.TokenSHA256)
	f.kind(err, gomail.NotFound)
}
