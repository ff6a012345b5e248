package dnsplan

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gomail"
)

// simKeys are a key pair of each algorithm, private and public.
func simKeys(t testing.TB) ([]SimulationKey, []gomail.DKIMKey) {
	t.Helper()
	keys, err := keyPairs()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&keys.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := func(selector, algorithm string, p []byte) gomail.DKIMKey {
		return gomail.DKIMKey{Domain: "example.com", Selector: selector, Algorithm: algorithm, PublicKey: p, State: gomail.DKIMActive}
	}
	return []SimulationKey{{"mail", "ed25519", keys.edwards}, {"mail-rsa", "rsa", keys.rsa}},
		[]gomail.DKIMKey{public("mail", "ed25519", keys.edwards.Public().(ed25519.PublicKey)), public("mail-rsa", "rsa", der)}
}

type pair struct {
	edwards ed25519.PrivateKey
	rsa     *rsa.PrivateKey
}

// keyPairs makes them once: RSA takes its time.
var keyPairs = sync.OnceValues(func() (p pair, err error) {
	if _, p.edwards, err = ed25519.GenerateKey(rand.Reader); err == nil {
		p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	return p, err
})

// emptyDNS says of everything outside the plan that it does not exist.
func emptyDNS(records []Record) Seen {
	seen := Seen{Answers: map[Question][]Answer{}, Now: time.Unix(1_800_000_000, 0)}
	for _, q := range SimulationQuestions(records) {
		seen.Answers[q] = []Answer{{Server: "ns1", Status: NXDomain}}
	}
	return seen
}

func simulate(t *testing.T, s Server, d Domain, keys []SimulationKey) []Simulated {
	t.Helper()
	records := Plan(s, d)
	return Simulate(t.Context(), records, emptyDNS(records), keys)
}

// A sound plan: every message fares as it should, with each kind of key.
func TestSimulate(t *testing.T) {
	private, public := simKeys(t)
	for _, test := range []struct {
		name     string
		change   func(s *Server, set *gomail.DomainSettings)
		forged   Judgement
		subforge string
	}{
		{"as it begins", func(*Server, *gomail.DomainSettings) {}, Judgement{"softfail", "none", "fail", "none"}, "none"},
		{"strict", func(_ *Server, set *gomail.DomainSettings) { set.DMARC.Policy, set.SPF.All = "reject", "-all" }, Judgement{"fail", "none", "fail", "reject"}, "reject"},
		{"strictly aligned", func(_ *Server, set *gomail.DomainSettings) { set.DMARC.ADKIM, set.DMARC.ASPF = "s", "s" }, Judgement{"softfail", "none", "fail", "none"}, "none"},
		{"stricter below", func(_ *Server, set *gomail.DomainSettings) {
			set.DMARC.Policy, set.DMARC.SubdomainPolicy, set.DMARC.NonexistentPolicy = "none", "quarantine", "reject"
		}, Judgement{"softfail", "none", "fail", "none"}, "reject"},
		{"a test", func(_ *Server, set *gomail.DomainSettings) { set.DMARC.Policy, set.DMARC.Testing = "reject", "y" }, Judgement{"softfail", "none", "fail", "quarantine"}, "quarantine"},
		{"a mail host elsewhere", func(s *Server, _ *gomail.DomainSettings) { s.Hostname = "mx.host.example" }, Judgement{"softfail", "none", "fail", "none"}, "none"},
		{"the mail host is the domain", func(s *Server, _ *gomail.DomainSettings) { s.Hostname = "example.com" }, Judgement{"softfail", "none", "fail", "none"}, "none"},
		{"a backup MX before it", func(s *Server, _ *gomail.DomainSettings) { s.MX = []MX{{"filter.example.net", 1}} }, Judgement{"softfail", "none", "fail", "none"}, "none"},
		{"further senders", func(_ *Server, set *gomail.DomainSettings) {
			set.SPF.Mechanisms = []string{"ip4:198.51.100.0/24", "ip6:2001:db8:9::/48"}
		}, Judgement{"softfail", "none", "fail", "none"}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := testServer(), testDomain()
			d.Keys = public
			test.change(&s, &d.Settings)
			results := simulate(t, s, d, private)
			cases := map[SimulationCase]int{}
			for _, r := range results {
				cases[r.Case]++
				if r.State != OK {
					t.Errorf("%s is %s: %+v: %s", r.Message, r.State, r.Actual, r.Why)
				}
				switch r.Case {
				case Forged:
					if r.Actual != test.forged {
						t.Errorf("%s: %+v", r.Message, r.Actual)
					}
				case ForgedSubdomains:
					if r.Actual.Disposition != test.subforge {
						t.Errorf("%s: %+v", r.Message, r.Actual)
					}
				case OwnMail, Notification:
					if (r.Actual != Judgement{"pass", "pass", "pass", "none"}) || r.Selector == "" {
						t.Errorf("%s: %+v", r.Message, r.Actual)
					}
				}
			}
			if cases[OwnMail] != 4 || cases[Notification] != 2 || cases[Forwarded] != 2 || cases[Forged] != 2 || cases[ForgedSubdomains] != 1 {
				t.Errorf("tried were %v", cases)
			}
		})
	}
}

// A setting or a key that would not work is caught before it is published.
func TestSimulateCatches(t *testing.T) {
	private, public := simKeys(t)
	swapped := []gomail.DKIMKey{public[0], public[1]}
	swapped[0].PublicKey = bytes.Repeat([]byte{7}, 32)
	for _, test := range []struct {
		name   string
		change func(d *Domain, keys *[]SimulationKey)
		kind   SimulationCase
		why    string
	}{
		{"everybody may send", func(d *Domain, _ *[]SimulationKey) { d.Settings.SPF.Mechanisms = []string{"ip4:0.0.0.0/0"} }, Forged, "lets a stranger's server send"},
		{"everybody may send over IPv6", func(d *Domain, _ *[]SimulationKey) { d.Settings.SPF.Mechanisms = []string{"ip6:::/0"} }, Forged, "lets a stranger's server send"},
		{"names without data", func(d *Domain, _ *[]SimulationKey) {
			d.Settings.SPF.Mechanisms = []string{"a:x.invalid", "a:y.invalid", "a:z.invalid"}
		}, Forged, "cannot evaluate the SPF record"},
		{"another key", func(d *Domain, _ *[]SimulationKey) { d.Keys = swapped }, OwnMail, "does not belong to the key that signs"},
		{"a key that is not planned", func(_ *Domain, keys *[]SimulationKey) { (*keys)[0].Selector = "mail-2027" }, OwnMail, ""},
		{"a revoked key", func(d *Domain, _ *[]SimulationKey) { d.Keys[0].State = gomail.DKIMRevoked }, OwnMail, "does not belong to the key that signs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := testDomain()
			d.Keys = append([]gomail.DKIMKey{}, public...)
			keys := append([]SimulationKey{}, private...)
			test.change(&d, &keys)
			found := false
			for _, r := range simulate(t, testServer(), d, keys) {
				if r.Case == test.kind && r.State != OK && strings.Contains(r.Why, test.why) {
					found = true
				}
				if !strings.HasSuffix(r.Why, ".") || strings.Contains(r.Why, "%!") {
					t.Errorf("%s: %q", r.Message, r.Why)
				}
			}
			if !found {
				for _, r := range simulate(t, testServer(), d, keys) {
					t.Logf("%s is %s: %+v: %s", r.Message, r.State, r.Actual, r.Why)
				}
				t.Error("it was not caught")
			}
		})
	}
}

// A server that sends from an address that SPF does not know.
func TestSimulateAddressNotListed(t *testing.T) {
	private, public := simKeys(t)
	d := testDomain()
	d.Keys = public
	records := Plan(testServer(), d)
	for i := range records {
		if records[i].Purpose == SPF {
			records[i].Value = "v=spf1 ip4:192.0.2.1 -all"
		}
	}
	wrong := 0
	for _, r := range Simulate(t.Context(), records, emptyDNS(records), private) {
		if r.State == Wrong {
			wrong++
			if r.Client != "2001:db8::1" || !strings.Contains(r.Why, "SPF says fail of this server's own address 2001:db8::1") {
				t.Errorf("%s: %s", r.Message, r.Why)
			}
		}
	}
	if wrong != 2 {
		t.Errorf("%d messages are wrong", wrong)
	}
}

// What nobody has asked about is said to be unknown, and never guessed.
func TestSimulateUnknown(t *testing.T) {
	private, public := simKeys(t)
	d := testDomain()
	d.Keys = public
	d.Settings.SPF.Mechanisms = []string{"include:_spf.example.net"}
	records := Plan(testServer(), d)
	seen := Seen{Answers: map[Question][]Answer{}, Now: time.Unix(1_800_000_000, 0)}
	unknown := map[SimulationCase]int{}
	for _, r := range Simulate(t.Context(), records, seen, private) {
		switch {
		case r.State == Unknown && strings.Contains(r.Why, "has not been asked about"):
			unknown[r.Case]++
		case r.State != OK:
			t.Errorf("%s is %s: %s", r.Message, r.State, r.Why)
		}
	}
	// Our own addresses match mx before the include is looked at.
	if unknown[Forged] != 2 || unknown[ForgedSubdomains] != 1 || unknown[Forwarded] != 2 || len(unknown) != 3 {
		t.Errorf("unknown are %v", unknown)
	}
}

// Includes that are known are followed: a service whose servers are listed
// passes, and one that needs too many look-ups breaks the record for all.
func TestSimulateIncludes(t *testing.T) {
	private, public := simKeys(t)
	d := testDomain()
	d.Keys = public
	d.Settings.SPF.Mechanisms = []string{"include:_spf.example.net"}
	records := Plan(testServer(), d)
	with := func(n int) Seen {
		seen := emptyDNS(records)
		value := "v=spf1 ip4:198.51.100.0/24"
		for i := range n {
			name := fmt.Sprintf("s%d.example.net", i)
			value += " include:" + name
			seen.Answers[Question{name, "TXT"}] = []Answer{{Server: "ns1", Status: Answered, Values: []Value{{Text: "v=spf1 ip4:203.0.113.9 -all"}}}}
		}
		seen.Answers[Question{"_spf.example.net", "TXT"}] = []Answer{{Server: "ns1", Status: Answered, Values: []Value{{Text: value + " -all"}}}}
		return seen
	}
	for n, want := range map[int]State{0: OK, 8: OK, 9: Wrong} { // mx and the include are two of ten
		for _, r := range Simulate(t.Context(), records, with(n), private) {
			if r.Case == Forged && (r.State != want || want == Wrong && !strings.Contains(r.Why, "more than 10 DNS look-ups")) {
				t.Errorf("%d includes: %s is %s: %s", n, r.Message, r.State, r.Why)
			}
		}
	}
}

func TestSimulateParkedAndUnsigned(t *testing.T) {
	d := testDomain()
	d.Keys = nil
	for _, r := range simulate(t, testServer(), d, nil) {
		if r.State != OK || r.Selector != "" {
			t.Errorf("%s is %s: %s", r.Message, r.State, r.Why)
		}
	}
	d.Settings.Parked = true
	results := simulate(t, testServer(), d, nil)
	for _, r := range results {
		if r.State != OK || r.Actual.Disposition != "reject" {
			t.Errorf("parked: %s is %s: %+v %s", r.Message, r.State, r.Actual, r.Why)
		}
	}
	if len(results) != 3 {
		t.Errorf("%d messages were tried of a parked domain", len(results))
	}
	if got := Simulate(t.Context(), nil, Seen{}, nil); len(got) != 0 {
		t.Errorf("an empty plan: %+v", got)
	}
}

func TestSimulationQuestions(t *testing.T) {
	d := testDomain()
	d.Name = "dept.example.com"
	var got []string
	for _, q := range SimulationQuestions(Plan(Server{Hostname: "mail.example.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, d)) {
		got = append(got, q.Name+" "+q.Type)
	}
	const f = forgedLabel + ".dept.example.com"
	want := f + " TXT," + f + " MX," + f + " A," + f + " AAAA,_dmarc." + f + " TXT,_dmarc.example.com TXT,_dmarc.com TXT"
	if strings.Join(got, ",") != want {
		t.Errorf("asked is %v", got)
	}
}

// Whatever the owner sets that Validate lets pass, and that lists no strangers:
// our own mail is delivered, and forgeries meet the policy.
func TestSimulationOfEverySetting(t *testing.T) {
	private, public := simKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		s, d := testServer(), testDomain()
		d.Keys = public
		set := &d.Settings
		set.SPF.All = rapid.SampledFrom([]string{"", "~all", "-all"}).Draw(t, "all")
		set.SPF.Mechanisms = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ip4:198.51.100.0/24", "ip6:2001:db8:1::/48", "ip4:203.0.113.7", "-ip4:198.51.100.9"}), 0, 4, rapid.ID).Draw(t, "mechanisms")
		policy := rapid.SampledFrom([]string{"", "none", "quarantine", "reject"})
		set.DMARC.Policy, set.DMARC.SubdomainPolicy, set.DMARC.NonexistentPolicy = policy.Draw(t, "p"), policy.Draw(t, "sp"), policy.Draw(t, "np")
		alignment := rapid.SampledFrom([]string{"", "r", "s"})
		set.DMARC.ADKIM, set.DMARC.ASPF = alignment.Draw(t, "adkim"), alignment.Draw(t, "aspf")
		set.DMARC.Testing = rapid.SampledFrom([]string{"", "y", "n"}).Draw(t, "t")
		set.Parked = rapid.Bool().Draw(t, "parked")
		s.Hostname = rapid.SampledFrom([]string{"mail.example.com", "mx.host.example", "example.com", ""}).Draw(t, "host")
		d.Name = rapid.SampledFrom([]string{"example.com", "dept.example.com", "example.co.uk"}).Draw(t, "name")
		if err := Validate(d.Settings); err != nil {
			t.Fatal(err)
		}
		records := Plan(s, d)
		for _, r := range Simulate(context.Background(), records, emptyDNS(records), private) {
			if r.State != OK {
				t.Errorf("%s is %s: expected %+v, got %+v: %s", r.Message, r.State, r.Expected, r.Actual, r.Why)
			}
		}
	})
}
