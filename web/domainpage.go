package web

import (
	"encoding/base64"
	"strings"

	"gomail"
	"gomail/dnsplan"
)

// domainPage is what a domain's page shows.
type domainPage struct {
	Name   string
	State  string
	Domain gomail.Domain
	Keys   []keyView
	Groups []recordGroup
}

// keyView is a DKIM key with its record.
type keyView struct {
	gomail.DKIMKey
	AlgorithmName string
	StateName     string
	Public        string // base64
	Record        string // the TXT record's name
	Value         string // and its whole value
}

// recordGroup is a part of the plan under one heading.
type recordGroup struct {
	ID      string
	Heading string
	About   string
	Records []recordView
}

// recordView is a record with its requirement in words.
type recordView struct {
	dnsplan.Record
	Need string
}

func newDomainPage(d gomail.Domain, keys []gomail.DKIMKey, records []dnsplan.Record) domainPage {
	p := domainPage{Name: d.Name, State: domainState(d), Domain: d, Groups: groupRecords(d.Name, records)}
	if d.Settings.Parked {
		p.Groups = parkedGroup(d.Name, records)
		return p // its keys are not published
	}
	for _, k := range keys {
		p.Keys = append(p.Keys, keyView{
			DKIMKey: k, AlgorithmName: algorithmName(k.Algorithm), StateName: keyStates[k.State],
			Public: base64.StdEncoding.EncodeToString(k.PublicKey), Record: k.Selector + "._domainkey." + k.Domain, Value: dnsplan.DKIMValue(k),
		})
	}
	return p
}

func algorithmName(algorithm string) string {
	if algorithm == "ed25519" {
		return "Ed25519"
	}
	return strings.ToUpper(algorithm)
}

// keyStates and needs say in words what the page shows.
var (
	keyStates = map[gomail.DKIMKeyState]string{
		gomail.DKIMPending:  "Pending: signs once it is seen in the DNS",
		gomail.DKIMActive:   "Active: signs outgoing mail",
		gomail.DKIMRetiring: "Retiring: verifies mail that is on its way",
		gomail.DKIMRevoked:  "Revoked",
	}
	needs = map[dnsplan.Requirement]string{
		dnsplan.Required: "Required", dnsplan.Recommended: "Recommended", dnsplan.Optional: "Optional", dnsplan.NotApplicable: "Not applicable",
	}
)

// groupRecords sorts a plan under headings; empty ones are left out.
func groupRecords(domain string, records []dnsplan.Record) []recordGroup {
	groups := []recordGroup{
		{ID: "receive", Heading: "Receive", About: "They lead mail for " + domain + " to this server."},
		{ID: "send", Heading: "Send", About: "They let others tell mail from " + domain + " from forgeries."},
		{ID: "transport", Heading: "Transport security", About: "They keep connections encrypted and certificates in the right hands."},
		{ID: "clients", Heading: "Client set-up", About: "They let mail programs find this server by an address alone."},
		{ID: "optional", Heading: "Optional", About: "Mail flows without them. Each says what it brings."},
	}
	for _, r := range records {
		i := groupOf(r)
		groups[i].Records = append(groups[i].Records, recordView{r, needs[r.Requirement]})
	}
	var filled []recordGroup
	for _, g := range groups {
		if len(g.Records) > 0 {
			filled = append(filled, g)
		}
	}
	return filled
}

// parkedGroup is the whole plan of a domain without mail.
func parkedGroup(domain string, records []dnsplan.Record) []recordGroup {
	g := recordGroup{ID: "parked", Heading: "No mail", About: "They say that " + domain + " neither receives nor sends mail, so that nobody can pose as it."}
	for _, r := range records {
		g.Records = append(g.Records, recordView{r, needs[r.Requirement]})
	}
	return []recordGroup{g}
}

// groupOf returns the index of a record's group.
func groupOf(r dnsplan.Record) int {
	const receive, send, transport, clients, optional = 0, 1, 2, 3, 4
	switch r.Purpose {
	case dnsplan.ClientSetup:
		return clients
	case dnsplan.Address, dnsplan.Receive:
		return receive
	}
	if r.Requirement == dnsplan.Optional || r.Requirement == dnsplan.NotApplicable {
		return optional
	}
	switch r.Purpose {
	case dnsplan.SPF, dnsplan.HeloSPF, dnsplan.DKIM, dnsplan.DMARC, dnsplan.DMARCReport, dnsplan.Reverse:
		return send
	case dnsplan.CAA, dnsplan.MTASTS, dnsplan.MTASTSHost, dnsplan.TLSRPT, dnsplan.TLSA:
		return transport
	}
	return optional
}
