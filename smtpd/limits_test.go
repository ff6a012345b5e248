package smtpd

import (
	"net/netip"
	"testing"
)

func TestLimitsPerNetwork(t *testing.T) {
	l := newLimits(5, 1)
	steps := []struct {
		addr   string
		reason string
	}{
		{"192.0.2.1", ""},
		{"192.0.2.2", ""},
		{"192.0.2.1", refusedAddress},
		{"2001:db8::1", ""},
		{"2001:db8::ffff:1", refusedAddress},
		{"2001:db8:0:1::1", ""},
		{"2001:db8:0:2::1", ""},
		{"192.0.2.3", refusedConnections},
	}
	var releases []func()
	for _, s := range steps {
		release, reason := l.acquire(netip.MustParseAddr(s.addr))
		if reason != s.reason {
			t.Errorf("%s: %q, want %q", s.addr, reason, s.reason)
		}
		if release != nil {
			releases = append(releases, release)
		}
	}
	for _, release := range releases {
		release()
	}
	if l.total != 0 || len(l.networks) != 0 {
		t.Errorf("after all have ended %d connections of %d networks are counted", l.total, len(l.networks))
	}
}
