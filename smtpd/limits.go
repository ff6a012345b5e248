package smtpd

import (
	"net/netip"
	"sync"
)

// The reasons for which a connection is turned away.
const (
	refusedConnections = "connections"
	refusedAddress     = "address"
)

// limits counts connections, over all and per client network.
type limits struct {
	mu       sync.Mutex
	total    int
	networks map[netip.Prefix]int

	maxTotal, maxNetwork int
}

func newLimits(total, network int) limits {
	return limits{networks: make(map[netip.Prefix]int), maxTotal: total, maxNetwork: network}
}

// acquire counts a connection from a and returns what ends it, or nil and the
// reason when a limit is reached.
func (l *limits) acquire(a netip.Addr) (release func(), reason string) {
	network := networkOf(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.maxTotal {
		return nil, refusedConnections
	}
	if l.networks[network] >= l.maxNetwork {
		return nil, refusedAddress
	}
	l.total++
	l.networks[network]++
	return func() { l.release(network) }, ""
}

func (l *limits) release(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.networks[network]--; l.networks[network] == 0 {
		delete(l.networks, network)
	}
}

// networkOf returns what one client commands: its IPv4 address, or the /64
// in which it can pick any IPv6 address it likes.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an IP connection: all share one count
	}
	return p
}
