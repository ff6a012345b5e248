package dnsplan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"gomail"
)

// Bounds of a policy's max_age in seconds: the default is a week, the most is
// what RFC 8461 section 3.2 allows.
const (
	defaultMaxAge = 604800
	mostMaxAge    = 31557600
)

// mtasts announces that mail for the domain comes over TLS, RFC 8461: the
// policy's id, and the host that serves the policy.
func (p *planner) mtasts() []Record {
	if p.domain.Settings.MTASTS.Off {
		return nil
	}
	host := "mta-sts." + p.domain.Name
	return append([]Record{{
		Name: "_mta-sts." + p.domain.Name, Type: "TXT", Value: "v=STSv1; id=" + p.policyID(), Purpose: MTASTS, Requirement: Recommended,
		Why: "Announces the policy by which other servers insist on TLS when they send to " + p.domain.Name + ". Its id changes whenever the policy does.",
	}}, p.alias(host, Record{
		Purpose: MTASTSHost, Requirement: Recommended,
		Why: "Leads to this server, which serves the policy at https://" + host + "/.well-known/mta-sts.txt.",
	})...)
}

// policyID is the owner's, or one made from the policy's content.
func (p *planner) policyID() string {
	if id := p.domain.Settings.MTASTS.PolicyID; id != "" {
		return id
	}
	sum := sha256.Sum256([]byte(p.policyFile()))
	return hex.EncodeToString(sum[:10])
}

// PolicyFile returns the MTA-STS policy of a domain as it is served at
// https://mta-sts.<domain>/.well-known/mta-sts.txt, RFC 8461 section 3.2.
// Empty: the domain has none.
func PolicyFile(s Server, d Domain) string {
	if d.Settings.MTASTS.Off || d.Settings.Parked {
		return ""
	}
	p := planner{server: s, domain: d}
	if p.server.Hostname == "" {
		p.server.Hostname = "mail." + d.Name
	}
	return p.policyFile()
}

func (p *planner) policyFile() string {
	set := p.domain.Settings.MTASTS
	mode, age := set.Mode, set.MaxAge
	if mode == "" {
		mode = "testing"
	}
	if age == 0 {
		age = defaultMaxAge
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: STSv1\nmode: %s\nmax_age: %d\n", mode, age)
	for _, h := range p.server.Hosts() {
		fmt.Fprintf(&b, "mx: %s\n", h.Host)
	}
	return b.String()
}

func validMTASTS(s gomail.MTASTSSettings) error {
	if err := oneOf("the MTA-STS mode", s.Mode, "", "testing", "enforce", "none"); err != nil {
		return err
	}
	if s.MaxAge < 0 || s.MaxAge > mostMaxAge {
		return gomail.Errorf(gomail.Invalid, "the MTA-STS max_age is %d seconds, and it must be between 1 and %d, or 0 for the default", s.MaxAge, mostMaxAge)
	}
	for _, c := range s.PolicyID {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') || len(s.PolicyID) > 32 {
			return gomail.Errorf(gomail.Invalid, "the MTA-STS policy id %q is not valid: use at most 32 letters and digits", s.PolicyID)
		}
	}
	return nil
}
