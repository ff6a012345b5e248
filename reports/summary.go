package reports

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
)

// Bounds of a summary: a domain that is forged from everywhere has as many
// sources as there are networks.
const (
	maxSources   = 60
	maxGathered  = 5_000 // sources that are told apart while rows are read
	maxAddresses = 8     // shown of a source
	maxSelectors = 20    // of a source
)

// Evidence sums up what was reported about a domain since a moment. Records,
// DNSSEC and NextKey are not known from reports and left to the caller.
func (s *Service) Evidence(ctx context.Context, domain string, since time.Time) (ladder.Evidence, error) {
	e := ladder.Evidence{Since: since, Sources: []ladder.Source{}, TLS: []ladder.TLSDay{}}
	disowned, err := s.config.Store.DisownedSources(ctx, domain)
	if err != nil {
		return e, err
	}
	g := gatherer{domain: domain, sources: map[string]*source{}, orgs: map[string]string{}}
	err = s.config.Store.EachDMARCRow(ctx, domain, since, func(r DMARCReport, row DMARCRow) error {
		g.add(r, row)
		return nil
	})
	if err != nil {
		return e, err
	}
	e.Sources = g.summary(disowned)
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

// gatherer adds rows up by source.
type gatherer struct {
	domain  string
	sources map[string]*source
	orgs    map[string]string // by name: what the public suffix list said
}

// source is one source while it is added up.
type source struct {
	ladder.Source
	messages  int
	aligned   bool // some of it passes as the domain's
	addresses map[netip.Addr]int
	selectors map[string]bool
	days      map[time.Time]*ladder.Count
}

func (g *gatherer) add(r DMARCReport, row DMARCRow) {
	s := g.source(row)
	if s.First.IsZero() || r.Begin.Before(s.First) {
		s.First = r.Begin
	}
	if r.End.After(s.Last) {
		s.Last = r.End
	}
	s.messages += row.Count
	s.aligned = s.aligned || row.SPF || row.DKIM
	if s.addresses[row.Source] > 0 || len(s.addresses) < maxGathered {
		s.addresses[row.Source] += row.Count
	}
	for _, sig := range row.Signatures {
		if row.DKIM && sig.Result == "pass" && isSelector(sig.Selector) && g.ours(sig.Domain) && len(s.selectors) < maxSelectors {
			s.selectors[sig.Selector] = true
		}
	}
	// A report that spans midnight counts for the day in which most of it lies.
	day := r.Begin.Add(r.End.Sub(r.Begin) / 2).UTC().Truncate(24 * time.Hour)
	c := s.days[day]
	if c == nil {
		c = &ladder.Count{Day: day}
		s.days[day] = c
	}
	g.count(c, row)
}

// count adds a row's messages to a day.
func (g *gatherer) count(c *ladder.Count, row DMARCRow) {
	c.Messages += row.Count
	if row.SPF {
		c.SPF += row.Count
	}
	if row.DKIM {
		c.DKIM += row.Count
	}
	switch {
	case row.SPF || row.DKIM:
		c.Aligned += row.Count
		if !row.SPF && g.unlisted(row) {
			c.Unlisted += row.Count
		}
	case g.unlisted(row):
		c.Bare += row.Count
	}
}

// unlisted reports whether a row's messages had a return address of the
// domain and came from a server that its SPF record does not list. A look-up
// that failed proves nothing.
func (g *gatherer) unlisted(row DMARCRow) bool {
	for _, check := range row.SPFChecks {
		if check.Scope != "helo" && check.Domain != "" {
			return g.ours(check.Domain) && check.Result != "pass" && check.Result != "temperror"
		}
	}
	return row.EnvelopeFrom != "" && g.ours(row.EnvelopeFrom)
}

// ours reports whether a name belongs to the domain's organisation.
func (g *gatherer) ours(name string) bool { return g.organisation(name) == g.organisation(g.domain) }

// organisation remembers what organisation says.
func (g *gatherer) organisation(name string) string {
	org, ok := g.orgs[name]
	if !ok {
		if org = organisation(name); len(g.orgs) < maxGathered {
			g.orgs[name] = org
		}
	}
	return org
}

// source finds the source of a row: the service as which it authenticated
// itself, or its network.
func (g *gatherer) source(row DMARCRow) *source {
	service := g.service(row)
	id := service
	if id == "" {
		id = network(row.Source)
	}
	// What passes as the domain's is told apart even in a flood of forgeries.
	if most := maxGathered; g.sources[id] == nil && (len(g.sources) >= 2*most || len(g.sources) >= most && !row.SPF && !row.DKIM) {
		id, service = ladder.Others, ""
	}
	s := g.sources[id]
	if s == nil {
		s = newSource(id, service)
		g.sources[id] = s
	}
	return s
}

func newSource(id, service string) *source {
	return &source{
		Source:    ladder.Source{ID: id, Service: service, Addresses: []string{}, Selectors: []string{}, Days: []ladder.Count{}},
		addresses: map[netip.Addr]int{}, selectors: map[string]bool{}, days: map[time.Time]*ladder.Count{},
	}
}

// service returns the domain, other than ours, as which a row's messages
// authenticated themselves: one of the catalogue before others, a signature
// before a return address.
func (g *gatherer) service(row DMARCRow) string {
	var names []string
	add := func(domain, result string) {
		// A reporter's text: what is no domain is not shown to anybody.
		if name, err := gomail.CanonicalDomain(domain); err == nil && result == "pass" && !g.ours(name) {
			names = append(names, name)
		}
	}
	for _, x := range row.Signatures {
		add(x.Domain, x.Result)
	}
	for _, x := range row.SPFChecks {
		add(x.Domain, x.Result)
	}
	for _, name := range names {
		if sender, ok := dnsplan.SenderByDomain(name); ok {
			return sender.Domains[0]
		}
	}
	if len(names) > 0 {
		return g.organisation(names[0])
	}
	return ""
}

// network is the network to which an address belongs, as far as anybody can
// tell from outside.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// organisation returns the domain that was registered, as far as the public
// suffix list knows.
func organisation(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if org, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return org
	}
	return name
}

// isSelector reports whether a reporter's text can be a selector, RFC 6376
// section 3.1; underscores are seen in the wild.
func isSelector(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
	})
}

// summary finishes the sources, in the order of their rank and messages; those
// beyond the bound become one.
func (g *gatherer) summary(disowned []string) []ladder.Source {
	all := slices.SortedFunc(maps.Values(g.sources), func(a, b *source) int {
		return cmp.Or(a.rank()-b.rank(), cmp.Compare(b.messages, a.messages), strings.Compare(a.ID, b.ID))
	})
	if len(all) > maxSources {
		all = append(all[:maxSources:maxSources], merged(all[maxSources:], disowned))
	}
	finished := []ladder.Source{}
	for _, s := range all {
		finished = append(finished, s.finish(disowned))
	}
	return finished
}

// rank puts what passes as the domain's before everything else, and what is
// too many to be told apart behind it.
func (s *source) rank() int {
	switch {
	case s.ID == ladder.Others:
		return 2
	case s.aligned:
		return 0
	}
	return 1
}

// merged makes one source of many; those disowned are left out, as what
// counts among the others is what nobody has looked at.
func merged(rest []*source, disowned []string) *source {
	m := newSource(ladder.Others, "")
	for _, s := range rest {
		if slices.Contains(disowned, s.ID) {
			continue
		}
		if m.First.IsZero() || s.First.Before(m.First) {
			m.First = s.First
		}
		if s.Last.After(m.Last) {
			m.Last = s.Last
		}
		for a, n := range s.addresses {
			m.addresses[a] += n
		}
		maps.Copy(m.selectors, s.selectors)
		for day, c := range s.days {
			if m.days[day] == nil {
				m.days[day] = &ladder.Count{Day: day}
			}
			m.days[day].Add(*c)
		}
	}
	return m
}

func (s *source) finish(disowned []string) ladder.Source {
	addresses := slices.SortedFunc(maps.Keys(s.addresses), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(s.addresses[b], s.addresses[a]), a.Compare(b))
	})
	for _, a := range addresses[:min(len(addresses), maxAddresses)] {
		s.Addresses = append(s.Addresses, a.Unmap().String())
	}
	s.Selectors = append(s.Selectors, slices.Sorted(maps.Keys(s.selectors))...)
	for _, day := range slices.SortedFunc(maps.Keys(s.days), time.Time.Compare) {
		s.Days = append(s.Days, *s.days[day])
	}
	s.Disowned = slices.Contains(disowned, s.ID)
	return s.Source
}
