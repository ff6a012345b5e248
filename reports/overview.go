package reports

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"gomail/ladder"
)

// Summary is what was reported about a domain since a moment.
type Summary struct {
	Since     time.Time
	Days      []SourceDay // all sources together; Source and what is of one is empty; oldest first
	Sources   []SourceDay // all days together; Day is empty; what passes as the domain's first
	Disowned  []string    // IDs of sources that are not the owner's, in order
	Reporters []Reporter  // those with the most messages first
	TLS       []ladder.TLSDay
	TLSHosts  []HostFailures // those with the most failures first
}

// HostFailures counts the TLS connections to one of our hosts that failed.
type HostFailures struct {
	Host     string
	Failures int
}

// addressSpan is how far back, from the newest report, addresses and selectors
// of sources are looked for.
const addressSpan = 14 * 24 * time.Hour

// Summary sums up what was reported about a domain since a moment.
func (s *Service) Summary(ctx context.Context, domain string, since time.Time) (Summary, error) {
	sum := Summary{Since: since}
	var err error
	if sum.Disowned, err = s.config.Store.DisownedSources(ctx, domain); err != nil {
		return sum, err
	}
	if sum.Days, err = s.config.Store.Volume(ctx, domain, since); err != nil {
		return sum, err
	}
	if sum.Sources, err = s.totals(ctx, domain, sum); err != nil {
		return sum, err
	}
	if sum.Reporters, err = s.config.Store.Reporters(ctx, domain, since); err != nil {
		return sum, err
	}
	rows, err := s.config.Store.TLSRows(ctx, domain, since)
	sum.TLS, sum.TLSHosts = tlsDays(rows), hostFailures(rows)
	return sum, err
}

// totals returns the sources that are shown, with the addresses that they used
// of late; those beyond the bound become one.
func (s *Service) totals(ctx context.Context, domain string, sum Summary) ([]SourceDay, error) {
	all, err := s.config.Store.SourceTotals(ctx, domain, sum.Since)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	shown := bounded(all)
	at := map[string]int{}
	for i, d := range shown {
		at[d.Source] = i
	}
	recent := sum.Days[len(sum.Days)-1].Day.Add(-addressSpan)
	err = s.config.Store.EachSourceDay(ctx, domain, later(recent, sum.Since), func(d SourceDay) error {
		if i, ok := at[d.Source]; ok {
			shown[i].Merge(SourceDay{Addresses: d.Addresses, Selectors: d.Selectors})
		}
		return nil
	})
	return shown, err
}

// bounded makes one source, the last, of those that are too many to be read
// and those that were too many to be told apart.
func bounded(all []SourceDay) []SourceDay {
	others := SourceDay{Source: ladder.Others}
	shown := make([]SourceDay, 0, maxSources+1)
	for _, d := range all {
		if d.Source == ladder.Others || len(shown) >= maxSources {
			others.Merge(d)
			continue
		}
		shown = append(shown, d)
	}
	if others.Messages > 0 {
		shown = append(shown, others)
	}
	return shown
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// hostFailures adds up by host.
func hostFailures(rows []TLSRow) []HostFailures {
	failures := map[string]int{}
	for _, r := range rows {
		for host, n := range r.Hosts {
			failures[host] += n
		}
	}
	all := make([]HostFailures, 0, len(failures))
	for _, host := range slices.Sorted(maps.Keys(failures)) {
		all = append(all, HostFailures{host, failures[host]})
	}
	slices.SortStableFunc(all, func(a, b HostFailures) int { return cmp.Compare(b.Failures, a.Failures) })
	return all
}

// SourceRow is a row of a report about a source, and whose report it is.
type SourceRow struct {
	DMARCRow
	Org string
	End time.Time // of the time that the report covers
}

// Rows returns the rows about one source of a domain, newest first and at
// most most. Those that were too many to be told apart cannot be asked for.
func (s *Service) Rows(ctx context.Context, domain, source string, since time.Time, most int) ([]SourceRow, error) {
	rows := []SourceRow{}
	g := gatherer{domain: domain, orgs: map[string]string{}}
	err := s.config.Store.EachDMARCRow(ctx, domain, since, func(r DMARCReport, row DMARCRow) error {
		if id, _ := g.identify(row); id == source {
			rows = append(rows, SourceRow{row, r.Org, r.End})
		}
		return nil
	})
	slices.Reverse(rows)
	return rows[:min(len(rows), most)], err
}
