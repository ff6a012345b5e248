package dnspub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libdns/libdns"

	"gomail"
)

// traits are what a provider cannot do, as it documents.
type traits struct {
	without  []string // types
	textOnly bool     // TXT has to be UTF-8
	leastTTL int
	noList   bool // zones are not listed
}

// provided is a provider under test, with its zone example.com.
type provided struct {
	*testing.T
	Provider
	traits
}

// testProvider holds a client to what the publisher relies on. The zone
// example.com has to exist; another zone may not.
func testProvider(t *testing.T, client Provider, tr traits) {
	p := provided{t, client, tr}
	for _, step := range []struct {
		name string
		test func(provided)
	}{
		{"ForeignValuesStay", provided.foreignValuesStay}, {"Types", provided.types}, {"Texts", provided.texts},
		{"Names", provided.names}, {"ReplaceAndDelete", provided.replaceAndDelete}, {"Concurrently", provided.concurrently}, {"Zones", provided.zonesAndErrors},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(provided{t, client, tr}) })
	}
	p.holds("www", "A", "198.51.100.10") // was there before, and nobody touched it
}

func rr(name, kind, data string) libdns.Record {
	return libdns.RR{Name: name, Type: kind, TTL: time.Hour, Data: data}
}

func (p provided) ok(_ []libdns.Record, err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// values returns what a set holds, sorted.
func (p provided) values(name, kind string) (values []string, ttl time.Duration) {
	p.Helper()
	all, err := p.GetRecords(p.Context(), "example.com.")
	if err != nil {
		p.Fatal(err)
	}
	for _, r := range all {
		if rr := r.RR(); rr.Name == name && rr.Type == kind {
			values, ttl = append(values, rr.Data), rr.TTL
		}
	}
	slices.Sort(values)
	return values, ttl
}

func (p provided) holds(name, kind string, want ...string) {
	p.Helper()
	got, _ := p.values(name, kind)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.Errorf("%s %s holds %q, want %q", name, kind, got, want)
	}
}

func (p provided) foreignValuesStay() {
	p.ok(p.AppendRecords(p.Context(), "example.com.", []libdns.Record{rr("www", "A", "198.51.100.10"), rr("@", "TXT", "site-verification=abc"), rr("@", "TXT", "v=spf1 include:_spf.example.net ~all")}))
	p.ok(p.AppendRecords(p.Context(), "example.com", []libdns.Record{rr("@", "TXT", "another"), rr("@", "TXT", "site-verification=abc")}))
	p.holds("@", "TXT", "another", "site-verification=abc", "v=spf1 include:_spf.example.net ~all")
	p.ok(p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr("@", "TXT", "site-verification=abc"), rr("@", "TXT", "v=spf1 mx include:_spf.example.net ~all")}))
	p.holds("@", "TXT", "site-verification=abc", "v=spf1 mx include:_spf.example.net ~all")
	p.ok(p.DeleteRecords(p.Context(), "example.com.", []libdns.Record{libdns.RR{Name: "@", Type: "TXT", Data: "v=spf1 mx include:_spf.example.net ~all"}}))
	p.holds("@", "TXT", "site-verification=abc")
	p.holds("www", "A", "198.51.100.10")
}

func (p provided) types() {
	for _, test := range []struct {
		name, kind string
		values     []string
	}{
		{"mail", "A", []string{"192.0.2.1", "192.0.2.2"}}, {"mail", "AAAA", []string{"2001:db8::1"}},
		{"@", "MX", []string{"10 mail.example.com.", "20 backup.example.net."}}, {"mta-sts", "CNAME", []string{"mail.example.com."}},
		{"@", "CAA", []string{`0 issue "letsencrypt.org"`, `0 issuewild ";"`}}, {"_imaps._tcp", "SRV", []string{"0 1 993 mail.example.com."}},
		{"_submissions._tcp.dept", "SRV", []string{"0 1 465 mail.example.com.", "10 1 465 backup.example.net."}}, {"_pop3s._tcp", "SRV", []string{"0 0 0 ."}},
		{"_25._tcp.mail", "TLSA", []string{"3 1 1 " + strings.Repeat("ab", 32), "3 1 1 " + strings.Repeat("01", 32)}},
		{"@", "A", []string{"192.0.2.1"}},
	} {
		var records []libdns.Record
		for _, v := range test.values {
			records = append(records, rr(test.name, test.kind, v))
		}
		_, err := p.SetRecords(p.Context(), "example.com.", records)
		if slices.Contains(p.without, test.kind) {
			if gomail.KindOf(err) != gomail.Invalid || !strings.Contains(err.Error(), test.kind) {
				p.Errorf("%s, which it does not have: %v", test.kind, err)
			}
			continue
		}
		if err != nil {
			p.Errorf("%s: %v", test.kind, err)
			continue
		}
		p.holds(test.name, test.kind, test.values...)
		if _, ttl := p.values(test.name, test.kind); ttl != time.Hour {
			p.Errorf("the TTL of %s %s is %v", test.name, test.kind, ttl)
		}
		p.ok(p.SetRecords(p.Context(), "example.com.", records)) // once more changes nothing
		p.holds(test.name, test.kind, test.values...)
	}
}

func (p provided) texts() {
	long := "v=DKIM1; k=rsa; p=" + strings.Repeat("MIIBIjANBgkq", 49)
	for name, text := range map[string]string{
		"long": long[:600], "edge": strings.Repeat("x", 255), "over": strings.Repeat("x", 256), "quotes": `say "no" to 'it'`, "backslash": `a\b \\ \098 \"`,
		"semicolon": "v=DMARC1; p=none; rua=mailto:a@example.com", "spaces": "  two  spaces ", "utf8": "grüße ✓", "bytes": "\x01\x80\xfe",
		"split": strings.Repeat("y", 254) + `"` + strings.Repeat("ü", 200),
	} {
		_, err := p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr(name+"._domainkey", "TXT", text)})
		if name == "bytes" && p.textOnly {
			if gomail.KindOf(err) != gomail.Invalid {
				p.Errorf("octets that are no text: %v", err)
			}
			continue
		}
		p.ok(nil, err)
		p.holds(name+"._domainkey", "TXT", text)
	}
}

func (p provided) names() {
	for _, name := range []string{"a", "a.b.c.d", "*", "*._domainkey.dept", "_dmarc.dept", "xn--mller-kva"} {
		p.ok(p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr(name, "TXT", "of "+name)}))
		p.holds(name, "TXT", "of "+name)
	}
	p.ok(p.SetRecords(p.Context(), "EXAMPLE.com.", []libdns.Record{rr("Upper", "TXT", "Case")}))
	p.holds("upper", "TXT", "Case")
	if _, err := p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr("www.example.net.", "TXT", "x")}); gomail.KindOf(err) != gomail.Invalid {
		p.Errorf("a name of another zone: %v", err)
	}
}

func (p provided) replaceAndDelete() {
	p.ok(p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr("alias", "CNAME", "one.example.net.")}))
	p.ok(p.SetRecords(p.Context(), "example.com.", []libdns.Record{rr("alias", "CNAME", "two.example.net.")}))
	p.holds("alias", "CNAME", "two.example.net.")
	short := libdns.RR{Name: "gone", Type: "A", TTL: 20 * time.Minute, Data: "192.0.2.9"}
	p.ok(p.SetRecords(p.Context(), "example.com.", []libdns.Record{short, rr("gone", "TXT", "x"), rr("gone", "TXT", "y")}))
	if _, ttl := p.values("gone", "A"); ttl != max(20*time.Minute, time.Duration(p.leastTTL)*time.Second) {
		p.Errorf("the TTL is %v", ttl)
	}
	gone, err := p.DeleteRecords(p.Context(), "example.com.", []libdns.Record{rr("gone", "TXT", "not there"), libdns.RR{Name: "gone", TTL: 5 * time.Second}, libdns.RR{Name: "nowhere", Type: "A"}})
	if err != nil || len(gone) != 0 {
		p.Errorf("what is not there was deleted: %v, %v", gone, err)
	}
	gone, err = p.DeleteRecords(p.Context(), "example.com.", []libdns.Record{libdns.RR{Name: "gone"}})
	if err != nil || len(gone) != 3 {
		p.Errorf("deleted %v, %v", gone, err)
	}
	p.holds("gone", "A")
	p.holds("gone", "TXT")
}

func (p provided) concurrently() {
	var wg sync.WaitGroup
	var want []string
	errs := make([]error, 6)
	for i := range errs {
		want = append(want, fmt.Sprint("writer ", i))
		wg.Go(func() {
			_, errs[i] = p.AppendRecords(p.Context(), "example.com.", []libdns.Record{rr("many", "TXT", fmt.Sprint("writer ", i))})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		p.Fatal(err)
	}
	p.holds("many", "TXT", want...)
}

func (p provided) zonesAndErrors() {
	zones, err := p.Provider.(libdns.ZoneLister).ListZones(p.Context())
	if listed := slices.Contains(zones, libdns.Zone{Name: "example.com."}); listed == p.noList || (err != nil) != p.noList {
		p.Errorf("the zones are %v, %v", zones, err)
	}
	if err := p.Provider.(*client).test(p.Context()); err != nil {
		p.Errorf("the credentials: %v", err)
	}
	for range 2 {
		_, err := p.GetRecords(p.Context(), "elsewhere.example.")
		if kind := gomail.KindOf(err); kind != gomail.NotFound {
			p.Errorf("a zone that is not there: %v (%v)", err, kind)
		}
	}
	_, err = p.SetRecords(p.Context(), "elsewhere.example.", []libdns.Record{rr("@", "TXT", "x")})
	if kind := gomail.KindOf(err); kind != gomail.NotFound {
		p.Errorf("writing a zone that is not there: %v (%v)", err, kind)
	}
}
