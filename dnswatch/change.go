package dnswatch

import (
	"slices"
	"strings"
	"time"

	"gomail/dnsplan"
)

// standing is a record or a probe as it stands, with what names it from one
// look to the next.
type standing struct {
	key     string
	entry   dnsplan.Entry // without Before
	matters bool          // an alert is due when it is lost
}

// standings lists everything that a report says.
func standings(r dnsplan.Report) []standing {
	var all []standing
	seen := map[string]int{}
	for _, f := range r.Records {
		key := f.Type + " " + f.Name + " " + string(f.Purpose)
		if seen[key]++; seen[key] > 1 || multiple(f) {
			key += " " + f.Value // several values at one place
		}
		all = append(all, standing{
			key: key, matters: f.Requirement == dnsplan.Required || f.Requirement == dnsplan.Recommended,
			entry: dnsplan.Entry{
				At: r.CheckedAt, Domain: r.Domain, Name: f.Name, Type: f.Type, Key: string(f.Purpose),
				After: dnsplan.Moment{State: f.State, Code: f.Code, Expected: f.Expected, Values: values(f), Fix: f.Fix},
			},
		})
	}
	for _, p := range r.Probes {
		all = append(all, standing{
			key: string(p.Kind) + " " + p.Subject, matters: true,
			entry: dnsplan.Entry{
				At: r.CheckedAt, Domain: r.Domain, Name: p.Subject, Type: string(p.Kind), Key: string(p.Kind),
				After: momentOf(p),
			},
		})
	}
	return all
}

// multiple reports whether a plan may hold several records of a kind at one
// name: they are told apart by their values.
func multiple(f dnsplan.Finding) bool {
	switch f.Type {
	case "A", "AAAA", "MX", "CAA", "TLSA":
		return true
	}
	return false
}

// values are what the authoritative servers have, each once. Of a TXT record
// they are those that are the record's: what other services keep at the same
// name is not its history, unless it is all that is wrong.
func values(f dnsplan.Finding) []string {
	all, ours := []string{}, []string{}
	for _, found := range f.Found {
		if found.Resolver || !found.Known {
			continue
		}
		for _, v := range found.Values {
			v = strings.ToValidUTF8(v, "\uFFFD") // as it is remembered
			if slices.Contains(all, v) {
				continue
			}
			all = append(all, v)
			if f.Ours(v) {
				ours = append(ours, v)
			}
		}
	}
	if f.Type == "TXT" && (len(ours) > 0 || f.State == dnsplan.Missing) {
		return ours
	}
	return all
}

// momentOf is how a probe stands. What is new at every look, as a zone's serial
// and which of many servers was reached, is no history while all is well.
func momentOf(p dnsplan.Probe) dnsplan.Moment {
	m := dnsplan.Moment{State: p.State, Code: p.Code, Values: nonEmpty(p.Found), Fix: p.Fix}
	switch {
	case !right(p.State):
	case p.Kind == dnsplan.ProbePort25Out:
		m.Values = []string{}
	case p.Kind == dnsplan.ProbeServer:
		m.Values = []string{}
		if p.Code == "serial_behind" {
			m.State, m.Code, m.Fix = dnsplan.OK, "", ""
		}
	}
	return m
}

func nonEmpty(s string) []string {
	if s == "" {
		return []string{}
	}
	return []string{s}
}

// certain reports whether a state says how a record is: not while servers are
// silent or still follow each other.
func certain(s dnsplan.State) bool {
	return s != dnsplan.Unknown && s != dnsplan.Propagating
}

func right(s dnsplan.State) bool { return s == dnsplan.OK || s == dnsplan.OKDiffers }

// changes compares a new report with what was known and returns what changed,
// what was lost, and what is known now.
func changes(known map[string]dnsplan.Moment, r dnsplan.Report) (entries, lost []dnsplan.Entry, now map[string]dnsplan.Moment) {
	now = map[string]dnsplan.Moment{}
	for _, s := range standings(r) {
		before, was := known[s.key]
		if !certain(s.entry.After.State) {
			if was {
				now[s.key] = before
			}
			continue
		}
		now[s.key] = s.entry.After
		e := s.entry
		e.Before = before
		if was && sameMoment(before, e.After) {
			continue
		}
		if !was {
			e.Before = dnsplan.Moment{State: dnsplan.Unknown, Code: "unchecked", Values: []string{}}
		}
		entries = append(entries, e)
		if was && s.matters && right(before.State) && !right(e.After.State) && before.Expected == e.After.Expected && e.After.State != dnsplan.InapplicableNow {
			lost = append(lost, e)
		}
	}
	return entries, lost, now
}

func sameMoment(a, b dnsplan.Moment) bool {
	return a.State == b.State && a.Code == b.Code && a.Expected == b.Expected && slices.Equal(sorted(a.Values), sorted(b.Values))
}

func sorted(values []string) []string {
	all := slices.Clone(values)
	slices.Sort(all)
	return all
}

// moved reports whether entries tell of a change that others are likely to
// follow: not the first look's, nor a certificate's new date.
func moved(entries []dnsplan.Entry) bool {
	return slices.ContainsFunc(entries, func(e dnsplan.Entry) bool { return e.Before.State != e.After.State && e.Before.Code != "unchecked" })
}

// age marks each finding with when it came into its state, and turns what has
// been propagating for longer than it can into what that means.
func age(r, last dnsplan.Report, now time.Time) dnsplan.Report {
	for i := range r.Records {
		f := &r.Records[i]
		f.Since = now
		for _, before := range last.Records {
			if before.Name == f.Name && before.Type == f.Type && before.Value == f.Value && young(before.Code) == young(f.Code) && !before.Since.IsZero() {
				f.Since = before.Since
			}
		}
		*f = f.Aged(now)
	}
	return r
}

// young is the code of a situation before it has lasted too long.
func young(code string) string {
	switch code {
	case "servers_disagree":
		return "servers_differ"
	case "split_view":
		return "resolver_old"
	}
	return code
}
