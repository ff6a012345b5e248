package dnspub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/dnsplan"
)

// Nothing of what others have in the zone is lost, mail moves only when the
// domain's name was typed, and undoing brings the zone back exactly.
func TestPublishAndUndo(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		start := m.shape()
		if v := f.view(); !strings.Contains(v.Consent, "aspmx.l.google.com") || v.Zone != "example.com" || v.Connection != "mem" || reflect.DeepEqual(m.shape(), []rrset{}) {
			f.Errorf("the preview is %+v", v)
		}
		p := f.publish("")
		if r := result(p, "example.com", "MX"); r.Outcome != dnsplan.Skipped || !strings.Contains(r.Error, "Type the domain's name") {
			f.Errorf("without consent: %+v", r)
		}
		m.holds(f.T, "example.com", "MX", "1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com.")
		m.holds(f.T, "example.com", "TXT", "google-site-verification=abc", "v=spf1 mx include:_spf.newsletter.example ~all")
		m.holds(f.T, "example.com", "CAA", `0 issue "digicert.com"`, `0 issue "letsencrypt.org"`)
		m.holds(f.T, "example.com", "A", "198.51.100.80")
		m.holds(f.T, "mail.example.com", "A", "192.0.2.1")

		again := f.publish("Example.COM.")
		if r := result(again, "example.com", "MX"); r.Outcome != dnsplan.Done || result(again, "example.com", "TXT").Outcome != dnsplan.Kept {
			f.Errorf("with consent: %+v", again)
		}
		m.holds(f.T, "example.com", "MX", "10 mail.example.com.")
		for _, ch := range f.view().Changes {
			if ch.Action != dnsplan.Keep && ch.Blocked == "" {
				f.Errorf("there is still to do: %+v", ch)
			}
		}
		f.undo()
		m.holds(f.T, "example.com", "MX", "1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com.")
		f.undo()
		if !reflect.DeepEqual(m.shape(), start) {
			f.Errorf("the zone is\n%v, and was\n%v", m.shape(), start)
		}
		_, err := f.Undo(f.Context(), "anna@example.com", "example.com")
		f.is(err, gomail.NotFound)
		j := f.journal()
		if len(j) != 4 || j[0].Kind != "undo" || j[3].Kind != "publish" || j[3].Undone.IsZero() || j[3].Actor != "anna@example.com" || len(f.changed) != 4 {
			f.Errorf("the journal is %+v, told of %v", j, f.changed)
		}
	})
}

// What was changed since the preview is looked at again; what was typed has to
// be the domain's name.
func TestPublishRefuses(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		token := f.view().Token
		if f.view().Token != token {
			f.Error("two previews of the same differ")
		}
		_, err := f.Publish(f.Context(), "a", "example.com", "", dnsplan.Publish{Token: token, Consent: "example.org"})
		f.is(err, gomail.Invalid)
		m.put("example.com", "TXT", 1800, "somebody was here")
		_, err = f.Publish(f.Context(), "a", "example.com", "", dnsplan.Publish{Token: token})
		f.is(err, gomail.Exists)
		token = f.view().Token
		f.domain.Settings.DMARC.Policy = "reject"
		_, err = f.Publish(f.Context(), "a", "example.com", "", dnsplan.Publish{Token: token})
		f.is(err, gomail.Exists)
		_, err = f.Publish(f.Context(), "a", "example.com", "nowhere", dnsplan.Publish{Token: token})
		f.is(err, gomail.NotFound)
		_, err = f.Preview(f.Context(), "example.org", "")
		f.is(err, gomail.NotFound)
		f.domain.Settings.Publishing.Connection = ""
		_, err = f.Preview(f.Context(), "example.com", "")
		f.is(err, gomail.Invalid)
		if m.writes > 0 || len(f.journal()) > 0 {
			f.Errorf("%d writes, and in the journal %v", m.writes, f.journal())
		}
	})
}

// truthful fails unless the journal says of every change what the zone shows.
func (f *fixture) truthful(m *memory, p dnsplan.Publication) {
	f.Helper()
	for _, r := range p.Results {
		there := contents{zone: m.zone, sets: m.shape()}.holds(after(r.Change))
		if (r.Outcome == dnsplan.Done || r.Outcome == dnsplan.Kept) != there && !(r.Outcome == dnsplan.Skipped) {
			f.Errorf("%s %s is %s (%s), and that it is in the zone is %v", r.Name, r.Type, r.Outcome, r.Error, there)
		}
	}
}

// The provider dies at each step: what was done is told apart from what was
// not, and publishing again finishes.
func TestProviderDies(t *testing.T) {
	for _, step := range []int{1, 2, 7, 16} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, answer lost: %v", step, late), func(t *testing.T) {
				eachWay(t, func(f *fixture, m *memory) {
					dead := func(n int) error {
						if n >= step {
							return gomail.Errorf(gomail.Unavailable, "the provider is down")
						}
						return nil
					}
					m.before = dead
					if late { // it does one more, and its answer is lost
						m.before, m.after = func(n int) error { return dead(n - 1) }, dead
					}
					p := f.publish("example.com")
					if !late || m.whole {
						f.truthful(m, p)
					}
					if got := f.journal()[0]; !reflect.DeepEqual(got.Results, p.Results) {
						f.Errorf("the journal says %+v", got)
					}
					if m.writes > step+3*mostFailures {
						f.Errorf("a dead provider was asked %d times", m.writes)
					}
					m.before, m.after = nil, nil
					f.truthful(m, f.publish("example.com"))
					for _, ch := range f.view().Changes {
						if ch.Action != dnsplan.Keep {
							f.Errorf("there is still to do: %+v", ch)
						}
					}
				})
			})
		}
	}
}

// GoMail itself ends in the middle: the journal shows it, and undoing brings
// back what was done.
func TestInterrupted(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		start := m.shape()
		m.after = func(n int) error {
			if n == 5 || m.whole {
				panic("the machine loses power")
			}
			return nil
		}
		func() {
			defer func() { recover(); m.mu.TryLock(); m.mu.Unlock() }()
			f.publish("example.com")
		}()
		m.after = nil
		p := f.journal()[0]
		if n := pending(p.Results); n < 2 || reflect.DeepEqual(m.shape(), start) {
			f.Fatalf("%d changes are known to be interrupted: %+v", n, p)
		}
		f.undo()
		if !reflect.DeepEqual(m.shape(), start) {
			f.Errorf("the zone is\n%v, and was\n%v", m.shape(), start)
		}
	})
}

// One set that the provider refuses does not keep the others from being
// written, and a moment's failure is nothing.
func TestOneFailure(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		m.before = func(n int) error {
			if n == 2 {
				return gomail.Errorf(gomail.Unavailable, "busy")
			}
			return nil
		}
		m.after = nil
		if p := f.publish("example.com"); slices.ContainsFunc(p.Results, func(r dnsplan.Result) bool { return r.Outcome == dnsplan.Failed }) {
			f.Errorf("%+v", p.Results)
		}
		f.undo()
		bad := newFixture(f.T, memories(m))
		bad.connect("single")
		m.writes, m.before = 0, func(n int) error {
			if n == 3 {
				return gomail.Errorf(gomail.Invalid, "the provider refuses it")
			}
			return nil
		}
		p := bad.publish("example.com")
		bad.truthful(m, p)
		if n := len(slices.DeleteFunc(slices.Clone(p.Results), func(r dnsplan.Result) bool { return r.Outcome != dnsplan.Failed })); n != 1 {
			f.Errorf("%d changes failed", n)
		}
	})
}

// A batch with one set that the provider refuses is sent set by set.
func TestBatchIsTakenApart(t *testing.T) {
	c := newFakeDesec(t)
	f := newFixture(t, nil)
	f.config.Options = c.options().complete()
	if _, err := f.Connect(t.Context(), dnsplan.NewConnection{Name: "mem", Provider: "desec", Credentials: credentialsOf("desec")}); err != nil {
		t.Fatal(err)
	}
	token := f.view().Token
	c.fail(nil, nil, nil, nil, status(400, `[{"records":["not today"]}]`)) // two pages twice, the domain; then the batch
	p, err := f.Publish(t.Context(), "a", "example.com", "", dnsplan.Publish{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.Results {
		if r.Outcome != dnsplan.Done && r.Outcome != dnsplan.Skipped {
			t.Errorf("%s %s: %s %s", r.Name, r.Type, r.Outcome, r.Error)
		}
	}
}

// A mail host that goes through a provider's proxy is taken out of it, though
// its address is right.
func TestPublishEndsTheProxy(t *testing.T) {
	c := newFakeCloudflare(t)
	c.put(cloudflareRecord{Type: "A", Name: "mail.example.com", Content: "192.0.2.1", TTL: 1, Proxied: new(true)})
	f := newFixture(t, nil)
	f.config.Options = c.options().complete()
	if _, err := f.Connect(t.Context(), dnsplan.NewConnection{Name: "mem", Provider: "cloudflare", Credentials: credentialsOf("cloudflare")}); err != nil {
		t.Fatal(err)
	}
	if r := result(f.publish(""), "mail.example.com", "A"); r.Outcome != dnsplan.Done {
		t.Errorf("%+v", r)
	}
	for _, ch := range f.view().Changes {
		if ch.Action != dnsplan.Keep {
			t.Errorf("there is still to do: %+v", ch)
		}
	}
}

// What a provider's API cannot write is told in the preview, and the rest is
// written in one go: Namecheap takes 20 requests in a minute.
func TestPublishToNamecheap(t *testing.T) {
	c := newFakeNamecheap(t)
	c.email = "FWD"
	f := newFixture(t, nil)
	f.config.Options = c.options().complete()
	if _, err := f.Connect(t.Context(), dnsplan.NewConnection{Name: "mem", Provider: "namecheap", Credentials: credentialsOf("namecheap")}); err != nil {
		t.Fatal(err)
	}
	v := f.view()
	if !strings.Contains(v.Consent, "eforward1.registrar-servers.com") {
		t.Errorf("the mail that is forwarded needs no consent: %q", v.Consent)
	}
	before := len(c.calls)
	p := f.publish("example.com")
	if n := len(c.calls) - before; n > 6 {
		t.Errorf("it took %d requests", n)
	}
	for _, r := range p.Results {
		byHand := r.Type == "SRV" || r.Type == "TLSA"
		if byHand != (r.Outcome == dnsplan.Skipped) || byHand && !strings.Contains(r.Error, "by hand") {
			t.Errorf("%s %s: %s %s", r.Name, r.Type, r.Outcome, r.Error)
		}
	}
	if f.undo(); c.email != "FWD" || len(c.hosts) != 0 {
		t.Errorf("undone, the zone is %s %v", c.email, c.hosts)
	}
}

// Credentials that may only read are told of once or a few times, not for every
// record of the plan.
func TestPublishMayNot(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		m.before = func(int) error { return gomail.Errorf(gomail.Forbidden, "the token may only read") }
		p := f.publish("example.com")
		for _, r := range p.Results {
			if r.Outcome != dnsplan.Failed && r.Outcome != dnsplan.Kept {
				f.Errorf("%+v", r)
			}
		}
		if m.writes > mostFailures {
			f.Errorf("asked %d times", m.writes)
		}
	})
}

// What was changed since is left alone.
func TestUndoLeavesWhatWasChanged(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		f.publish("")
		m.put("mail.example.com", "A", 60, "203.0.113.5")
		p := f.undo()
		if r := result(p, "mail.example.com", "A"); r.Outcome != dnsplan.Skipped || !strings.Contains(r.Error, "changed at the provider") {
			f.Errorf("%+v", r)
		}
		m.holds(f.T, "mail.example.com", "A", "203.0.113.5")
		m.holds(f.T, "mail._domainkey.example.com", "TXT")
		if f.journal()[1].Undone.IsZero() {
			f.Error("it still stands")
		}
	})
}

// Sync puts right what was lost, leaves what needs consent, and writes no
// journal where there is nothing to do.
func TestSync(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		f.publish("")
		m.put("mail._domainkey.example.com", "TXT", 60)
		before := len(f.journal())
		p, err := f.Sync(f.Context(), "example.com")
		if err != nil || p.Actor != "gomail" || p.Kind != "sync" || result(p, "mail._domainkey.example.com", "TXT").Outcome != dnsplan.Done || result(p, "example.com", "MX").Outcome != dnsplan.Skipped {
			f.Errorf("%+v, %v", p, err)
		}
		if p, err = f.Sync(f.Context(), "example.com"); err != nil || p.ID != 0 || len(f.journal()) != before+1 {
			f.Errorf("with nothing to do: %+v, %v", p, err)
		}
		f.domain.Settings.Publishing.KeepInSync = false
		_, err = f.Sync(f.Context(), "example.com")
		f.is(err, gomail.Forbidden)
	})
}

// The keys of a rotation are published alone and are there when it says so,
// though the provider shows them only after a while; withdrawing one leaves
// strangers.
func TestKeys(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		k := gomail.DKIMKey{Domain: "example.com", Selector: "mail-202611", Algorithm: "ed25519", PublicKey: []byte("12345678901234567890123456789012"), State: gomail.DKIMPending}
		record := dnsplan.Record{Name: "mail-202611._domainkey.example.com", Type: "TXT", TTL: 3600, Value: dnsplan.DKIMValue(k), Purpose: dnsplan.DKIM, Requirement: dnsplan.Required, SetAt: dnsplan.DNSProvider}
		m.put(record.Name, "TXT", 60, "a stranger")
		m.after = func(int) error { m.reads = 2; return nil }
		m.stale = m.shape()
		for range 2 {
			if err := f.PublishKeys(f.Context(), "example.com", []dnsplan.Record{record}); err != nil {
				f.Fatal(err)
			}
			m.holds(f.T, record.Name, "TXT", "a stranger", record.Value)
		}
		m.holds(f.T, "mail._domainkey.example.com", "TXT")
		if j := f.journal(); len(j) != 1 || j[0].Kind != "rotation" || !slices.Equal(f.waits, []time.Duration{time.Second, 2 * time.Second}) {
			f.Errorf("the journal is %+v after %v", j, f.waits)
		}
		m.stale = m.shape()
		for range 2 {
			if err := f.Withdraw(f.Context(), "example.com", record); err != nil {
				f.Fatal(err)
			}
			m.holds(f.T, record.Name, "TXT", "a stranger")
		}
		m.reads, m.stale, m.after = 0, nil, func(int) error { m.reads, m.stale = 99, nil; return nil }
		f.is(f.PublishKeys(f.Context(), "example.com", []dnsplan.Record{record}), gomail.Unavailable)
		m.reads, m.after = 0, nil
		m.put(record.Name, "TXT", 60)
		m.put(record.Name, "CNAME", 60, "keys.example.net.")
		f.is(f.PublishKeys(f.Context(), "example.com", []dnsplan.Record{record}), gomail.Exists)
		f.domain.Settings.Publishing.Connection = ""
		f.is(f.PublishKeys(f.Context(), "example.com", []dnsplan.Record{record}), gomail.Invalid)
	})
}

// Names are right for a domain below the zone's apex; what lies in other zones
// is left out, and what is delegated away is told where it belongs.
func TestBelowTheApex(t *testing.T) {
	m := lived()
	f := newFixture(t, memories(m))
	f.connect("single")
	f.domain.Name, f.host = "dept.example.com", "mail.example.net"
	m.put("_domainkey.dept.example.com", "NS", 60, "ns.signer.example.")
	m.put("autoconfig.dept.example.com", aliasKind, 0, "http://www.example.com")
	m.put("autodiscover.dept.example.com", "TXT", 60, "occupied")
	f.domain.Settings.Publishing.Connection = "mem"
	p := f.publish("")
	m.holds(t, "dept.example.com", "MX", "10 mail.example.net.")
	m.holds(t, "_dmarc.dept.example.com", "TXT", result(p, "_dmarc.dept.example.com", "TXT").After[0].Text)
	m.holds(t, "example.com", "MX", "1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com.")
	for name, want := range map[string][2]string{
		"mail._domainkey.dept.example.com": {"TXT", "delegated to other name servers"},
	} {
		if r := result(p, name, want[0]); r.Outcome != dnsplan.Skipped || !strings.Contains(r.Error, want[1]) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, r := range p.Results {
		if strings.HasSuffix(r.Name, ".example.net") {
			t.Errorf("another zone's record is among them: %+v", r)
		}
		if r.Outcome == dnsplan.Failed || r.Name == "autoconfig.dept.example.com" && r.Outcome != dnsplan.Skipped {
			t.Errorf("%+v", r)
		}
	}
}

// Before a domain is delegated the DNS names its parent; the provider may have
// the zone all the same.
func TestNotDelegatedYet(t *testing.T) {
	m := lived()
	f := newFixture(t, memories(m))
	f.connect("whole")
	for _, zone := range []string{"com", "", "example.org"} {
		if f.zone = zone; f.view().Zone != "example.com" {
			t.Errorf("with %q in the DNS it is taken for %s", zone, f.view().Zone)
		}
	}
	m.zone = "elsewhere.example"
	_, err := f.Preview(t.Context(), "example.com", "")
	f.is(err, gomail.NotFound)
}

// Credentials are tested before they are kept, are not in the clear on disk,
// and open nowhere else.
func TestConnections(t *testing.T) {
	c := newFakeDesec(t)
	f := newFixture(t, nil)
	f.config.Options = c.options().complete()
	_, err := f.Connect(t.Context(), dnsplan.NewConnection{Provider: "desec", Credentials: map[string]string{"token": "a-wrong-one"}})
	f.is(err, gomail.Forbidden)
	made, err := f.Connect(t.Context(), dnsplan.NewConnection{Provider: "desec", Credentials: credentialsOf("desec")})
	if err != nil || made.Name != "desec" || made.Tested.IsZero() {
		t.Fatalf("%+v, %v", made, err)
	}
	_, err = f.Connect(t.Context(), dnsplan.NewConnection{Provider: "desec", Credentials: credentialsOf("desec")})
	f.is(err, gomail.Exists)
	_, err = f.Connect(t.Context(), dnsplan.NewConnection{Name: "a/b", Provider: "desec", Credentials: credentialsOf("desec")})
	f.is(err, gomail.Invalid)
	if all, err := f.Connections(t.Context()); err != nil || len(all) != 1 || all[0] != made {
		t.Errorf("%+v, %v", all, err)
	}
	files := 0
	filepath.WalkDir(f.dir, func(path string, d os.DirEntry, _ error) error {
		text, err := os.ReadFile(path)
		if files++; err == nil && (strings.Contains(string(text), "ds-secret") || strings.Contains(string(text), "a-wrong-one")) {
			t.Errorf("%s holds the token", path)
		}
		return nil
	})
	_, sealed, err := f.config.Store.Connection(t.Context(), "desec")
	if err != nil || files < 2 {
		t.Fatal(files, err)
	}
	_, err = f.config.Sealer.Open(sealed, place("another"))
	f.is(err, gomail.Corrupt)

	if err := f.Test(t.Context(), "desec"); err != nil {
		t.Error(err)
	}
	c.fail(status(401, `{"detail":"Invalid token."}`))
	f.is(f.Test(t.Context(), "desec"), gomail.Forbidden)
	f.is(f.Test(t.Context(), "nobody"), gomail.NotFound)
	if err := f.Disconnect(t.Context(), "desec"); err != nil {
		t.Error(err)
	}
	f.is(f.Disconnect(t.Context(), "desec"), gomail.NotFound)
	if got := len(f.Publisher.Providers()); got != 9 {
		t.Errorf("%d providers are offered", got)
	}
}

// Two administrators publish at once: one of them sees that the zone is not
// what it was.
func TestPublishTwiceAtOnce(t *testing.T) {
	eachWay(t, func(f *fixture, m *memory) {
		token := f.view().Token
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := f.Publish(context.Background(), "a", "example.com", "", dnsplan.Publish{Token: token})
				errs <- err
			}()
		}
		first, second := <-errs, <-errs
		if (first == nil) == (second == nil) {
			f.Errorf("%v, %v", first, second)
		}
	})
}

// The whole story with a real name server, and a key that may not transfer.
func TestPublishToBIND(t *testing.T) {
	server := bind(t)
	full := provided{t, bindClient(t, server, "full", bindSecret), traits{}}
	full.ok(full.SetRecords(t.Context(), "example.com.", slices.Concat(
		rrset{key{"example.com", "TXT"}, 1800, []string{"site=1", "v=spf1 include:_spf.newsletter.example ~all"}}.records("example.com"),
		rrset{key{"example.com", "MX"}, 300, []string{"1 mx.google.example."}}.records("example.com"))))
	shape := func() string {
		sets, err := full.Provider.(*client).read(t.Context(), "example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, s := range sets {
			if s.kind != "SOA" {
				lines = append(lines, fmt.Sprintf("%s %s %d %q", s.name, s.kind, s.ttl, slices.Sorted(slices.Values(s.values))))
			}
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	start := shape()
	f := newFixture(t, nil)
	f.config.Options = unhurried().complete()
	if _, err := f.Connect(t.Context(), dnsplan.NewConnection{Name: "mem", Provider: "rfc2136", Credentials: map[string]string{"server": server, "key_name": "narrow", "key": bindSecret}}); err != nil {
		t.Fatal(err)
	}
	p := f.publish("example.com")
	for _, r := range p.Results {
		if r.Outcome != dnsplan.Done && r.Outcome != dnsplan.Kept {
			t.Errorf("%s %s: %s %s", r.Name, r.Type, r.Outcome, r.Error)
		}
	}
	full.holds("@", "TXT", "site=1", "v=spf1 mx include:_spf.newsletter.example ~all")
	full.holds("@", "MX", "10 mail.example.com.")
	for _, ch := range f.view().Changes {
		if ch.Action != dnsplan.Keep {
			t.Errorf("there is still to do: %+v", ch)
		}
	}
	f.undo()
	if got := shape(); got != start {
		t.Errorf("the zone is\n%s\nand was\n%s", got, start)
	}
}
