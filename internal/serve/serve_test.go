package serve

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitsPerNetwork(t *testing.T) {
	var k seats
	var taken []*Seat
	for _, step := range []struct{ addr, limit string }{
		{"192.0.2.1", ""},
		{"192.0.2.2", ""},
		{"192.0.2.1", LimitAddress},
		{"2001:db8::1", ""},
		{"2001:db8::ffff:1", LimitAddress},
		{"2001:db8:0:1::1", ""},
		{"2001:db8:0:2::1", ""},
		{"192.0.2.3", LimitConnections},
	} {
		seat, limit := k.acquire(netip.MustParseAddr(step.addr), 5, 1, nil)
		if limit != step.limit {
			t.Errorf("%s: %q, want %q", step.addr, limit, step.limit)
		}
		if limit == "" {
			taken = append(taken, seat)
		}
	}
	for _, seat := range taken {
		k.release(seat)
	}
	if k.total != 0 || len(k.networks) != 0 || len(k.crowd) != 0 {
		t.Errorf("after all have ended %d connections of %d networks in %d neighbourhoods are counted", k.total, len(k.networks), len(k.crowd))
	}
}

// house is a room of twenty seats and who had to leave it.
type house struct {
	t    *testing.T
	k    seats
	left chan string
}

// come lets a client come, who has to get a seat or not.
func (h *house) come(addr string, seated bool) (s *Seat) {
	h.t.Helper()
	s, limit := h.k.acquire(netip.MustParseAddr(addr), 20, 20, func() {
		h.k.release(s)
		h.left <- addr
	})
	if (limit == "") != seated {
		h.t.Errorf("%s: %q", addr, limit)
	}
	synctest.Wait()
	return s
}

func (h *house) goes(addr string) {
	h.t.Helper()
	select {
	case got := <-h.left:
		if got != addr {
			h.t.Errorf("%s had to leave, not %s", got, addr)
		}
	default:
		h.t.Errorf("%s did not have to leave", addr)
	}
}

// When all seats are taken, a neighbourhood that has most of them gives one up
// to somebody from elsewhere, and who was of use stays longer.
func TestCrowdMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, left: make(chan string, 20)}
		first := h.come("192.0.2.1", true)
		h.come("192.0.2.2", true)
		ours := h.come("192.0.2.3", true)
		for range 17 {
			h.come("192.0.2.4", true)
		}
		h.come("198.51.100.1", false) // nobody has had time to be of use
		time.Sleep(crowdedPatience)
		first.Useful()
		ours.Keep()
		h.come("192.0.2.5", false) // of the crowd itself
		h.come("198.51.100.1", true)
		h.goes("192.0.2.2")
		h.come("198.51.100.2", true)
		h.goes("192.0.2.4")
		for range 17 {
			time.Sleep(patience)
			h.come("203.0.113.1", true)
			<-h.left
		}
		if h.k.total != 20 || h.k.leaving != 0 || ours.at != nil {
			t.Errorf("%d seats are taken, %d are about to be free", h.k.total, h.k.leaving)
		}
	})
}

// Where everybody comes from elsewhere, who has done nothing for the longest
// has to go, but only after a while.
func TestIdleMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, left: make(chan string, 20)}
		for i := range 20 {
			h.come(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}).String(), true)
			time.Sleep(10 * time.Millisecond)
		}
		h.come("192.0.2.1", false)
		time.Sleep(patience)
		h.come("192.0.2.1", true)
		h.goes("10.0.0.1")
	})
}
