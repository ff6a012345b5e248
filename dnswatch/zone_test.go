package dnswatch

import (
	"fmt"
	"strings"
	"testing"

	"gomail/dnsplan"
)

// Whoever makes a zone decides how many name servers and addresses it has, not
// how many questions a look costs.
func TestZoneWithManyServers(t *testing.T) {
	for _, test := range []struct {
		hosts, each int
		servers     int // that are asked
	}{
		{hosts: 13, each: 2, servers: 26},
		{hosts: 40, each: 1, servers: 16},
		{hosts: 2, each: 50, servers: 32},
		{hosts: 40, each: 50, servers: 32},
	} {
		t.Run(fmt.Sprintf("%d with %d each", test.hosts, test.each), func(t *testing.T) {
			n := newInternet(t)
			lines := []string{soa}
			for i := range test.hosts {
				lines = append(lines, fmt.Sprintf("example.com. 300 NS ns%02d.example.net.", i))
				for j := range test.each {
					lines = append(lines, fmt.Sprintf("ns%02d.example.net. 300 A 198.51.%d.%d", i, 100+i, j+1))
				}
			}
			n.serve(resolver, zoneFile(false, lines...))
			p := n.prober()
			z, err := p.zone(t.Context(), "example.com")
			if err != nil || len(z.servers) != test.servers || len(z.nameServers) > maxNameServers || len(z.unresolved) > 0 {
				t.Errorf("%d servers, %d without address, %v", len(z.servers), len(z.unresolved), err)
			}
			code := "many_name_servers"
			if test.servers == test.hosts*test.each {
				code = ""
			}
			probe := p.begin().delegation(t.Context(), "example.com")[0]
			if probe.Code != code || code != "" && (probe.State != dnsplan.OKDiffers || !strings.Contains(probe.Fix, "16 name servers")) {
				t.Errorf("the delegation is %+v", probe)
			}
		})
	}
}

// What the zone above hands out counts towards the limit, and whom it leaves
// out is not said to have no address.
func TestAdoptedServersAreBounded(t *testing.T) {
	n := newInternet(t)
	lines := []string{soa, "example.com. 300 NS ns1.example.com.", "example.com. 300 NS ns2.example.com.", registrySOA, "com. 300 NS ns.registry.example.", "ns.registry.example. 300 A 192.0.2.41"}
	referred := []string{"example.com. 300 NS ns1.example.com.", "example.com. 300 NS ns2.example.com."}
	for j := range maxAddresses {
		lines = append(lines, fmt.Sprintf("ns1.example.com. 300 A 198.51.100.%d", j+1))
	}
	n.serve(resolver, zoneFile(false, lines...))
	n.serve("192.0.2.41", refers(referred, "ns2.example.com. 300 A 192.0.2.52"))
	z, err := n.prober().zone(t.Context(), "example.com")
	if err != nil || len(z.servers) != maxAddresses || len(z.unresolved) > 0 || z.unasked != 1 {
		t.Errorf("%d servers, %d without address, %d left out, %v", len(z.servers), len(z.unresolved), z.unasked, err)
	}
}
