package tlspolicy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Session is one try to speak TLS with a server of a domain, as it is counted
// for the domain's report.
type Session struct {
	Domain  string // the recipients', in lower case
	Policy  PolicyType
	Strings []string // the policy, see PolicyReport
	MXHosts []string
	Failure FailureDetail // its Sessions is not used; Type empty: TLS as the policy asks for
}

// Count is a kind of sessions of a domain on one day, and how many there were.
type Count struct {
	Session
	Day      time.Time // midnight UTC
	Sessions int
}

// Day returns the midnight (UTC) with which the day of a moment begins: reports
// are about whole days, RFC 8460 section 4.1.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// AddCounts adds what was counted on one day to a report, a policy for each
// that was applied, in a fixed order.
func (r *Report) AddCounts(counts []Count) {
	r.Policies = nil
	index := map[string]int{}
	for _, c := range counts {
		key := strings.Join(append([]string{string(c.Policy), c.Domain}, append(slices.Clone(c.Strings), c.MXHosts...)...), "\n")
		i, known := index[key]
		if !known {
			i = len(r.Policies)
			index[key] = i
			r.Policies = append(r.Policies, PolicyReport{Type: c.Policy, Strings: c.Strings, Domain: c.Domain, MXHosts: c.MXHosts})
		}
		p := &r.Policies[i]
		if c.Failure.Type == "" {
			p.Successes += c.Sessions
			continue
		}
		p.Failures += c.Sessions
		detail := c.Failure
		detail.Sessions = c.Sessions
		p.Details = append(p.Details, detail)
	}
	for _, p := range r.Policies {
		slices.SortStableFunc(p.Details, compareDetails)
	}
	slices.SortStableFunc(r.Policies, func(a, b PolicyReport) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(strings.Join(a.Strings, "\n"), strings.Join(b.Strings, "\n")))
	})
}

func compareDetails(a, b FailureDetail) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ReceivingMX, b.ReceivingMX), compareAddr(a.ReceivingIP, b.ReceivingIP), compareAddr(a.SendingIP, b.SendingIP), cmp.Compare(a.ReasonCode, b.ReasonCode))
}

func compareAddr(a, b netip.Addr) int { return a.Compare(b) }
