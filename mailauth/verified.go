package mailauth

import (
	"gomail/mailauth/dkim"
	"gomail/mailauth/spf"
)

// Verified returns the domains that SPF or a DKIM signature shows the message
// to come from.
func (r Result) Verified() []string {
	var all []string
	if r.SPF.Status == spf.Pass {
		all = append(all, r.SPF.Domain)
	}
	for _, sig := range r.DKIM {
		if sig.Status == dkim.Pass {
			all = append(all, sig.Domain)
		}
	}
	return all
}
