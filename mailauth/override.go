package mailauth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gomail"
	"gomail/mailauth/arc"
	"gomail/mailauth/dmarc"
)

// Override is a reason for which what a DMARC policy asks for was not done,
// as aggregate reports name it (RFC 9990, PolicyOverrideReason).
type Override struct {
	Type    string // "local_policy"; empty: there is none
	Comment string // such as "arc=pass as[1].d=lists.example as[1].s=s remote-ip[1]=192.0.2.1"
}

// trustedChain lets a message through that DMARC would refuse when a server
// that is trusted sealed that DMARC had passed before it changed the message:
// RFC 8617 section 7.2, and its section 7.2.2 for the comment.
func trustedChain(sealers []string, r Result) Override {
	newest, ok := r.ARC.Newest()
	if !ok || r.ARC.Status != arc.Pass || !slices.Contains(sealers, newest.Domain) {
		return Override{}
	}
	if r.DMARC.Status != dmarc.StatusFail || r.DMARC.Policy == dmarc.None || !sealedPass(newest.Results, r.From) {
		return Override{}
	}
	return Override{Type: "local_policy", Comment: chainComment(r.ARC)}
}

// sealedPass reports whether sealed results say that DMARC passed for the
// message's author. Where they name no author, the message's has to do.
func sealedPass(text string, authors []string) bool {
	_, results, ok := readResults(text)
	if !ok || len(authors) != 1 {
		return false
	}
	for _, m := range results {
		if m.method != "dmarc" {
			continue
		}
		from, named := m.properties["header.from"]
		domain, err := gomail.CanonicalDomain(from[strings.LastIndexByte(from, '@')+1:])
		return m.result == "pass" && (!named || err == nil && domain == authors[0])
	}
	return false
}

// chainComment names who sealed the chain, and the client that the first of
// them took the message from.
func chainComment(r arc.Result) string {
	var b strings.Builder
	b.WriteString("arc=pass")
	for _, s := range slices.Backward(r.Sets) {
		if b.Len() > maxQuoted/2 {
			break // reports bound their comments
		}
		fmt.Fprintf(&b, " as[%d].d=%s as[%d].s=%s", s.Instance, s.Domain, s.Instance, s.Selector)
	}
	_, results, _ := readResults(r.Sets[0].Results)
	for _, m := range results {
		if addr, err := netip.ParseAddr(m.properties["smtp.remote-ip"]); err == nil && addr.Zone() == "" {
			return b.String() + " remote-ip[1]=" + addr.String()
		}
	}
	return b.String()
}
