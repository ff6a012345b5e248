package dnsplan

import "strings"

// Sender is a service that sends mail in its customers' names, and how a
// domain authorises it. What is empty could not be verified, or does not
// exist: then the service shows the records to its customer only.
type Sender struct {
	ID   string `json:"id"`   // "sendgrid"
	Name string `json:"name"` // "SendGrid"

	// Include is the SPF record to include: "sendgrid.net". It helps only
	// where SPFAligns.
	Include string `json:"include"`
	// SPFAligns: the service can send with a return address of the
	// customer's domain, so that SPF counts for DMARC. Many use their own
	// return address: then an include does nothing, and DKIM has to do it.
	SPFAligns bool `json:"spf_aligns"`

	// DKIM are the aliases that let the service sign as the domain.
	DKIM []SenderKey `json:"dkim"`

	// Domains are those under which it signs (DKIM's d=), has its return
	// addresses and names its hosts, when it does not use the customer's.
	Domains []string `json:"domains"`

	How     string `json:"how"`     // one sentence: what to do at the service
	Docs    string `json:"docs"`    // where that is documented
	Checked string `json:"checked"` // when it was looked up: 2026-11-25
}

// SenderKey is one alias (CNAME) that leads to a service's DKIM key. In both
// names <domain> stands for the customer's domain, <domain-dashed> for it with
// dashes in place of dots, and other words in angle brackets for what the
// service shows.
type SenderKey struct {
	Name   string `json:"name"`   // "s1._domainkey.<domain>"
	Target string `json:"target"` // "s1.domainkey.<account>.sendgrid.net"
}

// For returns the alias for a domain.
func (k SenderKey) For(domain string) SenderKey {
	r := strings.NewReplacer("<domain>", domain, "<domain-dashed>", strings.ReplaceAll(domain, ".", "-"))
	return SenderKey{r.Replace(k.Name), r.Replace(k.Target)}
}

// Senders returns the catalogue of well-known services, by name.
func Senders() []Sender { return catalogue() }

// SenderByInclude returns the service whose SPF record a domain includes:
// "sendgrid.net", or "include:sendgrid.net".
func SenderByInclude(include string) (Sender, bool) {
	include = canonicalName(strings.TrimPrefix(strings.ToLower(include), "include:"))
	for _, s := range senders() {
		if s.Include != "" && s.Include == include {
			return s, true
		}
	}
	return Sender{}, false
}

// SenderByDomain returns the service to which a name belongs: the d= of a
// signature, the domain of a return address, or a host's name, at one of the
// service's domains or below it.
func SenderByDomain(name string) (Sender, bool) {
	name = canonicalName(name)
	for _, s := range senders() {
		for _, d := range s.Domains {
			if name == d || strings.HasSuffix(name, "."+d) {
				return s, true
			}
		}
	}
	return Sender{}, false
}

// AuthorizedSenders returns the services that an SPF record's mechanisms
// include.
func AuthorizedSenders(mechanisms []string) []Sender {
	var all []Sender
	for _, m := range mechanisms {
		if mechanism(m) != "include" {
			continue
		}
		_, include, _ := strings.Cut(m, ":")
		if s, ok := SenderByInclude(include); ok {
			all = append(all, s)
		}
	}
	return all
}
