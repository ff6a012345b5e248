package mxsend

import "strings"

// Wish is what the configuration wants of TLS with a domain's servers.
type Wish int

// The wishes.
const (
	ByPolicy      Wish = iota // what the domain's own policies want: DANE, MTA-STS
	Opportunistic             // TLS where it works, whatever they want
	Require                   // at least TLS
	Verify                    // at least a certificate for the MX host, or DANE
	DANE                      // DANE only
)

// Destination says how mail to some domains goes.
type Destination struct {
	Domains []string // "example.com", or ".example.com" for all below; empty: all
	TLS     Wish
}

// wish returns what is wanted for a domain: the first entry that covers it.
func (s *Sender) wish(domain string) Wish {
	for _, d := range s.cfg.Destinations {
		if covers(d.Domains, domain) {
			return d.TLS
		}
	}
	return ByPolicy
}

// String names it as the configuration does.
func (w Wish) String() string {
	return [...]string{"policy", "opportunistic", "require", "verify", "dane"}[w]
}

// ParseWish reads a name that String writes.
func ParseWish(name string) (Wish, bool) {
	for w := ByPolicy; w <= DANE; w++ {
		if strings.EqualFold(name, w.String()) {
			return w, true
		}
	}
	return ByPolicy, false
}
