package imapd

import (
	"net"
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

// acquire counts a connection from a. The reason is empty, or names the limit
// that stands against it; only an acquired one is released.
func (l *limits) acquire(network netip.Prefix) (reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.total >= l.maxTotal:
		return refusedConnections
	case l.networks[network] >= l.maxNetwork:
		return refusedAddress
	}
	l.total++
	l.networks[network]++
	return ""
}

func (l *limits) release(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.networks[network]--; l.networks[network] == 0 {
		delete(l.networks, network)
	}
}

// networkOf returns what one client has for itself: its IPv4 address, or the
// /64 in which it can take any IPv6 address it likes.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	prefix, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no IP connection: all of them count as one client
	}
	return prefix
}

// remoteAddr returns the client's address, none for other than TCP.
func remoteAddr(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
