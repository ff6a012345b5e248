package dnspub

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/libdns/libdns"

	"gomail"
	"gomail/dnsplan"
)

// target is where a domain is published.
type target struct {
	domain     string
	zone       string
	connection dnsplan.Connection
	provider   Provider
}

// target finds where a domain is published. An empty connection is the
// domain's own. Invalid: it has none.
func (p *Publisher) target(ctx context.Context, domain, connection string) (target, error) {
	d, err := p.config.Domain(ctx, canonicalName(domain))
	if err != nil {
		return target{}, err
	}
	if connection == "" {
		connection = d.Settings.Publishing.Connection
	}
	if connection == "" {
		return target{}, gomail.Errorf(gomail.Invalid, "%s has no connection to a DNS provider: choose one in its settings, or publish by hand", d.Name)
	}
	t := target{domain: d.Name}
	if t.connection, t.provider, err = p.connection(ctx, connection); err != nil {
		return t, err
	}
	t.zone, err = p.config.Zone(ctx, d.Name)
	if t.zone = canonicalName(t.zone); err != nil || t.zone == "" || !within(d.Name, t.zone) {
		t.zone = d.Name // not delegated yet, perhaps: the provider may have it all the same
	}
	return t, nil
}

// look reads the zone at the provider. Where the provider does not have the
// zone that the DNS names, as before a domain is delegated to it, the one that
// it has is taken.
func (t *target) look(ctx context.Context, records []dnsplan.Record) (contents, error) {
	c, err := t.read(ctx, records)
	if gomail.KindOf(err) != gomail.NotFound {
		return c, err
	}
	lister, ok := t.provider.(libdns.ZoneLister)
	if !ok {
		return c, err
	}
	zones, listErr := lister.ListZones(ctx)
	var names []string
	for _, z := range zones {
		names = append(names, z.Name)
	}
	zone := longest(t.domain, names)
	if listErr != nil || zone == "" || zone == t.zone {
		return c, err
	}
	t.zone = zone
	return t.read(ctx, records)
}

// kindsAtAlias are asked for where an alias is planned: nothing may stand
// beside it.
var kindsAtAlias = []string{"NS", "MX", "TXT", "CAA", "SRV", "TLSA", aliasKind}

func (t *target) read(ctx context.Context, records []dnsplan.Record) (contents, error) {
	if own, ok := t.provider.(*client); ok {
		sets, err := own.read(ctx, t.zone, wantedBy(records, t.zone))
		return contents{t.zone, sets, own.takes}, err
	}
	got, err := t.provider.GetRecords(ctx, t.zone+".")
	return contents{t.zone, setsOf(got, t.zone), takesAll{}.takes}, foreign(err)
}

// wantedBy returns the sets that the merging of a plan asks for.
func wantedBy(records []dnsplan.Record, zone string) []key {
	keys := []key{}
	want := func(name, kind string) {
		if k := (key{canonicalName(name), kind}); within(k.name, zone) && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	for _, q := range dnsplan.Questions(records) {
		want(q.Name, q.Type)
		want(q.Name, "CNAME")
	}
	for _, r := range records {
		if r.Type == "CNAME" {
			for _, kind := range kindsAtAlias {
				want(r.Name, kind)
			}
		}
	}
	return keys
}

// contents is a zone as it is at the provider.
type contents struct {
	zone  string
	sets  []rrset
	takes func(rrset) error // what the provider can hold
}

// cut returns the name below the zone's apex at which a name is delegated to
// other name servers; empty: it is not.
func (c contents) cut(name string) string {
	for _, s := range c.sets {
		if s.kind == "NS" && s.name != c.zone && within(name, s.name) {
			return s.name
		}
	}
	return ""
}

// seen is the zone as dnsplan looks at it: one answer, the provider's, to
// every question that lies within, and none to the others.
func (c contents) seen(records []dnsplan.Record) dnsplan.Seen {
	seen := dnsplan.Seen{Zone: c.zone, Answers: map[dnsplan.Question][]dnsplan.Answer{}}
	for _, r := range records {
		if r.Type == "CNAME" {
			for _, kind := range kindsAtAlias {
				q := dnsplan.Question{Name: canonicalName(r.Name), Type: kind}
				seen.Answers[q] = c.answers(q)
			}
		}
	}
	for questions := dnsplan.Questions(records); len(questions) > 0; questions = dnsplan.FollowUps(records, seen) {
		for _, q := range questions {
			seen.Answers[q] = c.answers(q)
		}
	}
	return seen
}

func (c contents) answers(q dnsplan.Question) []dnsplan.Answer {
	if !within(q.Name, c.zone) || c.cut(q.Name) != "" {
		return nil
	}
	return []dnsplan.Answer{c.answer(q, 0)}
}

// answer follows aliases as far as they stay in the zone.
func (c contents) answer(q dnsplan.Question, depth int) dnsplan.Answer {
	const deepest = 8
	a := dnsplan.Answer{Server: "the DNS provider", Status: dnsplan.NoData}
	s := find(c.sets, key{q.Name, q.Type})
	if len(s.values) > 0 {
		a.Status, a.TTL, a.Values = dnsplan.Answered, s.ttl, valuesOf(s)
		return a
	}
	alias := find(c.sets, key{q.Name, "CNAME"})
	if q.Type == "CNAME" || len(alias.values) == 0 || depth > deepest {
		return a
	}
	next := dnsplan.Question{Name: canonicalName(alias.values[0]), Type: q.Type}
	if within(next.Name, c.zone) {
		a = c.answer(next, depth+1)
	}
	a.Aliases = append([]string{alias.values[0]}, a.Aliases...)
	return a
}

// valuesOf is a set as dnsplan has it.
func valuesOf(s rrset) []dnsplan.Value {
	var all []dnsplan.Value
	for _, v := range s.values {
		value := dnsplan.Value{Text: v}
		if s.kind == "MX" {
			preference, host, _ := strings.Cut(v, " ")
			value.Priority, _ = strconv.Atoi(preference)
			value.Text = host
		}
		all = append(all, value)
	}
	return all
}

// setFrom is a set as a change has it.
func setFrom(name, kind string, ttl int, values []dnsplan.Value) rrset {
	s := rrset{key: key{canonicalName(name), kind}, ttl: ttl}
	for _, v := range values {
		text := v.Text
		if kind == "MX" {
			text = strconv.Itoa(v.Priority) + " " + v.Text
		}
		s.values = append(s.values, canonical(kind, text))
	}
	return s
}

// before and after are the set that a change finds and leaves.
func before(ch dnsplan.Change) rrset { return setFrom(ch.Name, ch.Type, ch.TTLBefore, ch.Before) }
func after(ch dnsplan.Change) rrset  { return setFrom(ch.Name, ch.Type, ch.TTL, ch.After) }

// holds reports whether the zone's set holds exactly these values.
func (c contents) holds(s rrset) bool {
	return sameValues(s.kind, find(c.sets, s.key).values, s.values)
}
