package dnsplan

import (
	"testing"
	"time"
)

// A domain that the world does not find is not ready, whatever its servers
// say, and one that is not registered is not "silent".
func TestUndelegated(t *testing.T) {
	seen := Seen{Now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Zone: "example.com", Answers: map[Question][]Answer{
		{"example.com", "MX"}: {{Server: "ns1", Status: Answered, Values: []Value{{Text: "mail.example.com.", Priority: 10}}}},
	}}
	priority := 10
	records := []Record{{Name: "example.com", Type: "MX", Value: "mail.example.com.", Priority: &priority, Purpose: Receive, Requirement: Required, SetAt: DNSProvider}}
	for _, test := range []struct {
		name  string
		probe Probe
		seen  Seen
		ready bool
		badge Badge
	}{
		{"found", Probe{Kind: ProbeDelegation, State: OK}, seen, true, Badge{DomainReady, "Ready", 0}},
		{"bogus", Probe{Kind: ProbeDelegation, State: Wrong, Code: "dnssec_bogus"}, seen, false, Badge{DomainFix, "1 record to fix", 1}},
		{"not registered", Probe{Kind: ProbeDelegation, State: Missing, Code: NotRegistered}, Seen{Now: seen.Now}, false, Badge{DomainFix, "Not registered", 1}},
		{"silent", Probe{Kind: ProbeDelegation, State: Unknown, Code: "zone_unknown"}, Seen{Now: seen.Now}, false, Badge{DomainUnknown, "The DNS does not answer", 0}},
	} {
		r := NewReport("example.com", records, test.seen, []Probe{test.probe})
		if r.Ready != test.ready || r.Status != test.badge {
			t.Errorf("%s: ready %t, %+v", test.name, r.Ready, r.Status)
		}
	}
}

// A resolver's word alone does not make a reverse name wrong.
func TestReverseOfASilentHost(t *testing.T) {
	records := []Record{
		{Name: "mail.example.com", Type: "A", Value: "192.0.2.1", Purpose: Address, Requirement: Required, SetAt: DNSProvider},
		{Name: "1.2.0.192.in-addr.arpa", Type: "PTR", Value: "mail.example.com.", Purpose: Reverse, Requirement: Required, SetAt: HostingProvider},
	}
	ptr := []Answer{{Server: "ns", Status: Answered, Values: []Value{{Text: "mail.example.com."}}}}
	for want, host := range map[State][]Answer{
		OK:    {{Server: "ns1", Status: Lame}, {Server: "resolver", Resolver: true, Status: NXDomain}},
		Wrong: {{Server: "ns1", Status: NXDomain}, {Server: "resolver", Resolver: true, Status: NXDomain}},
	} {
		seen := Seen{Zone: "example.com", Answers: map[Question][]Answer{{"1.2.0.192.in-addr.arpa", "PTR"}: ptr, {"mail.example.com", "A"}: host}}
		if f := Compare(records, seen)[1]; f.State != want {
			t.Errorf("with the host's answers %+v the reverse name is %s (%s)", host, f.State, f.Code)
		}
	}
}
