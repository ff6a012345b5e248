package dnsplan

import (
	"fmt"
	"testing"

	"gomail"
)

// BenchmarkThousandDomains plans a thousand domains and compares each with
// what was seen: what a look at every badge costs. It is to stay below 100 ms.
func BenchmarkThousandDomains(b *testing.B) {
	const n = 1000
	server := testServer()
	domains := make([]Domain, n)
	seen := make([]Seen, n)
	for i := range domains {
		d := testDomain()
		d.Domain = gomail.Domain{Name: fmt.Sprintf("d%d.example.org", i)}
		domains[i] = d
		records := Plan(server, d)
		seen[i] = publish(records).see(records)
	}
	for b.Loop() {
		for i := range domains {
			if !Ready(Compare(Plan(server, domains[i]), seen[i])) {
				b.Fatal("not ready")
			}
		}
	}
}
