package dnsplan

import (
	"net/url"
	"strings"

	"gomail"
)

// tlsrpt says where other servers report how TLS worked, RFC 8460 section 3.
func (p *planner) tlsrpt() []Record {
	set := p.domain.Settings.TLSRPT
	if set.Off {
		return nil
	}
	targets := set.RUA
	if len(targets) == 0 {
		targets = []string{p.postmaster()}
	}
	return []Record{{
		Name: "_smtp._tls." + p.domain.Name, Type: "TXT", Value: "v=TLSRPTv1; rua=" + reportURIs(targets), Purpose: TLSRPT, Requirement: Optional,
		Why: "Asks other servers to report when TLS to this server fails, so that you learn of it before your mail is missed.",
	}}
}

func validTLSRPT(s gomail.TLSRPTSettings) error {
	if len(s.RUA) > maxReports {
		return gomail.Errorf(gomail.TooMany, "there are more than %d addresses for TLS reports", maxReports)
	}
	for _, t := range s.RUA {
		if err := validTLSReport(t); err != nil {
			return err
		}
	}
	return nil
}

func validTLSReport(target string) error {
	if !hasScheme(target, "https:") {
		return validReportAddress(target)
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || len(target) > maxURI || strings.ContainsAny(target, ",;! \"\\") || !printable(target) {
		return gomail.Errorf(gomail.Invalid, "the report address %q is not valid: use an address or an https: URI without commas, semicolons and exclamation marks", target)
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
