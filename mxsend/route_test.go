package mxsend

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"gomail/internal/netaddr"
	"gomail/queue"
)

// routeZone has one domain per case.
func routeZone() *zone {
	z := newZone()
	mx := func(domain string, records ...string) {
		for _, r := range records {
			var pref uint16
			var host string
			fmt.Sscan(r, &pref, &host)
			z.mx[domain] = append(z.mx[domain], &net.MX{Host: host, Pref: pref})
		}
	}
	mx("null.test", "0 .")
	mx("notnull.test", "0 .", "10 mx.other.test.")
	mx("order.test", "30 c.test.", "10 A.test.", "20 b.test.")
	mx("us.test", "10 a.test.", "20 mail.example.com.", "20 b.test.", "30 c.test.")
	mx("usfirst.test", "10 mail.example.com.", "20 b.test.")
	mx("usbyaddress.test", "10 alias.test.", "20 b.test.")
	mx("odd.test", "10 bad\x00host.test.", "20 b.test.")
	z.addr["alias.test"] = []string{"198.51.100.9"}
	z.addr["implicit.test"] = []string{"8.8.8.8"}
	z.fail["broken.test"] = true
	return z
}

func TestRoute(t *testing.T) {
	s := New(Config{Hostname: "mail.example.com", Resolver: routeZone(), OwnAddresses: []netip.Addr{netip.MustParseAddr("198.51.100.9")}})
	tests := []struct {
		domain, want string
	}{
		{"order.test", "a.test b.test c.test"},
		{"implicit.test", "implicit.test"},
		{"notnull.test", "mx.other.test"},
		{"us.test", "a.test"},
		{"odd.test", "b.test"},
		{"null.test", "permanent 5.1.10"},
		{"usfirst.test", "permanent 5.4.6"},
		{"usbyaddress.test", "permanent 5.4.6"},
		{"mail.example.com", "permanent 5.4.6"},
		{"[192.0.2.1]", "permanent 5.1.2"},
		{"broken.test", "temporary 4.4.3"},
	}
	for _, test := range tests {
		r, f := s.domainRoute(t.Context(), test.domain)
		got := strings.Join(r.hosts, " ")
		if f != nil {
			got = outcomeName(f.outcome) + " " + f.enhanced
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.domain, got, test.want)
		}
	}
}

// TestEqualPreference shows that hosts of one preference share the load, and
// that only they are asked for idle connections.
func TestEqualPreference(t *testing.T) {
	z := newZone()
	z.mx["x.test"] = []*net.MX{{Host: "a.test.", Pref: 10}, {Host: "b.test.", Pref: 10}, {Host: "c.test.", Pref: 20}}
	s := New(Config{Hostname: "mail.example.com", Resolver: z})
	first := map[string]int{}
	for range 200 {
		r, _ := s.domainRoute(t.Context(), "x.test")
		if r.preferred != 2 || r.hosts[2] != "c.test" {
			t.Fatalf("%+v", r)
		}
		first[r.hosts[0]]++
	}
	if first["a.test"] == 0 || first["b.test"] == 0 {
		t.Errorf("first were %v", first)
	}
}

func TestAddresses(t *testing.T) {
	z := newZone()
	z.addr["both.test"] = []string{"8.8.8.8", "8.8.4.4", "2600::1"}
	z.addr["inner.test"] = []string{"127.0.0.1", "10.0.0.1", "::1", "fe80::1", "169.254.169.254", "::ffff:10.0.0.1"}
	z.addr["half.test"] = []string{"127.0.0.1", "8.8.8.8"}
	z.fail["broken.test"] = true
	s := New(Config{Hostname: "mail.example.com", Resolver: z})
	for _, test := range []struct{ host, want string }{
		{"both.test", "2600::1 8.8.8.8 8.8.4.4"},
		{"half.test", "8.8.8.8"},
		{"inner.test", "permanent 5.4.4"},
		{"none.test", "permanent 5.1.2"},
		{"broken.test", "temporary 4.4.3"},
	} {
		addrs, f := s.addresses(t.Context(), route{}, test.host)
		got := strings.Trim(fmt.Sprint(addrs), "[]")
		if f != nil {
			got = outcomeName(f.outcome) + " " + f.enhanced
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.host, got, test.want)
		}
	}
}

func TestIsPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "2600::1": true, "64:ff9b::808:808": true, "2002:808:808::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.1.1": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"192.0.2.1": false, "198.18.0.1": false, "::": false, "::1": false, "fe80::1": false, "fc00::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::1": false, "::127.0.0.1": false, "2001:db8::1": false,
	} {
		if got := netaddr.IsPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %t", addr, got)
		}
	}
}

// TestDeliverWithoutRoute shows results that need no server, and that the
// numbers of the recipients are kept.
func TestDeliverWithoutRoute(t *testing.T) {
	s := New(Config{Hostname: "mail.example.com", Resolver: routeZone()})
	defer s.Close()
	task := taskFor(t, "bob@example.com", "anna@null.test", "ben@null.test")
	task.Rcpts[0].N, task.Rcpts[1].N = 3, 5
	results := s.Deliver(t.Context(), task, contentOf("x"))
	if len(results) != 2 || results[0].N != 3 || results[1].N != 5 || results[1].Outcome != queue.Permanent || results[1].Enhanced != "5.1.10" {
		t.Errorf("%+v", results)
	}
}

// TestControlInAddress gives an address that no parser of ours lets through.
func TestControlInAddress(t *testing.T) {
	s := New(Config{Hostname: "mail.example.com", Resolver: routeZone()})
	defer s.Close()
	task := taskFor(t, "bob@example.com", "anna@null.test", "ben@null.test")
	task.Rcpts[0].Address.Local = "a\r\nDATA"
	results := s.Deliver(t.Context(), task, contentOf("x"))
	if results[0].Enhanced != "5.1.3" || results[1].Enhanced != "5.1.10" {
		t.Errorf("%+v", results)
	}
	task.Envelope.From.Local = "b\r\nRSET"
	for _, r := range s.Deliver(t.Context(), task, contentOf("x")) {
		if r.Outcome != queue.Permanent {
			t.Errorf("%+v", r)
		}
	}
}
