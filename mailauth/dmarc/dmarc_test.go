package dmarc

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"gomail"
)

// zone is a Resolver: "_dmarc.x" names hold TXT records, other names exist.
// "!" fails.
type zone map[string]string

func (z zone) find(name string) ([]string, error) {
	text, ok := z[name]
	switch {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case text == "!":
		return nil, &net.DNSError{Err: "SERVFAIL", Name: name, IsTemporary: true}
	}
	return strings.Split(text, "\n"), nil
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) { return z.find(name) }
func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	_, err := z.find(name)
	return nil, err
}
func (z zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	_, err := z.find(name)
	return nil, err
}

func TestParse(t *testing.T) {
	r, err := Parse("v=DMARC1; p=Reject ;sp=quarantine; np=reject; rua=mailto:a@example.com!10m , https://x.example/r,nonsense; ruf=mailto:f@example.com; adkim=s; aspf=S; fo=1:d:x; t=y; psd=n; pct=40; ri=86400; unknown=1; ;")
	want := Record{Policy: Reject, SubdomainPolicy: Quarantine, NonexistentPolicy: Reject, StrictDKIM: true, StrictSPF: true, Testing: true, PSD: "n", Percent: 40,
		RUA: []string{"mailto:a@example.com", "https://x.example/r"}, RUF: []string{"mailto:f@example.com"}, FailureOptions: []string{"1", "d"}}
	if err != nil || fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]Record{
		"v=DMARC1":                                      {Policy: None, PSD: "u", Percent: 100},
		" v = DMARC1 ; p = none":                        {Policy: None, PSD: "u", Percent: 100},
		"v=DMARC1; adkim=x; pct=200; psd=q":             {Policy: None, PSD: "u", Percent: 100},
		"v=DMARC1; p=bad; rua=mailto:a@x.ex":            {Policy: None, PSD: "u", Percent: 100, RUA: []string{"mailto:a@x.ex"}},
		"v=DMARC1; p=reject; sp=bad; rua=mailto:a@x.ex": {Policy: None, PSD: "u", Percent: 100, RUA: []string{"mailto:a@x.ex"}},
		"V=DMARC1;P=REJECT;":                            {Policy: Reject, PSD: "u", Percent: 100},
		"v=DMARC1; p=reject; sp=None; ri=3600":          {Policy: Reject, SubdomainPolicy: None, PSD: "u", Percent: 100},
		"v=DMARC1; rua=mailto:a@x.ex":                   {Policy: None, PSD: "u", Percent: 100, RUA: []string{"mailto:a@x.ex"}},
		"v=DMARC1; p=; rua=mailto:a@x.ex":               {Policy: None, PSD: "u", Percent: 100, RUA: []string{"mailto:a@x.ex"}},
		"v=DMARC1;; p=quarantine;;rf=afrf;garbage":      {Policy: Quarantine, PSD: "u", Percent: 100},
		"v=DMARC1; p=none; p=reject":                    {Policy: Reject, PSD: "u", Percent: 100},
		"v=DMARC1; p=reject; pct=50":                    {Policy: Reject, PSD: "u", Percent: 50},
		"v=DMARC1; p=reject; t=Y; psd=Y":                {Policy: Reject, PSD: "y", Percent: 100, Testing: true},
		"v=DMARC1; p=reject; rua=mailto:a@x.ex!10m":     {Policy: Reject, PSD: "u", Percent: 100, RUA: []string{"mailto:a@x.ex"}},
		"v=DMARC1; p=reject; pct=0":                     {Policy: Reject, PSD: "u", Percent: 0, Testing: true},
		"v=DMARC1; p=reject; pct=0; t=n":                {Policy: Reject, PSD: "u", Percent: 0},
	} {
		want.FailureOptions = []string{"0"}
		if r, err := Parse(text); err != nil || fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", want) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC1; p=bad", "v=DMARC1; p=none; np=bad", "v=DMARC10; p=none", "v=spf1 -all"} {
		if _, err := Parse(text); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestWalkNames holds RFC 9989's example.
func TestWalkNames(t *testing.T) {
	got := strings.Join(walkNames("a.b.c.d.e.f.g.h.i.j.mail.example.com"), " ")
	want := "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com i.j.mail.example.com j.mail.example.com mail.example.com example.com com"
	if got != want {
		t.Errorf("%s", got)
	}
	if got := walkNames("a.b.c.d.e.f.example.com"); len(got) != 8 || got[1] != "b.c.d.e.f.example.com" {
		t.Errorf("%v", got)
	}
	if got := walkNames("com"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestDiscover(t *testing.T) {
	for _, c := range []struct {
		what, author string
		zone         zone
		want         string // domain policy organization
	}{
		{"own record", "example.com", zone{"_dmarc.example.com": "v=DMARC1; p=reject"}, "example.com reject example.com"},
		{"none at all", "mail.example.com", zone{}, "  mail.example.com"},
		{"organization", "a.mail.example.com", zone{"_dmarc.example.com": "v=DMARC1; p=reject", "a.mail.example.com": "x"}, "example.com reject example.com"},
		{"sp", "mail.example.com", zone{"_dmarc.example.com": "v=DMARC1; p=reject; sp=none", "mail.example.com": "x"}, "example.com none example.com"},
		{"np", "gone.example.com", zone{"_dmarc.example.com": "v=DMARC1; p=none; sp=none; np=reject"}, "example.com reject example.com"},
		{"np, but it exists", "mail.example.com", zone{"_dmarc.example.com": "v=DMARC1; p=none; sp=quarantine; np=reject", "mail.example.com": "x"}, "example.com quarantine example.com"},
		{"np, not known", "mail.example.com", zone{"_dmarc.example.com": "v=DMARC1; p=none; np=reject", "mail.example.com": "!"}, "example.com none example.com"},
		{"np does not matter at the domain itself", "example.com", zone{"_dmarc.example.com": "v=DMARC1; p=none; np=reject"}, "example.com none example.com"},
		{"own record below an organization's", "mail.example.com", zone{"_dmarc.mail.example.com": "v=DMARC1; p=none", "_dmarc.example.com": "v=DMARC1; p=reject"}, "mail.example.com none example.com"},
		{"highest wins", "a.b.example.com", zone{"_dmarc.b.example.com": "v=DMARC1; p=none", "_dmarc.example.com": "v=DMARC1; p=reject"}, "example.com reject example.com"},
		{"psd=n", "a.b.example.com", zone{"_dmarc.b.example.com": "v=DMARC1; p=quarantine; psd=n", "_dmarc.example.com": "v=DMARC1; p=reject"}, "b.example.com quarantine b.example.com"},
		{"psd=y", "a.example.bank", zone{"_dmarc.bank": "v=DMARC1; p=reject; psd=y"}, "bank reject example.bank"},
		{"psd=y and an organization", "a.example.bank", zone{"_dmarc.bank": "v=DMARC1; p=reject; psd=y", "_dmarc.example.bank": "v=DMARC1; p=none"}, "example.bank none example.bank"},
		{"psd=y at the start", "bank", zone{"_dmarc.bank": "v=DMARC1; p=reject; psd=y"}, "bank reject bank"},
		{"a suffix that forgot psd", "example.co.uk", zone{"_dmarc.co.uk": "v=DMARC1; p=reject"}, "co.uk reject example.co.uk"},
		{"two records are none", "mail.example.com", zone{"_dmarc.mail.example.com": "v=DMARC1; p=none\nv=DMARC1; p=reject", "_dmarc.example.com": "v=DMARC1; p=quarantine\nother"}, "example.com quarantine example.com"},
		{"an invalid record is none", "mail.example.com", zone{"_dmarc.mail.example.com": "v=DMARC1; p=nonsense", "_dmarc.example.com": "v=DMARC1; p=quarantine"}, "example.com quarantine example.com"},
		{"own failure", "mail.example.com", zone{"_dmarc.mail.example.com": "!", "_dmarc.example.com": "v=DMARC1; p=reject"}, "failed"},
		{"failure above own record", "mail.example.com", zone{"_dmarc.mail.example.com": "v=DMARC1; p=reject", "_dmarc.example.com": "!"}, "mail.example.com reject "},
		{"failure above psd=n does not matter", "mail.example.com", zone{"_dmarc.mail.example.com": "v=DMARC1; p=reject; psd=n", "_dmarc.example.com": "!"}, "mail.example.com reject mail.example.com"},
		{"nine labels", "1.2.3.4.5.6.7.example.com", zone{"_dmarc.2.3.4.5.6.7.example.com": "v=DMARC1; p=reject", "_dmarc.3.4.5.6.7.example.com": "v=DMARC1; p=none"}, "3.4.5.6.7.example.com none 3.4.5.6.7.example.com"},
	} {
		d := Discover(t.Context(), c.zone, c.author)
		got := fmt.Sprintf("%s %s %s", d.Domain, d.Policy, d.Organization)
		if d.Failed {
			got = "failed"
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	z := zone{
		"_dmarc.example.com": "v=DMARC1; p=reject", "_dmarc.strict.example": "v=DMARC1; p=reject; adkim=s; aspf=s", "_dmarc.test.example": "v=DMARC1; p=reject; t=y",
		"_dmarc.quarantine.example": "v=DMARC1; p=quarantine", "_dmarc.down.example": "!", "_dmarc.sub.down.example": "v=DMARC1; p=reject",
		"_dmarc.none.example": "v=DMARC1; p=none", "mail.example.com": "x", "_dmarc.dept.example.com": "v=DMARC1; p=none; psd=n",
	}
	pass := func(domain string) Identifier { return Identifier{Domain: domain, Pass: true} }
	failed := func(domain string) Identifier { return Identifier{Domain: domain, Failed: true} }
	for _, c := range []struct {
		what    string
		authors string
		fields  int
		spf     Identifier
		dkim    []Identifier
		want    string // status policy
	}{
		{"spf", "example.com", 1, pass("example.com"), nil, "pass none"},
		{"spf of a subdomain", "example.com", 1, pass("bounce.example.com"), nil, "pass none"},
		{"spf of the parent", "mail.example.com", 1, pass("example.com"), nil, "pass none"},
		{"siblings", "mail.example.com", 1, pass("bounce.example.com"), nil, "pass none"},
		{"a department of its own", "example.com", 1, pass("dept.example.com"), nil, "fail reject"},
		{"dkim", "example.com", 1, Identifier{}, []Identifier{{Domain: "x.example"}, pass("example.com")}, "pass none"},
		{"nothing", "example.com", 1, Identifier{Domain: "example.com"}, []Identifier{{Domain: "example.com"}}, "fail reject"},
		{"foreign", "example.com", 1, pass("example.net"), []Identifier{pass("badexample.com")}, "fail reject"},
		{"strict, same", "strict.example", 1, Identifier{}, []Identifier{pass("strict.example")}, "pass none"},
		{"strict, subdomain", "strict.example", 1, pass("a.strict.example"), []Identifier{pass("a.strict.example")}, "fail reject"},
		{"test mode", "test.example", 1, Identifier{}, nil, "fail quarantine"},
		{"quarantine", "quarantine.example", 1, Identifier{}, nil, "fail quarantine"},
		{"p=none", "none.example", 1, Identifier{}, nil, "fail none"},
		{"no record", "nothing.example", 1, Identifier{}, nil, "none none"},
		{"record not to be had", "down.example", 1, pass("down.example"), nil, "temperror none"},
		{"organization not known", "sub.down.example", 1, pass("down.example"), nil, "temperror none"},
		{"organization not known, same domain", "sub.down.example", 1, pass("sub.down.example"), nil, "pass none"},
		{"spf could not be checked", "example.com", 1, failed("example.com"), nil, "temperror none"},
		{"foreign spf could not be checked", "example.com", 1, failed("example.net"), nil, "fail reject"},
		{"dkim could not be checked", "example.com", 1, Identifier{}, []Identifier{failed("mail.example.com")}, "temperror none"},
		{"dkim could not be checked, but spf passes", "example.com", 1, pass("example.com"), []Identifier{failed("example.com")}, "pass none"},
		{"no author", "", 0, pass("example.com"), nil, "permerror none"},
		{"two fields", "example.com", 2, pass("example.com"), nil, "permerror reject"},
		{"two fields, two authors", "none.example example.com", 2, pass("none.example"), nil, "permerror reject"},
		{"two authors, one passes", "none.example example.com", 1, pass("none.example"), nil, "fail reject"},
		{"two authors, both pass", "none.example example.com", 1, pass("none.example"), []Identifier{pass("example.com")}, "pass none"},
		{"two authors, one not known", "down.example example.com", 1, Identifier{}, nil, "temperror none"},
		{"nine authors", "a.x b.x c.x d.x e.x f.x g.x h.x i.x", 1, Identifier{}, nil, "permerror quarantine"},
	} {
		m := Message{FromFields: c.fields, SPF: c.spf, DKIM: c.dkim}
		for _, author := range strings.Fields(c.authors) {
			m.Discoveries = append(m.Discoveries, Discover(t.Context(), z, author))
		}
		r := Evaluate(t.Context(), z, m)
		if got := fmt.Sprintf("%s %s", r.Status, r.Policy); got != c.want {
			t.Errorf("%s: got %q, want %q (%+v)", c.what, got, c.want, r)
		}
		if (r.Reason == "") != (r.Status == StatusPass) {
			t.Errorf("%s: reason %q", c.what, r.Reason)
		}
	}
}

// counting counts look-ups.
type counting struct {
	zone
	mu    *sync.Mutex
	names *[]string
}

func (c counting) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.mu.Lock()
	*c.names = append(*c.names, name)
	c.mu.Unlock()
	return c.zone.LookupTXT(ctx, name)
}

func TestLookupsAreBounded(t *testing.T) {
	var names []string
	z := counting{zone{}, new(sync.Mutex), &names}
	Discover(t.Context(), z, strings.Repeat("a.", 100)+"example.com")
	if len(names) != 8 || !slices.Contains(names, "_dmarc.com") {
		t.Errorf("%d look-ups: %v", len(names), names)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=DMARC1; p=reject; rua=mailto:a@example.com,mailto:b@example.com!1m; fo=0:1; psd=y; t=n; pct=5")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		again := fmt.Sprintf("v=DMARC1; p=%s; psd=%s; pct=%d; rua=%s; ruf=%s; fo=%s", r.Policy, r.PSD, r.Percent, strings.Join(r.RUA, ","), strings.Join(r.RUF, ","), strings.Join(r.FailureOptions, ":"))
		for tag, on := range map[string]bool{"adkim=s": r.StrictDKIM, "aspf=s": r.StrictSPF, "t=y": r.Testing, "t=n": !r.Testing} {
			if on {
				again += ";" + tag
			}
		}
		for tag, p := range map[string]Policy{"sp": r.SubdomainPolicy, "np": r.NonexistentPolicy} {
			if p != "" {
				again += ";" + tag + "=" + string(p)
			}
		}
		if len(again) > maxRecord {
			return
		}
		if r2, err := Parse(again); err != nil || fmt.Sprint(r2) != fmt.Sprint(r) {
			t.Fatalf("%q: %+v became %+v by %q (%v)", text, r, r2, again, err)
		}
	})
}
