package dnswatch

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A server that never answers costs a look the time of a few questions.
func TestSilentServerIsLeftAlone(t *testing.T) {
	n := newInternet(t)
	records, lines := plan(t)
	n.serve(resolver, zoneFile(false, append(lines, delegation...)...))
	n.serve("192.0.2.51", zoneFile(true, append(lines, soa)...))
	var asked atomic.Int64
	n.serve("192.0.2.52", func(dns.ResponseWriter, *dns.Msg) { asked.Add(1) })
	p := n.prober()
	p.config.Timeout = 50 * time.Millisecond
	if _, err := p.Look(t.Context(), "example.com", records); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n == 0 || n > 2*patience*tries {
		t.Errorf("the silent server was asked %d times", n)
	}
}
