package main

import "gomail"

// policyFlags are the settings that the command line can change.
type policyFlags struct {
	CatchAll *string  `help:"The address that takes mail for unknown addresses of the domain; empty: it is refused." placeholder:"ADDRESS"`
	Greylist *string  `help:"Who has to come back before mail is taken: off, suspicious or all; empty: as the server has it." placeholder:"WHO"`
	Parked   *bool    `help:"The domain has no mail." negatable:""`
	Apex     *bool    `help:"Plan addresses of the mail host for the domain's own name too." negatable:""`
	SPF      []string `name:"spf" help:"Mechanisms to add to the SPF record, such as include:_spf.example.net." placeholder:"MECHANISM"`
	SPFAll   *string  `name:"spf-all" help:"How the SPF record ends: ~all or -all." placeholder:"ALL"`

	DMARC            *string  `name:"dmarc" help:"The DMARC policy: none, quarantine or reject." placeholder:"POLICY"`
	DMARCSubdomains  *string  `name:"dmarc-sp" help:"The policy of subdomains; empty: the same." placeholder:"POLICY"`
	DMARCNonexistent *string  `name:"dmarc-np" help:"The policy of subdomains that do not exist; empty: that of subdomains." placeholder:"POLICY"`
	DMARCReports     []string `name:"dmarc-reports" help:"Addresses for DMARC reports." placeholder:"ADDRESS"`
	DMARCFailures    []string `name:"dmarc-failures" help:"Addresses for reports on single failures." placeholder:"ADDRESS"`
	DMARCADKIM       *string  `name:"dmarc-adkim" help:"Alignment of DKIM: r (relaxed) or s (strict)." placeholder:"MODE"`
	DMARCASPF        *string  `name:"dmarc-aspf" help:"Alignment of SPF: r (relaxed) or s (strict)." placeholder:"MODE"`
	DMARCFO          *string  `name:"dmarc-fo" help:"When failures are reported: 0, 1, d, s." placeholder:"OPTIONS"`
	DMARCTesting     *string  `name:"dmarc-t" help:"Testing: y has receivers apply a weaker policy." placeholder:"FLAG"`

	MTASTS       *string  `name:"mta-sts" help:"The MTA-STS mode: testing, enforce or none." placeholder:"MODE"`
	MTASTSMaxAge *int     `name:"mta-sts-max-age" help:"How long senders may keep the MTA-STS policy, in seconds." placeholder:"SECONDS"`
	MTASTSID     *string  `name:"mta-sts-id" help:"The MTA-STS policy's id; empty: made from its content." placeholder:"ID"`
	MTASTSOff    *bool    `name:"mta-sts-off" help:"Have no MTA-STS policy." negatable:""`
	TLSReports   []string `name:"tls-reports" help:"Addresses for TLS reports." placeholder:"ADDRESS"`
	TLSReportOff *bool    `name:"tls-reports-off" help:"Ask for no TLS reports." negatable:""`

	TLSAOff *bool `name:"tlsa-off" help:"Plan no TLSA records of the mail host." negatable:""`

	CA           []string `name:"ca" help:"Authorities that may issue certificates for the domain." placeholder:"CA"`
	CANoWildcard *bool    `name:"ca-no-wildcard" help:"Let nobody issue wildcard certificates." negatable:""`

	DKIMKeys  *string `name:"dkim-keys" help:"The algorithm of new DKIM keys: ed25519, rsa or both." placeholder:"ALGORITHM"`
	DKIMName  *string `name:"dkim-selector" help:"The selector of new DKIM keys, to which the month is added." placeholder:"NAME"`
	DKIMRenew *int    `name:"dkim-renew" help:"Replace DKIM keys after so many days; 0: 365, -1: never." placeholder:"DAYS"`

	Connection *string `help:"Where the records are published: a connection of gomail dns connection list; empty: by hand." placeholder:"NAME"`
	KeepInSync *bool   `help:"Put right at the provider what was changed or lost, without asking." negatable:""`

	TTL *int `name:"ttl" help:"The TTL of the domain's records, in seconds." placeholder:"SECONDS"`
}

// apply writes the flags that were given over settings.
func (p policyFlags) apply(s *gomail.DomainSettings) {
	set(&s.CatchAll, p.CatchAll)
	set(&s.Greylist, p.Greylist)
	set(&s.Parked, p.Parked)
	set(&s.ApexAddress, p.Apex)
	setList(&s.SPF.Mechanisms, p.SPF)
	set(&s.SPF.All, p.SPFAll)
	set(&s.DMARC.Policy, p.DMARC)
	set(&s.DMARC.SubdomainPolicy, p.DMARCSubdomains)
	set(&s.DMARC.NonexistentPolicy, p.DMARCNonexistent)
	setList(&s.DMARC.RUA, p.DMARCReports)
	setList(&s.DMARC.RUF, p.DMARCFailures)
	set(&s.DMARC.ADKIM, p.DMARCADKIM)
	set(&s.DMARC.ASPF, p.DMARCASPF)
	set(&s.DMARC.FO, p.DMARCFO)
	set(&s.DMARC.Testing, p.DMARCTesting)
	set(&s.MTASTS.Mode, p.MTASTS)
	set(&s.MTASTS.MaxAge, p.MTASTSMaxAge)
	set(&s.MTASTS.PolicyID, p.MTASTSID)
	set(&s.MTASTS.Off, p.MTASTSOff)
	setList(&s.TLSRPT.RUA, p.TLSReports)
	set(&s.TLSRPT.Off, p.TLSReportOff)
	set(&s.TLSA.Off, p.TLSAOff)
	setList(&s.CAA.Issuers, p.CA)
	set(&s.CAA.NoWildcard, p.CANoWildcard)
	set(&s.DKIM.Algorithm, p.DKIMKeys)
	set(&s.DKIM.Selector, p.DKIMName)
	set(&s.DKIM.RenewDays, p.DKIMRenew)
	set(&s.Publishing.Connection, p.Connection)
	set(&s.Publishing.KeepInSync, p.KeepInSync)
	set(&s.TTL, p.TTL)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// setList replaces a list by one that was given; a single "-" empties it.
func setList(to *[]string, from []string) {
	switch {
	case len(from) == 1 && from[0] == "-":
		*to = nil
	case len(from) > 0:
		*to = from
	}
}
