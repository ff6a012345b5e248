package reports

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gomail"
	"gomail/dnsplan"
	"gomail/ladder"
)

// Bounds of what is kept of a day: a domain that is forged from everywhere has
// as many sources as there are networks.
const (
	// MaxDaySources is how many sources of a day are told apart, of those that
	// do not pass as the domain's; twice as many if they do. The rest is
	// ladder.Others.
	MaxDaySources   = 200
	maxDayAddresses = 16 // of a source
	maxSelectors    = 20 // of a source
	maxNames        = 5_000
)

// SourceDay is what one source sent on one day, as all reporters together
// tell: the rows of reports, added up once, when they come.
type SourceDay struct {
	ladder.Count        // Day, Messages and what they were
	Source       string // the service, else the network: ladder.Source.ID
	Service      string // empty: none but, perhaps, ours
	Quarantined  int    // messages that the reporters put aside
	Rejected     int    // messages that they refused
	First        time.Time
	Last         time.Time
	Addresses    map[string]int // some of those it sent from, with their messages
	Selectors    []string       // of the signatures that count as the domain's, in order
}

// Merge adds what another report says of the same source and day.
func (d *SourceDay) Merge(o SourceDay) {
	d.Count.Add(o.Count)
	d.Quarantined += o.Quarantined
	d.Rejected += o.Rejected
	if d.First.IsZero() || !o.First.IsZero() && o.First.Before(d.First) {
		d.First = o.First
	}
	if o.Last.After(d.Last) {
		d.Last = o.Last
	}
	if d.Addresses == nil {
		d.Addresses = map[string]int{}
	}
	for a, n := range o.Addresses {
		d.Addresses[a] += n
	}
	d.Addresses = mostUsed(d.Addresses, maxDayAddresses)
	for _, s := range o.Selectors {
		d.addSelector(s)
	}
}

func (d *SourceDay) addSelector(s string) {
	if at, known := slices.BinarySearch(d.Selectors, s); !known && len(d.Selectors) < maxSelectors {
		d.Selectors = slices.Insert(d.Selectors, at, s)
	}
}

// MostUsed returns the addresses with the most messages, at most n.
func (d SourceDay) MostUsed(n int) []string {
	all := byUse(d.Addresses)
	return slices.Clone(all[:min(len(all), n)])
}

// mostUsed keeps the addresses with the most messages.
func mostUsed(addresses map[string]int, most int) map[string]int {
	if len(addresses) <= most {
		return addresses
	}
	kept := map[string]int{}
	for _, a := range byUse(addresses)[:most] {
		kept[a] = addresses[a]
	}
	return kept
}

// byUse returns the addresses, those with the most messages first.
func byUse(addresses map[string]int) []string {
	return slices.SortedFunc(maps.Keys(addresses), func(a, b string) int {
		return cmp.Or(cmp.Compare(addresses[b], addresses[a]), compareAddresses(a, b))
	})
}

func compareAddresses(a, b string) int {
	x, _ := netip.ParseAddr(a)
	y, _ := netip.ParseAddr(b)
	return x.Compare(y)
}

// dayOf returns the day that a report counts for: if it spans midnight, that
// in which most of it lies.
func dayOf(begin, end time.Time) time.Time {
	return begin.Add(end.Sub(begin) / 2).UTC().Truncate(24 * time.Hour)
}

// gather adds a report's rows up by source.
func gather(r DMARCReport) []SourceDay {
	g := gatherer{domain: r.Domain, report: r, sources: map[string]*SourceDay{}, orgs: map[string]string{}}
	for _, row := range r.Rows {
		g.add(row)
	}
	days := make([]SourceDay, 0, len(g.sources))
	for _, id := range slices.Sorted(maps.Keys(g.sources)) {
		d := *g.sources[id]
		d.Addresses = mostUsed(d.Addresses, maxDayAddresses)
		days = append(days, d)
	}
	return days
}

// gatherer adds the rows of a report up by source.
type gatherer struct {
	domain  string
	report  DMARCReport
	sources map[string]*SourceDay
	orgs    map[string]string // by name: what the public suffix list said
}

func (g *gatherer) add(row DMARCRow) {
	s := g.source(row)
	s.Addresses[row.Source.Unmap().String()] += row.Count
	for _, sig := range row.Signatures {
		if row.DKIM && sig.Result == "pass" && isSelector(sig.Selector) && g.ours(sig.Domain) {
			s.addSelector(sig.Selector)
		}
	}
	g.count(s, row)
}

// count adds a row's messages to a source's day.
func (g *gatherer) count(c *SourceDay, row DMARCRow) {
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
	switch row.Disposition {
	case "quarantine":
		c.Quarantined += row.Count
	case "reject":
		c.Rejected += row.Count
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
		if org = dnsplan.Organisation(name); len(g.orgs) < maxNames {
			g.orgs[name] = org
		}
	}
	return org
}

// identify returns the source of a row: the service as which it authenticated
// itself, else its network.
func (g *gatherer) identify(row DMARCRow) (id, service string) {
	if service = g.service(row); service != "" {
		return service, service
	}
	return network(row.Source), ""
}

// source finds the day of a row's source.
func (g *gatherer) source(row DMARCRow) *SourceDay {
	id, service := g.identify(row)
	if g.sources[id] == nil && Crowded(len(g.sources), row.SPF || row.DKIM) {
		id, service = ladder.Others, ""
	}
	s := g.sources[id]
	if s == nil {
		s = &SourceDay{
			Count: ladder.Count{Day: dayOf(g.report.Begin, g.report.End)}, Source: id, Service: service,
			First: g.report.Begin, Last: g.report.End, Addresses: map[string]int{},
		}
		g.sources[id] = s
	}
	return s
}

// Crowded reports whether a day with so many sources has no room for another.
// What passes as the domain's is told apart even in a flood of forgeries.
func Crowded(sources int, aligned bool) bool {
	return sources >= 2*MaxDaySources || sources >= MaxDaySources && !aligned
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

// isSelector reports whether a reporter's text can be a selector, RFC 6376
// section 3.1; underscores are seen in the wild.
func isSelector(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
	})
}
