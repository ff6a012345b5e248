package filter_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/filter"
	"gomail/store"
)

// zones is the DNS of a test.
type zones map[string]string

func (z zones) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	switch v, ok := z[name]; {
	case v == "SERVFAIL":
		return nil, errors.New("server failure")
	case ok:
		return []net.IPAddr{{IP: net.ParseIP(v)}}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zones) LookupTXT(context.Context, string) ([]string, error)  { return nil, nil }
func (z zones) LookupMX(context.Context, string) ([]*net.MX, error)  { return nil, nil }
func (z zones) LookupAddr(context.Context, string) ([]string, error) { return nil, nil }

// gate is a service with a clock that the test moves.
type gate struct {
	*testing.T
	*filter.Service
	now time.Time
}

func newGate(t *testing.T, z zones, lists ...string) *gate {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	g := &gate{T: t, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	g.Service = filter.New(filter.Config{Store: st, Resolver: z, BlockLists: lists, Clock: func() time.Time { return g.now }})
	return g
}

// attempt is a message from an address at a client, whose name and whose
// domains of SPF and DKIM follow.
func attempt(from, client, name string, verified ...string) filter.Attempt {
	a := filter.Attempt{Client: netip.MustParseAddr(client), Name: name, Verified: verified}
	if local, domain, ok := strings.Cut(from, "@"); ok {
		a.From = gomail.Address{Local: local, Domain: domain}
	}
	return a
}

// waits demands that somebody has to come back, or not, after a time has passed.
func (g *gate) waits(after time.Duration, a filter.Attempt, how filter.Greylisting, want bool) {
	g.Helper()
	g.now = g.now.Add(after)
	err := g.Greylist(g.Context(), a, how)
	if (err != nil) != want || err != nil && gomail.KindOf(err) != gomail.Throttled {
		g.Errorf("%s from %s (%s) after %s: %v", a.From, a.Client, a.Name, after, err)
	}
}

func TestGreylist(t *testing.T) {
	g := newGate(t, nil)
	stranger := attempt("x@spam.example", "198.51.100.7", "")
	g.waits(0, stranger, filter.GreylistAll, true)
	g.waits(time.Minute, stranger, filter.GreylistAll, true)
	g.waits(3*time.Minute+59*time.Second, stranger, filter.GreylistAll, true)
	g.waits(2*time.Second, attempt("x@spam.example", "198.51.100.250", ""), filter.GreylistAll, false) // from its network
	g.waits(0, attempt("x@spam.example", "198.51.101.7", ""), filter.GreylistAll, true)                // from another
	g.waits(0, attempt("y@spam.example", "198.51.100.7", ""), filter.GreylistAll, true)                // somebody else
	g.waits(59*24*time.Hour, stranger, filter.GreylistAll, false)
	g.waits(59*24*time.Hour, stranger, filter.GreylistAll, false) // each visit counts
	g.waits(61*24*time.Hour, stranger, filter.GreylistAll, true)  // forgotten
	g.waits(49*time.Hour, stranger, filter.GreylistAll, true)     // came back too late
	g.waits(6*time.Minute, stranger, filter.GreylistAll, false)
}

// Servers of one organisation are one sender, whichever of them comes back.
func TestGreylistPools(t *testing.T) {
	g := newGate(t, nil)
	g.waits(0, attempt("x@big.example", "192.0.2.1", "", "mail.big.example"), filter.GreylistAll, true)
	g.waits(6*time.Minute, attempt("x@big.example", "203.0.113.9", "", "big.example"), filter.GreylistAll, false)
	g.waits(0, attempt("y@list.example", "192.0.2.1", "out1.host.example"), filter.GreylistAll, true)
	g.waits(6*time.Minute, attempt("y@list.example", "2001:db8::1", "out7.host.example", "other.example"), filter.GreylistAll, false)
	g.waits(0, attempt("z@v6.example", "2001:db8:1:2::3", ""), filter.GreylistAll, true)
	g.waits(6*time.Minute, attempt("z@v6.example", "2001:db8:1:2:ffff::", ""), filter.GreylistAll, false)
	// Once three of a pool came back, nobody of it waits.
	for i, from := range []string{"a@big.example", "b@big.example", "c@big.example"} {
		waits := i < 2 // x was the first
		g.waits(0, attempt(from, "192.0.2.1", "", "big.example"), filter.GreylistAll, waits)
		g.waits(6*time.Minute, attempt(from, "192.0.2.1", "", "big.example"), filter.GreylistAll, false)
	}
	g.waits(0, attempt("new@big.example", "192.0.2.77", "", "big.example"), filter.GreylistAll, false)
	g.waits(0, attempt("new@big.example", "192.0.2.77", ""), filter.GreylistAll, true) // not shown to be of it
}

// Who is no stranger does not wait.
func TestGreylistLetsThrough(t *testing.T) {
	g := newGate(t, nil)
	g.Wrote("shop.example", "Mail.Shop.example.")
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.waits(0, attempt("", "192.0.2.1", ""), filter.GreylistAll, false)                                                     // a notification
	g.waits(0, attempt("code@login.shop.example", "192.0.2.1", "", "login.shop.example"), filter.GreylistAll, false)        // people here wrote to it
	g.waits(0, attempt("code@login.shop.example", "192.0.2.1", ""), filter.GreylistAll, true)                               // somebody who claims to be it
	g.waits(0, attempt("a@x.example", "192.0.2.1", "mx.x.example", "x.example"), filter.GreylistSuspicious, false)          // in order
	g.waits(0, attempt("a@x.example", "192.0.2.1", "mx.x.example"), filter.GreylistSuspicious, true)                        // nothing vouches for it
	g.waits(0, attempt("a@x.example", "192.0.2.1", "", "x.example"), filter.GreylistSuspicious, true)                       // no name
	g.waits(0, attempt("a@y.example", "192.0.2.1", ""), filter.GreylistOff, false)                                          // not wanted
	g.waits(61*24*time.Hour, attempt("code@login.shop.example", "192.0.2.1", "", "shop.example"), filter.GreylistAll, true) // long ago
}

func TestClean(t *testing.T) {
	g := newGate(t, nil)
	gone, stays := attempt("gone@a.example", "192.0.2.1", ""), attempt("stays@a.example", "192.0.2.1", "")
	g.waits(0, stays, filter.GreylistAll, true)
	g.waits(6*time.Minute, stays, filter.GreylistAll, false)
	g.waits(0, gone, filter.GreylistAll, true)
	g.now = g.now.Add(50 * time.Hour)
	if err := g.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.waits(0, stays, filter.GreylistAll, false)
	g.waits(0, gone, filter.GreylistAll, true)
}

func TestBlockLists(t *testing.T) {
	z := zones{
		"7.9.9.9.bl.example": "127.0.0.2", "8.9.9.9.bl.example": "127.255.255.254", "9.9.9.9.bl.example": "203.0.113.1",
		"1.9.9.9.bl.example": "SERVFAIL", "1.9.9.9.two.example": "127.0.0.4", "1.0.0.127.bl.example": "127.0.0.2",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example": "127.0.0.2",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.2.bl.example": "127.0.0.2",
	}
	g := newGate(t, z, "bl.example", "two.example.")
	for addr, want := range map[string]string{
		"9.9.9.7": "bl.example", "9.9.9.8": "", "9.9.9.9": "", "9.9.9.1": "two.example.", "127.0.0.1": "", "2400::1": "bl.example",
	} {
		c := g.Connect(t.Context(), netip.MustParseAddr(addr))
		if got := c.Listed(); got != want {
			t.Errorf("%s is listed by %q, want %q", addr, got, want)
		}
		c.Close()
	}
}
