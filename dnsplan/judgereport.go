package dnsplan

import (
	"fmt"
	"slices"
)

// unchecked is the code of a record at which nobody has looked yet.
const unchecked = "unchecked"

// NotRegistered is the code of the delegation's probe of a domain that the
// registry does not know.
const NotRegistered = "not_registered"

// NewReport judges one look at a domain. Probes are what was tried beyond
// reading records; none when nothing was.
func NewReport(domain string, records []Record, seen Seen, probes []Probe) Report {
	r := Report{
		Domain: domain, Zone: seen.Zone, Provider: Provider(seen.NameServers), NameServers: append([]string{}, seen.NameServers...),
		DNSSEC: string(seen.DNSSEC), CheckedAt: seen.Now.UTC(), Records: Compare(records, seen), Probes: make([]Probe, len(probes)),
	}
	for i, p := range probes {
		p.Found, p.Fix = clip(p.Found), clip(p.Fix)
		r.Probes[i] = p
	}
	if seen.DNSSEC == DNSSECUnknown {
		r.DNSSEC = "unknown"
	}
	return r.finish()
}

// finish derives what follows from records and probes.
func (r Report) finish() Report {
	r.Ready = Ready(r.Records) && !r.CheckedAt.IsZero() && !r.undelegated()
	r.Status = r.badge()
	r.Troubles = Troubles(r)
	return r
}

// undelegated reports whether the world does not find the zone, whatever its
// servers say: it is not registered, or resolvers that validate refuse it.
func (r Report) undelegated() bool {
	return slices.ContainsFunc(r.Probes, func(p Probe) bool {
		return p.Kind == ProbeDelegation && (p.State == Wrong || p.State == Missing)
	})
}

func (r Report) unregistered() bool {
	return slices.ContainsFunc(r.Probes, func(p Probe) bool { return p.Code == NotRegistered })
}

// Against returns the report held against the plan as it is now: a record
// that is planned since the look is unchecked, and one that no longer is goes.
func (r Report) Against(records []Record) Report {
	findings := make([]Finding, len(records))
	for i, record := range records {
		findings[i] = Finding{Record: record, State: Unknown, Code: unchecked, Expected: record.Value, Found: []Found{}}
		if record.Requirement == NotApplicable {
			findings[i].State, findings[i].Code = InapplicableNow, ""
			continue
		}
		if known := slices.IndexFunc(r.Records, func(f Finding) bool { return sameRecord(f.Record, record) }); known >= 0 {
			findings[i] = r.Records[known]
			findings[i].Record = record
		}
	}
	r.Records = findings
	if r.Probes == nil {
		r.Probes = []Probe{}
	}
	if r.NameServers == nil {
		r.NameServers = []string{}
	}
	if r.DNSSEC == "" {
		r.DNSSEC = "unknown"
	}
	return r.finish()
}

// badge says where the domain stands, in a word and a phrase.
func (r Report) badge() Badge {
	fix, silent, parked := 0, 0, false
	for _, f := range r.Records {
		switch {
		case f.Purpose == Receive && f.Value == ".":
			parked = true
		case f.Requirement == Optional || f.Requirement == NotApplicable || settled(f.State):
			continue
		}
		switch {
		case settled(f.State):
		case f.State == Unknown:
			silent += weight(f)
		case f.State == Propagating && f.Requirement != Required:
		default:
			fix++
		}
	}
	certain := fix
	for _, p := range r.Probes {
		if p.State == Wrong || p.State == Missing {
			fix++
		}
	}
	switch {
	case r.CheckedAt.IsZero():
		return Badge{DomainUnchecked, "Not checked yet", 0}
	case r.Ready && parked:
		return Badge{DomainParked, "Parked: no mail", fix}
	case r.Ready && fix > 0:
		return Badge{DomainReady, fmt.Sprintf("Ready, %s to improve", count(fix)), fix}
	case r.Ready:
		return Badge{DomainReady, "Ready", 0}
	case r.unregistered():
		return Badge{DomainFix, "Not registered", fix}
	case certain == 0 && silent > 0 && !r.undelegated():
		return Badge{DomainUnknown, "The DNS does not answer", 0}
	case !parked && r.receives() && !r.undelegated():
		return Badge{DomainReceivingOnly, fmt.Sprintf("Receiving only, %s to fix", count(fix)), fix}
	}
	return Badge{DomainFix, count(fix) + " to fix", fix}
}

func count(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// weight is 1 for records without which a domain is not ready.
func weight(f Finding) int {
	if f.Requirement == Required {
		return 1
	}
	return 0
}

func settled(s State) bool { return s == OK || s == OKDiffers || s == InapplicableNow }

// receives reports whether mail arrives here: MX and the addresses are right.
func (r Report) receives() bool {
	for _, f := range r.Records {
		if (f.Purpose == Receive || f.Purpose == Address) && f.Requirement == Required && !settled(f.State) {
			return false
		}
	}
	return true
}
