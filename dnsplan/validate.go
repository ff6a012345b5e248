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
	if s.CatchAll != "" {
		if _, err := gomail.ParseAddress(s.CatchAll); err != nil {
			return gomail.Errorf(gomail.Invalid, "the catch-all address is not valid: %w", err)
		}
	}
	for _, err := range []error{validSPF(s.SPF), validDMARC(s.DMARC), validMTASTS(s.MTASTS), validTLSRPT(s.TLSRPT), validCAA(s.CAA)} {
		if err != nil {
			return err
		}
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
