package serve

import (
	"net/netip"
	"testing"
)

func TestLimitsPerNetwork(t *testing.T) {
	var k counts
	var taken []netip.Prefix
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
		network := networkOf(netip.MustParseAddr(step.addr))
		limit := k.acquire(network, 5, 1)
		if limit != step.limit {
			t.Errorf("%s: %q, want %q", step.addr, limit, step.limit)
		}
		if limit == "" {
			taken = append(taken, network)
		}
	}
	for _, network := range taken {
		k.release(network)
	}
	if k.total != 0 || len(k.networks) != 0 {
		t.Errorf("after all have ended %d connections of %d networks are counted", k.total, len(k.networks))
	}
}
