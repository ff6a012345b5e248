package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gomail/dnsplan"
)

// troubles answers the troubleshooting guide for each domain out of the last
// look at its DNS: a finding for everything that is not right, under the
// guide's heading. What is right says nothing.
func (p Patient) troubles() []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Reports)) {
		for _, trouble := range p.Reports[name].Troubles {
			for _, a := range trouble.Answers {
				if f, wrong := answered(name, trouble.Heading, a); wrong {
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// answered makes a finding of an answer that is not as it should be. What
// nobody has looked at, or cannot be known yet, is no finding.
func answered(domain, heading string, a dnsplan.TroubleAnswer) (Finding, bool) {
	f := Finding{Check: "domain " + domain + ": " + a.Question, Found: "not so: " + a.Found, Mend: a.Next, Topic: heading}
	switch a.State {
	case dnsplan.OK, dnsplan.OKDiffers, dnsplan.InapplicableNow, dnsplan.Unknown:
		return f, false
	case dnsplan.Propagating:
		f.State, f.Found = Warning, "not everywhere yet: "+a.Found
	default:
		f.State = Warning // whether a required record lacks is the domain's own finding
	}
	if f.Mend == "" {
		f.Mend = fmt.Sprintf("gomail dns check %s says more.", domain)
	}
	return f, true
}

// topics are the guide's headings by how a check of the machine begins.
var topics = []struct{ check, topic string }{
	{"port smtp.listen", "Mail not being delivered"},
	{"domain ", "Mail not being delivered"},
	{"addresses", "Emails marked as spam"},
	{"certificate", "The certificate won't renew"},
	{"port web.http_listen", "The certificate won't renew"},
}

// topical puts each finding that is not ok under the guide's heading.
func topical(findings []Finding) []Finding {
	for i, f := range findings {
		for _, t := range topics {
			if f.Topic == "" && f.State != OK && strings.HasPrefix(f.Check, t.check) {
				findings[i].Topic = t.topic
				break
			}
		}
	}
	return findings
}

// Topics are the troubleshooting guide's headings, in its order.
func Topics() []string {
	var all []string
	for _, t := range dnsplan.Troubles(dnsplan.Report{}) {
		all = append(all, t.Heading)
	}
	return all
}
