package dnsplan

import (
	"fmt"
	"testing"

	"gomail"
)

func TestWebHosts(t *testing.T) {
	server := Server{Hostname: "mail.example.com", Services: Services{Autoconfig: true, Autodiscover: true}}
	for _, test := range []struct {
		server   Server
		settings gomail.DomainSettings
		want     string
	}{
		{server, gomail.DomainSettings{}, "[mta-sts.example.com autoconfig.example.com autodiscover.example.com]"},
		{Server{Hostname: "autoconfig.example.com", Services: server.Services}, gomail.DomainSettings{}, "[mta-sts.example.com autodiscover.example.com]"},
		{Server{}, gomail.DomainSettings{}, "[mta-sts.example.com]"},
		{server, gomail.DomainSettings{MTASTS: gomail.MTASTSSettings{Off: true}}, "[autoconfig.example.com autodiscover.example.com]"},
		{server, gomail.DomainSettings{Parked: true}, "[]"},
	} {
		got := WebHosts(test.server, Domain{Domain: gomail.Domain{Name: "example.com", Settings: test.settings}})
		if fmt.Sprint(got) != test.want {
			t.Errorf("%+v: %v, want %s", test.settings, got, test.want)
		}
	}
}

// One key is enough where the next certificate has it too.
func TestOneKeptKey(t *testing.T) {
	for kept, want := range map[bool]Requirement{true: Recommended, false: Optional} {
		s := Server{Hostname: "mail.example.com", TLSA: []TLSAHash{{1}}, DNSSEC: DNSSECSigned, KeyKept: kept}
		for _, r := range Plan(s, Domain{Domain: gomail.Domain{Name: "example.com"}}) {
			if r.Purpose == TLSA && r.Requirement != want {
				t.Errorf("kept %t: %s", kept, r.Requirement)
			}
		}
	}
}
