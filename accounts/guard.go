package accounts

import (
	"net/netip"
	"sync"
	"time"

	"gomail"
)

// guard limits guessing. Failures are counted per address, per network (IPv4
// /24, IPv6 /64) and per account; past its allowance a key is refused for a
// while that doubles with every further failure.
//
// A network from which an account has signed in before is a known place of
// that account: only the failures from that very place count against it, and
// its delay stays short, so that neither strangers who guess nor a forgotten
// telephone with the old password lock the owner out.
type guard struct {
	clock  func() time.Time
	mu     sync.Mutex
	counts map[string]*failures
	places map[place]time.Time // when it was last used
}

type place struct {
	account gomail.AccountID
	network netip.Prefix
}

type failures struct {
	n       int
	last    time.Time
	blocked time.Time // until then
}

// Allowances before delays begin, and how long a failure is remembered.
const (
	perAddress = 10
	perNetwork = 40
	perAccount = 20
	perPlace   = 20
	perSecond  = 10
	firstDelay = 5 * time.Second
	maxDelay   = time.Hour
	forget     = 24 * time.Hour
	placeLife  = 90 * 24 * time.Hour
	maxKeys    = 200_000
)

func newGuard(clock func() time.Time) *guard {
	return &guard{clock: clock, counts: map[string]*failures{}, places: map[place]time.Time{}}
}

// network returns what counts as one place: a /24 or a /64.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// limit is one counter and its allowance.
type limit struct {
	key       string
	allowance int
	longest   time.Duration // of a delay
}

// limits returns the counters that an attempt is held against. account is 0
// for an unknown name, whose counter is the name itself.
func (g *guard) limits(account gomail.AccountID, name string, remote netip.Addr) []limit {
	net := network(remote)
	if account != 0 {
		if _, known := g.places[place{account, net}]; known {
			return []limit{{"place " + name + " " + net.String(), perPlace, firstDelay}}
		}
	}
	return []limit{
		{"address " + remote.String(), perAddress, maxDelay},
		{"network " + net.String(), perNetwork, maxDelay},
		{"account " + name, perAccount, maxDelay},
	}
}

// check returns Throttled, with the time to wait, when the attempt has to
// wait.
func (g *guard) check(account gomail.AccountID, name string, remote netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wait(g.limits(account, name, remote))
}

// checkSecond is check for a second factor. Who comes so far knows the
// password, and a known place is no excuse: a code has six digits.
func (g *guard) checkSecond(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wait(secondLimit(name))
}

func secondLimit(name string) []limit { return []limit{{"second " + name, perSecond, maxDelay}} }

// failedSecond counts a wrong second factor.
func (g *guard) failedSecond(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(secondLimit(name))
}

func (g *guard) wait(limits []limit) error {
	now := g.clock()
	for _, l := range limits {
		if f := g.counts[l.key]; f != nil && now.Before(f.blocked) {
			wait := f.blocked.Sub(now).Round(time.Second)
			return gomail.Errorf(gomail.Throttled, "too many failed sign-ins: try again in %s", wait)
		}
	}
	return nil
}

// failed counts a failure.
func (g *guard) failed(account gomail.AccountID, name string, remote netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(g.limits(account, name, remote))
}

func (g *guard) count(limits []limit) {
	now := g.clock()
	g.sweep(now)
	for _, l := range limits {
		f := g.counts[l.key]
		if f == nil || now.Sub(f.last) > forget {
			f = &failures{}
			g.counts[l.key] = f
		}
		f.n++
		f.last = now
		if over := f.n - l.allowance; over >= 0 {
			f.blocked = now.Add(min(firstDelay<<min(over, 20), l.longest))
		}
	}
}

// rank says where an attempt stands in the line for password checks.
func (g *guard) rank(account gomail.AccountID, remote netip.Addr) rank {
	g.mu.Lock()
	defer g.mu.Unlock()
	net := network(remote)
	_, known := g.places[place{account, net}]
	return rank{known: account != 0 && known, network: net}
}

// succeeded makes the attempt's network a known place of the account and
// forgives the address, but not the account: others may still be guessing.
func (g *guard) succeeded(account gomail.AccountID, name string, remote netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	net := network(remote)
	g.places[place{account, net}] = g.clock()
	delete(g.counts, "place "+name+" "+net.String())
	delete(g.counts, "address "+remote.String())
}

// sweep bounds memory: when there are too many keys, old ones go first, then
// all, which forgives everyone once rather than growing without end.
func (g *guard) sweep(now time.Time) {
	if len(g.counts) >= maxKeys {
		for key, f := range g.counts {
			if now.Sub(f.last) > time.Hour {
				delete(g.counts, key)
			}
		}
	}
	if len(g.counts) >= maxKeys {
		clear(g.counts)
	}
	if len(g.places) >= maxKeys {
		for p, last := range g.places {
			if now.Sub(last) > placeLife {
				delete(g.places, p)
			}
		}
	}
}
