package dnsplan

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gomail"
)

// zone is a DNS as a test writes it: "name type" → values. An MX's priority
// stands before its host.
type zone map[string][]string

// see asks every question of a plan, follow-ups too, of two name servers and a
// resolver that all hold the zone.
func (z zone) see(records []Record) Seen {
	seen := Seen{Answers: map[Question][]Answer{}, Zone: "example.com", Now: time.Unix(0, 0)}
	for questions := Questions(records); len(questions) > 0; questions = FollowUps(records, seen) {
		for _, q := range questions {
			for _, server := range []string{"ns1", "ns2", "resolver"} {
				a := z.answer(q)
				a.Server, a.Resolver = server, server == "resolver"
				seen.Answers[q] = append(seen.Answers[q], a)
			}
		}
	}
	return seen
}

func (z zone) answer(q Question) Answer {
	if q.Name == "silent.example.net" {
		return Answer{Status: ServFail}
	}
	_, parent, _ := strings.Cut(q.Name, ".")
	if values := z["*."+parent+" "+q.Type]; len(values) > 0 && len(z[q.Name+" "+q.Type]) == 0 {
		return z.answer(Question{"*." + parent, q.Type})
	}
	a := Answer{Status: NXDomain, TTL: 300}
	for key, values := range z {
		name, kind, _ := strings.Cut(key, " ")
		if !sameHost(name, q.Name) {
			continue
		}
		if a.Status == NXDomain {
			a.Status = NoData
		}
		if kind == "CNAME" && q.Type != "CNAME" {
			next := z.answer(Question{canonicalName(values[0]), q.Type})
			next.Aliases = append([]string{values[0]}, next.Aliases...)
			return next
		}
		if kind != q.Type {
			continue
		}
		a.Status = Answered
		for _, v := range values {
			value := Value{Text: v}
			if kind == "MX" {
				fmt.Sscanf(v, "%d %s", &value.Priority, &value.Text)
			}
			a.Values = append(a.Values, value)
		}
	}
	return a
}

// publish makes the zone that a plan asks for.
func publish(records []Record) zone {
	z := zone{}
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		value := r.Value
		if r.Priority != nil {
			value = fmt.Sprintf("%d %s", *r.Priority, value)
		}
		key := r.Name + " " + r.Type
		z[key] = append(z[key], value)
	}
	return z
}

func testServer() Server {
	return Server{
		Hostname: "mail.example.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		ACMEIssuer: "letsencrypt.org", Services: Services{IMAPS: true, Submissions: true}, TLSA: []TLSAHash{{1}}, DNSSEC: DNSSECSigned,
	}
}

func testDomain() Domain {
	key := make([]byte, 294) // as long as RSA-2048's
	for i := range key {
		key[i] = byte(i * 7)
	}
	return Domain{Domain: gomail.Domain{Name: "example.com"}, Keys: []gomail.DKIMKey{
		{Domain: "example.com", Selector: "mail", Algorithm: "ed25519", PublicKey: key[:32], State: gomail.DKIMActive},
	}}
}

func findingOf(t *testing.T, findings []Finding, purpose Purpose) Finding {
	t.Helper()
	for _, f := range findings {
		if f.Purpose == purpose {
			return f
		}
	}
	t.Fatalf("there is no finding about %s", purpose)
	return Finding{}
}

// What Plan says, published, compares ok: always.
func TestPublishedPlanIsOK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, d := testServer(), testDomain()
		set := &d.Settings
		set.SPF.All = rapid.SampledFrom([]string{"", "~all", "-all"}).Draw(t, "all")
		set.SPF.Mechanisms = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ip4:198.51.100.0/24", "ip6:2001:db8:1::/48", "a:other.example.com"}), 0, 3, rapid.ID).Draw(t, "mechanisms")
		set.DMARC.Policy = rapid.SampledFrom([]string{"", "none", "quarantine", "reject"}).Draw(t, "p")
		set.DMARC.RUA = rapid.SliceOfN(rapid.SampledFrom([]string{"admin@example.com", "reports@other.org"}), 0, 2).Draw(t, "rua")
		set.MTASTS.Mode = rapid.SampledFrom([]string{"", "enforce", "none"}).Draw(t, "sts")
		set.MTASTS.Off = rapid.Bool().Draw(t, "off")
		set.Parked = rapid.Bool().Draw(t, "parked")
		set.ApexAddress = rapid.Bool().Draw(t, "apex")
		set.CAA.NoWildcard = rapid.Bool().Draw(t, "wildcard")
		s.DNSSEC = rapid.SampledFrom([]DNSSEC{DNSSECSigned, DNSSECUnsigned, DNSSECUnknown}).Draw(t, "dnssec")
		if rapid.Bool().Draw(t, "backup") {
			s.MX = []MX{{"mx2.example.net", 20}}
		}
		records := Plan(s, d)
		z := publish(records)
		z["other.example.com A"] = []string{"203.0.113.9"}
		findings := Compare(records, z.see(records))
		for _, f := range findings {
			if f.State != OK && f.State != InapplicableNow {
				t.Errorf("%s %s is %s (%s): %s", f.Type, f.Name, f.State, f.Code, f.Fix)
			}
		}
		if !Ready(findings) {
			t.Error("the domain is not ready")
		}
	})
}

// Every way to be wrong has its own code and says in a sentence what mends it.
func TestFindings(t *testing.T) {
	const apex, dkimName = "example.com TXT", "mail._domainkey.example.com TXT"
	key := base64.StdEncoding.EncodeToString(testDomain().Keys[0].PublicKey)
	other := base64.StdEncoding.EncodeToString(make([]byte, 32))
	includes := func(n int) []string {
		v := "v=spf1 mx"
		for i := range n {
			v += fmt.Sprintf(" include:s%d.example.net", i)
		}
		return []string{v + " ~all"}
	}
	for _, test := range []struct {
		name    string
		purpose Purpose
		change  func(zone)
		state   State
		code    string
	}{
		{"nothing", Receive, func(zone) {}, OK, ""},
		{"case and dots", Receive, func(z zone) { z["EXAMPLE.com. MX"] = []string{"10 MAIL.Example.COM."}; delete(z, "example.com MX") }, OK, ""},
		{"other people's TXT", SPF, func(z zone) { z[apex] = append(z[apex], "google-site-verification=x", "MS=ms123", "ü\xff") }, OK, ""},

		{"no address", Address, func(z zone) { delete(z, "mail.example.com A") }, Missing, "missing"},
		{"another address", Address, func(z zone) { z["mail.example.com A"] = []string{"198.51.100.9"} }, Wrong, "address_wrong"},
		{"one address more", Address, func(z zone) { z["mail.example.com A"] = append(z["mail.example.com A"], "198.51.100.9") }, Wrong, "address_foreign"},
		{"a proxy", Address, func(z zone) { z["mail.example.com A"] = []string{"104.16.1.1"} }, Wrong, "address_proxied"},

		{"no MX", Receive, func(z zone) { delete(z, "example.com MX") }, Missing, "missing"},
		{"foreign MX", Receive, func(z zone) { z["example.com MX"] = []string{"1 aspmx.l.google.com."} }, Wrong, "mx_foreign"},
		{"foreign MX beside ours", Receive, func(z zone) { z["example.com MX"] = append(z["example.com MX"], "20 mx.old.example.") }, Wrong, "mx_foreign"},
		{"null MX", Receive, func(z zone) { z["example.com MX"] = []string{"0 ."} }, Wrong, "mx_null"},
		{"MX without its dot", Receive, func(z zone) { z["example.com MX"] = []string{"10 mail.example.com.example.com."} }, Wrong, "mx_doubled_zone"},
		{"another priority", Receive, func(z zone) { z["example.com MX"] = []string{"5 mail.example.com."} }, OKDiffers, "mx_priority"},

		{"no SPF", SPF, func(z zone) { z[apex] = []string{"hello"} }, Missing, "missing"},
		{"two SPF", SPF, func(z zone) { z[apex] = append(z[apex], "v=spf1 include:old.example -all") }, Wrong, "spf_two_records"},
		{"SPF of another", SPF, func(z zone) { z[apex] = []string{"v=spf1 ip4:198.51.100.1 -all"} }, Wrong, "spf_not_authorized"},
		{"SPF that cannot be read", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx inclde:x.example ~all"} }, Wrong, "spf_syntax"},
		{"SPF for everybody", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx +all"} }, Wrong, "spf_pass_all"},
		{"SPF weaker", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx ?all"} }, Wrong, "spf_weaker"},
		{"SPF stricter", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx -all"} }, OKDiffers, "spf_stricter"},
		{"SPF with more", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx include:s0.example.net ~all"} }, OKDiffers, "spf_more"},
		{"SPF with our address", SPF, func(z zone) { z[apex] = []string{"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"} }, OKDiffers, "spf_more"},
		{"SPF of 11 look-ups", SPF, func(z zone) { z[apex] = includes(10) }, Wrong, "spf_lookups"},
		{"SPF of 11 look-ups in includes", SPF, func(z zone) {
			z[apex] = []string{"v=spf1 mx include:deep.example.net ~all"}
			z["deep.example.net TXT"] = includes(9)
		}, Wrong, "spf_lookups"},
		{"SPF pasted with quotes", SPF, func(z zone) { z[apex] = []string{`"v=spf1 mx ~all"`} }, Wrong, "stray_quotes"},
		{"SPF at a doubled name", SPF, func(z zone) { z["example.com.example.com TXT"] = z[apex]; delete(z, apex) }, Missing, "doubled_zone"},

		{"no key", DKIM, func(z zone) { delete(z, dkimName) }, Missing, "missing"},
		{"a key at a doubled name", DKIM, func(z zone) { z["mail._domainkey.example.com.example.com TXT"] = z[dkimName]; delete(z, dkimName) }, Missing, "doubled_zone"},
		{"a key with spaces", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1;k=ed25519;p=" + key[:20] + " " + key[20:]} }, OK, ""},
		{"a key as an alias elsewhere", DKIM, func(z zone) {
			z["mail._domainkey.example.com CNAME"] = []string{"k.example.net."}
			z["k.example.net TXT"] = z[dkimName]
			delete(z, dkimName)
		}, OK, ""},
		{"another key", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1; k=ed25519; p=" + other} }, Wrong, "dkim_mismatch"},
		{"half a key", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1; k=ed25519; p=" + key[:24]} }, Wrong, "dkim_truncated"},
		{"a revoked key", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1; k=ed25519; p="} }, Wrong, "dkim_revoked"},
		{"two keys", DKIM, func(z zone) { z[dkimName] = append(z[dkimName], "v=DKIM1; k=ed25519; p="+other) }, Wrong, "dkim_two_records"},
		{"a key under test", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1; k=ed25519; t=y; p=" + key} }, OKDiffers, "dkim_testing"},
		{"a key of another kind", DKIM, func(z zone) { z[dkimName] = []string{"v=DKIM1; k=rsa; p=" + key} }, Wrong, "dkim_syntax"},
		{"a key pasted with quotes", DKIM, func(z zone) { z[dkimName] = []string{`"v=DKIM1; k=ed25519; " "p=` + key + `"`} }, Wrong, "stray_quotes"},

		{"two DMARC", DMARC, func(z zone) { z["_dmarc.example.com TXT"] = append(z["_dmarc.example.com TXT"], "v=DMARC1; p=reject") }, Wrong, "dmarc_two_records"},
		{"DMARC that cannot be read", DMARC, func(z zone) { z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=rejct"} }, Wrong, "dmarc_syntax"},
		{"DMARC stricter", DMARC, func(z zone) {
			z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=reject; rua=mailto:postmaster@example.com"}
		}, OKDiffers, "dmarc_stricter"},
		{"DMARC reports elsewhere", DMARC, func(z zone) { z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=none; rua=mailto:x@other.org"} }, OKDiffers, "dmarc_reports"},

		{"CAA of others", CAA, func(z zone) { z["example.com CAA"] = []string{`0 issue "digicert.com"`} }, Wrong, "caa_forbids"},
		{"CAA of others too", CAA, func(z zone) { z["example.com CAA"] = append(z["example.com CAA"], `0 issue "digicert.com"`) }, OKDiffers, "caa_others"},
		{"no CAA", CAA, func(z zone) { delete(z, "example.com CAA") }, Missing, "missing"},

		{"MTA-STS with an old id", MTASTS, func(z zone) { z["_mta-sts.example.com TXT"] = []string{"v=STSv1; id=20200101"} }, Wrong, "sts_id"},
		{"MTA-STS without an id", MTASTS, func(z zone) { z["_mta-sts.example.com TXT"] = []string{"v=STSv1"} }, Wrong, "sts_syntax"},
		{"MTA-STS host by address", MTASTSHost, func(z zone) {
			z["mta-sts.example.com A"] = []string{"192.0.2.1"}
			delete(z, "mta-sts.example.com CNAME")
		}, OKDiffers, "address_for_alias"},
		{"MTA-STS host elsewhere", MTASTSHost, func(z zone) { z["mta-sts.example.com CNAME"] = []string{"other.example."} }, Wrong, "alias_wrong"},

		{"TLS reports elsewhere", TLSRPT, func(z zone) { z["_smtp._tls.example.com TXT"] = []string{"v=TLSRPTv1; rua=mailto:x@other.org"} }, OKDiffers, "reports_elsewhere"},
		{"TLSA of another key", TLSA, func(z zone) { z["_25._tcp.mail.example.com TLSA"] = []string{"3 1 1 " + strings.Repeat("ab", 32)} }, Wrong, "tlsa_mismatch"},
		{"TLSA in capitals", TLSA, func(z zone) {
			z["_25._tcp.mail.example.com TLSA"][0] = strings.ToUpper(z["_25._tcp.mail.example.com TLSA"][0])
		}, OK, ""},
		{"SRV elsewhere", ClientSetup, func(z zone) { z["_imaps._tcp.example.com SRV"] = []string{"0 1 993 imap.other.example."} }, Wrong, "srv_wrong"},
		{"another PTR", Reverse, func(z zone) { z["1.2.0.192.in-addr.arpa PTR"] = []string{"host-1.provider.example."} }, Wrong, "ptr_wrong"},
		{"no PTR", Reverse, func(z zone) { delete(z, "1.2.0.192.in-addr.arpa PTR") }, Missing, "missing"},
		{"two PTR", Reverse, func(z zone) {
			z["1.2.0.192.in-addr.arpa PTR"] = append(z["1.2.0.192.in-addr.arpa PTR"], "host-1.provider.example.")
		}, OKDiffers, "ptr_several"},
		{"a name that does not lead back", Reverse, func(z zone) { z["mail.example.com A"] = []string{"198.51.100.9"} }, Wrong, "ptr_not_confirmed"},
		{"the mail host as an alias", Address, func(z zone) {
			z["mail.example.com CNAME"] = []string{"host.example.net."}
			z["host.example.net A"], z["host.example.net AAAA"] = z["mail.example.com A"], z["mail.example.com AAAA"]
			delete(z, "mail.example.com A")
			delete(z, "mail.example.com AAAA")
		}, OKDiffers, "host_is_alias"},
		{"an alias behind a proxy", MTASTSHost, func(z zone) {
			z["mta-sts.example.com A"] = []string{"104.16.1.1"}
			delete(z, "mta-sts.example.com CNAME")
		}, OKDiffers, "alias_proxied"},
		{"an alias behind a proxy and elsewhere", MTASTSHost, func(z zone) {
			z["mta-sts.example.com A"] = []string{"104.16.1.1", "198.51.100.9"}
			delete(z, "mta-sts.example.com CNAME")
		}, Wrong, "alias_wrong"},
		{"a key without its label", DKIM, func(z zone) {
			z["mail.example.com TXT"] = append(z["mail.example.com TXT"], z[dkimName]...)
			delete(z, dkimName)
		}, Missing, "missing_label"},
		{"a key under another selector", DKIM, func(z zone) { z["default._domainkey.example.com TXT"] = z[dkimName]; delete(z, dkimName) }, Missing, "wrong_selector"},
		{"DMARC at the domain itself", DMARC, func(z zone) {
			z[apex] = append(z[apex], z["_dmarc.example.com TXT"]...)
			delete(z, "_dmarc.example.com TXT")
		}, Missing, "missing_label"},
		{"a wildcard", DMARC, func(z zone) {
			z["*.example.com TXT"] = []string{"v=spf1 -all"}
			delete(z, "_dmarc.example.com TXT")
		}, Missing, "wildcard"},
		{"SPF that names what is not there", SPF, func(z zone) {
			z[apex] = []string{"v=spf1 mx a:gone1.example.net a:gone2.example.net mx:gone3.example.net ~all"}
		}, Wrong, "spf_void_lookups"},
		{"SPF that includes a domain without one", SPF, func(z zone) {
			z["none.example.net A"] = []string{"198.51.100.3"}
			z[apex] = []string{"v=spf1 include:none.example.net mx ~all"}
		}, Wrong, "spf_permerror"},
		{"SPF by redirect", SPF, func(z zone) {
			z["all.example.net TXT"] = []string{"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"}
			z[apex] = []string{"v=spf1 redirect=all.example.net"}
		}, OKDiffers, "spf_redirect"},
		{"DMARC under test", DMARC, func(z zone) {
			z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=none; t=y; rua=mailto:postmaster@example.com"}
		}, OKDiffers, "dmarc_testing"},
		{"DMARC with other tags", DMARC, func(z zone) {
			z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=none; adkim=s; rua=mailto:postmaster@example.com"}
		}, OKDiffers, "dmarc_tags"},
		{"CAA for one account", CAA, func(z zone) {
			z["example.com CAA"] = []string{`0 issue "letsencrypt.org; accounturi=https://acme.example/1"`}
		}, OKDiffers, "caa_account"},
		{"two MTA-STS", MTASTS, func(z zone) {
			z["_mta-sts.example.com TXT"] = append(z["_mta-sts.example.com TXT"], "v=STSv1; id=1")
		}, Wrong, "sts_two_records"},
		{"two TLS-RPT", TLSRPT, func(z zone) {
			z["_smtp._tls.example.com TXT"] = append(z["_smtp._tls.example.com TXT"], "v=TLSRPTv1; rua=mailto:x@other.org")
		}, Wrong, "two_records"},
		{"TLS-RPT without an address", TLSRPT, func(z zone) { z["_smtp._tls.example.com TXT"] = []string{"v=TLSRPTv1;"} }, Wrong, "tag_missing"},
		{"TLS-RPT with more", TLSRPT, func(z zone) { z["_smtp._tls.example.com TXT"][0] += "; x=y" }, OKDiffers, "tags"},
		{"SRV of another weight", ClientSetup, func(z zone) { z["_imaps._tcp.example.com SRV"] = []string{"5 9 993 mail.example.com."} }, OKDiffers, "srv_weight"},
		{"SPF whose include does not answer", SPF, func(z zone) { z[apex] = []string{"v=spf1 include:silent.example.net mx ~all"} }, Unknown, "spf_unknown"},
		{"reverse names of a small network", Reverse, func(z zone) {
			z["1.2.0.192.in-addr.arpa CNAME"] = []string{"1.0-31.2.0.192.in-addr.arpa."}
			z["1.0-31.2.0.192.in-addr.arpa PTR"] = z["1.2.0.192.in-addr.arpa PTR"]
			delete(z, "1.2.0.192.in-addr.arpa PTR")
		}, OK, ""},
		{"TLSA as an alias", TLSA, func(z zone) {
			z["_25._tcp.mail.example.com CNAME"] = []string{"_tlsa.example.com."}
			z["_tlsa.example.com TLSA"] = z["_25._tcp.mail.example.com TLSA"]
			delete(z, "_25._tcp.mail.example.com TLSA")
		}, OK, ""},
		{"SRV in capitals", ClientSetup, func(z zone) { z["_imaps._tcp.example.com SRV"] = []string{"0 1 993 MAIL.example.com."} }, OK, ""},
		{"SPF with an explanation behind its end", SPF, func(z zone) { z[apex] = []string{"v=spf1 mx -all exp=why.example.net"} }, OKDiffers, "spf_stricter"},
		{"TLS reports to us and others", TLSRPT, func(z zone) {
			z["_smtp._tls.example.com TXT"] = []string{"v=TLSRPTv1; rua=mailto:x@other.org, mailto:POSTMASTER@example.com"}
		}, OKDiffers, "tags"},
		{"TLS reports with a last semicolon", TLSRPT, func(z zone) { z["_smtp._tls.example.com TXT"][0] += ";" }, OK, ""},
		{"an alias at the apex", Receive, func(z zone) {
			for _, kind := range []string{"MX", "TXT", "CAA", "A", "AAAA"} {
				delete(z, "example.com "+kind)
			}
			z["example.com CNAME"] = []string{"shop.example.net."}
		}, Conflict, "cname_in_the_way"},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := Plan(testServer(), testDomain())
			z := publish(records)
			for i := range 10 {
				z[fmt.Sprintf("s%d.example.net TXT", i)] = []string{"v=spf1 ip4:203.0.113.7 ~all"}
			}
			test.change(z)
			f := findingOf(t, Compare(records, z.see(records)), test.purpose)
			if f.State != test.state || f.Code != test.code {
				t.Errorf("it is %s (%s), want %s (%s): %s", f.State, f.Code, test.state, test.code, f.Fix)
			}
			if (f.State == OK) != (f.Fix == "") {
				t.Errorf("%s says %q", f.State, f.Fix)
			}
		})
	}
}

// Findings that need more than the usual plan.
func TestFindingsOfOtherPlans(t *testing.T) {
	server, domain := testServer(), testDomain()
	server.MX = []MX{{"mx2.example.net", 20}}
	domain.Settings.DMARC.Policy = "reject"
	records := Plan(server, domain)
	z := publish(records)
	z["example.com MX"] = z["example.com MX"][1:]
	z["_dmarc.example.com TXT"] = []string{"v=DMARC1; p=quarantine"}
	findings := Compare(records, z.see(records))
	for purpose, want := range map[Purpose]string{Receive: "mx_incomplete", DMARC: "dmarc_weaker"} {
		if f := findingOf(t, findings, purpose); f.State != Wrong || f.Code != want {
			t.Errorf("%s is %s (%s), want %s: %s", purpose, f.State, f.Code, want, f.Fix)
		}
	}
}

// A host with one family of addresses, and a forgotten record of the other.
func TestForgottenAddressOfTheOtherFamily(t *testing.T) {
	for _, test := range []struct{ own, kind, forgotten string }{{"192.0.2.1", "AAAA", "2001:db8::99"}, {"2001:db8::1", "A", "198.51.100.9"}} {
		server := testServer()
		server.Addresses = []netip.Addr{netip.MustParseAddr(test.own)}
		records := Plan(server, testDomain())
		z := publish(records)
		if f := findingOf(t, Compare(records, z.see(records)), Address); f.State != OK {
			t.Errorf("%s alone: it is %s (%s)", test.own, f.State, f.Code)
		}
		z["mail.example.com "+test.kind] = []string{test.forgotten}
		if f := findingOf(t, Compare(records, z.see(records)), Address); f.Code != "address_foreign" || !strings.Contains(f.Fix, test.forgotten) {
			t.Errorf("with %s: it is %s (%s): %s", test.forgotten, f.State, f.Code, f.Fix)
		}
	}
}

// A record that names thousands does not make us ask for them.
func TestFollowUpsAreBounded(t *testing.T) {
	records := Plan(testServer(), testDomain())
	z := publish(records)
	z["example.com TXT"] = []string{"v=spf1"}
	for i := range 5000 {
		z["example.com TXT"][0] += fmt.Sprintf(" a:x%d.example.net include:y%d.example.net", i, i)
	}
	seen := z.see(records)
	if n := len(seen.Answers) - len(Questions(records)); n > 150 {
		t.Errorf("%d further questions", n)
	}
	if f := findingOf(t, Compare(records, seen), SPF); f.State != Wrong {
		t.Errorf("it is %s (%s)", f.State, f.Code)
	}
}

// Wildcard certificates are forbidden by a record that names nobody.
func TestWildcardCertificates(t *testing.T) {
	domain := testDomain()
	domain.Settings.CAA.NoWildcard = true
	records := Plan(testServer(), domain)
	z := publish(records)
	wildcard := func() Finding {
		for _, f := range Compare(records, z.see(records)) {
			if strings.Contains(f.Value, "issuewild") {
				return f
			}
		}
		t.Fatal("no record")
		return Finding{}
	}
	if f := wildcard(); f.State != OK {
		t.Errorf("as planned it is %s (%s)", f.State, f.Code)
	}
	z["example.com CAA"] = []string{`0 issue "letsencrypt.org"`, `0 issuewild "digicert.com"`}
	if f := wildcard(); f.Code != "caa_wildcard" || !strings.Contains(f.Fix, "digicert.com") {
		t.Errorf("it is %s (%s): %s", f.State, f.Code, f.Fix)
	}
}

// A sender that the owner has added has to be in the record.
func TestSPFThatLacksASender(t *testing.T) {
	domain := testDomain()
	domain.Settings.SPF.Mechanisms = []string{"ip4:203.0.113.0/24", "include:s0.example.net"}
	records := Plan(testServer(), domain)
	z := publish(records)
	z["s0.example.net TXT"] = []string{"v=spf1 ip4:203.0.113.7 ~all"}
	for live, want := range map[string]string{
		"v=spf1 mx ~all": "spf_lacks", "v=spf1 mx include:S0.example.net ~all": "spf_lacks",
		"v=spf1 mx +ip4:203.0.113.0/24 include:S0.example.net ip4:198.51.100.1 ~all": "spf_more",
	} {
		z["example.com TXT"] = []string{live}
		if f := findingOf(t, Compare(records, z.see(records)), SPF); f.Code != want {
			t.Errorf("%s is %s (%s), want %s", live, f.State, f.Code, want)
		}
	}
}

// How long a state lasts tells a slow change from what will never come.
func TestAged(t *testing.T) {
	since := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		code, want string
		wait       int
		after      time.Duration
		state      State
	}{
		{"servers_differ", "servers_differ", 0, time.Hour, Propagating},
		{"servers_differ", "servers_disagree", 0, 3 * time.Hour, Wrong},
		{"resolver_old", "resolver_old", 7200, 2 * time.Hour, Propagating},
		{"resolver_old", "split_view", 7200, 4 * time.Hour, OKDiffers},
	} {
		f := Finding{State: Propagating, Code: test.code, Wait: test.wait, Since: since}.Aged(since.Add(test.after))
		if f.State != test.state || f.Code != test.want || (f.Code != test.code) != (f.Fix != "") {
			t.Errorf("%s after %s: %s (%s) %q", test.code, test.after, f.State, f.Code, f.Fix)
		}
	}
}

// Every code that a finding can have is wanted by a test.
func TestEveryCodeIsTested(t *testing.T) {
	tests, err := os.ReadFile("compare_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?:wrong|differs)\("([a-z0-9_]+)"|verdict\{[A-Z][A-Za-z]+, "([a-z0-9_]+)"|wrongName\([^)]*"([a-z_]+)"\)|Code = \w+, "([a-z_]+)"`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range code.FindAllStringSubmatch(string(text), -1) {
			name := m[1] + m[2] + m[3] + m[4]
			found++
			// "plan" and "unsupported" would be mistakes of ours.
			if name != "plan" && name != "unsupported" && name != "_" && !strings.Contains(string(tests), `"`+name+`"`) {
				t.Errorf("%s: no test wants the code %s", file, name)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d codes were found", found)
	}
}

// What the servers disagree about, or do not say, is neither green nor red.
func TestServersThatDiffer(t *testing.T) {
	records := Plan(testServer(), testDomain())
	q := Question{"example.com", "MX"}
	for _, test := range []struct {
		name  string
		apply func(answers []Answer)
		state State
		code  string
		wait  int
	}{
		{"one lacks it", func(a []Answer) { a[1] = Answer{Server: "ns2", Status: NXDomain} }, Propagating, "servers_differ", 0},
		{"the resolver is old", func(a []Answer) { a[2] = Answer{Server: "resolver", Resolver: true, Status: NXDomain, TTL: 900} }, Propagating, "resolver_old", 900},
		{"one is silent", func(a []Answer) { a[1] = Answer{Server: "ns2", Status: Timeout} }, Unknown, "server_silent", 0},
		{"one is lame", func(a []Answer) { a[0] = Answer{Server: "ns1", Status: Lame} }, Unknown, "server_silent", 0},
		{"all fail", func(a []Answer) { a[0].Status, a[1].Status, a[2].Status = ServFail, Timeout, ServFail }, Unknown, "no_answer", 0},
		{"the resolver is silent", func(a []Answer) { a[2].Status = Timeout }, OK, "", 0},
		{"one is silent, one lacks it", func(a []Answer) {
			a[0], a[1] = Answer{Server: "ns1", Status: NoData}, Answer{Server: "ns2", Status: Timeout}
		}, Missing, "missing", 0},
	} {
		seen := publish(records).see(records)
		seen.Answers[q] = slices.Clone(seen.Answers[q])
		test.apply(seen.Answers[q])
		f := findingOf(t, Compare(records, seen), Receive)
		if f.State != test.state || f.Code != test.code || f.Wait != test.wait {
			t.Errorf("%s: %s (%s) for %v: %s", test.name, f.State, f.Code, f.Wait, f.Fix)
		}
	}
}

func BenchmarkPlanAndCompare(b *testing.B) {
	records := Plan(testServer(), testDomain())
	seen := publish(records).see(records)
	for b.Loop() {
		Compare(Plan(testServer(), testDomain()), seen)
	}
}

// Many values end in a dot of their own: a sentence that ends in one has to
// show which dot is whose.
func TestSentencesQuoteValues(t *testing.T) {
	records := Plan(testServer(), testDomain())
	wrongNames := zone{}
	for _, r := range records {
		if r.Type == "PTR" {
			wrongNames[r.Name+" PTR"] = []string{"other.example.net."}
		}
	}
	for _, z := range []zone{{}, wrongNames} {
		for _, f := range Compare(records, z.see(records)) {
			if strings.Contains(f.Fix, "..") || strings.Contains(f.Fix, ".,") {
				t.Errorf("%s %s: %s", f.Type, f.Name, f.Fix)
			}
			if f.Type == "MX" && !strings.Contains(f.Fix, "value “mail.example.com.”, priority 10.") {
				t.Errorf("the MX: %s", f.Fix)
			}
		}
	}
}
