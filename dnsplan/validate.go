package dnsplan

import (
	"slices"
	"strings"

	"gomail"
)

// Limits of a domain's settings: what is longer does no good in a DNS record.
const (
	maxReports = 10
	maxURI     = 500
	maxIssuers = 20
	maxIssuer  = 250
	leastTTL   = 60
	mostTTL    = 604800

	leastRenewDays  = 7
	mostRenewDays   = 3650
	longestSelector = 40 // the month, a number and "-rsa" are added, and a label has 63
)

// Validate checks a domain's settings. Settings that it lets pass make a plan
// whose every record is well-formed. The error is an Invalid or TooMany one
// that names the setting.
func Validate(s gomail.DomainSettings) error {
	if s.TTL != 0 && (s.TTL < leastTTL || s.TTL > mostTTL) {
		return gomail.Errorf(gomail.Invalid, "the TTL is %d seconds, and it must be between %d and %d, or 0 for the default", s.TTL, leastTTL, mostTTL)
	}
	if s.Publishing.KeepInSync && s.Publishing.Connection == "" {
		return gomail.Errorf(gomail.Invalid, "only what is published through a connection to a DNS provider can be kept in sync: choose one, or switch keeping in sync off")
	}
	if !slices.Contains([]string{"", "off", "suspicious", "all"}, s.Greylist) {
		return gomail.Errorf(gomail.Invalid, "there is no greylisting %q: use off, suspicious or all", s.Greylist)
	}
	if s.CatchAll != "" {
		if _, err := gomail.ParseAddress(s.CatchAll); err != nil {
			return gomail.Errorf(gomail.Invalid, "the catch-all address is not valid: %w", err)
		}
	}
	for _, err := range []error{validSPF(s.SPF), validDMARC(s.DMARC), validMTASTS(s.MTASTS), validTLSRPT(s.TLSRPT), validCAA(s.CAA), validDKIM(s.DKIM)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// validDKIM checks how keys are made and replaced. Keys stay published for two
// months after their time: with many more of them a zone would fill.
func validDKIM(s gomail.DKIMSettings) error {
	if err := oneOf("the DKIM algorithm", s.Algorithm, "", "ed25519", "rsa", "both"); err != nil {
		return err
	}
	if s.RenewDays < -1 || s.RenewDays > mostRenewDays || s.RenewDays > 0 && s.RenewDays < leastRenewDays {
		return gomail.Errorf(gomail.Invalid, "DKIM keys cannot be replaced after %d days: it must be between %d and %d, 0 for the default, or -1 for never", s.RenewDays, leastRenewDays, mostRenewDays)
	}
	if s.Selector == "" {
		return nil
	}
	name, err := gomail.CanonicalDomain(s.Selector + ".x")
	if err != nil || name != s.Selector+".x" || len(s.Selector) > longestSelector {
		return gomail.Errorf(gomail.Invalid, "%q cannot be a selector: use at most %d lower-case letters, digits and hyphens", s.Selector, longestSelector)
	}
	return nil
}

// oneOf checks a value against those allowed; an empty one among them means
// the default.
func oneOf(what, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	return gomail.Errorf(gomail.Invalid, "%s cannot be %q: use %s", what, value, strings.Join(words, ", "))
}
