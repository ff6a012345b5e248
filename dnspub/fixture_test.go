package dnspub

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/internal/seal"
	"gomail/store"
)

// The store implements what the publisher asks.
var _ Store = (*store.Store)(nil)

// fixture is a publisher with a real store, for the domain example.com.
type fixture struct {
	*testing.T
	*Publisher
	dir     string
	domain  gomail.Domain
	keys    []gomail.DKIMKey
	host    string
	zone    string // as the DNS has it
	mu      sync.Mutex
	changed []string        // guarded by mu
	waits   []time.Duration // guarded by mu
}

func newFixture(t *testing.T, extra []Extra) *fixture {
	t.Helper()
	f := &fixture{T: t, dir: t.TempDir(), domain: gomail.Domain{Name: "example.com"}, host: "mail.example.com", zone: "example.com"}
	st, err := store.Open(context.Background(), store.Options{Dir: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	f.keys = []gomail.DKIMKey{{Domain: "example.com", Selector: "mail", Algorithm: "rsa", PublicKey: bytes.Repeat([]byte{7}, 294), State: gomail.DKIMActive}}
	f.domain.Settings.Publishing = gomail.PublishingSettings{Connection: "mem", KeepInSync: true}
	f.Publisher = New(Config{
		Store: st, Sealer: sealer, Plan: f.plan, Extra: extra,
		Zone: func(context.Context, string) (string, error) { return f.zone, nil },
		Domain: func(_ context.Context, name string) (gomail.Domain, error) {
			if name != f.domain.Name {
				return gomail.Domain{}, gomail.Errorf(gomail.NotFound, "%s is not hosted here", name)
			}
			return f.domain, nil
		},
		Changed: func(domain string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.changed = append(f.changed, domain)
		},
		Options: Options{Wait: func(ctx context.Context, d time.Duration) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.waits = append(f.waits, d)
			return ctx.Err()
		}},
	})
	return f
}

func (f *fixture) plan(_ context.Context, domain string) ([]dnsplan.Record, error) {
	s := dnsplan.Server{
		Hostname: f.host, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, ACMEIssuer: "letsencrypt.org",
		Services: dnsplan.Services{IMAPS: true, Submissions: true}, TLSA: []dnsplan.TLSAHash{{1}}, DNSSEC: dnsplan.DNSSECSigned,
	}
	return dnsplan.Plan(s, dnsplan.Domain{Domain: f.domain, Keys: f.keys}), nil
}

func (f *fixture) connect(provider string) {
	f.Helper()
	if _, err := f.Connect(f.Context(), dnsplan.NewConnection{Name: "mem", Provider: provider, Credentials: map[string]string{"password": "hunter2"}}); err != nil {
		f.Fatal(err)
	}
}

// view previews.
func (f *fixture) view() dnsplan.Preview {
	f.Helper()
	v, err := f.Preview(f.Context(), f.domain.Name, "")
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// publish publishes what a preview shows, with consent or without.
func (f *fixture) publish(consent string) dnsplan.Publication {
	f.Helper()
	p, err := f.Publish(f.Context(), "anna@example.com", f.domain.Name, "", dnsplan.Publish{Token: f.view().Token, Consent: consent})
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func (f *fixture) undo() dnsplan.Publication {
	f.Helper()
	p, err := f.Undo(f.Context(), "anna@example.com", f.domain.Name)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func (f *fixture) journal() []dnsplan.Publication {
	f.Helper()
	all, err := f.Publications(f.Context(), f.domain.Name)
	if err != nil {
		f.Fatal(err)
	}
	return all
}

// is fails unless an error has the kind.
func (f *fixture) is(err error, want gomail.Kind) {
	f.Helper()
	if gomail.KindOf(err) != want {
		f.Errorf("got %v (%v), want the kind %v", err, gomail.KindOf(err), want)
	}
}

// result finds what became of one set.
func result(p dnsplan.Publication, name, kind string) dnsplan.Result {
	i := slices.IndexFunc(p.Results, func(r dnsplan.Result) bool { return r.Name == name && r.Type == kind })
	if i < 0 {
		return dnsplan.Result{}
	}
	return p.Results[i]
}

// lived is a zone in which other people live.
func lived() *memory {
	m := &memory{zone: "example.com"}
	m.put("example.com", "NS", 86400, "ns1.provider.example.")
	m.put("example.com", "TXT", 1800, "google-site-verification=abc", "v=spf1 include:_spf.newsletter.example ~all")
	m.put("example.com", "MX", 300, "1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com.")
	m.put("example.com", "CAA", 7200, `0 issue "digicert.com"`)
	m.put("example.com", "A", 60, "198.51.100.80")
	m.put("_dmarc.example.com", "TXT", 900, "v=DMARC1; p=none; rua=mailto:x@reports.example", "v=DMARC1; p=none")
	m.put("autoconfig.example.com", "CNAME", 900, "old.example.net.")
	return m
}

// eachWay runs a test for every way in which a provider may come.
func eachWay(t *testing.T, test func(f *fixture, m *memory)) {
	for _, name := range []string{"whole", "single", "elsewhere"} {
		t.Run(name, func(t *testing.T) {
			m := lived()
			m.whole = name == "whole"
			f := newFixture(t, memories(m))
			f.connect(name)
			test(f, m)
		})
	}
}
