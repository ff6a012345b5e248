package dnsplan

import (
	"fmt"
	"strings"

	"gomail"
	"gomail/mailauth/spf"
)

// maxLookups is how many terms of an SPF record, and of those it includes,
// may ask the DNS; RFC 7208 section 4.6.4.
const maxLookups = 10

// maxVoid is how many of them may find nothing.
const maxVoid = 2

// spf says which servers send mail for the domain, and for the mail host's
// own name, which is what a receiver checks when a notification has no sender
// (RFC 7208 section 2.3).
func (p *planner) spf() []Record {
	set := p.domain.Settings.SPF
	records := []Record{{
		Name: p.domain.Name, Type: "TXT", Value: spfValue(set), Purpose: SPF, Requirement: Required,
		Why: fmt.Sprintf("Lists the servers that send mail for %s, so that others can tell it from forgeries. It needs %d of the %d look-ups allowed%s. A domain has one SPF record only: merge it with one that is there.",
			p.domain.Name, lookups(set), maxLookups, beyond(set)),
	}}
	if p.server.Hostname == p.domain.Name {
		return records
	}
	return append(records, Record{
		Name: p.server.Hostname, Type: "TXT", Value: "v=spf1 a -all", Purpose: HeloSPF, Requirement: Recommended,
		Why: "Says that only the mail host itself sends under its own name, as it does with notices of failed delivery.",
	})
}

func spfValue(s gomail.SPFSettings) string {
	terms := append([]string{"v=spf1", "mx"}, s.Mechanisms...)
	all := s.All
	if all == "" {
		all = "~all"
	}
	return strings.Join(append(terms, all), " ")
}

// lookups counts the terms that ask the DNS; what an included record asks is
// not known here.
func lookups(s gomail.SPFSettings) int {
	n := 1 // mx
	for _, m := range s.Mechanisms {
		if name := mechanism(m); name != "ip4" && name != "ip6" {
			n++
		}
	}
	return n
}

func beyond(s gomail.SPFSettings) string {
	for _, m := range s.Mechanisms {
		if mechanism(m) == "include" {
			return ", and what the included records ask"
		}
	}
	return ""
}

// mechanism returns the name of a mechanism without its qualifier.
func mechanism(term string) string {
	term = strings.TrimLeft(strings.ToLower(term), "+-~?")
	if i := strings.IndexAny(term, ":/="); i >= 0 {
		term = term[:i]
	}
	return term
}

// validSPF checks what the owner adds.
func validSPF(s gomail.SPFSettings) error {
	for _, m := range s.Mechanisms {
		if err := spf.ValidTerm(m); err != nil {
			return err
		}
		switch name := mechanism(m); {
		case name == "all":
			return gomail.Errorf(gomail.Invalid, "the SPF mechanism %q stands at the end of every record already: set how it ends instead", m)
		case strings.Contains(m, "=") && !strings.Contains(m, ":"):
			return gomail.Errorf(gomail.Invalid, "%q is an SPF modifier; only mechanisms such as include:, ip4: and ip6: can be added", m)
		}
	}
	if n := lookups(s); n > maxLookups {
		return gomail.Errorf(gomail.Invalid, "the SPF record would need %d look-ups, and receivers stop after %d: remove some mechanisms", n, maxLookups)
	}
	if err := spf.ValidRecord(spfValue(s)); err != nil {
		return err
	}
	return oneOf("the SPF ending", s.All, "", "~all", "-all")
}
