package dnsplan

import (
	"slices"
	"strings"

	"gomail/mailauth/spf"
)

// Contribution is what a publication once did to the values at a name and
// type: what is in After and not in Before was added by this server.
type Contribution struct {
	Name, Type    string
	Before, After []Value
}

// Contributions returns what publications that stand have added, the oldest
// first. The journal has the newest first.
func Contributions(journal []Publication) []Contribution {
	var all []Contribution
	for _, p := range slices.Backward(journal) {
		if !p.Undone.IsZero() || p.Kind == "undo" {
			continue
		}
		for _, r := range p.Results {
			if r.Outcome == Done {
				all = append(all, Contribution{r.Name, r.Type, r.Before, r.After})
			}
		}
	}
	return all
}

// Places returns records that stand for where contributions are, so that a
// zone is read there too.
func Places(all []Contribution) []Record {
	var records []Record
	for _, c := range all {
		records = append(records, Record{Name: c.Name, Type: c.Type, SetAt: DNSProvider, Requirement: Optional})
	}
	return records
}

// Retire adds to a merge's changes what this server published earlier and no
// longer plans: such a value goes, and every other stays. The addresses of the
// mail host, which other domains may share, and DKIM keys, which have a life
// of their own, are left alone.
func Retire(records []Record, seen Seen, changes []Change, earlier []Contribution) []Change {
	c := comparison{records: records, seen: seen}
	first := map[Question]Contribution{} // what stood there before this server wrote anything
	for _, e := range earlier {
		q := Question{canonicalName(e.Name), e.Type}
		if _, known := first[q]; !known {
			first[q] = e
		}
	}
	for _, e := range earlier {
		q := Question{canonicalName(e.Name), e.Type}
		i := slices.IndexFunc(changes, func(ch Change) bool { return canonicalName(ch.Name) == q.Name && ch.Type == q.Type })
		switch {
		case i >= 0 && changes[i].Blocked == "":
			c.retireFrom(&changes[i], e, first[q].Before)
		case i < 0:
			if ch, ok := c.retireSet(q, e); ok {
				changes = append(changes, ch)
			}
		}
	}
	return changes
}

// retireFrom takes what is no longer planned out of a set that is. foreign is
// what stood there before this server first wrote.
func (c *comparison) retireFrom(ch *Change, e Contribution, foreign []Value) {
	plan := c.planned(Record{Name: ch.Name, Type: ch.Type})
	switch ch.Type {
	case "TXT":
		retireTerms(ch, plan, e)
		retireTexts(ch, plan, e, foreign)
	case "CAA", "TLSA", "SRV":
		ch.After = slices.DeleteFunc(slices.Clone(ch.After), func(v Value) bool {
			return e.added(v) && !slices.ContainsFunc(plan, func(p Record) bool { return strings.EqualFold(compact(p.Value), compact(v.Text)) })
		})
	default:
		return
	}
	ch.Action = actionOf(*ch)
}

// retireTexts replaces what this server itself has written for an earlier plan
// by the plan as it is now: a policy can become milder again, and an address
// for reports go. What others had written before it is merged as it was then.
func retireTexts(ch *Change, plan []Record, e Contribution, foreign []Value) {
	after := slices.Clone(ch.After)
	for n, v := range after {
		i := slices.IndexFunc(plan, func(p Record) bool { return p.Purpose != SPF && p.Purpose != HeloSPF && p.Ours(v.Text) })
		if i < 0 || !e.added(v) {
			continue
		}
		p := plan[i]
		after[n].Text = p.Value
		if p.Purpose == DMARC {
			after[n].Text = mergeDMARC(p.Value, oursAmong(p, foreign))
		}
	}
	ch.After = after
}

// oursAmong returns the texts among values that are a record's.
func oursAmong(r Record, values []Value) []string {
	var all []string
	for _, v := range values {
		if r.Ours(v.Text) {
			all = append(all, v.Text)
		}
	}
	return all
}

// retireTerms takes mechanisms out of the SPF record that were added with an
// earlier plan, and puts the planned ending in the place of that plan's.
func retireTerms(ch *Change, plan []Record, e Contribution) {
	i := slices.IndexFunc(plan, func(p Record) bool { return p.Purpose == SPF })
	if i < 0 {
		return
	}
	wanted, had, added := termsOf([]Value{{Text: plan[i].Value}}), termsOf(e.Before), termsOf(e.After)
	after := slices.Clone(ch.After)
	for n, v := range after {
		if !spf.IsRecord(v.Text) {
			continue
		}
		var kept []string
		for _, term := range strings.Fields(v.Text) {
			t := strings.ToLower(term)
			outdated := slices.Contains(added, t) && !slices.Contains(had, t) && !slices.Contains(wanted, t)
			switch {
			case !outdated:
				kept = append(kept, term)
			case mechanism(t) == "all":
				kept = append(kept, wanted[len(wanted)-1])
			}
		}
		after[n].Text = strings.Join(kept, " ")
	}
	ch.After = after
}

// termsOf returns the terms of the SPF records among values, in lower case.
func termsOf(values []Value) []string {
	var all []string
	for _, v := range values {
		if spf.IsRecord(v.Text) {
			all = append(all, strings.Fields(strings.ToLower(v.Text))[1:]...)
		}
	}
	return all
}

// retireSet takes what was added away from a name and type that is no longer
// planned at all.
func (c *comparison) retireSet(q Question, e Contribution) (Change, bool) {
	a, ok := c.seen.first(q.Name, q.Type)
	if !ok || len(a.Aliases) > 0 && q.Type != "CNAME" {
		return Change{}, false
	}
	after := slices.DeleteFunc(slices.Clone(a.Values), func(v Value) bool { return e.added(v) && retirable(q, v) })
	if len(after) == len(a.Values) {
		return Change{}, false
	}
	ch := Change{Name: e.Name, Type: e.Type, TTL: a.TTL, TTLBefore: a.TTL, Before: a.Values, After: after}
	ch.Action = actionOf(ch)
	return ch, true
}

// retirable reports whether a value belongs to one domain alone and may go
// with its plan.
func retirable(q Question, v Value) bool {
	switch q.Type {
	case "CNAME", "SRV", "CAA":
		return true
	case "TXT":
		return hasVersion(v.Text, "STSv1") || hasVersion(v.Text, "TLSRPTv1") || hasVersion(v.Text, "DMARC1")
	}
	return false
}

// added reports whether the publication added a value.
func (e Contribution) added(v Value) bool {
	same := func(o Value) bool {
		return o.Priority == v.Priority && strings.EqualFold(strings.TrimSuffix(compact(o.Text), "."), strings.TrimSuffix(compact(v.Text), "."))
	}
	return slices.ContainsFunc(e.After, same) && !slices.ContainsFunc(e.Before, same)
}
