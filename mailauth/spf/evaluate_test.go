package spf

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"gomail"
)

// TestRules holds what the suite leaves out.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		what, record string
		local        string
		want         string
	}{
		{"RFC 8616: a local part beyond ASCII matches nothing", "v=spf1 exists:%{l}.example.net -all", "jürgen", "fail: the client is not authorized"},
		{"the same term for a plain local part", "v=spf1 exists:%{l}.example.net -all", "anna", "pass: the client is authorized"},
		{"ip4 with a quoted address as its name", "v=spf1 a:192.0.2.1.example -all", "anna", "fail: the client is not authorized"},
		{"ptr beyond ten names is passed over", "v=spf1 ptr:late.example.net -all", "anna", "fail: the client is not authorized"},
		{"ptr within ten names", "v=spf1 ptr:early.example.net -all", "anna", "pass: the client is authorized"},
		{"ten hosts of an mx", "v=spf1 mx:ten.example.net -all", "anna", "fail: the client is not authorized"},
		{"eleven hosts of an mx", "v=spf1 mx:eleven.example.net -all", "anna", "permerror: an mx mechanism names more than 10 hosts"},
		{"a null MX", "v=spf1 mx:null.example.net -all", "anna", "fail: the client is not authorized"},
		{"three void look-ups", "v=spf1 a:v1.example.net a:v2.example.net mx:v3.example.net -all", "anna", "permerror: the record leads to more than 2 names without data"},
		{"a name with an IPv6 address only is not void", "v=spf1 a:six.example.net a:six.example.net a:six.example.net -all", "anna", "fail: the client is not authorized"},
		{"a DNS that fails", "v=spf1 a:down.example.net -all", "anna", "temperror: the DNS did not answer"},
		{"nobody asks behind a match", "v=spf1 ip4:192.0.2.1 a:down.example.net -all", "anna", "pass: the client is authorized"},
		{"include of a name that cannot be", "v=spf1 include:%{l}..example.net -all", "anna", "permerror: the SPF record includes a domain without one"},
		{"redirect to a name that cannot be", "v=spf1 redirect=%{l}..example.net", "anna", "permerror: the SPF record leads to a name that cannot be"},
		{"redirect in vain beside all", "v=spf1 ?all redirect=down.example.net", "anna", "neutral: the domain says nothing about the client"},
		{"a loop", "v=spf1 include:example.com -all", "anna", "permerror: the record needs more than 10 DNS look-ups"},
		{"no term matches", "v=spf1 ip4:203.0.113.0/24", "anna", "neutral: no term of the SPF record names the client"},
		{"too long", "v=spf1 " + strings.Repeat("ip4:192.0.2.1 ", 600), "anna", "permerror: the SPF record or one that it includes is not valid"},
		{"macros: digits, r, delimiters, escapes", "v=spf1 exists:%{ir}.%{v}.%{d1r}.%{o2}.%{L}.%%.example.net -all", "a-b+c", "fail: the client is not authorized"},
	} {
		z := rulesZone()
		z.txt["example.com"] = []string{c.record}
		r := CheckMailFrom(t.Context(), z, Client{Addr: netip.MustParseAddr("192.0.2.1"), Helo: "h.example"}, gomail.Address{Local: c.local, Domain: "example.com"})
		if got := string(r.Status) + ": " + r.Reason; got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

func rulesZone() *zone {
	z := &zone{txt: map[string][]string{}, mx: map[string][]*net.MX{}, failing: map[string]bool{"down.example.net": true}, a: map[string][]string{
		"anna.example.net": {"127.0.0.2"}, "early.example.net": {"192.0.2.1"}, "late.example.net": {"192.0.2.1"}, "six.example.net": {"2001:db8::1"},
	}}
	names := []string{"early.example.net."}
	for i := range 11 {
		host := fmt.Sprintf("h%d.example.net", i)
		z.a[host] = []string{"192.0.2.200"}
		names = append(names, host+".")
		z.mx["eleven.example.net"] = append(z.mx["eleven.example.net"], &net.MX{Host: host + "."})
	}
	z.mx["ten.example.net"] = z.mx["eleven.example.net"][:10]
	z.mx["null.example.net"] = []*net.MX{{Host: "."}}
	z.ptr = map[string][]string{"1.2.0.192.in-addr.arpa": append(names, "late.example.net.")}
	return z
}

// TestMacros holds the examples of RFC 7208 section 7.4.
func TestMacros(t *testing.T) {
	for _, c := range []struct{ client, text, want string }{
		{"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
		{"192.0.2.3", "%{o}", "email.example.com"},
		{"192.0.2.3", "%{d}", "email.example.com"},
		{"192.0.2.3", "%{d4}", "email.example.com"},
		{"192.0.2.3", "%{d3}", "email.example.com"},
		{"192.0.2.3", "%{d2}", "example.com"},
		{"192.0.2.3", "%{d1}", "com"},
		{"192.0.2.3", "%{dr}", "com.example.email"},
		{"192.0.2.3", "%{d2r}", "example.email"},
		{"192.0.2.3", "%{l}", "strong-bad"},
		{"192.0.2.3", "%{l-}", "strong.bad"},
		{"192.0.2.3", "%{lr}", "strong-bad"},
		{"192.0.2.3", "%{lr-}", "bad.strong"},
		{"192.0.2.3", "%{l1r-}", "strong"},
		{"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		{"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
	} {
		k := newCheck(t.Context(), rulesZone(), &Result{Client: netip.MustParseAddr(c.client), Sender: gomail.Address{Local: "strong-bad", Domain: "email.example.com"}})
		if got, ok := k.expand(c.text, "email.example.com", recordLetters); !ok || got != c.want {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}
