package dnsplan

import "slices"

// parked says that the domain neither receives nor sends: a null MX (RFC
// 7505), no senders, no keys, and refusal of whatever claims to be from it.
func (p *planner) parked() []Record {
	name := p.domain.Name
	policy := p.domain.Settings.DMARC
	policy.Policy, policy.SubdomainPolicy, policy.NonexistentPolicy, policy.Testing = "reject", "", "", ""
	return append([]Record{
		{Name: name, Type: "MX", Value: ".", Priority: new(0), Purpose: Receive, Requirement: Required,
			Why: "Says that " + name + " receives no mail, so that senders learn it at once."},
		{Name: name, Type: "TXT", Value: "v=spf1 -all", Purpose: SPF, Requirement: Required,
			Why: "Says that no server sends mail for " + name + "."},
		{Name: "*._domainkey." + name, Type: "TXT", Value: "v=DKIM1; p=", Purpose: DKIM, Requirement: Recommended,
			Why: "Says that no key signs mail for " + name + "."},
		{Name: "_dmarc." + name, Type: "TXT", Value: dmarcValue(policy), Purpose: DMARC, Requirement: Required,
			Why: "Asks receivers to refuse mail that claims to be from " + name + "."},
	}, p.reportRecords(slices.Concat(policy.RUA, policy.RUF))...)
}
