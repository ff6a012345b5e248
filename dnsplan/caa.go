package dnsplan

import (
	"strings"

	"gomail"
)

// caa says who may issue certificates for the domain and the names below it,
// RFC 8659.
func (p *planner) caa() []Record {
	set := p.domain.Settings.CAA
	issuers := set.Issuers
	if len(issuers) == 0 && p.server.ACMEIssuer != "" {
		issuers = []string{p.server.ACMEIssuer}
	}
	var records []Record
	for _, issuer := range issuers {
		records = append(records, p.caaRecord("issue", issuer,
			"Lets "+issuer+" issue certificates for "+p.domain.Name+" and the names below it, and nobody who is not listed."+p.accountHint(issuer)))
	}
	if set.NoWildcard {
		records = append(records, p.caaRecord("issuewild", ";", "Lets nobody issue wildcard certificates for "+p.domain.Name+"."))
	}
	return records
}

func (p *planner) caaRecord(tag, value, why string) Record {
	return Record{Name: p.domain.Name, Type: "CAA", Value: "0 " + tag + ` "` + value + `"`, Purpose: CAA, Requirement: Recommended, Why: why}
}

// accountHint offers RFC 8657's binding to our account, which must be a
// choice: it stops certificates made with another account.
func (p *planner) accountHint(issuer string) string {
	if issuer != p.server.ACMEIssuer || p.server.ACMEAccountURI == "" {
		return ""
	}
	return ` To allow this server's account only, make the issuer "` + issuer + "; accounturi=" + p.server.ACMEAccountURI + `".`
}

// validCAA checks the issuers: a domain name, and parameters behind a
// semicolon (RFC 8659 section 4.2).
func validCAA(s gomail.CAASettings) error {
	if len(s.Issuers) > maxIssuers {
		return gomail.Errorf(gomail.TooMany, "there are more than %d certificate authorities", maxIssuers)
	}
	for _, issuer := range s.Issuers {
		name, parameters, _ := strings.Cut(issuer, ";")
		canonical, err := gomail.CanonicalDomain(strings.TrimSpace(name))
		if err != nil || canonical != strings.TrimSpace(name) {
			return gomail.Errorf(gomail.Invalid, "%q is no certificate authority's domain name: use one such as letsencrypt.org", issuer)
		}
		if len(issuer) > maxIssuer || strings.ContainsFunc(parameters, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			return gomail.Errorf(gomail.Invalid, "the parameters of the certificate authority %q are not valid: write them as letsencrypt.org; accounturi=https://...", issuer)
		}
	}
	return nil
}
