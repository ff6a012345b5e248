package serve

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// When all seats are taken, somebody who comes gets the one of a client that
// has done nothing useful for a while. Patience is shorter with a neighbourhood
// that takes more seats than that of who comes.
const (
	crowdedPatience = time.Second
	patience        = 5 * time.Second
)

// Seat is an open connection's place among all that are open. The zero Seat is
// one of nobody's.
type Seat struct {
	seats         *seats
	network, near netip.Prefix
	end           func() // asks the session to end

	// Guarded by seats.mu.
	at     *list.Element // among those of the neighbourhood that may have to go; nil: it may not
	useful time.Time     // when it last did something useful
}

// Useful notes that the connection did what it is there for. The longer ago
// that is, the sooner it has to make room.
func (s *Seat) Useful() {
	if s.seats == nil {
		return
	}
	s.seats.mu.Lock()
	defer s.seats.mu.Unlock()
	s.useful = time.Now()
	if s.at != nil {
		s.seats.crowd[s.near].MoveToBack(s.at)
	}
}

// Keep notes that the connection is one of ours: it never has to make room.
func (s *Seat) Keep() {
	if s.seats == nil {
		return
	}
	s.seats.mu.Lock()
	defer s.seats.mu.Unlock()
	s.seats.stand(s)
}

// seats are the open connections, over all and per client network.
type seats struct {
	mu       sync.Mutex
	total    int
	leaving  int // asked to go, and still there
	networks map[netip.Prefix]int
	crowd    map[netip.Prefix]*list.List // of *Seat by neighbourhood, the least useful first
}

// acquire gives a connection a seat. Without one, limit names what stands
// against it. Where all are taken, somebody else is asked to go; until they are
// gone there are a tenth more.
func (k *seats) acquire(from netip.Addr, maxTotal, maxNetwork int, end func()) (s *Seat, limit string) {
	s = &Seat{seats: k, network: networkOf(from), near: neighbourhood(from), end: end, useful: time.Now()}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.networks[s.network] >= maxNetwork {
		return nil, LimitAddress
	}
	if k.total-k.leaving >= maxTotal {
		least, crowded := k.least(s.near)
		if least == nil || k.leaving > 1+maxTotal/10 || k.leaving > 1+maxTotal/20 && !crowded {
			return nil, LimitConnections
		}
		k.stand(least)
		k.leaving++
		least.near = netip.Prefix{} // marks who leaves
		go least.end()
	}
	k.sit(s)
	return s, ""
}

// least returns the seat that has to be given up for somebody of a
// neighbourhood, nil when there is none, and whether it is in a neighbourhood
// that takes more of them.
func (k *seats) least(near netip.Prefix) (least *Seat, inCrowd bool) {
	mine, most := 0, 0
	if c := k.crowd[near]; c != nil {
		mine = c.Len()
	}
	var oldest, crowded *Seat
	now := time.Now()
	for _, c := range k.crowd {
		first := c.Front().Value.(*Seat)
		if n := c.Len(); n > max(most, mine+1) && now.Sub(first.useful) >= crowdedPatience {
			crowded, most = first, n
		}
		if oldest == nil || first.useful.Before(oldest.useful) {
			oldest = first
		}
	}
	switch {
	case crowded != nil:
		return crowded, true
	case oldest != nil && now.Sub(oldest.useful) >= patience:
		return oldest, false
	}
	return nil, false
}

func (k *seats) sit(s *Seat) {
	if k.networks == nil {
		k.networks, k.crowd = map[netip.Prefix]int{}, map[netip.Prefix]*list.List{}
	}
	k.total++
	k.networks[s.network]++
	if k.crowd[s.near] == nil {
		k.crowd[s.near] = list.New()
	}
	s.at = k.crowd[s.near].PushBack(s)
}

// stand takes a seat from among those that may have to be given up.
func (k *seats) stand(s *Seat) {
	if s.at == nil {
		return
	}
	if c := k.crowd[s.near]; c.Remove(s.at) != nil && c.Len() == 0 {
		delete(k.crowd, s.near)
	}
	s.at = nil
}

func (k *seats) release(s *Seat) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stand(s)
	k.total--
	if s.near == (netip.Prefix{}) {
		k.leaving--
	}
	if k.networks[s.network]--; k.networks[s.network] == 0 {
		delete(k.networks, s.network)
	}
}

// networkOf returns what one client commands: its IPv4 address, or the /64
// in which it can pick any IPv6 address it likes.
func networkOf(a netip.Addr) netip.Prefix { return prefixOf(a, 32, 64) }

// neighbourhood returns what one attacker may easily command: an IPv4 /24 or
// an IPv6 /48.
func neighbourhood(a netip.Addr) netip.Prefix { return prefixOf(a, 24, 48) }

// prefixOf returns the network of an address. Where there is no IP address,
// all share one.
func prefixOf(a netip.Addr, bits4, bits6 int) netip.Prefix {
	bits := bits4
	if a.Is6() {
		bits = bits6
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 128)
	}
	return p
}
