package mxsend

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/miekg/dns"

	"gomail/tlspolicy"
)

// A connection is used again only for what asks for the same.
func TestConnectionsAreNotMixed(t *testing.T) {
	r := route{port: 25, domain: "example.net"}
	other := route{port: 25, domain: "example.org"}
	lax, strict, dane := policy{shared: true}, policy{shared: true, level: needsCertificate}, policy{level: needsDANE}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{r.key("mx", lax), other.key("mx", lax), true}, {r.key("mx", strict), other.key("mx", strict), true},
		{r.key("mx", lax), r.key("mx", strict), false}, {r.key("mx", strict), r.key("mx", dane), false}, {r.key("mx", dane), other.key("mx", dane), false},
	} {
		if (c.a == c.b) != c.same {
			t.Errorf("%q and %q", c.a, c.b)
		}
	}
}

// Where the TLSA records of an alias stand, RFC 7672 section 2.2.3.
func TestTLSABase(t *testing.T) {
	z := newZone()
	for _, host := range []string{"mx.example.net", "alias.example.net", "leaves.example.net", "real.example.net", "unsigned.test"} {
		z.addr[host] = []string{"192.0.2.1"}
		z.secure[host] = host != "unsigned.test"
	}
	z.alias["alias.example.net"], z.alias["leaves.example.net"] = "real.example.net", "unsigned.test"
	z.fail["broken.example.net"] = true
	s := New(Config{Hostname: "mail.example.com", Resolver: z, Secure: z})
	for host, want := range map[string]string{
		"mx.example.net": "mx.example.net", "alias.example.net": "real.example.net", "leaves.example.net": "leaves.example.net", "unsigned.test": "", "nobody.test": "",
	} {
		if base, err := s.tlsaBase(t.Context(), host); base != want || err != nil {
			t.Errorf("%s: %q, %v", host, base, err)
		}
	}
	if _, err := s.tlsaBase(t.Context(), "broken.example.net"); err == nil {
		t.Error("a host whose address cannot be looked up has no error")
	}
	// Records at the end of the alias come first, then those of its name.
	record := &dns.TLSA{Usage: 3, Selector: 1, MatchingType: 1, Certificate: "00"}
	z.tlsa["alias.example.net"] = []*dns.TLSA{record}
	r := route{domain: "example.net", secure: true}
	if p, f := s.dane(t.Context(), r, "alias.example.net"); f != nil || p.server != "alias.example.net" {
		t.Errorf("records of the name: %+v, %v", p, f)
	}
	z.tlsa["real.example.net"] = []*dns.TLSA{record}
	if p, f := s.dane(t.Context(), r, "alias.example.net"); f != nil || p.server != "real.example.net" {
		t.Errorf("records of the target: %+v, %v", p, f)
	}
}

// A policy that cannot be had is told once per attempt.
func TestPolicyThatCannotBeHad(t *testing.T) {
	z := newZone()
	z.mx["example.net"] = []*net.MX{{Host: "mx.example.net", Pref: 10}}
	z.addr["mx.example.net"] = []string{"10.0.0.1"} // not to be connected to
	var told []tlspolicy.Session
	s := New(Config{
		Hostname: "mail.example.com", Resolver: z, Session: func(x tlspolicy.Session) { told = append(told, x) },
		STS: func(context.Context, string) (*tlspolicy.Policy, *tlspolicy.Failure) {
			return nil, &tlspolicy.Failure{Type: tlspolicy.STSWebPKIInvalid, Err: errors.New("expired")}
		},
	})
	s.Deliver(t.Context(), taskFor(t, "bob@example.com", "anna@example.net"), contentOf("x"))
	if len(told) != 1 || told[0].Failure.Type != tlspolicy.STSWebPKIInvalid || told[0].Domain != "example.net" || told[0].Policy != tlspolicy.PolicySTS {
		t.Errorf("told: %+v", told)
	}
}

func TestWishes(t *testing.T) {
	s := New(Config{Hostname: "mail.example.com", Resolver: newZone(), Destinations: []Destination{
		{Domains: []string{"a.test", ".b.test"}, TLS: Verify}, {Domains: []string{"c.test"}, TLS: DANE}, {TLS: Require},
	}})
	for domain, want := range map[string]Wish{"a.test": Verify, "x.b.test": Verify, "b.test": Require, "c.test": DANE, "d.test": Require} {
		if got := s.wish(domain); got != want {
			t.Errorf("%s: %s", domain, got)
		}
	}
	for w := ByPolicy; w <= DANE; w++ {
		if got, ok := ParseWish(w.String()); !ok || got != w {
			t.Errorf("%s became %s", w, got)
		}
	}
}
