package spf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"gomail"
)

type suite struct {
	Description string
	Tests       map[string]struct {
		Helo, Host string
		MailFrom   string `yaml:"mailfrom"`
		Result     oneOrMore
		// Explanation is the text of exp=, DEFAULT where there is none.
		Explanation string
	}
	Zone map[string][]yaml.Node `yaml:"zonedata"`
}

type oneOrMore []string

func (o *oneOrMore) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*o = []string{node.Value}
		return nil
	}
	return node.Decode((*[]string)(o))
}

// TestRFC7208 runs the openspf suite whole, explanations included.
func TestRFC7208(t *testing.T) {
	raw, err := os.ReadFile("testdata/rfc7208-tests.yml")
	if err != nil {
		t.Fatal(err)
	}
	cases, explained := 0, 0
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		var s suite
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		zone := newZone(t, s.Zone)
		for name, test := range s.Tests {
			cases++
			t.Run(name, func(t *testing.T) {
				got := CheckMailFrom(t.Context(), zone, Client{Addr: netip.MustParseAddr(test.Host), Helo: test.Helo}, sender(test.MailFrom))
				if !slices.Contains(test.Result, string(got.Status)) {
					t.Errorf("got %s (%s), the suite says %v", got.Status, got.Reason, test.Result)
				}
				if test.Explanation == "" {
					return
				}
				explained++
				// The case of hexadecimal digits in %{i} is left open.
				if text := explain(t.Context(), zone, got); !strings.EqualFold(text, test.Explanation) {
					t.Errorf("explained by %q, the suite says %q", text, test.Explanation)
				}
			})
		}
	}
	if cases != 203 || explained != 22 {
		t.Errorf("%d cases and %d explanations were found", cases, explained)
	}
}

// sender takes an address of the suite apart: it holds some that ParseAddress
// refuses.
func sender(text string) gomail.Address {
	if text == "" {
		return gomail.Address{}
	}
	at := strings.LastIndexByte(text, '@')
	return gomail.Address{Local: text[:max(at, 0)], Domain: text[at+1:]}
}

// zone is a Resolver over one suite's zonedata.
type zone struct {
	txt, a, ptr, cname map[string][]string
	mx                 map[string][]*net.MX
	failing            map[string]bool
}

func newZone(t *testing.T, data map[string][]yaml.Node) *zone {
	z := &zone{map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]*net.MX{}, map[string]bool{}}
	for name, records := range data {
		name = strings.ToLower(name)
		spf, hasTXT := []string(nil), false
		for _, node := range records {
			if node.Kind == yaml.ScalarNode { // TIMEOUT
				z.failing[name] = true
				continue
			}
			var record map[string]yaml.Node
			if err := node.Decode(&record); err != nil {
				t.Fatal(err)
			}
			for kind, value := range record {
				if kind == "MX" {
					var mx []yaml.Node
					value.Decode(&mx)
					var pref uint16
					mx[0].Decode(&pref)
					z.mx[name] = append(z.mx[name], &net.MX{Host: mx[1].Value, Pref: pref})
					continue
				}
				var values oneOrMore
				value.Decode(&values)
				text := strings.Join(values, "")
				switch kind {
				case "TIMEOUT", "SERVFAIL":
					z.failing[name] = true
				case "SPF":
					spf = append(spf, text)
				case "TXT":
					hasTXT = true
					if text != "NONE" {
						z.txt[name] = append(z.txt[name], text)
					}
				case "A", "AAAA":
					z.a[name] = append(z.a[name], text)
				case "PTR":
					z.ptr[name] = append(z.ptr[name], text+".")
				case "CNAME":
					z.cname[name] = []string{text}
				}
			}
		}
		// Where a name has no TXT of its own, the suite means its SPF
		// records to be published as TXT.
		if !hasTXT {
			z.txt[name] = spf
		}
	}
	return z
}

func find[T any](z *zone, records map[string][]T, name string) ([]T, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for range 10 {
		if found := records[name]; len(found) > 0 {
			return found, nil
		}
		if z.failing[name] {
			return nil, &net.DNSError{Err: "time-out", Name: name, IsTimeout: true, IsTemporary: true}
		}
		alias := z.cname[name]
		if len(alias) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}
		name = strings.ToLower(alias[0])
	}
	return nil, &net.DNSError{Err: "alias loop", Name: name, IsTemporary: true}
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return find(z, z.txt, name)
}
func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return find(z, z.mx, name)
}
func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	texts, err := find(z, z.a, name)
	var addrs []net.IPAddr
	for _, text := range texts {
		addrs = append(addrs, net.IPAddr{IP: net.ParseIP(text)})
	}
	return addrs, err
}
func (z *zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return find(z, z.ptr, reverse(netip.MustParseAddr(addr)))
}

func reverse(addr netip.Addr) string {
	const digits = "0123456789abcdef"
	var parts []string
	suffix := "in-addr.arpa"
	if addr.Is4() {
		parts = strings.Split(addr.String(), ".")
	} else {
		suffix = "ip6.arpa"
		for _, b := range addr.AsSlice() {
			parts = append(parts, digits[b>>4:b>>4+1], digits[b&15:b&15+1])
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".") + "." + suffix
}

func TestResultTellsWhatWasChecked(t *testing.T) {
	z := &zone{txt: map[string][]string{"example.com": {"v=spf1 ip4:192.0.2.0/24 -all"}, "mail.example.com": {"v=spf1 a -all"}}, a: map[string][]string{"mail.example.com": {"192.0.2.1"}}}
	client := Client{Addr: netip.MustParseAddr("::ffff:192.0.2.1"), Helo: "mail.example.com"}
	from := gomail.Address{Local: "a@b", Domain: "example.com"}
	if r := CheckMailFrom(t.Context(), z, client, from); r.Status != Pass || r.Domain != "example.com" || r.Identity != MailFrom || r.Sender != from {
		t.Errorf("%+v", r)
	}
	if r := CheckMailFrom(t.Context(), z, client, gomail.Address{}); r.Status != Pass || r.Domain != "mail.example.com" || r.Identity != MailFrom {
		t.Errorf("%+v", r)
	}
	if r := CheckHelo(t.Context(), z, client); r.Status != Pass || r.Identity != Helo || r.Sender.String() != "postmaster@mail.example.com" {
		t.Errorf("%+v", r)
	}
	literal := Client{Addr: client.Addr, Helo: "[192.0.2.1]"}
	if r := CheckHelo(t.Context(), z, literal); r.Status != None {
		t.Errorf("%+v", r)
	}
	client.Addr = netip.MustParseAddr("198.51.100.1")
	if r := CheckMailFrom(t.Context(), z, client, from); r.Status != Fail {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := CheckMailFrom(ctx, z, client, from); r.Status != TempError {
		t.Errorf("look-ups that were cut short: %+v", r)
	}
}

func TestValidTerm(t *testing.T) {
	for _, term := range []string{"mx", "a", "-all", "include:_spf.example.net", "ip4:192.0.2.0/24", "ip6:2001:db8::/32", "a:mail.example.com/28//64", "exists:%{ir}.sbl.example.org", "redirect=_spf.example.com", "?ptr"} {
		if err := ValidTerm(term); err != nil {
			t.Errorf("%q: %v", term, err)
		}
	}
	for _, term := range []string{"", "-", "include", "include:", "ip4:192.0.2.0/33", "ip4:2001:db8::1", "a:x", "mx ", "all:x", "bogus", "a\x00", "include:ex ample.com", "+redirect=a.example", "a:%{x}.example.com", "v=spf1 mx"} {
		if err := ValidTerm(term); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%q: %v", term, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("v=spf1 mx a:x.example/24//64 ip4:192.0.2.1 exists:%{ir}.%{d2}.example ~all")
	f.Fuzz(func(t *testing.T, text string) {
		if ValidRecord(text) != nil {
			return
		}
		for i := 0; i < len(text); i++ {
			if text[i] < ' ' || text[i] > '~' {
				t.Fatalf("%q was found valid", text)
			}
		}
		z := &zone{txt: map[string][]string{"example.com": {text}}}
		r := CheckMailFrom(t.Context(), z, Client{Addr: netip.MustParseAddr("192.0.2.1"), Helo: "h.example"}, gomail.Address{Local: "a", Domain: "example.com"})
		if r.Status == "" || r.Reason == "" {
			t.Fatalf("%q: %+v", text, r)
		}
	})
}
