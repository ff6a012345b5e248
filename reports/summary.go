package reports

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gomail/ladder"
)

// Bounds of a summary.
const (
	maxSources   = 60
	maxAddresses = 8 // shown of a source
)

// Evidence sums up what was reported about a domain since a moment. Records,
// DNSSEC and NextKey are not known from reports and left to the caller.
func (s *Service) Evidence(ctx context.Context, domain string, since time.Time) (ladder.Evidence, error) {
	e := ladder.Evidence{Since: since, Sources: []ladder.Source{}, TLS: []ladder.TLSDay{}}
	disowned, err := s.config.Store.DisownedSources(ctx, domain)
	if err != nil {
		return e, err
	}
	all, err := s.sources(ctx, domain, since)
	if err != nil {
		return e, err
	}
	for _, x := range ranked(all, disowned) {
		e.Sources = append(e.Sources, x.evidence(disowned))
	}
	rows, err := s.config.Store.TLSRows(ctx, domain, since)
	e.TLS = tlsDays(rows)
	return e, err
}

// tlsDays adds up the rows of each day.
func tlsDays(rows []TLSRow) []ladder.TLSDay {
	days := []ladder.TLSDay{}
	for _, r := range rows {
		if n := len(days); n == 0 || !days[n-1].Day.Equal(r.Day) {
			days = append(days, ladder.TLSDay{Day: r.Day, Types: map[string]int{}})
		}
		last := &days[len(days)-1]
		last.Successes += r.Successes
		last.Failures += r.Failures
		for kind, n := range r.Types {
			last.Types[kind] += n
		}
	}
	return days
}

// source is one source while its days are added up.
type source struct {
	SourceDay // all days together
	days      []ladder.Count
}

// sources adds up the days of each source.
func (s *Service) sources(ctx context.Context, domain string, since time.Time) (map[string]*source, error) {
	all := map[string]*source{}
	err := s.config.Store.EachSourceDay(ctx, domain, since, func(d SourceDay) error {
		x := all[d.Source]
		if x == nil {
			x = &source{SourceDay: SourceDay{Source: d.Source, Service: d.Service}}
			all[d.Source] = x
		}
		x.Merge(d)
		x.days = append(x.days, d.Count)
		return nil
	})
	return all, err
}

// ranked returns the sources in the order of their rank and messages; those
// beyond the bound become one.
func ranked(sources map[string]*source, disowned []string) []*source {
	all := slices.SortedFunc(maps.Values(sources), func(a, b *source) int {
		return cmp.Or(a.rank()-b.rank(), cmp.Compare(b.Messages, a.Messages), strings.Compare(a.Source, b.Source))
	})
	if len(all) > maxSources {
		all = append(all[:maxSources:maxSources], merged(all[maxSources:], disowned))
	}
	return all
}

// rank puts what passes as the domain's before everything else, and what is
// too many to be told apart behind it.
func (s *source) rank() int {
	switch {
	case s.Source == ladder.Others:
		return 2
	case s.Aligned > 0:
		return 0
	}
	return 1
}

// merged makes one source of many; those disowned are left out, as what
// counts among the others is what nobody has looked at.
func merged(rest []*source, disowned []string) *source {
	m := &source{SourceDay: SourceDay{Source: ladder.Others}}
	days := map[time.Time]*ladder.Count{}
	for _, s := range rest {
		if slices.Contains(disowned, s.Source) {
			continue
		}
		m.Merge(s.SourceDay)
		for _, c := range s.days {
			if days[c.Day] == nil {
				days[c.Day] = &ladder.Count{Day: c.Day}
			}
			days[c.Day].Add(c)
		}
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		m.days = append(m.days, *days[day])
	}
	return m
}

// evidence is the source as the ladders see it.
func (s *source) evidence(disowned []string) ladder.Source {
	return ladder.Source{
		ID: s.Source, Service: s.Service, Addresses: s.MostUsed(maxAddresses), Selectors: append([]string{}, s.Selectors...),
		First: s.First, Last: s.Last, Disowned: slices.Contains(disowned, s.Source), Days: s.days,
	}
}
