package dnsplan

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// NSUpdate returns a plan as commands for nsupdate, RFC 2136: the planned
// values are added, and nothing is deleted, so that whatever else stands at a
// name stays. Where the zone holds an SPF, DMARC or MX record already, use
// NSUpdateChanges, which merges. Records of other zones stand in comments.
func NSUpdate(records []Record, zone string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "zone %s.\n; Adds records and removes none: merge an SPF or DMARC record that is there already, as a name may have one only.\n", zone)
	for _, r := range records {
		if r.Requirement == NotApplicable {
			continue
		}
		rr, err := r.rr()
		if err != nil || !within(r.Name, zone) {
			b.WriteString("; elsewhere: " + r.line())
			continue
		}
		b.WriteString("update add " + oneSpace(rr) + "\n")
	}
	b.WriteString("send\n")
	return b.String()
}

// NSUpdateChanges returns what Merge found to be done as commands for
// nsupdate. It replaces whole record sets by ones that keep every foreign
// value, on the condition that each set is as it was seen (RFC 2136 section
// 2.4): else the server refuses all of it. What is blocked, or asks for
// consent, stands in comments.
func NSUpdateChanges(changes []Change, zone string) (string, error) {
	var conditions, updates strings.Builder
	for _, ch := range changes {
		switch {
		case ch.Action == Keep:
			continue
		case !within(ch.Name, zone):
			continue
		case ch.Blocked != "" || ch.Consent != "":
			fmt.Fprintf(&updates, "; left out: %s %s. %s%s\n", ch.Type, ch.Name, strings.Map(oneLine, ch.Blocked), strings.Map(oneLine, ch.Consent))
			continue
		}
		if len(ch.Before) == 0 {
			fmt.Fprintf(&conditions, "prereq nxrrset %s. %s\n", ch.Name, ch.Type)
		} else {
			fmt.Fprintf(&updates, "update delete %s. %s\n", ch.Name, ch.Type)
		}
		before, err := ch.rrs(ch.Before)
		if err != nil {
			return "", err
		}
		for _, rr := range before {
			fmt.Fprintf(&conditions, "prereq yxrrset %s. %s %s\n", ch.Name, ch.Type, data(rr))
		}
		after, err := ch.rrs(ch.After)
		if err != nil {
			return "", err
		}
		for _, rr := range after {
			updates.WriteString("update add " + oneSpace(rr) + "\n")
		}
	}
	return fmt.Sprintf("zone %s.\n%s%ssend\n", zone, conditions.String(), updates.String()), nil
}

// rrs returns a change's values for a DNS library.
func (ch Change) rrs(values []Value) ([]dns.RR, error) {
	var all []dns.RR
	for _, v := range values {
		r := Record{Name: ch.Name, Type: ch.Type, TTL: ch.TTL, Value: v.Text}
		if ch.Type == "MX" {
			r.Priority = new(v.Priority)
		}
		rr, err := r.rr()
		if err != nil {
			return nil, err
		}
		all = append(all, rr)
	}
	return all, nil
}

// data returns a record's data in presentation form.
func data(rr dns.RR) string { return strings.TrimPrefix(rr.String(), rr.Header().String()) }

// oneSpace writes a record in one line without tabs.
func oneSpace(rr dns.RR) string {
	h := rr.Header()
	return fmt.Sprintf("%s %d %s %s %s", h.Name, h.Ttl, dns.ClassToString[h.Class], dns.TypeToString[h.Rrtype], data(rr))
}
